"""The nouns: what flows from a corpus to a vector in a column."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


CUT_HEADER = " … |\n"
"""How the header of a table ends that was too long to be embedded whole."""


class Syntax(StrEnum):
    """How a document's structure is written: what the chunker looks for."""

    TEXT = "text"
    MARKDOWN = "markdown"
    CODE = "code"
    ASCIIDOC = "asciidoc"
    ORG = "org"
    LATEX = "latex"
    MEDIAWIKI = "mediawiki"
    TYPST = "typst"
    JSON = "json"
    YAML = "yaml"
    SQL = "sql"
    LOG = "log"


class LossKind(StrEnum):
    """What of a document is not in its text as it was written."""

    BYTES_GUESSED = "bytes_guessed"
    PAGES_WITHOUT_TEXT = "pages_without_text"
    PARTS_LEFT_OUT = "parts_left_out"


class Loss(NamedTuple):
    """What of a document was not read, or not as it stands: how much of it, and in words for people."""

    kind: LossKind
    amount: int
    words: str


# What an index holds of a vector: all of it, half the precision, or the signs alone.
Quantization: TypeAlias = Literal["none", "halfvec", "bit"]


class FilterType(StrEnum):
    """Of what type a field of the metadata is, where searches filter by it."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"
    UUID = "uuid"


class OverLimit(StrEnum):
    """What becomes of a row over the model's token limit where one row has one vector."""

    REFUSE = "refuse"
    AVERAGE = "average"
    CUT = "cut"


@dataclass(frozen=True, slots=True)
class Document:
    """A file or a table row, as text.

    `text` holds no NUL (PostgreSQL's text cannot) and no lone surrogate; `uri` is its identity in the corpus. `heading`
    is a title that stands above the whole text and nowhere in it: it is above each passage. `pages`: at which character
    a page or slide begins, and its number, counted from 1. `line_marks`: at which character lines are counted anew, and
    the line of the file there, from 1: at 0, and after what was taken out; none where lines mean nothing.
    """

    uri: str
    title: str
    text: str
    syntax: Syntax = Syntax.TEXT
    metadata: Mapping[str, object] = field(default_factory=dict)
    losses: Sequence[Loss] = ()
    heading: str = ""
    pages: Sequence[tuple[int, int]] = ()
    line_marks: Sequence[tuple[int, int]] = ()


class Chunk(NamedTuple):
    """A passage of a document under the token limit; its text never changes.

    `headings` are those above the passage, outermost first; the innermost `context_headings` of them are put
    before the content when it is embedded, and so is `table_header`, where the passage begins inside a table: its
    caption and its header row, each a line. `token_count` counts the embedded text, as the provider bills it.
    `first_page`, `last_page`: the pages or slides that it stands on, counted from 1; `first_line`, `last_line`: the
    lines of the file, with those of its overlap.
    (A tuple goes from one process to another in a third of a dataclass's time.)
    """

    ordinal: int
    content: str
    headings: tuple[str, ...]
    context_headings: int
    token_count: int
    table_header: str = ""
    first_page: int | None = None
    last_page: int | None = None
    first_line: int | None = None
    last_line: int | None = None

    @property
    def embedded_text(self) -> str:
        """The text that is sent to the model."""
        return embedded_text(self.headings, self.context_headings, self.content, self.table_header)

    @property
    def text_hash(self) -> bytes:
        """The identity of the embedded text: chunks that agree in it share one vector. 32 bytes."""
        return text_hash(self.embedded_text)


def embedded_text(headings: Sequence[str], context_headings: int, content: str, table_header: str = "") -> str:
    """The text that is sent to the model: the innermost headings, a blank line, the content without its blank edges.

    Before the content stands the header of the table that it goes on with. What stands after a passage, a blank line or
    the end of the text, is so no reason to embed it again.
    """
    body = content.strip() or content  # an empty input is refused
    return headings_line(headings, context_headings) + table_header + body


def chunks_hash(chunks: Iterable[Chunk]) -> bytes:
    """The identity of a document's passages, in their order. 32 bytes.

    It is also made in SQL, by `check_documents`, of the passages that are stored.
    """
    return sha256(b"".join(chunk.text_hash + text_hash(chunk.content) for chunk in chunks)).digest()


def headings_line(headings: Sequence[str], context_headings: int) -> str:
    """What is put before the content: the innermost headings and a blank line, or nothing."""
    return " > ".join(headings[-context_headings:]) + "\n\n" if context_headings else ""


def text_hash(text: str) -> bytes:
    """SHA-256 of the UTF-8 text. 32 bytes."""
    return sha256(text.encode()).digest()
