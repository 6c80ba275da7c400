"""A server that keeps what it is sent."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Received(NamedTuple):
    """A request, and what stands in it."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Answers each request with `status`, or with the first of `statuses` as long as there are some."""

    address: str = ""
    status: int = 200
    statuses: list[int] = field(default_factory=list)
    location: str | None = None
    received: list[Received] = field(default_factory=list)
    then: Callable[[], None] = lambda: None
    """Done with the first request."""


@contextmanager
def receiving(status: int = 200) -> Iterator[Receiver]:
    """A receiver on loopback, for as long as the context lasts."""
    receiver = Receiver(status=status)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"] or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.received.append(Received(self.path, headers, body))
            if len(receiver.received) == 1:
                receiver.then()
            self.send_response(receiver.statuses.pop(0) if receiver.statuses else receiver.status)
            if receiver.location:
                self.send_header("location", receiver.location)
            self.end_headers()

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver.address = f"127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
