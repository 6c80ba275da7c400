"""A row of a table as a document."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

from ingest.model import Document
from ingest.sources.encoded import without_encoded
from ingest.sources.text import UnreadableError
from ingest.sources.titles import title_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest.model import Syntax


@dataclass(frozen=True, slots=True)
class Row:
    """A row that may become a document; what stands in it is brought over by `TableRows.prepared`."""

    table: str
    root: str
    uri: str
    """The document's identity: its table and its key."""
    key: tuple[str, ...]
    size: int
    version: str | None
    syntax: Syntax
    title: str | None = None
    text: str | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)
    is_whole: bool = False
    """Whether its vector is the row's own: its text is then held against the table's, as it stands."""

    @property
    def name(self) -> str:
        """The table and the key, as people read them."""
        return f"{self.table} {self._key}"

    @property
    def _key(self) -> str:
        return "/".join(self.key)

    def read(self, max_bytes: int) -> Document:
        """The row as a document.

        Raises:
            UnreadableError: it is too large.
        """
        if self.size > max_bytes:
            raise UnreadableError(f"{self.size:,} bytes, over max_document_bytes ({max_bytes:,})")
        text, losses = (self.text or "", []) if self.is_whole else without_encoded(self.text or "")
        return Document(
            uri=self.uri,
            title=self.title or title_of(text, self.syntax) or self._key,
            text=text,
            syntax=self.syntax,
            metadata={
                **self.metadata,
                "table": self.table,
                "key": self.key[0] if len(self.key) == 1 else list(self.key),
            },
            losses=losses,
        )


def root_of(label: str) -> str:
    """What the URIs of a table's rows begin with."""
    return f"postgres:///{quote(label, safe='.')}"
