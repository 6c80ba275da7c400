"""JSONL, CSV and Parquet as a source: each record a document. Read as a stream, however long."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from array import array
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import quote

from ingest.errors import UNREADABLE_JSON, UsageError
from ingest.model import Document, Syntax
from ingest.sources.csv_rows import csv_rows
from ingest.sources.encoded import without_encoded
from ingest.sources.lines import MAX_LINE, NO_TEXT, TextLines
from ingest.sources.parquet_rows import parquet_rows
from ingest.sources.rows import BrokenError, Row, field_value, has_field, key_names, listed_names, storable
from ingest.sources.source import Noted, Skipped
from ingest.sources.text import UnreadableError, clean
from ingest.sources.titles import title_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

RECORD_SUFFIXES = frozenset({".jsonl", ".ndjson", ".csv", ".tsv", ".parquet"})
STANDARD_INPUT = "-"
STANDARD_INPUT_ROOT = "stdin:"


_MISSING = object()


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of records that make a document; `syntax`: how its text is written.

    `key`: several, with commas between them, are the key together. `a.b` is the field b inside the field a, where there
    is none of that name. `metadata`: what else is kept of each record, for applications to filter by and to show.
    """

    key: str = "id"
    text: str = "text"
    title: str | None = None
    syntax: Syntax = Syntax.TEXT
    metadata: tuple[str, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """All of them."""
        return frozenset({self.text, self.title or self.text, self.key, *key_names(self.key), *self.metadata})


DEFAULT_FIELDS = Fields()


@dataclass(frozen=True, slots=True)
class Record:
    """A record as a document."""

    uri: str
    root: str
    name: str
    key: str
    text: str
    title: str | None
    syntax: Syntax
    metadata: Mapping[str, object] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """The bytes of its text, or nearly."""
        return len(self.text)

    @property
    def version(self) -> str:
        """A hash of what the document is made of."""
        told = [json.dumps(self.metadata, sort_keys=True)] if self.metadata else []
        made_of = "\x1f".join((self.syntax, self.title or "", self.text, *told))
        return sha256(made_of.encode()).hexdigest()[:32]

    def read(self, max_bytes: int) -> Document:
        """The record as a document.

        Raises:
            UnreadableError: it is too large.
        """
        if (size := len(self.text.encode())) > max_bytes:
            raise UnreadableError(f"{size:,} bytes, over max_document_bytes ({max_bytes:,})")
        text, losses = without_encoded(self.text)
        title = self.title or title_of(text, self.syntax) or self.key
        return Document(self.uri, title, text, self.syntax, {**self.metadata, "record": self.name}, losses)


def file_records(
    stream: IO[bytes], suffix: str, *, uri: str, root: str, name: str, fields: Fields
) -> Iterator[Record | Skipped]:
    """The records of a file; of a record without the key field, its number is the key.

    What cannot be read is told as holding what is not known, so that no document is taken for gone because of it.
    """
    import numpy as np

    keys = array("q")
    lines = TextLines(stream)
    try:
        for row in _rows(stream, lines, suffix.lower(), fields):
            record = _record(row, fields, uri=uri, root=root, name=name)
            if isinstance(record, Record):
                keys.append(hash(record.key))
            yield record
    except BrokenError as error:
        yield Skipped(name, str(error), is_folder=True)
    # np.unique would import numpy.ma: 50 ms
    if repeated := np.count_nonzero(np.diff(np.sort(np.frombuffer(keys, np.int64))) == 0):
        yield Skipped(name, f"{repeated:,} records have the {fields.key} of another: of those, the last one counts")
    if lines.losses:
        yield Noted(name, "not as it stands", losses=lines.losses)


def standard_input_records(fields: Fields) -> Iterator[Record | Skipped]:
    """The records of standard input, as JSONL; their keys are the URIs of their documents."""
    with Path(_standard_input().name).open("rb") as stream:
        yield from file_records(
            stream, ".jsonl", uri="", root=STANDARD_INPUT_ROOT, name="standard input", fields=fields
        )


@cache
def _standard_input() -> IO[bytes]:
    """What came on standard input, in a file that is gone with this process: it is read more than once."""
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError("standard input is a terminal: pipe JSONL into `ingest … -`.")
    file = tempfile.NamedTemporaryFile(prefix="ingest-")  # noqa: SIM115 - it lives as long as the process
    shutil.copyfileobj(sys.stdin.buffer, file)
    file.flush()
    return file


def _record(row: Row, fields: Fields, *, uri: str, root: str, name: str) -> Record | Skipped:
    """A record as a document; what has none is not known, as long as it is not read."""
    place = f"{name} {row.place or row.number}"
    if row.fields is None:
        return Skipped(place, row.reason, is_folder=True)
    text = field_value(row.fields, fields.text, _MISSING)
    if not isinstance(text, str | None):
        missing = f"no field {fields.text}" if text is _MISSING else f"the field {fields.text} is no text"
        return Skipped(place, f"{missing}: name the one that is, with --text", is_folder=True)
    names = [fields.key] if fields.key in row.fields else key_names(fields.key)
    parts = [_words(field_value(row.fields, part)) for part in names]
    if None in parts and not uri:
        missing = names[parts.index(None)]
        return Skipped(place, f"no field {missing}: name its key with --id", is_folder=True)
    if None in parts and any(parts):
        missing = names[parts.index(None)]
        return Skipped(place, f"no field {missing}, which is part of its key", is_folder=True)
    known = [part for part in parts if part is not None] or [str(row.number)]
    key = known[0] if len(known) == 1 else "/".join(quote(part, safe="") for part in known)
    return Record(
        uri=f"{uri}#{key if len(known) > 1 else quote(key, safe='')}" if uri else key,
        root=root,
        name=f"{name} {key}",
        key=key,
        text=clean(text or ""),
        title=_words(field_value(row.fields, fields.title)) if fields.title else None,
        syntax=fields.syntax,
        metadata={wanted: storable(field_value(row.fields, wanted)) for wanted in fields.metadata},
    )


def _words(value: object) -> str | None:
    """A key or a title as text; None where there is none."""
    return clean(str(value)).strip() or None if value is not None else None


def _rows(stream: IO[bytes], lines: TextLines, suffix: str, fields: Fields) -> Iterator[Row]:
    def needed(names: Sequence[str]) -> None:
        if not has_field(names, fields.text):
            there = f"there are {listed_names(names)}; " if any(names) else ""
            raise BrokenError(f"no field {fields.text}: {there}name the one that is, with --text")
        if repeated := [name for name in fields.names if names.count(name) > 1]:
            raise BrokenError(f"several fields are called {min(repeated)}: which one is meant cannot be told")

    if suffix == ".parquet":
        return parquet_rows(stream, fields.text, fields.names, needed)
    if suffix in {".csv", ".tsv"}:
        return csv_rows(lines, is_tsv=suffix == ".tsv", needed=needed)
    return _json_rows(lines)


def _json_rows(lines: TextLines) -> Iterator[Row]:
    number = 0
    is_piece = False
    for line in lines:
        was_piece, is_piece = is_piece, len(line) == MAX_LINE and not line.endswith("\n")
        if was_piece:  # the rest of a line that was told
            continue
        number += 1
        if is_piece:
            yield Row(number, None, f"a line of more than {MAX_LINE:,} characters")
        elif lines.is_broken(line):
            yield Row(number, None, NO_TEXT)
        elif line.strip():
            try:
                fields = json.loads(line)  # msgspec refuses halves of surrogate pairs
            except UNREADABLE_JSON:
                fields = None
            yield Row(number, fields) if isinstance(fields, dict) else Row(number, None, "no JSON object")
