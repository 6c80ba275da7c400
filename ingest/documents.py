"""One document: read, and chunked where it is not the known one. Runs here, in a worker process, on another machine.

It imports nothing of a database: a worker starts quickly, and stays small.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

from ingest.engines.alarm import OvertimeError, within
from ingest.keywords import detect_language, make_terms
from ingest.model import chunks_hash
from ingest.sources.encoded import without_encoded
from ingest.sources.source import Skipped, Wrapped
from ingest.sources.text import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ingest.chunker import Chunking
    from ingest.keywords import Terms
    from ingest.model import Chunk, Document, Loss
    from ingest.sources.source import Item

# Many may wait for their documents; of many that chunk, each takes the interpreter from the others.
_CHUNKING = threading.Lock()


@dataclass(frozen=True, slots=True)
class Known:
    """A document as it stands in the corpus."""

    id: int
    title: str
    source: str
    source_version: str | None
    content_hash: bytes
    line_marks: Sequence[int] | None = None

    def holds(self, content_hash: bytes, line_marks: Sequence[int]) -> bool:
        """Whether it is the same content on the same lines: front matter that grows moves them, and is no content."""
        return self.content_hash == content_hash and list(self.line_marks or ()) == list(line_marks)


@dataclass(frozen=True, slots=True)
class Task:
    """Something that is to be read: its version before that, and what is known of it."""

    item: Item
    version: str | None
    known: Known | None


@dataclass(frozen=True, slots=True)
class Brought(Wrapped):
    """An item whose document has come over the network."""

    document: Document

    @property
    def size(self) -> int:
        """The characters of its text."""
        return len(self.document.text)

    def read(self, max_bytes: int) -> Document:  # noqa: ARG002 - it was held against that
        """The document."""
        return self.document


@dataclass(frozen=True, slots=True)
class Read:
    """What a document holds; `chunks` is None where its content is the known one.

    Its text is in its chunks, and is not carried about a second time. `terms`: of each chunk, in `language`, where
    they are asked for. `line_marks`: those of the document, one pair after the other.
    """

    title: str
    metadata: Mapping[str, object]
    characters: int
    content_hash: bytes
    chunks: list[Chunk] | None
    chunks_hash: bytes = b""
    is_cut: bool = False
    is_long: bool = False
    losses: Sequence[Loss] = ()
    language: str = ""
    terms: Sequence[Terms] = ()
    line_marks: Sequence[int] = ()


def prepare(chunking: Chunking) -> None:
    """Load what reading files and chunking them takes, 0.3 s: before a worker process becomes several."""
    from ingest import chunker  # noqa: F401
    from ingest.chunker import tokenizer
    from ingest.sources import files  # noqa: F401

    tokenizer(chunking.tokenizer_name).count("")


def read_and_chunk(chunking: Chunking, tasks: Sequence[Task]) -> list[Read | Skipped]:
    """Read and chunk documents, each with its outcome. Runs on a thread, or on another machine."""
    return [_read_one(chunking, task) for task in tasks]


def bring(chunking: Chunking, task: Task) -> Document | Skipped:
    """Read a document; or why it cannot be read."""
    try:
        return task.item.read(chunking.max_document_bytes)
    except UnreadableError as error:
        return Skipped(task.item.name, f"{error}{kept(task)}")


def _read_one(chunking: Chunking, task: Task) -> Read | Skipped:
    document = bring(chunking, task)
    if isinstance(document, Skipped):
        return document
    losses = document.losses
    try:
        with _CHUNKING, within(chunking.max_document_seconds):
            content_hash = chunking.content_hash(document)
            if chunking.over_limit is not None:  # its hash is that of the row as it stands
                text, encoded = without_encoded(document.text)
                document, losses = replace(document, text=text), [*losses, *encoded]
            marks = list(chain.from_iterable(document.line_marks))
            if task.known is not None and task.known.holds(content_hash, marks):
                return Read(*_told(document, losses), content_hash, None, losses=losses)
            chunks = chunking.split(document)
            losses = [*losses, *chunking.losses(chunks)]
            is_cut, is_long = chunking.is_cut(document, chunks), chunking.is_long(document, chunks)
            language, terms = _terms(chunking, document, chunks)
    except OvertimeError:
        return Skipped(task.item.name, f"takes more than {chunking.max_document_seconds:g} s to chunk{kept(task)}")
    told = _told(document, losses)
    return Read(*told, content_hash, chunks, chunks_hash(chunks), is_cut, is_long, losses, language, terms, marks)


def _terms(chunking: Chunking, document: Document, chunks: Sequence[Chunk]) -> tuple[str, list[Terms]]:
    """The language of a document, and the terms of what is embedded of it: what moves keeps them."""
    if not chunking.keywords:
        return "", []
    language = chunking.language or detect_language(document.text)
    return language, [make_terms(chunk.embedded_text, language) for chunk in chunks]


def _told(document: Document, losses: Sequence[Loss]) -> tuple[str, Mapping[str, object], int]:
    metadata = {**document.metadata, "losses": [loss.words for loss in losses]} if losses else document.metadata
    return document.title, metadata, len(document.text)


def kept(task: Task) -> str:
    """What is added to the reason why a document was passed over."""
    return "; what was read before stays" if task.known else ""
