"""Pages of the web as a source: single ones, by their URLs."""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass, replace
from email.message import Message
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.parse import quote, unquote, urldefrag, urlsplit

from ingest.errors import UsageError
from ingest.sources.charsets import codec_of
from ingest.sources.content import document, most_bytes
from ingest.sources.destinations import Journey, destination
from ingest.sources.encodings import decoded
from ingest.sources.entries import packing_of
from ingest.sources.exchange import FAILURES, GONE, MAX_DIGITS, TooLargeError, header, opened, read_body, words_of
from ingest.sources.source import Skipped
from ingest.sources.text import BINARY, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest.model import Document, Loss
    from ingest.sources.extraction.workers import Limits

# An exchange that takes longer is given up, redirections and all, however steadily it comes.
_HEAD_S = 30.0
_PAGE_S = 120.0
_ARCHIVE = "an archive is not read over HTTP: download it, and name the file"
_MARK = b"\xef\xbb\xbf"  # that what follows is UTF-8, whatever it says itself


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
        try:
            journey = Journey(destination(self.uri), is_public=self.is_public)
            with opened(self.uri, "GET", _PAGE_S, journey) as response:
                content = read_body(response, lambda head: most_bytes("", head, max_bytes))
                told = header(response, "Content-Type")
        except TooLargeError:
            raise UnreadableError(f"over max_document_bytes ({max_bytes:,})") from None
        except FAILURES as error:
            raise UnreadableError(words_of(error)) from None
        return page_document(content, self.uri, told, {"url": self.uri}, max_bytes, self.limits)


def page_document(
    content: bytes, uri: str, content_type: str, metadata: Mapping[str, object], max_bytes: int, limits: Limits
) -> Document:
    """What a server sent, as a document, by what it says that it is: `content_type` is its header.

    Raises:
        UnreadableError: it is no text, or is too large.
    """
    told = Message()
    told["Content-Type"] = content_type
    media_type, charset = told.get_content_type(), told.get_content_charset()
    name = PurePosixPath(unquote(urlsplit(uri).path)).name or (urlsplit(uri).hostname or "")
    if media_type == "text/html":
        name += ".html"
    elif not PurePosixPath(name).suffix:
        name += mimetypes.guess_extension(media_type) or ""
    losses: tuple[Loss, ...] = ()
    if charset and codec_of(charset) and media_type.startswith("text/"):
        text, losses = decoded(content, charset)
        content = _MARK + text.encode()
    try:
        read = document(content, uri=uri, name=name, metadata=metadata, max_bytes=max_bytes, limits=limits)
    except UnreadableError as error:
        if str(error) == BINARY and packing_of(name) is not None:
            raise UnreadableError(_ARCHIVE) from None
        raise
    return replace(read, losses=(*losses, *read.losses))


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
        with opened(uri, "HEAD", _HEAD_S, journey) as response:
            marks = [header(response, name) for name in ("ETag", "Last-Modified")]
            length = header(response, "Content-Length")
    except HTTPError as error:
        if error.code in {405, 501}:
            return Page(uri, 0, None, limits, journey.is_public)
        return Skipped(uri, words_of(error), is_folder=error.code not in GONE)
    except FAILURES as error:
        return Skipped(uri, words_of(error), is_folder=True)
    version = " ".join(mark for mark in marks if mark) or None
    size = int(length) if length.isdecimal() and len(length) <= MAX_DIGITS else 0
    return Page(uri, size, version, limits, journey.is_public)
