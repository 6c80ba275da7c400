"""What is drawn on a page, in the order of reading: columns one after another, rows, tables. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from ingest.sources.extraction.pdf.pages import Line, Page, Row, Rule, Table, Word
from ingest.sources.extraction.pdf.tables import aligned_tables, is_marker, ruled_tables

if TYPE_CHECKING:
    from collections.abc import Sequence

_GAP_EM = 1.0  # between columns or cells; between the words of justified text there is less
_BASELINE_EM = 0.35
_FEWEST_LINES = 4  # of a column
_PROSE_WIDTH = 0.55  # a column's lines fill as much of it at least, those of a table's columns mostly not
_PROSE_WORDS = 3.0
_PROSE_CHARACTERS = 12.0  # where words are not divided by blanks
_DEEPEST = 4
_MOST_BLANKS = 80


@dataclass(slots=True)
class Segment:
    """A part of a line without a wide gap."""

    line: Line
    x0: float
    x1: float
    y: float
    index: int


def laid_out(number: int, width: float, height: float, lines: Sequence[Line], rules: Sequence[Rule]) -> Page:
    """A page of these lines, which come as they are drawn."""
    tables, rest = ruled_tables(rules, lines)
    segments = [segment for index, line in enumerate(rest) for segment in _segments(line, index)]
    page = Page(number, width, height, [], [], [])
    columns = [aligned_tables(_rows(column)) for column in _columns(segments, 0)]
    for table in tables:
        _put_in(columns, table)
    parts = [part for column in columns for part in column]
    for part in parts:
        if isinstance(part, Table):
            page.order.append((True, len(page.tables)))
            page.tables.append(part)
        else:
            page.order.append((False, len(page.lines)))
            page.lines.append(_row(part))
    return page


def _row(line: Line) -> Row:
    """A line as it is read; where its letters have one width, with as many blanks as there is room for."""
    first = line.words[0]
    text, width = line.text, 0.0
    if line.is_mono:
        width = sum(word.x1 - word.x0 for word in line.words) / max(1, sum(len(word.text) for word in line.words))
        text, end = first.text, first.x1
        for word in line.words[1:]:
            blanks = round((word.x0 - end) / max(width, 1.0))
            text += " " * min(max(blanks, 1), _MOST_BLANKS) + word.text
            end = word.x1
    return Row(text, line.x0, line.x1, line.y, line.size, line.is_bold, line.is_mono, first.x1 - first.x0, width)


def _put_in(columns: list[list[Line | Table]], table: Table) -> None:
    """Put a ruled table where it stands: into the column that is nearest, before the first part that is below it."""

    def distance(column: Sequence[Line | Table]) -> tuple[bool, float]:
        is_beside = min(part.x0 for part in column) >= table.x1 or max(part.x1 for part in column) <= table.x0
        first, last = min(map(_top, column)), max(map(_top, column))
        return is_beside, max(first - table.bottom, table.top - last, 0.0)

    if not columns:
        columns.append([])
    column = min(columns, key=distance) if columns[0] else columns[0]
    place = next((index for index, part in enumerate(column) if _top(part) >= table.bottom), len(column))
    column.insert(place, table)


def _top(part: Line | Table) -> float:
    return part.top if isinstance(part, Table) else part.y


def _segments(line: Line, index: int) -> list[Segment]:
    """The parts of a line; what stands after a bullet or a number at its beginning belongs to that."""
    parts: list[list[Word]] = []
    for word in line.words:
        last = parts[-1][-1] if parts else None
        is_far = last is not None and word.x0 - last.x1 >= _GAP_EM * max(word.size, last.size)
        if last is None or (is_far and not line.is_mono and not (len(parts) == 1 and is_marker(parts[0]))):
            parts.append([word])
        else:
            parts[-1].append(word)
    y = line.y
    return [Segment(Line(part, line.is_bold, line.is_mono), part[0].x0, part[-1].x1, y, index) for part in parts]


def _columns(segments: list[Segment], depth: int) -> list[list[Segment]]:
    """The columns of a page or of a part of one, in the order of reading."""
    gutter = _gutter(segments) if depth < _DEEPEST else None
    if gutter is None:
        return [segments] if segments else []
    found: list[list[Segment]] = []
    left: list[Segment] = []
    right: list[Segment] = []

    def close() -> None:
        found.extend(_columns(left[:], depth + 1))
        found.extend(_columns(right[:], depth + 1))
        left.clear()
        right.clear()

    for segment in sorted(segments, key=lambda segment: segment.y):
        side = _side(segment, gutter)
        if side < 0:
            left.append(segment)
        elif side > 0:
            right.append(segment)
        else:
            close()
            if found and found[-1] and _side(found[-1][-1], gutter) == 0:
                found[-1].append(segment)
            else:
                found.append([segment])
    close()
    return found


def _side(segment: Segment, gutter: float) -> int:
    if segment.x1 <= gutter - 2.0:
        return -1
    return 1 if segment.x0 >= gutter - 2.0 else 0


def _gutter(segments: Sequence[Segment]) -> float | None:
    """Where the right one of two columns of prose begins."""
    if len(segments) < 2 * _FEWEST_LINES:
        return None
    first, last = min(segment.x0 for segment in segments), max(segment.x1 for segment in segments)
    begins: dict[int, list[float]] = {}
    for segment in segments:
        if segment.x0 > first + 0.15 * (last - first):
            begins.setdefault(round(segment.x0 / 2), []).append(segment.x0)
    likely = sorted(begins.values(), key=len, reverse=True)[:3]
    for gutter in sorted(min(xs) for xs in likely if len(xs) >= _FEWEST_LINES):
        sides: dict[int, list[Segment]] = {-1: [], 0: [], 1: []}
        for segment in segments:
            sides[_side(segment, gutter)].append(segment)
        left, across, right = sides[-1], sides[0], sides[1]
        if len(across) > len(left) + len(right) or not (_is_prose(left, gutter) and _is_prose(right, last)):
            continue
        top, bottom = min(segment.y for segment in right), max(segment.y for segment in right)
        if sum(top - 1 <= segment.y <= bottom + 1 for segment in left) >= _FEWEST_LINES - 1:
            return gutter
    return None


def _is_prose(column: Sequence[Segment], end: float) -> bool:
    """Whether these are lines of running text, and no cells of a table."""
    if len(column) < _FEWEST_LINES:
        return False
    begin = min(segment.x0 for segment in column)
    if median(segment.x1 - segment.x0 for segment in column) < _PROSE_WIDTH * (end - begin):
        return False
    words = sum(len(segment.line.words) for segment in column) / len(column)
    characters = sum(len(word.text) for segment in column for word in segment.line.words) / len(column)
    wide = sum(word.text[0] >= "\u2e80" for segment in column for word in segment.line.words)
    return words >= _PROSE_WORDS or (wide > 0.5 * words * len(column) and characters >= _PROSE_CHARACTERS)


def _rows(column: list[Segment]) -> list[list[Line]]:
    """The rows of a column from top to bottom, each with its parts from left to right."""
    in_height = sorted(column, key=lambda segment: (segment.y, segment.x0))
    rows: list[list[Segment]] = []
    for segment in in_height:
        row = rows[-1] if rows else None
        if (
            row
            and segment.y - row[0].y <= _BASELINE_EM * min(segment.line.size, row[0].line.size)
            and _is_free(row, segment)
        ):
            row.append(segment)
        else:
            rows.append([segment])
    if _is_drawn_otherwise(rows):
        drawn = sorted(column, key=lambda segment: segment.index)
        rows = []
        for segment in drawn:
            if rows and rows[-1][0].index == segment.index:
                rows[-1].append(segment)
            else:
                rows.append([segment])
    return [[segment.line for segment in sorted(row, key=lambda segment: segment.x0)] for row in rows]


def _is_free(row: Sequence[Segment], segment: Segment) -> bool:
    return all(other.x1 <= segment.x0 + 1.0 or segment.x1 <= other.x0 + 1.0 for other in row[-8:])


def _is_drawn_otherwise(rows: Sequence[Sequence[Segment]]) -> bool:
    """Whether reading from top to bottom goes to and fro in what was drawn together, as beside a column of notes."""
    back = sum(min(s.index for s in after) < max(s.index for s in row) for row, after in pairwise(rows))
    shared = sum(len({segment.index for segment in row}) > 1 for row in rows)
    return back > max(3, len(rows) // 4) and shared < len(rows) // 2
