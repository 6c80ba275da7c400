"""The documents of a corpus as a source for another: put together from their passages, nothing is read anew."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from ingest.corpus.surroundings import joined
from ingest.corpus.texts import passages_of
from ingest.database.statements import statement
from ingest.formatting import display_path
from ingest.model import Document, Syntax
from ingest.sources.text import syntax_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ingest.chunker import Chunking
    from ingest.database.connection import Connection
    from ingest.sources.source import Before, Item, Skipped

_AT_ONCE = 100  # documents whose passages are asked for together


@dataclass(frozen=True, slots=True)
class KeptItem:
    """A document that is kept; it has its text where it is about to be read."""

    id: int
    root: str
    title: str
    metadata: Mapping[str, object]
    content_hash: bytes
    uri: str
    line_marks: Sequence[tuple[int, int]] = ()
    document: Document | None = None

    @property
    def name(self) -> str:
        """As people read its URI."""
        return display_path(self.uri)

    @property
    def size(self) -> int:
        """The characters of its text."""
        return len(self.document.text) if self.document else 0

    @property
    def version(self) -> str:
        """The hash of its text, and of how it was chunked."""
        return self.content_hash.hex()

    def read(self, max_bytes: int) -> Document:  # noqa: ARG002 - it was held against that
        """The document."""
        if self.document is None:
            raise AssertionError(f"{self.uri} was not prepared")
        return self.document


@dataclass(slots=True)
class KeptDocuments:
    """All documents of a corpus, by a connection to it.

    `chunking`: how they were chunked; `guessed`: of how many it was not noted how their structure is written.
    """

    connection: Connection
    corpus: str
    chunking: Chunking
    document_count: int
    guessed: int = 0
    unit: str = "documents"
    is_far: bool = False

    @property
    def roots(self) -> list[str]:
        """The corpus."""
        return [self.description]

    @property
    def description(self) -> str:
        """The corpus, as people call it."""
        return f"the corpus {self.corpus}"

    def count(self, is_stopped: Callable[[], bool]) -> int:  # noqa: ARG002 - it is known
        """How many there are."""
        return self.document_count

    def items(self, before: Before | None = None) -> Iterator[KeptItem]:  # noqa: ARG002 - all of it is cut anew
        """The documents, without their texts."""
        after = 0
        while rows := self.connection.execute(
            statement("list_kept_documents"), {"after": after, "limit": _AT_ONCE}
        ).fetchall():
            for number, uri, title, metadata, content_hash, flat in rows:
                marks = tuple(zip(flat[::2], flat[1::2], strict=True)) if flat else ()
                yield KeptItem(number, self.description, title, metadata, content_hash, uri, marks)
            after = rows[-1][0]

    def prepared(self, items: Sequence[Item]) -> Iterator[Item | Skipped]:
        """The documents with their texts, one at a time."""
        kept = [item for item in items if isinstance(item, KeptItem)]
        for start in range(0, len(kept), _AT_ONCE):
            group = {item.id: item for item in kept[start : start + _AT_ONCE]}
            for number, passages in passages_of(self.connection, list(group)):
                item = group.pop(number)
                yield replace(item, document=self._document(item, passages))
            for item in group.values():
                yield replace(item, document=self._document(item, []))

    def withheld(self) -> None:
        """Nothing: a document that is not found is gone."""

    def _document(self, item: KeptItem, passages: Sequence[tuple[Any, ...]]) -> Document:
        """A document as it was read: how its structure is written, the hash of it tells.

        Else, as of a PDF, whose pages are hashed with it, that by which it is cut where it was.
        """
        text = joined([row[3] for row in passages], self.chunking.overlap) if passages else ""
        plain = Document(item.uri, item.title, text, metadata=item.metadata, line_marks=item.line_marks)
        for heading in ("", item.title):
            for syntax in Syntax:
                document = replace(plain, syntax=syntax, heading=heading)
                if self.chunking.content_hash(document) == item.content_hash:
                    return document
        guesses = {syntax_of(PurePosixPath(item.name).suffix), Syntax.TEXT, Syntax.MARKDOWN}
        stored = {row[3] for row in passages}
        made = {
            syntax: {chunk.content for chunk in self.chunking.split(replace(plain, syntax=syntax))}
            for syntax in sorted(guesses)
        }
        best = max(made, key=lambda syntax: len(made[syntax] & stored))
        self.guessed += made[best] != stored
        return replace(plain, syntax=best, line_marks=())
