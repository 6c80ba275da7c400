"""A server before the emulator's that passes calls on as they come, but for those that a test answers itself."""

from __future__ import annotations

import http.client
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Asked(NamedTuple):
    """A call; headers by their small letters."""

    call: str
    """Its method and path."""
    headers: dict[str, str]
    body: bytes


class Answer(NamedTuple):
    """What goes back; without a length where the headers name none and `is_open`: then the connection's end is its."""

    status: int = 200
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed
    body: bytes = b""
    is_open: bool = False


@dataclass
class Gateway:
    """What a test may change of the way: `answers` gives an answer, or None where the call is passed on."""

    base_url: str
    forward: Callable[[Asked], Answer]
    answers: Callable[[Asked], Answer | None] = lambda _: None
    asked: list[Asked] = field(default_factory=list)

    def count(self, method: str, ending: str) -> int:
        """How many calls there were of a method, to a path with that ending."""
        calls = [each.call.partition("?")[0] for each in self.asked]
        return sum(call.startswith(f"{method} ") and call.endswith(ending) for call in calls)


@contextmanager
def gateway(upstream: str | None, answers: Callable[[Asked], Answer | None] = lambda _: None) -> Iterator[Gateway]:
    """A server on loopback before that of a base URL; None: nothing is behind it."""
    address = urlsplit(upstream or "")

    def forward(asked: Asked) -> Answer:
        method, path = asked.call.split(" ", 1)
        connection = http.client.HTTPConnection(address.netloc, timeout=60)
        try:
            connection.request(method, path, asked.body, asked.headers)
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, {name: headers[name] for name in headers.keys() - _OF_THE_WAY}, body)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            asked = Asked(
                f"{self.command} {self.path}", {name.lower(): value for name, value in self.headers.items()}, body
            )
            between.asked.append(asked)
            try:
                answer = between.answers(asked) or (forward(asked) if upstream else Answer(404))
            except (OSError, http.client.HTTPException):  # cut there, and so here
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if answer.is_open:
                self.send_header("connection", "close")
                self.close_connection = True
            elif answer.status != 204:
                self.send_header("content-length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_POST = do_DELETE = _answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        between = Gateway(f"http://127.0.0.1:{server.server_port}{address.path}", forward, answers)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield between
        finally:
            server.shutdown()
            thread.join()


_OF_THE_WAY = {"content-length", "transfer-encoding", "connection", "date", "server"}
