"""Tables of reStructuredText and AsciiDoc: where they are, and the header of each, as those of Markdown. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ingest.chunker.tables import LONGEST_CAPTION, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MOST_HEADER_LINES = 12

# What each kind of table cannot do without.
_GRID = re.compile(r"^[ \t]*+\+=++(?:\+=++)*+\+[ \t\r]*+$", re.MULTILINE)
_BORDER = re.compile(r"^[ \t]*+=++(?:[ ]++=++)++[ \t\r]*+$", re.MULTILINE)
_DIRECTIVE = re.compile(r"^([ \t]*+)\.\. (list|csv)-table::[ \t]*+([^\n]*+)$", re.MULTILINE)
_ASCIIDOC = re.compile(r"^([|,])===[ \t\r]*+$", re.MULTILINE)

_OPTION = re.compile(r"[ \t]++:([\w-]++):[ \t]*+([^\n]*+)")
_ITEM = re.compile(r"[ \t]*+\*[ \t]++-(?:[ \t]++|\Z)")
_CELL = re.compile(r"[ \t]*+-(?:[ \t]++|\Z)")
_TITLE = re.compile(r"\.\. table::[ \t]*+([^\n]*+)")
_COLUMN = re.compile(r"=++")
_BAR = re.compile(r"(?<!\\)\|")
_SPECIFIED = re.compile(r"(?:\d{1,3}\*)?(?:\d{0,3}(?:\.\d{1,3})?\+)?[<^>]?(?:\.[<^>])?[adehlmsv]?\Z")
_HEADED = re.compile(r"%[^,\]]{0,40}header|option\w{0,1}=\"?[^\"\]]{0,40}header")
_COLS = re.compile(r"cols=\"([^\"]{1,400})\"|cols=(\d{1,3})")


def text_tables(text: str) -> list[Table]:
    """The tables of reStructuredText, in their order: grids, simple ones, lists and CSV; those that have a header."""
    found = [*_each(text, _GRID, _grid), *_each(text, _BORDER, _simple), *_each(text, _DIRECTIVE, _directive)]
    kept: list[Table] = []
    for table in sorted(found):
        if not kept or table.start >= kept[-1].end:
            kept.append(table)
    return kept


def asciidoc_tables(text: str) -> list[Table]:
    """The tables of AsciiDoc, in their order; those that have a header."""
    return list(_each(text, _ASCIIDOC, _asciidoc))


def _each(
    text: str, pattern: re.Pattern[str], read: Callable[[str, re.Match[str]], tuple[Table | None, int]]
) -> Iterator[Table]:
    """The tables that begin with what a pattern finds; each is looked for after the one before."""
    position = 0
    while match := pattern.search(text, position):
        table, end = read(text, match)
        position = max(end, match.end())
        if table:
            yield table


def _lines(text: str, start: int) -> Iterator[tuple[int, str]]:
    """Where each line starts, and the line, from the one that starts there."""
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield start, text[start:end].rstrip()
        start = end + 1


def _row(cells: list[str]) -> str:
    words = [" ".join(cell.split()).replace("|", "\\|") for cell in cells]
    return f"| {' | '.join(words)} |" if any(map(str.isalnum, "".join(words))) else ""


def _made(start: int, rows: list[int], end: int, caption: str, header: str) -> Table | None:
    """A table, where it has a header and rows below it."""
    if not header or len(rows) < 2:
        return None
    return Table(start, rows, end, caption if len(caption) <= LONGEST_CAPTION else "", header)


def _grid(text: str, match: re.Match[str]) -> tuple[Table | None, int]:
    """A grid, by the line below its header."""
    start, cells = match.start(), [""] * (match[0].count("+") - 1)
    above: list[str] = []
    while start:
        line_start = text.rfind("\n", 0, start - 1) + 1
        line = text[line_start : start - 1].strip()
        if not line.startswith(("|", "+-")) or len(above) > _MOST_HEADER_LINES:
            break
        above.append(line)
        start = line_start
    for line in reversed(above):
        parts = _BAR.split(line)[1:-1]
        if len(parts) == len(cells):
            cells = [f"{cell} {part.strip()}" for cell, part in zip(cells, parts, strict=True)]
    rows, end, is_after_border = [match.start()], match.end(), True
    for line_start, line in _lines(text, match.end() + 1):
        bare = line.lstrip()
        if not bare.startswith(("|", "+")):
            break
        if bare.startswith("|") and is_after_border:
            rows.append(line_start)
        is_after_border = bare.startswith("+")
        end = line_start + len(line)
    return _made(start, rows, end, _title_above(text, start), _row(cells)), end


def _simple(text: str, match: re.Match[str]) -> tuple[Table | None, int]:
    """A simple table, by the border above its header."""
    columns = [(found.start(), found.end()) for found in _COLUMN.finditer(match[0])]
    edges = [begin for begin, _ in columns]
    borders: list[int] = []
    header, rows, end = [""] * len(columns), list[int](), match.end()
    for number, (line_start, line) in enumerate(_lines(text, match.end() + 1)):
        if [found.span() for found in _COLUMN.finditer(line)] == columns and not line.strip(" \t="):
            borders.append(line_start)
            end = line_start + len(line)
            if len(borders) == 2:
                break
            rows.append(line_start)
        elif line and not line.strip(" \t="):
            return None, match.end()  # another table begins
        elif not borders:
            if number > _MOST_HEADER_LINES or not line:
                return None, match.end()
            cells = [line[a:b] for a, b in zip(edges, [*edges[1:], None], strict=True)]
            header = [f"{cell} {part.strip()}" for cell, part in zip(header, cells, strict=True)]
        elif line and not line[: edges[0]].strip() and line[edges[0] : edges[0] + 1].strip():
            rows.append(line_start)
        elif line and line[: edges[0]].strip():
            return None, match.end()  # what stands left of it is no row
    if len(borders) < 2:
        return None, match.end()
    return _made(match.start(), rows, end, _title_above(text, match.start()), _row(header)), end


def _directive(text: str, match: re.Match[str]) -> tuple[Table | None, int]:
    """A list or CSV below the directive that makes a table of it."""
    margin, kind, caption = match.groups()
    options: dict[str, str] = {}
    rows: list[int] = []
    items: list[list[str]] = []
    end = match.end()
    for line_start, line in _lines(text, match.end() + 1):
        if line and not line.startswith((f"{margin} ", f"{margin}\t")):
            break
        option = _OPTION.fullmatch(line) if not rows else None
        if option:
            options[option[1]] = option[2]
        elif line and kind == "csv":
            rows.append(line_start)
            if len(rows) <= _MOST_HEADER_LINES:
                items.append(_csv_cells(line))
        elif item := _ITEM.match(line):
            rows.append(line_start)
            items.append([line[item.end() :]])
        elif items and len(items) <= _MOST_HEADER_LINES and (cell := _CELL.match(line)):
            items[-1].append(line[cell.end() :])
        elif items and line:
            items[-1][-1] += f" {line.strip()}"
        end = line_start + len(line) if line else end
    count = int(options["header-rows"]) if options.get("header-rows", "").isdecimal() else 0
    if kind == "csv" and "header" in options:
        return _made(
            match.start(), [rows[0], *rows] if rows else [], end, caption, _row(_csv_cells(options["header"]))
        ), end
    header = [cells for cells in items[:count] if cells]
    joined = [" ".join(column) for column in zip(*header, strict=False)]
    return _made(match.start(), rows[count:][:1] + rows[count:], end, caption, _row(joined)), end


def _csv_cells(line: str) -> list[str]:
    import csv

    return next(csv.reader([line.strip()], skipinitialspace=True), [])


def _asciidoc(text: str, match: re.Match[str]) -> tuple[Table | None, int]:
    """A table between two marks, by the first."""
    mark, bar = match[0].rstrip(), match[1]
    end = text.find(f"\n{mark}", match.end())
    end = len(text) if end < 0 else end + 1 + len(mark)
    attributes, caption, start = _above(text, match.start())
    is_headed = _HEADED.search(attributes) is not None
    columns = _columns(attributes)
    header: list[str] = []
    rows: list[int] = []
    cells = 0
    for line_start, line in _lines(text, match.end() + 1):
        if line_start >= end or line == mark:
            break
        parts = _csv_cells(line) if bar == "," else _cells(line)
        if not rows:
            if not line:
                if header:
                    rows.append(line_start)
            elif header and not is_headed:
                return None, end  # the first row stands alone where it is the header
            elif header and (bar == "," or len(header) >= (columns or len(header))):
                rows += [line_start, line_start]
                cells = len(parts)
            else:
                header += parts
        elif line and parts:
            if cells % len(header) == 0 or len(rows) == 1:
                rows.append(line_start)
            cells += len(parts)
    return _made(start, rows, end, caption, _row(header)), end


def _cells(line: str) -> list[str]:
    """The cells that begin in a line, without what is said of the next one before its bar."""
    before, *parts = _BAR.split(line)
    if parts and before and not _SPECIFIED.match(before.strip()):
        return []
    return [_SPECIFIED.sub("", part) if place < len(parts) - 1 else part for place, part in enumerate(parts)]


def _columns(attributes: str) -> int:
    """How many columns the attributes say there are; 0: they say nothing."""
    found = _COLS.search(attributes)
    if not found:
        return 0
    if found[2]:
        return int(found[2])
    parts = found[1].replace(";", ",").split(",")
    return sum(
        int(part.split("*")[0]) if part.split("*")[0].strip().isdecimal() and "*" in part else 1 for part in parts
    )


def _above(text: str, start: int) -> tuple[str, str, int]:
    """The attributes and the title that stand above a table, and where these start."""
    attributes = caption = ""
    for _ in range(2):
        line_start = text.rfind("\n", 0, max(start - 1, 0)) + 1
        line = text[line_start : max(start - 1, 0)].strip()
        if line.startswith("[") and line.endswith("]"):
            attributes = line[:500]
        elif line[:1] == "." and line[1:2].strip(". "):
            caption = line[1:]
        else:
            break
        start = line_start
    return attributes, caption, start


def _title_above(text: str, start: int) -> str:
    """The title that the directive above a grid or a simple table gives it."""
    end = start
    while end and text[end - 1].isspace():
        end -= 1
    line_start = text.rfind("\n", 0, max(end - 1, 0)) + 1
    title = _TITLE.match(text[line_start:end].strip())
    return title[1].strip() if title else ""
