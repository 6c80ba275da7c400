"""Servers of ours answer those who ask, whatever others do with their connections."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import TYPE_CHECKING

import pytest
from process_checks import eventually
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from ingest.serving.gate import GatedProtocol, gated
from ingest.serving.sockets import LOOPBACK, listener

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator

    from starlette.requests import Request

HEAD = b"POST / HTTP/1.1\r\nhost: here\r\n"
WHOLE = HEAD + b"content-length: 2\r\n\r\nhi"


class Narrow(GatedProtocol):
    """Few, and not for long."""

    most = 8
    most_of_one = 6
    head_s = 0.5
    silence_s = 1.0


class Patient(GatedProtocol):
    """Few, for as long as they like."""

    most = 8
    most_of_one = 6
    head_s = silence_s = 600.0


async def _echo(request: Request) -> PlainTextResponse:
    try:
        return PlainTextResponse((await request.body()).decode("latin-1"))
    except ClientDisconnect:
        return PlainTextResponse(status_code=400)


def _endless(_: Request) -> StreamingResponse:
    return StreamingResponse(b"x" * 65_536 for _ in iter(int, 1))


@contextmanager
def serving(protocol: type[GatedProtocol]) -> Iterator[int]:
    """A server of ours on loopback: its port."""
    routes = [Route("/", _echo, methods=["POST"]), Route("/endless", _endless)]
    with closing(listener(LOOPBACK, 0)) as listening:
        server = gated(Starlette(routes=routes), protocol)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            eventually(lambda: server.started)
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


def connected(port: int, said: bytes = b"", source: str = LOOPBACK) -> socket.socket:
    """A connection on which so much was said."""
    connection = socket.create_connection((LOOPBACK, port), 30, source_address=(source, 0))
    with suppress(OSError):
        connection.sendall(said)
    return connection


def answer(connection: socket.socket) -> bytes:
    """What comes until the server closes, or a whole short answer."""
    heard = b""
    with suppress(ConnectionResetError):
        while not heard.endswith(b"\r\n\r\nhi") and (piece := connection.recv(65_536)):
            heard += piece
    return heard


def is_closed(connection: socket.socket) -> bool:
    connection.settimeout(0.01)
    try:
        return not connection.recv(1)
    except TimeoutError:
        return False
    except OSError:
        return True


@pytest.mark.parametrize(
    "said",
    [b"", b"P", HEAD, HEAD + b"content-length: 2\r\n\r\n", HEAD + b"transfer-encoding: chunked\r\n\r\n1\r\na\r\n"],
    ids=["nothing", "a letter", "half a head", "no body", "half a body"],
)
def test_however_many_hold_the_line_who_asks_is_answered(said: bytes) -> None:
    with serving(Patient) as port, ExitStack() as stack:
        held = [stack.enter_context(connected(port, said)) for _ in range(50)]
        for _ in range(3):
            with connected(port, WHOLE) as asking:
                assert answer(asking).startswith(b"HTTP/1.1 200 OK")
        eventually(lambda: sum(map(is_closed, held)) >= 50 - Patient.most_of_one)


def test_a_crowd_at_one_address_closes_no_connection_of_another() -> None:
    with serving(Patient) as port, ExitStack() as stack:
        other = stack.enter_context(connected(port, HEAD, source="127.0.0.2"))
        held = [stack.enter_context(connected(port)) for _ in range(50)]
        eventually(lambda: sum(map(is_closed, held)) >= 50 - Patient.most_of_one)

        other.settimeout(30)
        other.sendall(WHOLE.removeprefix(HEAD))

        assert answer(other).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize(
    ("begin", "again"),
    [
        (b"", b""),
        (b"", b"P"),
        (HEAD + b"x-long: ", b"x"),
        (HEAD, b"x: y\r\n"),
        (WHOLE, b""),
        (WHOLE, b"\r"),
        (WHOLE + HEAD, b"x: y\r\n"),
        (HEAD + b"content-length: 9\r\n\r\n", b""),
    ],
    ids=["nothing", "letters", "a header", "headers", "no more", "empty lines", "a second head", "no body"],
)
def test_who_does_not_finish_is_left(begin: bytes, again: bytes) -> None:
    with serving(Narrow) as port, connected(port, begin) as slow, suppress(OSError):
        eventually(lambda: is_closed_after(slow, again))


def is_closed_after(connection: socket.socket, again: bytes) -> bool:
    time.sleep(0.02)
    connection.sendall(again)
    connection.settimeout(0.01)
    with suppress(TimeoutError):
        return not connection.recv(65_536)
    return False


def test_who_does_not_read_the_answer_is_left() -> None:
    connections: set[object] = set()

    class Seen(Narrow):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            connections.add(self)

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            connections.discard(self)

    with serving(Seen) as port, connected(port, b"GET /endless HTTP/1.1\r\nhost: here\r\n\r\n"):
        eventually(lambda: len(connections) == 1)
        eventually(lambda: not connections)


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        HEAD + b"x: " + b"x" * 1_000_000 + b"\r\n\r\n",
        HEAD + b"x: y\r\n" * 200_000 + b"\r\n",
        HEAD + b"content-length: -1\r\n\r\n",
        HEAD + b"content-length: 1\r\ncontent-length: 2\r\n\r\nhi",
        HEAD + b"transfer-encoding: chunked\r\n\r\nZZ\r\n",
        HEAD + b"transfer-encoding: chunked\r\n\r\n1;" + b"x" * 1_000_000,
        HEAD + b"transfer-encoding: chunked\r\n\r\nffffffffffffffffffff\r\nx",
        HEAD + b"transfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        WHOLE + b"no http\r\n\r\n",
        WHOLE * 3 + b"\x00\r\n\r\n",
        WHOLE + HEAD + b"transfer-encoding: chunked\r\n\r\nZZ\r\n",
    ],
)
def test_what_is_no_http_is_refused_and_told_nowhere(
    said: bytes, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with serving(Patient) as port:
        with connected(port, said) as odd:
            with suppress(OSError):
                odd.shutdown(socket.SHUT_WR)  # a part of what was announced is no HTTP either
            refused = answer(odd)
        with connected(port, WHOLE) as asking:
            assert answer(asking).startswith(b"HTTP/1.1 200 OK")

    assert b"HTTP/1.1 4" in refused or refused == b"" or said.startswith(WHOLE)
    assert "".join(capfd.readouterr()) + caplog.text == ""


def test_requests_in_a_row_are_answered_in_their_order_one_at_a_time() -> None:
    many = b"".join(HEAD + b"content-length: 3\r\n\r\n%03d" % number for number in range(300))
    with serving(Patient) as port, connected(port, many) as asking:
        heard = b""
        while not heard.endswith(b"\r\n\r\n299"):
            piece = asking.recv(65_536)
            assert piece
            heard += piece

    assert [part[-3:] for part in heard.split(b"HTTP/1.1 200 OK")[1:]] == [b"%03d" % number for number in range(300)]
