"""Pages of the web as a source: single ones, by their URLs."""

from __future__ import annotations

import http.client
import mimetypes
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.parse import quote, unquote, urldefrag, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from ingest.errors import UsageError
from ingest.sources.content import document
from ingest.sources.source import Skipped
from ingest.sources.text import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ingest.model import Document
    from ingest.sources.extraction.workers import Limits

_SILENCE_S = 30.0  # a server that sends nothing for so long is given up
_PAGE_S = 120.0  # a page that takes longer is given up, however steadily it comes
_READ_BYTES = 65_536
_GONE = (404, 410)
_MARK = b"\xef\xbb\xbf"  # that what follows is UTF-8, whatever it says itself


@dataclass(frozen=True, slots=True)
class Page:
    """A page that may become a document."""

    uri: str
    size: int
    version: str | None
    limits: Limits

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
        deadline = time.monotonic() + _PAGE_S
        content = bytearray()
        try:
            with _opened(self.uri, "GET") as response:
                while piece := response.read1(_READ_BYTES):
                    content += piece
                    if len(content) > max_bytes:
                        raise UnreadableError(f"over max_document_bytes ({max_bytes:,})")
                    if time.monotonic() > deadline:
                        raise UnreadableError(f"not here within {_PAGE_S:g} s")
                headers = response.headers
        except (OSError, http.client.HTTPException) as error:
            raise UnreadableError(_words(error)) from None
        media_type, charset = headers.get_content_type(), headers.get_content_charset()
        name = PurePosixPath(unquote(urlsplit(self.uri).path)).name or (urlsplit(self.uri).hostname or "")
        if media_type == "text/html":
            name += ".html"
        elif not PurePosixPath(name).suffix:
            name += mimetypes.guess_extension(media_type) or ""
        return document(
            _in_utf8(bytes(content), charset) if charset and media_type.startswith("text/") else bytes(content),
            uri=self.uri,
            name=name,
            metadata={"url": self.uri},
            max_bytes=max_bytes,
            limits=self.limits,
        )


def is_page(given: str) -> bool:
    """Whether what a user names is the URL of a page."""
    return given.lower().startswith(("http://", "https://"))


def page_uri(given: str) -> str:
    """The URL of a page as it is asked for: without its fragment, and in ASCII.

    Raises:
        UsageError: it is none, or tells a password.
    """
    try:
        parts = urlsplit(urldefrag(given).url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"{given} is no URL: {error}.") from None
    if not host or parts.username is not None:
        raise UsageError(f"a URL with a password would be stored: name {parts.scheme}://{host or '…'}/… without it.")
    path, query = (quote(part, safe="%/:=&?~+!$,;'@()*[]") for part in (parts.path or "/", parts.query))
    address = parts.netloc.encode("idna").decode()
    return parts._replace(netloc=address, path=path, query=query).geturl()


def find_page(given: str, limits: Limits) -> Page | Skipped:
    """A page with its version, by what its server tells of it; one that is gone is passed over.

    A server out of reach tells nothing: its page is passed over as what is not known, and stays in the corpus.
    """
    uri = page_uri(given)
    try:
        with _opened(uri, "HEAD") as response:
            marks = [response.headers.get(name) for name in ("ETag", "Last-Modified")]
            length = response.headers.get("Content-Length", "")
    except HTTPError as error:
        if error.code in {405, 501}:
            return Page(uri, 0, None, limits)
        return Skipped(uri, _words(error), is_folder=error.code not in _GONE)
    except (OSError, http.client.HTTPException) as error:
        return Skipped(uri, _words(error), is_folder=True)
    version = " ".join(mark for mark in marks if mark) or None
    return Page(uri, int(length) if length.isdecimal() else 0, version, limits)


class _ToPagesOnly(HTTPRedirectHandler):
    """Redirections, but only to other pages."""

    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Request | None:
        if not is_page(newurl):
            raise HTTPError(newurl, code, "leads to what is no page", headers, fp)
        redirected = super().redirect_request(req, fp, code, msg, headers, newurl)
        if redirected is not None:
            redirected.method = req.get_method()  # a HEAD would become a GET
        return redirected


@contextmanager
def _opened(uri: str, method: str) -> Iterator[http.client.HTTPResponse]:
    request = Request(uri, method=method, headers={"User-Agent": "pgvector-ingest"})  # noqa: S310 - only pages
    with build_opener(_ToPagesOnly).open(request, timeout=_SILENCE_S) as response:
        yield response


def _in_utf8(content: bytes, charset: str) -> bytes:
    """Text in UTF-8, with a mark that says so; as it is where the encoding is unknown."""
    try:
        return _MARK + content.decode(charset, "replace").removeprefix("\ufeff").encode()
    except (LookupError, UnicodeError):
        return content


def _words(error: Exception) -> str:
    """Why a page could not be read, in a few words."""
    if isinstance(error, HTTPError):
        return f"{error.code} {error.reason}"
    reason = getattr(error, "reason", None) or error
    return getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
