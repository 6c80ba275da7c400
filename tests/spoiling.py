"""A proxy between the SDK and the emulator that spoils answers: a real server, as a portal or a gateway is one."""

from __future__ import annotations

import gzip
import http.client
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Answer(NamedTuple):
    """What goes back; headers by their small letters."""

    status: int
    headers: dict[str, str]
    body: bytes


def _with(body: bytes, status: int = 200, **headers: str) -> Callable[[Answer], Answer]:
    sent = {"content-type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: Answer(status, sent, body)


def _without(name: str) -> Callable[[Answer], Answer]:
    """The answer without a field, wherever that stands in it."""

    def strip(value: object) -> object:
        if isinstance(value, dict):
            return {key: strip(part) for key, part in value.items() if key != name}
        return [strip(part) for part in value] if isinstance(value, list) else value

    def spoil(answer: Answer) -> Answer:
        try:
            return answer._replace(body=json.dumps(strip(json.loads(answer.body))).encode())
        except ValueError:
            return answer._replace(body=b"{}")

    return spoil


PAGE = b"<!doctype html><html><title>Sign in</title><body>Welcome to the guest network.</body></html>\n"
SPOILT: dict[str, Callable[[Answer], Answer]] = {
    "page": _with(PAGE, content_type="text/html"),
    "page_as_json": _with(PAGE),
    "null": _with(b"null"),
    "object": _with(b"{}"),
    "list": _with(b"[]"),
    "text": _with(b'"ok"'),
    "nothing": _with(b""),
    "no_content": _with(b"", 204),
    "no_id": _without("id"),
    "nul_id": lambda answer: answer._replace(body=answer.body.replace(b'"id":"', b'"id":"\\u0000')),
    "cut": lambda answer: answer._replace(body=answer.body[: len(answer.body) // 2]),
    "nested": _with(b"[" * 200_000 + b"]" * 200_000),
    "nested_inside": _with(b'{"id":"x","status":"completed","x":' + b"[" * 200_000 + b"]" * 200_000 + b"}"),
    "bomb": _with(gzip.compress(b" " * 80_000_000, 9), content_encoding="gzip"),
    "no_gzip": _with(b"{}", content_encoding="gzip"),
    "encoding": _with(b"{}", content_encoding="gzip, gzip"),
    "headers": lambda answer: answer._replace(headers=answer.headers | {"x-more": "x" * 1_000_000}),
}
"""Wrong answers by what is wrong with them."""


@dataclass
class Spoiler:
    """Spoils the answers to one call: `count` of them, all where it is None.

    `carried_out`: the emulator has done it, and its answer is spoilt; else it never hears of it.
    """

    base_url: str = ""
    call: tuple[str, str] | None = None
    """The method, and how the path ends, with `*` for an id."""
    spoil: Callable[[Answer], Answer] = lambda answer: answer
    count: int | None = None
    carried_out: bool = True
    spoilt: int = 0
    asked: list[str] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    """The headers of what was asked."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def strikes(self, method: str, path: str) -> bool:
        """Whether this call's answer is spoilt."""
        with self.lock:
            self.asked.append(f"{method} {path}")
            if self.call != (method, _pattern(path)) or (self.count is not None and self.spoilt >= self.count):
                return False
            self.spoilt += 1
            return True


def _pattern(path: str) -> str:
    parts = urlsplit(path).path.removeprefix("/v1/").split("/")
    return "/".join("*" if place == 1 else part for place, part in enumerate(parts))


@contextmanager
def spoiling(upstream: str, key: str | None = None) -> Iterator[Spoiler]:
    """A proxy on loopback before the server of this base URL, for as long as the context lasts; `key`: its own."""
    spoiler = Spoiler()
    address = urlsplit(upstream).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            spoiler.heard.append(str(self.headers))
            strikes = spoiler.strikes(self.command, self.path)
            answer = Answer(200, {"content-type": "application/json"}, b"{}")
            if spoiler.carried_out or not strikes:
                connection = http.client.HTTPConnection(address, timeout=60)
                kept = {"authorization", "content-type"}
                headers = {name: value for name, value in self.headers.items() if name.lower() in kept}
                headers |= {"authorization": f"Bearer {key}"} if key else {}
                try:
                    connection.request(self.command, self.path, body, headers)
                    response = connection.getresponse()
                    answer = Answer(
                        response.status,
                        {name.lower(): value for name, value in response.getheaders() if name.lower() in kept},
                        response.read(),
                    )
                except (OSError, http.client.HTTPException):  # the emulator cut the line: so it is here
                    self.close_connection = True
                    return
                finally:
                    connection.close()
            if strikes:
                answer = spoiler.spoil(answer)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if answer.status != 204:
                self.send_header("content-length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_POST = do_DELETE = _pass_on  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        spoiler.base_url = f"http://127.0.0.1:{server.server_port}/v1"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield spoiler
        finally:
            server.shutdown()
            thread.join()
