"""What stands around a passage in its document: neighbours, read with it as one text."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any

from ingest.database.statements import statement
from ingest.model import Syntax
from ingest.sources.text import syntax_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.database.connection import Connection


@dataclass(frozen=True, slots=True)
class Piece:
    """A passage as a part of its document."""

    id: int
    ordinal: int
    headings: tuple[str, ...]
    content: str
    table_header: str
    first_page: int | None
    last_page: int | None
    first_line: int | None
    last_line: int | None


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Passages of a document that follow one another, as one text.

    `first`, `last`: their places in the document, of `passages` that it has; `ids`: theirs.
    """

    uri: str
    title: str
    headings: tuple[str, ...]
    first: int
    last: int
    passages: int
    ids: tuple[int, ...]
    content: str
    metadata: dict[str, Any]


def read_excerpt(connection: Connection, passage_id: int, before: int, after: int, overlap: int) -> Excerpt | None:
    """A passage with so many before and after it; None where there is no such passage any more.

    `overlap`: that of the corpus; what passages repeat of the one before is there once.
    """
    with connection.transaction():
        pieces = read_around(connection, [passage_id], before, after).get(passage_id)
        document = connection.execute(statement("read_document_of"), {"id": passage_id}).fetchone()
    if not pieces or document is None:
        return None
    uri, title, metadata, count = document
    return Excerpt(
        uri=uri,
        title=title,
        headings=pieces[0].headings,
        first=pieces[0].ordinal,
        last=pieces[-1].ordinal,
        passages=count,
        ids=tuple(piece.id for piece in pieces),
        content=joined([piece.content for piece in pieces], overlap),
        metadata=metadata,
    )


def read_around(connection: Connection, ids: Sequence[int], before: int, after: int) -> dict[int, list[Piece]]:
    """By the id of each passage: itself and those around it without a gap, in their order."""
    rows = connection.execute(
        statement("read_around"), {"ids": list(ids), "before_count": before, "after_count": after}
    ).fetchall()
    return {
        hit: without_gap(
            [Piece(number, ordinal, tuple(headings), *rest) for _, number, ordinal, headings, *rest in of], hit
        )
        for hit, of in groupby(rows, key=lambda row: row[0])
    }


def without_gap(pieces: list[Piece], hit: int) -> list[Piece]:
    """Those that follow one another up to this one and from it: while a document changes, some places are empty."""
    at = next(place for place, piece in enumerate(pieces) if piece.id == hit)
    first = last = at
    while first > 0 and pieces[first - 1].ordinal == pieces[first].ordinal - 1:
        first -= 1
    while last < len(pieces) - 1 and pieces[last + 1].ordinal == pieces[last].ordinal + 1:
        last += 1
    return pieces[first : last + 1]


def section_around(pieces: Sequence[Piece], hit: int, uri: str, overlap: int) -> list[Piece]:
    """Of pieces that follow one another: those from the heading above one of them to the next heading."""
    begins = _begins_section(pieces, uri, overlap)
    at = next(place for place, piece in enumerate(pieces) if piece.id == hit)
    first, last = at, at + 1
    above = pieces[at].headings
    while first > 0 and not begins[first] and pieces[first].headings == above:
        first -= 1  # the last of them has the heading itself, which is not above it
    while last < len(pieces) and not begins[last] and pieces[last].headings == pieces[at + 1].headings:
        last += 1
    return list(pieces[first:last])


def _begins_section(pieces: Sequence[Piece], uri: str, overlap: int) -> list[bool]:
    """Whether each of the pieces, without what it repeats of the one before, begins with a heading."""
    from ingest.chunker import begins_with_heading  # numpy, and the tokenizers

    syntax = syntax_of("." + uri.rpartition("#")[2].rpartition(".")[2])
    # PDF, HTML and the like were read as Markdown.
    syntaxes = [Syntax.TEXT, Syntax.MARKDOWN] if syntax is Syntax.TEXT else [syntax]
    lengths = repeated([piece.content for piece in pieces], overlap)
    return [
        any(begins_with_heading(piece.content[length:], each) for each in syntaxes)
        for piece, length in zip(pieces, lengths, strict=True)
    ]


def joined(contents: Sequence[str], overlap: int) -> str:
    """Texts that follow one another as one; with an overlap, what each repeats of the one before is left out."""
    lengths = repeated(contents, overlap)
    return "".join(content[length:] for content, length in zip(contents, lengths, strict=True))


def repeated(contents: Sequence[str], overlap: int) -> list[int]:
    """How many letters at the beginning of each of these texts are the end of the one before: none without overlap."""
    return [0, *(_repeated(one, other) if overlap else 0 for one, other in pairwise(contents))]


def _repeated(one: str, other: str) -> int:
    """With how many letters of its beginning `other` repeats the end of `one`: the most, in linear time (KMP)."""
    text = other + one[-len(other) :] if other else ""
    borders = [0] * len(text)
    for place in range(1, len(text)):
        length = borders[place - 1]
        while length and (length >= len(other) or text[place] != text[length]):
            length = borders[length - 1]
        borders[place] = length + (text[place] == text[length])
    return borders[-1] if one and text else 0
