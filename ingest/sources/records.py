"""JSONL, CSV and Parquet as a source: each record a document. Read as a stream, however long."""

from __future__ import annotations

import csv
import io
import json
import shutil
import sys
import tempfile
from array import array
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from ingest.errors import UNREADABLE_JSON, UsageError
from ingest.model import Document, Syntax
from ingest.sources.encodings import MARKS
from ingest.sources.source import Skipped
from ingest.sources.text import UnreadableError, clean, title_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

_MAX_LINE = 16_777_216  # characters: what is held of a file at once
_LONGEST_REASON = 200
_PARQUET_ROWS = 256
_DELIMITERS = ",\t;|"

RECORD_SUFFIXES = frozenset({".jsonl", ".ndjson", ".csv", ".tsv", ".parquet"})
STANDARD_INPUT = "-"
STANDARD_INPUT_ROOT = "stdin:"


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of records that make a document; `syntax`: how its text is written."""

    key: str = "id"
    text: str = "text"
    title: str | None = None
    syntax: Syntax = Syntax.TEXT


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

    @property
    def size(self) -> int:
        """The bytes of its text, or nearly."""
        return len(self.text)

    @property
    def version(self) -> str:
        """A hash of what the document is made of."""
        made_of = "\x1f".join((self.syntax, self.title or "", self.text))
        return sha256(made_of.encode()).hexdigest()[:32]

    def read(self, max_bytes: int) -> Document:
        """The record as a document.

        Raises:
            UnreadableError: it is too large.
        """
        if (size := len(self.text.encode())) > max_bytes:
            raise UnreadableError(f"{size:,} bytes, over max_document_bytes ({max_bytes:,})")
        title = self.title or title_of(self.text, self.syntax) or self.key
        return Document(self.uri, title, self.text, self.syntax, {"record": self.name})


class _Row(NamedTuple):
    """A record of a file: its number, counted from 1, and its fields; or why it has none."""

    number: int
    fields: Mapping[str, object] | None
    reason: str = ""


class _BrokenError(Exception):
    """The rest of a file cannot be read; the message says why."""


def file_records(
    stream: IO[bytes], suffix: str, *, uri: str, root: str, name: str, fields: Fields
) -> Iterator[Record | Skipped]:
    """The records of a file; of a record without the key field, its number is the key.

    What cannot be read is told as holding what is not known, so that no document is taken for gone because of it.
    """
    import numpy as np

    keys = array("q")
    try:
        for row in _rows(stream, suffix.lower(), fields):
            record = _record(row, f"{name} {row.number}", fields)
            if isinstance(record, Skipped):
                yield record
                continue
            key, text, title = record
            if not uri and key is None:
                yield Skipped(f"{name} {row.number}", f"no field {fields.key}: name its key with --id")
                continue
            key = str(row.number) if key is None else key
            keys.append(hash(key))
            yield Record(
                uri=f"{uri}#{quote(key, safe='')}" if uri else key,
                root=root,
                name=f"{name} {key}",
                key=key,
                text=text,
                title=title,
                syntax=fields.syntax,
            )
    except _BrokenError as error:
        yield Skipped(name, str(error), is_folder=True)
    # np.unique would import numpy.ma: 50 ms
    if twins := np.count_nonzero(np.diff(np.sort(np.frombuffer(keys, np.int64))) == 0):
        yield Skipped(name, f"{twins:,} records have the {fields.key} of another: of those, the last one counts")


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


def _record(row: _Row, name: str, fields: Fields) -> tuple[str | None, str, str | None] | Skipped:
    """The key, the text and the title of a record."""
    if row.fields is None:
        return Skipped(name, row.reason, is_folder=True)
    text = row.fields.get(fields.text)
    if not isinstance(text, str):
        missing = f"no field {fields.text}" if text is None else f"the field {fields.text} is no text"
        return Skipped(name, f"{missing}: name the one that is, with --text")
    key = _words(row.fields.get(fields.key))
    title = _words(row.fields.get(fields.title)) if fields.title else None
    return key, clean(text), title


def _words(value: object) -> str | None:
    """A key or a title as text; None where there is none."""
    return clean(str(value)).strip() or None if value is not None else None


def _rows(stream: IO[bytes], suffix: str, fields: Fields) -> Iterator[_Row]:
    if suffix == ".parquet":
        yield from _parquet_rows(stream, fields)
        return
    head = stream.read(4)
    stream.seek(0)
    encoding = next((name for bom, name in MARKS if head.startswith(bom)), "utf-8")
    lines = io.TextIOWrapper(stream, encoding, errors="replace", newline="")
    try:
        yield from _csv_rows(lines, suffix, fields) if suffix in {".csv", ".tsv"} else _json_rows(lines)
    finally:
        lines.detach()  # it would close the stream, which is not ours


def _json_rows(lines: IO[str]) -> Iterator[_Row]:
    number = 0
    while line := lines.readline(_MAX_LINE):
        number += 1
        if len(line) == _MAX_LINE and not line.endswith("\n"):
            while (rest := lines.readline(_MAX_LINE)) and not rest.endswith("\n"):
                pass
            yield _Row(number, None, f"a line of more than {_MAX_LINE:,} characters")
        elif line.strip():
            try:
                fields = json.loads(line)  # msgspec refuses halves of surrogate pairs
            except UNREADABLE_JSON:
                fields = None
            yield _Row(number, fields) if isinstance(fields, dict) else _Row(number, None, "no JSON object")


def _csv_rows(lines: IO[str], suffix: str, fields: Fields) -> Iterator[_Row]:
    head = lines.readline(_MAX_LINE)
    delimiter = "\t" if suffix == ".tsv" else max(_DELIMITERS, key=head.count)
    csv.field_size_limit(_MAX_LINE)
    reader = csv.reader(chain([head], iter(lambda: _csv_line(lines), "")), delimiter=delimiter)
    try:
        names = next(reader, [])
        _require_text(names, fields)
        for number, values in enumerate(reader, 1):
            if values:
                yield _Row(number, dict(zip(names, values, strict=False)))
    except csv.Error as error:
        raise _BrokenError(f"what follows line {reader.line_num:,} cannot be read: {error}") from None


def _require_text(names: Sequence[str], fields: Fields) -> None:
    if fields.text not in names:
        raise _BrokenError(f"no field {fields.text}: name the one that is, with --text")


def _csv_line(lines: IO[str]) -> str:
    line = lines.readline(_MAX_LINE)
    if len(line) == _MAX_LINE:
        raise csv.Error(f"a line of more than {_MAX_LINE:,} characters")
    return line


def _parquet_rows(stream: IO[bytes], fields: Fields) -> Iterator[_Row]:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise _BrokenError("to read it: pip install 'pgvector-ingest[documents]'") from None
    try:
        schema = parquet.ParquetFile(stream).schema_arrow
        names = schema.names
        _require_text(names, fields)
        wanted = {fields.key, fields.text, fields.title}
        columns = {name: kind for name, kind in zip(names, schema.types, strict=True) if name in wanted}
        if pa.types.is_nested(kind := columns[fields.text]):
            raise _BrokenError(f"the field {fields.text} is not text but {kind}: name the one that is, with --text")
        # Values that repeat are held once; a page is the most that is unpacked at a time. One that is no UTF-8 is found
        # when it is looked at: where a dictionary is read otherwise, all of it is refused.
        plain = [name for name, kind in columns.items() if not pa.types.is_nested(kind)]
        file = parquet.ParquetFile(stream, read_dictionary=plain)
        number = 0
        for batch in file.iter_batches(_PARQUET_ROWS, columns=[*columns], use_threads=False):
            for values in zip(*batch.columns, strict=True):
                number += 1
                try:
                    row = dict(zip(batch.schema.names, map(_python_value, values), strict=True))
                except (ValueError, OverflowError) as error:  # no UTF-8, a day after the year 9999
                    yield _Row(number, None, _one_line(error))
                else:
                    yield _Row(number, row)
    except (pa.ArrowException, OSError, ValueError) as error:  # the name of a column may be no UTF-8
        raise _BrokenError(f"damaged: {_one_line(error)}") from None


def _python_value(scalar: Any) -> object:
    """A value of Parquet as one of Python.

    Raises:
        ValueError: Python has none for it.
        OverflowError: likewise.
    """
    try:
        return scalar.as_py()
    except ValueError:
        if getattr(scalar.type, "unit", None) != "ns" and getattr(scalar.type, "tz", None) is None:
            raise
        return scalar.cast("string").as_py()  # Python's own times end at microseconds; and this names an unknown zone


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:_LONGEST_REASON]
