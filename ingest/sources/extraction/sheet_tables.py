"""The rows of a sheet as tables with their headers, and the lines that stand alone. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from ingest.sources.extraction.marks import escaped
from ingest.sources.extraction.tables import markdown_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SPARSE = 20  # times as many cells as are filled: what is written far apart is no table
_NUMBER = re.compile(r"[-+($€£¥ ]{0,3}+\d[\d.,:/\s-]*+[%€)]?+")


class Row(NamedTuple):
    """A row of a sheet: its number, and the text of its cells by their columns, those that are not empty."""

    number: int
    cells: dict[int, str]


def sheet_blocks(rows: Iterable[Row]) -> list[str]:
    """The blocks of a sheet: a row of one cell above a table is a line, and an empty row may end a table."""
    blocks: list[str] = []
    table: list[dict[int, str]] = []
    last = 0
    for number, cells in rows:
        is_apart = number > last + 1 and bool(table)
        if is_apart and _is_header(cells, table):
            blocks += _written(table)
            table = []
        table.append(cells)
        last = number
    return blocks + _written(table)


def _is_header(cells: dict[int, str], table: Sequence[dict[int, str]]) -> bool:
    """Whether a row after an empty one begins another table, and does not go on with the one before."""
    if len(cells) == 1:
        return True
    has_numbers = any(_NUMBER.fullmatch(text) for row in table[1:] for text in row.values())
    return set(cells) != set(table[0]) or (has_numbers and not any(_NUMBER.fullmatch(text) for text in cells.values()))


def _written(table: list[dict[int, str]]) -> list[str]:
    lines = []
    start = 0
    while start < len(table) and len(table[start]) == 1 and any(len(row) > 1 for row in table[start:]):
        lines.append(escaped(" ".join(next(iter(table[start].values())).split())))
        start += 1
    rows = table[start:]
    if not rows:
        return lines
    columns = sorted({column for row in rows for column in row})
    filled = sum(map(len, rows))
    if len(columns) == 1:
        return [*lines, "\n".join(escaped(" ".join(text.split())) for row in rows for text in row.values())]
    if len(columns) * len(rows) > max(_SPARSE * filled, 10_000):
        return [*lines, "\n".join(" | ".join(" ".join(row[column].split()) for column in sorted(row)) for row in rows)]
    return [*lines, markdown_table([[row.get(column, "") for column in columns] for row in rows])]
