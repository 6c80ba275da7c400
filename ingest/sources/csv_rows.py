"""The rows of CSV and TSV, strictly: a row that cannot be read whole is told by its line, and the next one is read.

A quote that is never closed would take all that follows into one field. So a field of several lines must be
well-formed; where it is not, only its first line is lost. TSV has no quotes (IANA: text/tab-separated-values).
"""

from __future__ import annotations

import csv
import re
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from ingest.sources.lines import MAX_LINE, NO_TEXT
from ingest.sources.rows import BrokenError, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ingest.sources.lines import TextLines

_DELIMITERS = ",\t;|"
_MOST_READ_AGAIN = 4 * MAX_LINE  # characters, for quotes that are never closed
_SEPARATOR = re.compile(r'\s*"?sep=(.)"?\s*', re.IGNORECASE)  # the first line, as Excel writes and reads it


class _Bad(NamedTuple):
    """Why a row cannot be read."""

    reason: str


class _Form(NamedTuple):
    """How the fields of a file are told apart."""

    delimiter: str
    has_quotes: bool = True
    skips_blanks: bool = False


class _Lines:
    """Lines of which some may be given back; `number`: that of the last one that was given."""

    def __init__(self, lines: TextLines) -> None:
        self.number = 0
        self.is_broken = lines.is_broken
        self._lines = iter(lines)
        self._again: deque[str] = deque()

    def next(self) -> str | None:
        line = self._again.popleft() if self._again else next(self._lines, None)
        if line is not None:
            self.number += 1
            if len(line) == MAX_LINE and not line.endswith(("\n", "\r")):
                raise BrokenError(
                    f"what follows line {self.number - 1:,} cannot be read: a line of more than {MAX_LINE:,} characters"
                )
        return line

    def give_back(self, lines: Sequence[str]) -> None:
        self._again.extendleft(reversed(lines))
        self.number -= len(lines)


def csv_rows(lines: TextLines, *, is_tsv: bool, needed: Callable[[Sequence[str]], None]) -> Iterator[Row]:
    """The rows of a file by the names in its first line. `needed` looks at these: it raises where one is missing.

    Raises:
        BrokenError: the rest cannot be read.
    """
    rows = _Rows(_Lines(lines))
    head = rows.head(is_tsv=is_tsv, needed=needed)
    if head is None:
        return
    names, form = head
    width = max((place for place, name in enumerate(names, 1) if name), default=0)
    number = 0
    while (values := rows.next(form, width, len(names))) is not None:
        number += 1
        place = f"line {rows.begun_at}"
        if isinstance(values, _Bad):
            yield Row(number, None, values.reason, place)
        else:
            yield Row(number, dict(zip(names, values, strict=False)), place=place)


class _Rows:
    def __init__(self, lines: _Lines) -> None:
        self.begun_at = 0
        self._lines = lines
        self._read_again = 0

    def head(self, *, is_tsv: bool, needed: Callable[[Sequence[str]], None]) -> tuple[list[str], _Form] | None:
        """The names of the fields, and how they are told apart."""
        line = self._filled()
        if line is None:
            return None
        if is_tsv:
            forms = [_Form("\t", has_quotes=False)]
        elif separator := _SEPARATOR.fullmatch(line):
            forms = [_Form(separator[1])]
            line = self._filled()
            if line is None:
                return None
        else:
            forms = [_Form(delimiter) for delimiter in sorted(_DELIMITERS, key=line.count, reverse=True)]
        self._lines.give_back([line])
        best: tuple[list[str], _Form] | None = None
        failure: BrokenError | None = None
        for form in forms:
            values, taken = self._record(form, 0)
            if isinstance(values, _Bad):
                failure = failure or BrokenError(f"line {self._lines.number:,}: {values.reason}")
                self._lines.give_back(taken)
                continue
            names = [" ".join(name.replace("\ufeff", "").split()) for name in values]
            skips = form.has_quotes and any(name.startswith(" ") for name in values[1:])
            try:
                needed(names)
            except BrokenError as error:
                failure = failure or error
                self._lines.give_back(taken)
                continue
            best = names, form._replace(skips_blanks=skips)
            break
        if best is None:
            raise failure or BrokenError("it has no first line with the names of its fields")
        return best

    def next(self, form: _Form, width: int, most: int) -> list[str] | _Bad | None:
        """The values of the next row; None: there is none. `most`: with columns at the end that have no name."""
        line = self._filled()
        if line is None:
            return None
        self._lines.give_back([line])
        values, taken = self._record(form, width)
        if any(map(self._lines.is_broken, taken)):
            return _Bad(NO_TEXT)
        if isinstance(values, _Bad):
            return values
        while len(values) > width and not values[-1].strip():
            values.pop()
        if width <= len(values) <= most:
            return values
        return _Bad(f"{len(values)} fields, where the first line names {width}")

    def _filled(self) -> str | None:
        """The next line that holds something."""
        while (line := self._lines.next()) is not None:
            if line.strip("\r\n"):
                self.begun_at = self._lines.number
                return line
        return None

    def _record(self, form: _Form, width: int) -> tuple[list[str] | _Bad, list[str]]:
        """The values of the record that begins with the next line, and the lines that it is made of."""
        line = self._lines.next() or ""
        if not form.has_quotes or '"' not in line:
            values = line.rstrip("\r\n").split(form.delimiter)
            return ([value.lstrip(" ") for value in values] if form.skips_blanks else values), [line]
        try:
            return _strict([line], form), [line]
        except csv.Error as error:
            is_open = "unexpected end" in str(error)
        if is_open and (whole := self._of_several(line, form)):
            return whole
        found = _lenient(line, form)
        if found and (not width or len(found[0]) == width) and (found[1] or self._stands_alone(form, width)):
            return found[0], [line]
        reason = "a quote that is never closed" if is_open or found is None else "quotes in a quoted field"
        return _Bad(reason), [line]

    def _of_several(self, line: str, form: _Form) -> tuple[list[str], list[str]] | None:
        """A record of several lines; None where it is not well-formed: then only the first line is taken."""
        taken, size = [line], len(line)
        if self._read_again > _MOST_READ_AGAIN:
            raise BrokenError(
                f"what follows line {self._lines.number:,} cannot be read: too many quotes are not closed"
            )

        def more() -> Iterator[str]:
            nonlocal size
            yield line
            while size < MAX_LINE and (following := self._lines.next()) is not None:
                taken.append(following)
                size += len(following)
                yield following

        try:
            return next(_reader(more(), form)), taken
        except csv.Error:
            self._read_again += size
            self._lines.give_back(taken[1:])
            return None

    def _stands_alone(self, form: _Form, width: int) -> bool:
        """Whether the next line is a row by itself, and no end of the one before it."""
        line = self._lines.next()
        if line is None:
            return True
        self._lines.give_back([line])
        if not line.strip("\r\n"):
            return True
        try:
            return len(_strict([line], form)) == width
        except csv.Error:
            found = _lenient(line, form)
            return found is not None and len(found[0]) == width


def _reader(lines: Iterator[str], form: _Form) -> Iterator[list[str]]:
    csv.field_size_limit(MAX_LINE)
    return csv.reader(lines, delimiter=form.delimiter, strict=True, skipinitialspace=form.skips_blanks)


def _strict(lines: Sequence[str], form: _Form) -> list[str]:
    return next(_reader(iter(lines), form))


def _lenient(line: str, form: _Form) -> tuple[list[str], bool] | None:
    """The values of a line in which quotes stand inside quoted fields, undoubled; and whether these come in pairs.

    A quote ends a field where a delimiter follows it, or the line's end. None: one is open at that.
    """
    line = line.rstrip("\r\n")
    mark = re.escape(form.delimiter)
    quoted = re.compile(rf'[ ]*"((?:[^"]|"(?![ ]*(?:{mark}|\Z)))*+)"[ ]*(?={mark}|\Z)')
    values, at, in_pairs = [], 0, True
    while True:
        if line.startswith('"', at) or (form.skips_blanks and line[at:].lstrip(" ").startswith('"')):
            found = quoted.match(line, at)
            if found is None:
                return None
            values.append(found[1].replace('""', '"'))
            in_pairs &= found[1].replace('""', "").count('"') % 2 == 0
            at = found.end()
        else:
            end = line.find(form.delimiter, at)
            end = len(line) if end < 0 else end
            values.append(line[at:end])
            at = end
        if at >= len(line):
            return values, in_pairs
        at += 1
