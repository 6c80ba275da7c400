"""Pages of the web as a source: single ones, by their URLs."""

from __future__ import annotations

import http.client
import io
import mimetypes
import socket
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from email.message import Message
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import quote, unquote, urldefrag, urlsplit
from urllib.request import HTTPHandler, HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from ingest.errors import UsageError
from ingest.redaction import foreign
from ingest.sources.charsets import codec_of
from ingest.sources.content import document, most_bytes
from ingest.sources.destinations import Destination, Journey, destination
from ingest.sources.encodings import decoded
from ingest.sources.source import Skipped
from ingest.sources.text import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.model import Document, Loss
    from ingest.sources.extraction.workers import Limits

_SILENCE_S = 30.0  # a server that sends nothing for so long is given up
# An exchange that takes longer is given up, redirections and all, however steadily it comes.
_HEAD_S = 30.0
_PAGE_S = 120.0
_READ_BYTES = 65_536
_HEAD_BYTES = 16  # that tell a format whose files may be larger than their text
_MAX_HEADER = 1000  # characters of a header that is looked at; a server may send megabytes
_MAX_DIGITS = 15  # of a length
_MAX_REASON = 200
_GONE = (404, 410)
_MARK = b"\xef\xbb\xbf"  # that what follows is UTF-8, whatever it says itself
# What a server, or a URL that it leads to, may have us meet: the latter two for hosts and ports that are none.
_FAILURES = (OSError, http.client.HTTPException, ValueError, OverflowError)


@dataclass(frozen=True, slots=True)
class Page:
    """A page that may become a document."""

    uri: str
    size: int
    version: str | None
    limits: Limits
    is_public: bool = False
    """Whether its host was in the public internet when it was found."""

    @property
    def root(self) -> str:
        """The URL it was found by: its own."""
        return self.uri

    @property
    def name(self) -> str:
        """Its URL."""
        return self.uri

    def read(self, max_bytes: int) -> Document:
        """The page as a document.

        Raises:
            UnreadableError: it is no text, is too large or too slow, or cannot be read.
        """
        content = bytearray()
        try:
            journey = Journey(destination(self.uri), is_public=self.is_public)
            with _opened(self.uri, "GET", _PAGE_S, journey) as response:
                while piece := response.read1(_READ_BYTES):
                    content += piece
                    if len(content) > most_bytes("", bytes(content[:_HEAD_BYTES]), max_bytes):
                        raise UnreadableError(f"over max_document_bytes ({max_bytes:,})")
                packed = _header(response, "Content-Encoding").strip().lower()
                told = Message()
                told["Content-Type"] = _header(response, "Content-Type")
        except _FAILURES as error:
            raise UnreadableError(_words(error)) from None
        if packed not in {"", "identity"}:
            raise UnreadableError(f"sent packed ({packed[:20]}), which was not asked for")
        media_type, charset = told.get_content_type(), told.get_content_charset()
        name = PurePosixPath(unquote(urlsplit(self.uri).path)).name or (urlsplit(self.uri).hostname or "")
        if media_type == "text/html":
            name += ".html"
        elif not PurePosixPath(name).suffix:
            name += mimetypes.guess_extension(media_type) or ""
        whole = bytes(content)
        losses: tuple[Loss, ...] = ()
        if charset and codec_of(charset) and media_type.startswith("text/"):
            text, losses = decoded(whole, charset)
            whole = _MARK + text.encode()
        read = document(
            whole,
            uri=self.uri,
            name=name,
            metadata={"url": self.uri},
            max_bytes=max_bytes,
            limits=self.limits,
        )
        return replace(read, losses=(*losses, *read.losses))


def is_page(given: str) -> bool:
    """Whether what a user names is the URL of a page."""
    return given.lower().startswith(("http://", "https://"))


def page_uri(given: str) -> str:
    """The URL of a page as it is asked for: without its fragment, and in ASCII.

    Raises:
        UsageError: it is none, tells a password, or hides an address.
    """
    try:
        parts = urlsplit(urldefrag(given).url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"{given} is not a URL: {error}.") from None
    if not host or parts.username is not None:
        raise UsageError(f"a URL with a password would be stored: name {parts.scheme}://{host or '…'}/… without it.")
    path, query = (quote(part, safe="%/:=&?~+!$,;'@()*[]") for part in (parts.path or "/", parts.query))
    try:
        address = parts.netloc.encode("idna").decode()
        destination(given)
    except ValueError as error:
        raise UsageError(f"{given} is not a URL: {error}.") from None
    return parts._replace(netloc=address, path=path, query=query).geturl()


def find_page(given: str, limits: Limits) -> Page | Skipped:
    """A page with its version, by what its server tells of it; one that is gone is passed over.

    A server out of reach tells nothing: its page is passed over as what is not known, and stays in the corpus.
    """
    uri = page_uri(given)
    journey = Journey(destination(uri))
    try:
        with _opened(uri, "HEAD", _HEAD_S, journey) as response:
            marks = [_header(response, name) for name in ("ETag", "Last-Modified")]
            length = _header(response, "Content-Length")
    except HTTPError as error:
        if error.code in {405, 501}:
            return Page(uri, 0, None, limits, journey.is_public)
        return Skipped(uri, _words(error), is_folder=error.code not in _GONE)
    except _FAILURES as error:
        return Skipped(uri, _words(error), is_folder=True)
    version = " ".join(mark for mark in marks if mark) or None
    size = int(length) if length.isdecimal() and len(length) <= _MAX_DIGITS else 0
    return Page(uri, size, version, limits, journey.is_public)


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
def _opened(uri: str, method: str, seconds: float, journey: Journey) -> Iterator[http.client.HTTPResponse]:
    """The answer of a page's server, which may take so long with all that it holds."""
    request = Request(uri, method=method, headers={"User-Agent": "pgvector-ingest"})  # noqa: S310 - only pages
    deadline = time.monotonic() + seconds
    opener = build_opener(_ToPagesOnly(journey), _Plain(deadline, journey), _Secure(deadline, journey))
    with opener.open(request, timeout=_SILENCE_S) as response:
        yield response


def _header(response: http.client.HTTPResponse, name: str) -> str:
    """A header of a response; empty where there is none, or where it is longer than any that means something."""
    value = str(response.headers.get(name, ""))
    return value if len(value) <= _MAX_HEADER else ""


def _words(error: Exception) -> str:
    """Why a page could not be read, in a few words."""
    if isinstance(error, HTTPError):
        words = f"{error.code} {error.reason}"
    else:
        reason = getattr(error, "reason", None) or error
        if isinstance(reason, TimeoutError):
            return "not here in time"
        words = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return foreign(words, _MAX_REASON)
