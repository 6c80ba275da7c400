"""The tables of a page: those between rules, and those whose cells stand below one another. Pure."""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from ingest.sources.extraction.pdf.pages import DIVIDED, Line, Rule, Table, Word

if TYPE_CHECKING:
    from collections.abc import Sequence

_NEAR_PT = 3.0
_NARROWEST_PT = 6.0
_MAX_RULES = 1_000
_TOUCHING_EM = 0.12  # between words there is twice as much at least
_FEWEST_ROWS = 3
_HEADER_GAP_EM = 0.5  # the words of a header may be as close as that, where the cells below are far from each other
_MARKER = re.compile(r"(?:[•◦▪■●○‣⁃∙·*–—-]|\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)])")
_DIVISION = re.compile(r"(?<=[a-z])- (?=[a-z]{2,3}(?![a-z])|[a-z]{4})(?!and\b|or\b|und\b|et\b|to\b)")
_LEADERS = re.compile(r"(?:\.[ ]?){4}")


def is_marker(words: Sequence[Word]) -> bool:
    """Whether this is what stands before an entry of a list, and nothing more."""
    return len(words) == 1 and bool(_MARKER.fullmatch(words[0].text))


def joined(words: Sequence[Word]) -> str:
    """Words as the text of a cell."""
    return _undivided(" ".join(word.text for word in words))


def _undivided(cell: str) -> str:
    cell = cell.replace(DIVIDED + " ", "").replace(DIVIDED, "-")
    return _DIVISION.sub("", cell)


def ruled_tables(rules: Sequence[Rule], lines: Sequence[Line]) -> tuple[list[Table], list[Line]]:
    """The tables between rules that cross, from top to bottom; and what is left of the lines."""
    grids = _grids(rules)
    if not grids:
        return [], list(lines)
    cells: list[dict[tuple[int, int], list[Word]]] = [{} for _ in grids]
    sizes: list[float] = [0.0] * len(grids)
    owners: list[list[int | None]] = []
    for line in lines:
        owner: list[int | None] = []
        for word in line.words:
            place = next((index for index, grid in enumerate(grids) if grid.holds(word)), None)
            owner.append(place)
            if place is not None:
                cells[place].setdefault(grids[place].cell(word), []).append(word)
                sizes[place] = sizes[place] or word.size
        owners.append(owner)
    tables: list[Table] = []
    taken: set[int] = set()
    for index, grid in enumerate(grids):
        rows = sorted({row for row, _ in cells[index]})
        columns = {column for _, column in cells[index]}
        if len(rows) < 2 or len(columns) < 2:
            continue
        width = len(grid.xs) - 1
        texts = [[joined(cells[index].get((row, column), ())) for column in range(width)] for row in rows]
        kept = [column for column in range(width) if any(row[column] for row in texts)]
        texts = [[row[column] for column in kept] for row in texts]
        tables.append(Table(texts, grid.xs[0], grid.xs[-1], grid.ys[0], grid.ys[-1], sizes[index], is_ruled=True))
        taken.add(index)
    rest = []
    for line, owner in zip(lines, owners, strict=True):
        words = [word for word, place in zip(line.words, owner, strict=True) if place not in taken]
        if words:
            rest.append(line if len(words) == len(line.words) else Line(words, line.is_bold, line.is_mono))
    return sorted(tables, key=lambda table: table.top), rest


class _Grid:
    """Rules that cross: the places of those down and along the page, and which parts of them are drawn."""

    def __init__(self, along: Sequence[Rule], down: Sequence[Rule]) -> None:
        self.xs = _places([rule.x0 for rule in down])
        self.ys = _places([rule.y0 for rule in along])
        self._along, self._down = along, down
        self._parents: dict[tuple[int, int], tuple[int, int]] = {}

    @property
    def is_table(self) -> bool:
        return len(self.xs) >= 3 and len(self.ys) >= 3

    def holds(self, word: Word) -> bool:
        x, y = (word.x0 + word.x1) / 2, word.y - word.size / 4
        return self.xs[0] < x < self.xs[-1] and self.ys[0] < y < self.ys[-1]

    def cell(self, word: Word) -> tuple[int, int]:
        """The row and the column of a word; of a cell over several of them the first."""
        column = bisect_right(self.xs, (word.x0 + word.x1) / 2) - 1
        row = bisect_right(self.ys, word.y - word.size / 4) - 1
        known = self._parents.get((row, column))
        if known is None:
            first_row, first_column = row, column
            while first_column > 0 and not self._is_drawn_down(first_row, first_column):
                first_column -= 1
            while first_row > 0 and not self._is_drawn_along(first_row, first_column):
                first_row -= 1
            known = self._parents[row, column] = first_row, first_column
        return known

    def _is_drawn_down(self, row: int, column: int) -> bool:
        y = (self.ys[row] + self.ys[row + 1]) / 2
        return any(abs(rule.x0 - self.xs[column]) <= _NARROWEST_PT and rule.y0 <= y <= rule.y1 for rule in self._down)

    def _is_drawn_along(self, row: int, column: int) -> bool:
        x = (self.xs[column] + self.xs[column + 1]) / 2
        return any(abs(rule.y0 - self.ys[row]) <= _NARROWEST_PT and rule.x0 <= x <= rule.x1 for rule in self._along)


def _places(numbers: Sequence[float]) -> list[float]:
    """Numbers in their order, those that are close to each other once."""
    found: list[float] = []
    for number in sorted(numbers):
        if not found or number - found[-1] > _NARROWEST_PT:
            found.append(number)
    return found


def _grids(rules: Sequence[Rule]) -> list[_Grid]:
    along = _united([rule for rule in rules if rule.x1 - rule.x0 > rule.y1 - rule.y0], is_down=False)
    down = _united([rule for rule in rules if rule.x1 - rule.x0 <= rule.y1 - rule.y0], is_down=True)
    if len(along) + len(down) > _MAX_RULES:  # a drawing
        return []
    names = list(range(len(along) + len(down)))

    def name(index: int) -> int:
        while names[index] != index:
            names[index] = names[names[index]]
            index = names[index]
        return index

    for one, level in enumerate(along):
        for other, upright in enumerate(down, len(along)):
            is_beside = level.x0 - _NEAR_PT <= upright.x0 <= level.x1 + _NEAR_PT
            if is_beside and upright.y0 - _NEAR_PT <= level.y0 <= upright.y1 + _NEAR_PT:
                names[name(other)] = name(one)
    groups: dict[int, tuple[list[Rule], list[Rule]]] = {}
    for index in range(len(names)):
        levels, uprights = groups.setdefault(name(index), ([], []))
        if index < len(along):
            levels.append(along[index])
        else:
            uprights.append(down[index - len(along)])
    grids = (_Grid(levels, uprights) for levels, uprights in groups.values() if levels and uprights)
    return [grid for grid in grids if grid.is_table]


def _united(rules: Sequence[Rule], *, is_down: bool) -> list[Rule]:
    """Rules of which those that go on in each other are one."""
    if is_down:
        ordered = sorted(rules, key=lambda rule: (round(rule.x0), rule.y0))
    else:
        ordered = sorted(rules, key=lambda rule: (round(rule.y0), rule.x0))
    found: list[Rule] = []
    for rule in ordered:
        last = found[-1] if found else None
        if last and is_down and round(last.x0) == round(rule.x0) and rule.y0 <= last.y1 + _NEAR_PT:
            last.y1 = max(last.y1, rule.y1)
        elif last and not is_down and round(last.y0) == round(rule.y0) and rule.x0 <= last.x1 + _NEAR_PT:
            last.x1 = max(last.x1, rule.x1)
        else:
            found.append(Rule(rule.x0, rule.x1, rule.y0, rule.y1))
    return found


def aligned_tables(rows: Sequence[Sequence[Line]]) -> list[Line | Table]:
    """Rows as they are, but those whose cells stand below one another in at least three as tables."""
    found: list[Line | Table] = []
    index = 0
    while index < len(rows):
        end, columns = _table_end(rows, index)
        if end - index >= _FEWEST_ROWS:
            table = list(rows[index:end])
            header = _header(rows[index - 1], rows[index], columns) if index and isinstance(found[-1], Line) else None
            if header:
                found.pop()
                table.insert(0, header)
            found.append(_table(table, columns))
            index = end
        else:
            found.append(_whole(rows[index]))
            index += 1
    return found


def _table_end(rows: Sequence[Sequence[Line]], start: int) -> tuple[int, list[tuple[float, float]]]:
    """Where the table that begins with this row ends, and where its columns are."""
    count = len(rows[start])
    columns = [(cell.x0, cell.x1) for cell in rows[start]]
    if count < 2 or any(cell.is_mono or _LEADERS.search(cell.text) for cell in rows[start]):
        return start, columns
    end = full = start + 1
    while end < len(rows):
        row = rows[end]
        if row[0].y - rows[end - 1][0].y > 3.5 * row[0].size or row[0].y < rows[end - 1][0].y:
            break
        if len(row) > count or any(cell.is_mono or _LEADERS.search(cell.text) for cell in row):
            break
        places = _fitting(row, columns)
        if places is None or (len(row) < count and (len(row) == 1 and places != [0] and _is_wide(row[0], columns))):
            break
        if len(row) == 1 and (places == [0] or end - start < 2):
            break
        for cell, place in zip(row, places, strict=True):
            columns[place] = min(columns[place][0], cell.x0), max(columns[place][1], cell.x1)
        end += 1
        if len(row) == count:
            full = end
        elif len(row) == 1:
            continue
    return (full if sum(len(row) == count for row in rows[start:full]) >= _FEWEST_ROWS else start), columns


def _header(row: Sequence[Line], first: Sequence[Line], columns: Sequence[tuple[float, float]]) -> list[Line] | None:
    """The row above a table in its columns, where each has a word of it and none stands between two."""
    if not 0 < first[0].y - row[0].y <= 2.5 * first[0].size or any(cell.is_mono for cell in row):
        return None
    words = [word for cell in row for word in cell.words]
    gaps = sorted(range(1, len(words)), key=lambda place: words[place].x0 - words[place - 1].x1, reverse=True)
    cuts = [0, *sorted(gaps[: len(columns) - 1]), len(words)]
    narrowest = min((words[cut].x0 - words[cut - 1].x1 for cut in cuts[1:-1]), default=0.0)
    if len(cuts) != len(columns) + 1 or narrowest < _HEADER_GAP_EM * words[0].size:
        return None
    cells = [Line(words[begin:end], row[0].is_bold, row[0].is_mono) for begin, end in pairwise(cuts)]
    return cells if all(map(_is_in_column, cells, columns)) else None


def _is_in_column(cell: Line, column: tuple[float, float]) -> bool:
    """Whether a cell stands at an edge or in the middle of a column, or one of them within the other."""
    x0, x1 = column
    near = 0.8 * cell.size
    is_at = abs(cell.x0 - x0) <= near or abs(cell.x1 - x1) <= near or abs(cell.x0 + cell.x1 - x0 - x1) <= near
    return is_at or (cell.x0 >= x0 - near and cell.x1 <= x1 + near)


def _is_wide(cell: Line, columns: Sequence[tuple[float, float]]) -> bool:
    return cell.x1 - cell.x0 > 0.6 * (columns[-1][1] - columns[0][0])


def _fitting(row: Sequence[Line], columns: Sequence[tuple[float, float]]) -> list[int] | None:
    """The column of each cell, where each has one of its own whose edge or middle it stands at."""
    places: list[int] = []
    for cell in row:
        for place, column in enumerate(columns):
            if place in places[-1:] or (places and place < places[-1]):
                continue
            is_free = (place == 0 or cell.x0 > columns[place - 1][1]) and (
                place + 1 == len(columns) or cell.x1 < columns[place + 1][0]
            )
            if is_free and _is_in_column(cell, column):
                places.append(place)
                break
        else:
            return None
    return places


def _table(rows: Sequence[Sequence[Line]], columns: Sequence[tuple[float, float]]) -> Table:
    gaps = [after[0].y - row[0].y for row, after in pairwise(rows)]
    usual = median(gaps)
    texts: list[list[str]] = []
    for number, row in enumerate(rows):
        cells = [""] * len(columns)
        for cell, place in zip(row, _fitting(row, columns) or range(len(row)), strict=True):
            cells[place] = " ".join(word.text for word in cell.words)
        gap = gaps[number - 1] if number else 0.0
        is_close = number > 0 and len(row) < len(columns) and gap <= 1.45 * row[0].size
        if is_close and (not cells[0] or gap <= 0.87 * usual or _is_divided(texts[-1], cells)):
            texts[-1] = [f"{above} {cell}".strip() for above, cell in zip(texts[-1], cells, strict=True)]
        else:
            texts.append(cells)
    size = rows[0][0].size
    texts = [[_undivided(cell) for cell in row] for row in texts]
    return Table(texts, columns[0][0], columns[-1][1], rows[0][0].y - size, rows[-1][0].y, size)


def _is_divided(above: Sequence[str], below: Sequence[str]) -> bool:
    """Whether a word begins in one row and ends in the next."""
    return any(one.endswith(("-", DIVIDED)) and other[:1].islower() for one, other in zip(above, below, strict=True))


def _whole(row: Sequence[Line]) -> Line:
    if len(row) == 1:
        return row[0]
    words: list[Word] = []
    for word in (word for cell in row for word in cell.words):
        if words and -_TOUCHING_EM * word.size < word.x0 - words[-1].x1 < _TOUCHING_EM * word.size:
            last = words[-1]  # what is lowered or raised ends a line for pdfium: the 2 of H2O
            words[-1] = Word(last.text + word.text, last.x0, word.x1, last.y, last.size)
        else:
            words.append(word)
    return Line(words, all(cell.is_bold for cell in row), all(cell.is_mono for cell in row))
