"""One exchange with a server of pages: until a deadline, and only to where a URL may lead (`destinations.py`)."""

from __future__ import annotations

import http.client
import io
import socket
import time
from contextlib import contextmanager
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import HTTPHandler, HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from ingest.redaction import foreign
from ingest.sources.destinations import Destination, Journey, is_page
from ingest.sources.text import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

USER_AGENT = "pgvector-ingest"
GONE = (404, 410)
# What a server, or a URL that it leads to, may have us meet: the latter two for hosts and ports that are none.
FAILURES = (OSError, http.client.HTTPException, ValueError, OverflowError)
_SILENCE_S = 30.0  # a server that sends nothing for so long is given up
_MAX_HEADER = 1000  # characters of a header that is looked at; a server may send megabytes
_MAX_REASON = 200
MAX_DIGITS = 15  # of a length
_READ_BYTES = 65_536
_HEAD_BYTES = 16  # that tell a format whose files may be larger than their text


class TooLargeError(Exception):
    """It is larger than what is read of it."""


class _ToPagesOnly(HTTPRedirectHandler):
    """Redirections, but only to other pages, and only where they may lead."""

    def __init__(self, journey: Journey) -> None:
        self._journey = journey

    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Request | None:
        if not is_page(newurl):
            raise HTTPError(newurl, code, "leads to something that is not a page", headers, fp)
        try:
            self._journey.check(newurl)
        except ValueError as error:
            raise HTTPError(newurl, code, str(error), headers, fp) from None
        redirected = super().redirect_request(req, fp, code, msg, headers, newurl)
        if redirected is not None:
            redirected.method = req.get_method()  # a HEAD would become a GET
            fp.close()  # all of it would be read, however much it is
        return redirected


class _Nowhere(HTTPRedirectHandler):
    """Redirections are told, as an error of their status."""

    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> None:  # noqa: ARG002
        return None


class _Timed(io.RawIOBase):
    """What comes over a socket, until a deadline: a server that sends byte after byte is silent at no time."""

    def __init__(self, way: socket.socket, stream: io.RawIOBase, deadline: float) -> None:
        self._socket = way
        self._stream = stream
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._socket.settimeout(_left(self._deadline))
        return self._stream.readinto(buffer)

    def close(self) -> None:
        self._stream.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """A response that is here until a deadline, its headers too."""

    def __init__(self, way: socket.socket, *arguments: Any, deadline: float, **named: Any) -> None:
        super().__init__(way, *arguments, **named)
        self.fp = io.BufferedReader(_Timed(way, self.fp.detach(), deadline))


class _Plain(HTTPHandler):
    """How urllib opens `http`, until a deadline."""

    def __init__(self, deadline: float, journey: Journey) -> None:
        super().__init__()
        self._connecting = deadline, journey

    def http_open(self, req: Request) -> http.client.HTTPResponse:
        is_direct = not req.has_proxy()
        return self.do_open(partial(_connection, *self._connecting, is_direct, http.client.HTTPConnection), req)


class _Secure(HTTPSHandler):
    """How urllib opens `https`, until a deadline."""

    def __init__(self, deadline: float, journey: Journey) -> None:
        super().__init__()
        self._connecting = deadline, journey

    def https_open(self, req: Request) -> http.client.HTTPResponse:
        is_direct = not getattr(req, "_tunnel_host", None)
        return self.do_open(partial(_connection, *self._connecting, is_direct, http.client.HTTPSConnection), req)


def _connection(
    deadline: float,
    journey: Journey,
    is_direct: bool,
    kind: type[http.client.HTTPConnection],
    host: str,
    **named: Any,
) -> http.client.HTTPConnection:
    connection: Any = kind(host, **named)
    connection.response_class = partial(_Response, deadline=deadline)
    # It would wait at each of many addresses, and go to any. The environment's proxy is one that the user named.
    connection._create_connection = partial(_connect, deadline, journey if is_direct else None)  # noqa: SLF001
    return connection  # type: ignore[no-any-return]


def _connect(deadline: float, journey: Journey | None, address: tuple[str, int], *_: object) -> socket.socket:
    """A socket to the first of a host's addresses that takes us, of those that it may lead to."""
    failure = OSError("no address")
    host, port = address
    found = [str(at[0]) for *_kind, at in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    there = Destination(host.lower().removesuffix("."), port)
    for each in journey.allowed(there, found) if journey else found:
        try:
            return socket.create_connection((each, port), _left(deadline))
        except OSError as error:
            failure = error
    raise failure


def _left(deadline: float) -> float:
    """The seconds that may be waited once more.

    Raises:
        TimeoutError: there are none.
    """
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return min(left, _SILENCE_S)


@contextmanager
def opened(
    uri: str,
    method: str,
    seconds: float,
    journey: Journey,
    headers: Mapping[str, str] = MappingProxyType({}),
    *,
    follows: bool = True,
) -> Iterator[http.client.HTTPResponse]:
    """The answer of a page's server, which may take so long with all that it holds. `follows`: redirections.

    Raises:
        HTTPError: the server has nothing but a status for us, such as 304, or a redirection that is not followed.
        OSError: or another of `FAILURES`: it cannot be reached, or makes no sense.
    """
    request = Request(uri, method=method, headers={"User-Agent": USER_AGENT, **headers})  # noqa: S310 - only pages
    deadline = time.monotonic() + seconds
    redirecting = _ToPagesOnly(journey) if follows else _Nowhere()
    opener = build_opener(redirecting, _Plain(deadline, journey), _Secure(deadline, journey))
    with opener.open(request, timeout=_SILENCE_S) as response:
        yield response


def read_body(response: http.client.HTTPResponse, most: Callable[[bytes], int]) -> bytes:
    """What a server sends; `most`: how many bytes that may be, by how they begin.

    Raises:
        TooLargeError: it is more.
        UnreadableError: it is packed.
        OSError: or another of `FAILURES`: it breaks off.
    """
    content = bytearray()
    while piece := response.read1(_READ_BYTES):
        content += piece
        if len(content) > most(bytes(content[:_HEAD_BYTES])):
            raise TooLargeError
    length = header(response, "Content-Length")
    if length.isdecimal() and len(length) <= MAX_DIGITS and len(content) < int(length):
        raise OSError(f"it broke off after {len(content):,} of {int(length):,} bytes")
    packed = header(response, "Content-Encoding").strip().lower()
    if packed not in {"", "identity"}:
        raise UnreadableError(f"sent packed ({packed[:20]}), which was not asked for")
    return bytes(content)


def header(response: http.client.HTTPResponse, name: str) -> str:
    """A header of a response; empty where there is none, or where it is longer than any that means something."""
    value = str(response.headers.get(name, ""))
    return value if len(value) <= _MAX_HEADER else ""


def words_of(error: Exception) -> str:
    """Why a page could not be read, in a few words."""
    if isinstance(error, HTTPError):
        words = f"{error.code} {error.reason}"
    else:
        reason = getattr(error, "reason", None) or error
        if isinstance(reason, TimeoutError):
            return "not here in time"
        words = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return foreign(words, _MAX_REASON)
