"""What stands in a file, wherever it lies, as a document."""

from __future__ import annotations

import os
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from ingest.formatting import line_break
from ingest.model import Document, Syntax
from ingest.sources.encoded import line_marks_without, places_without, without_encoded
from ingest.sources.encodings import decoded
from ingest.sources.extraction.extracting import extract
from ingest.sources.extraction.formats import SNIFFED_BYTES, Format, format_of, is_text
from ingest.sources.front_matter import without_front_matter
from ingest.sources.latex import body_of
from ingest.sources.roff import is_page, page_of
from ingest.sources.text import UnreadableError, syntax_of
from ingest.sources.titles import MAX_TITLE, is_titled, title_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ingest.model import Loss
    from ingest.sources.extraction.workers import Limits

_PARQUET = b"PAR1"
_WITH_FRONT_MATTER = frozenset({Syntax.MARKDOWN, Syntax.ASCIIDOC, Syntax.TEXT})
# A manual of 40 MB is pictures and fonts, and 2 MB of text: it is the text that is held against max_document_bytes.
_PACKED = {Format.PDF, Format.PACKAGE, Format.COMPOUND, Format.EMAIL}
_PACKED_TIMES = 8


# Raised where more is known of a kind of files than before: they are read again, and what is the same is not paid.
_READINGS = {".pdf": 1, ".pptx": 1, ".ppsx": 1, ".pptm": 1, ".odp": 1, ".eml": 1}
_READING_OF_TEXT = 1


def reading_of(name: str) -> str:
    """How a file of this name is read, as a part of its version; empty for most."""
    suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122 - the name of an object is no path
    number = _READINGS.get(suffix) or (_READING_OF_TEXT if is_text(suffix) else 0)
    return f".{number}" if number else ""


def most_bytes(suffix: str, head: bytes, max_bytes: int) -> int:
    """How large a file may be whose text may have so many bytes, by what it begins with and the suffix of its name."""
    return max_bytes * _PACKED_TIMES if format_of(suffix, head) in _PACKED else max_bytes


def too_large(size: int, bound: int, max_bytes: int) -> UnreadableError:
    """What is said of a file over its bound."""
    times = f"{bound // max_bytes} times " if bound > max_bytes else ""
    return UnreadableError(f"{size:,} bytes, over {times}max_document_bytes ({max_bytes:,})")


def document(
    content: bytes, *, uri: str, name: str, metadata: Mapping[str, object], max_bytes: int, limits: Limits
) -> Document:
    """A file's bytes as a document: its text as it stands, or as Markdown where it must be extracted.

    `name`: the last part of its path.

    Raises:
        UnreadableError: it is no text and none can be extracted, or that is too much.
    """
    path = PurePosixPath(name)
    found = format_of(path.suffix, content[:SNIFFED_BYTES])
    losses: Sequence[Loss] = ()
    pages: Sequence[tuple[int, int]] = ()
    first_line: int | None = None
    if found is None:
        if content.startswith(_PARQUET):
            raise UnreadableError("Parquet: name it .parquet, and its rows are read")
        text, losses = decoded(content)
        text, title, syntax, heading, said, first_line = _as_written(text, path.suffix)
    else:
        text, title, losses, pages, said = extract(found, content, max_bytes, limits)
        syntax, heading = Syntax.MARKDOWN, ""
        if pages:
            places = places_without(text, [place for place, _ in pages])
            pages = [(place, number) for place, (_, number) in zip(places, pages, strict=True)]
    written = text
    text, encoded = without_encoded(written)
    line_marks = ((0, first_line), *(line_marks_without(written, first_line) if encoded else ())) if first_line else ()
    losses = [*losses, *encoded]
    title = title or title_of(text, syntax) or path.stem.encode(errors="replace").decode()
    told = {**said, **metadata, "bytes": len(content)}
    return Document(uri, title[:MAX_TITLE], text, syntax, told, losses, heading, tuple(pages), line_marks)


class _Written(NamedTuple):
    """A text, and what it says of itself: `heading` is a title that stands nowhere in the text.

    `first_line`: the line of the file that it begins on; None where its lines are none of the file.
    """

    text: str
    title: str | None
    syntax: Syntax
    heading: str = ""
    said: Mapping[str, object] = MappingProxyType({})
    first_line: int | None = 1


def _as_written(text: str, suffix: str) -> _Written:
    """A text as a person reads it: pages of the manual as Markdown, markup without what only programs look at."""
    syntax = syntax_of(suffix)
    if syntax is Syntax.TEXT and is_page(text):
        return _Written(*page_of(text), Syntax.MARKDOWN, first_line=None)
    if syntax is Syntax.LATEX:
        body, begin = body_of(text)
        return _Written(body, title_of(text, syntax), syntax, first_line=_line_at(text, begin))
    if syntax in _WITH_FRONT_MATTER:
        rest, said, title = without_front_matter(text)
        heading = title if title and not is_titled(rest, syntax) else ""
        return _Written(rest, title, syntax, heading[:MAX_TITLE], said, _line_at(text, len(text) - len(rest)))
    return _Written(text, None, syntax)


def _line_at(text: str, place: int) -> int:
    return text.count(line_break(text), 0, place) + 1
