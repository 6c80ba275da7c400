"""A page of a site, as it is found, and as it is read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ingest.sources.content import most_bytes
from ingest.sources.text import UnreadableError
from ingest.sources.web import page_document

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.model import Document
    from ingest.sources.extraction.workers import Limits


@dataclass(frozen=True, slots=True)
class SitePage:
    """A page of a site. `content` is None until it is brought: it has not changed since it was last seen."""

    url: str
    uri: str
    path: str
    """From the path of the site on, without the query."""
    root: str
    size: int
    version: str | None
    content_type: str
    modified: str
    limits: Limits
    content: bytes | None = None
    trouble: str = ""
    fetching: Callable[[], tuple[bytes, str]] | None = None

    @property
    def name(self) -> str:
        """Its URL."""
        return self.uri

    def brought(self) -> SitePage:
        """It with its bytes, or with the reason why it cannot be read."""
        if self.content is not None or self.trouble or self.fetching is None:
            return replace(self, fetching=None)
        try:
            content, content_type = self.fetching()
        except UnreadableError as error:
            return replace(self, trouble=str(error), fetching=None)
        return replace(self, content=content, content_type=content_type, fetching=None)

    def read(self, max_bytes: int) -> Document:
        """The page as a document.

        Raises:
            UnreadableError: it is no text, is too large, or cannot be read.
        """
        page = self if self.content is not None or self.trouble else self.brought()
        if page.trouble or page.content is None:
            raise UnreadableError(page.trouble)
        if len(page.content) > most_bytes("", page.content[:16], max_bytes):
            raise UnreadableError(f"over max_document_bytes ({max_bytes:,})")
        metadata = {"url": self.uri, **({"modified": self.modified} if self.modified else {})}
        read = page_document(page.content, self.url, page.content_type, metadata, max_bytes, self.limits)
        return replace(read, uri=self.uri)
