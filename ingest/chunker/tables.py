"""Tables of Markdown: where they are, and what is embedded with a passage that begins among their rows."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from itertools import islice, pairwise
from typing import TYPE_CHECKING, NamedTuple

from ingest.model import CUT_HEADER

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ingest.chunker.headings import Context
    from ingest.chunker.outline import Structure
    from ingest.chunker.tokens import Tokenizer

_DEEPEST_HEADER = 4  # rows
LONGEST_CAPTION = 200  # characters: a longer line is a paragraph of its own

# The row under a header says how its columns are aligned. Each has a bar behind dashes: that is looked for.
_HINT = re.compile(r"-:?[ \t]*+\|")
_BEFORE = re.compile(r"[ \t>]*+")
_ALIGNMENT = re.compile(r"\|?+[ \t]*+:?-++:?[ \t]*+(?:\|[ \t]*+:?-++:?[ \t]*+)*+\|?+[ \t\r]*+")
_BAR = re.compile(r"(?<!\\)\|")
_MARK_OF_ITEM = re.compile(r"(?:[-*+•]|\d{1,9}[.)])[ \t]++")
_NO_CAPTION = re.compile(r"\#{1,6}[ \t]|[-*+•][ \t]|\d{1,9}[.)][ \t]|\||<|`{3}|~{3}")
_CAPTION_BELOW = re.compile(r"(?:[Tt]able)?:[ \t]++(\S[^\n]*+)")


class Table(NamedTuple):
    """A table: where its header row, the row under that, and the first row of its body start, and where it ends.

    `rows` are the starts of the rows below the header; what goes on in several rows is one header. `caption` and
    `header` are words without line breaks.
    """

    start: int
    rows: list[int]
    end: int
    caption: str
    header: str


def find_tables(text: str, outline: Structure) -> list[Table]:
    """The tables of a text in Markdown, in their order; those in fences are none."""
    found = []
    position = 0
    while hint := _HINT.search(text, position):
        line = text.rfind("\n", 0, hint.start()) + 1
        position = _line_end(text, hint.end())
        fence = bisect_right(outline.fences, (line, len(text))) - 1
        if fence >= 0 and line < outline.fences[fence][1]:
            position = max(position, outline.fences[fence][1])
        elif line and (table := _table(text, line, position)):
            found.append(table)
            position = table.end
    return found


def _table(text: str, alignment: int, alignment_end: int) -> Table | None:
    """The table whose alignment row stands there, if it is one: its header row has as many cells."""
    above = text.rfind("\n", 0, alignment - 1) + 1
    header, row = _bare(text[above : alignment - 1]), _bare(text[alignment:alignment_end])
    if "|" not in header or not _ALIGNMENT.fullmatch(row) or len(_cells(header)) != len(_cells(row)):
        return None
    rows = [alignment]
    end = alignment_end
    while end < len(text) - 1:
        next_end = _line_end(text, end + 1)
        if "|" not in text[end + 1 : next_end]:
            break
        rows.append(end + 1)
        end = next_end
    named, deep = _named_columns(_cells(header), (_cells(_bare(text[row:end])) for row, end in pairwise(rows[1:])))
    if deep:
        del rows[1 : 1 + deep]
        header = f"| {' | '.join(named)} |"
    is_inside = bool(_BEFORE.match(text, above, alignment)[0])  # type: ignore[index]  # it matches nothing, too
    caption = _caption_below(text, end) or _caption_above(text, above, is_inside=is_inside)
    words = " ".join(header.split()) if any(map(str.isalnum, header)) else ""
    return Table(above, rows, end, caption, words)


def _named_columns(header: Sequence[str], rows: Iterable[list[str]]) -> tuple[list[str], int]:
    """The names of columns whose header goes on in the rows below it, such as `Price net`, and in how many of these.

    A cell of the first row that spans several columns leaves those behind it empty: the row below names each.
    """
    names = upper = [cell.strip() for cell in header]
    deep = 0
    for row in islice(rows, _DEEPEST_HEADER - 1):
        below = [cell.strip() for cell in row]
        if len(below) != len(upper) or not _goes_on(upper, below):
            break
        spanning = ""
        spread = []
        for name, own, lower in zip(names, upper, below, strict=True):
            spanning = name if own else spanning
            spread.append(" ".join(filter(None, (name or (spanning if lower else ""), lower))))
        names, upper, deep = spread, below, deep + 1
    return names, deep


def _goes_on(upper: Sequence[str], below: Sequence[str]) -> bool:
    """Whether a row of a header is told apart further by the row below it.

    The first column, which names the rows, has nothing there, and only columns that one cell spans have a name: or,
    where each of at least two cells spans several columns, all of these have one that is no number.
    """
    filled = [index for index, cell in enumerate(upper) if cell]
    spanned = {index for index, cell in enumerate(upper) if not cell and filled and index > filled[0]}
    groups = [index for index in filled if index + 1 in spanned]
    lower = {index for index, cell in enumerate(below) if cell}
    if not lower & spanned or not lower.issuperset(groups):
        return False
    if 0 not in lower:
        return lower <= spanned.union(groups)
    is_all = groups == filled and len(groups) > 1 and len(lower) == len(below)
    return is_all and not any(map(str.isdecimal, "".join(below)))


def _caption_above(text: str, start: int, *, is_inside: bool) -> str:
    """The paragraph of one line that stands directly above a table; of one in a list, its item."""
    line, before = _line_above(text, start)
    if not line:
        line, before = _line_above(text, before)
    if is_inside and (mark := _MARK_OF_ITEM.match(line)):
        line = line[mark.end() :]
    elif _NO_CAPTION.match(line) or not _begins_paragraph(_line_above(text, before)[0]):
        return ""
    if len(line) > LONGEST_CAPTION or not any(map(str.isalnum, line)):
        return ""
    return line.strip("*_ \t")


def _begins_paragraph(line_above: str) -> bool:
    """Whether a paragraph begins below this line: it is blank, a heading or a rule."""
    return line_above.startswith("#") or not any(map(str.isalnum, line_above))


def _caption_below(text: str, end: int) -> str:
    """As pandoc has it: a line below the table that begins with a colon."""
    below = _CAPTION_BELOW.match(text[end : end + 3 + LONGEST_CAPTION].lstrip("\r\n"))
    return below[1].strip() if below else ""


def _line_above(text: str, start: int) -> tuple[str, int]:
    """The line above the one that starts there, without the marks of a quote, and where that line starts."""
    if not start:
        return "", 0
    above = text.rfind("\n", max(0, start - 10_000), start - 1) + 1
    return _bare(text[above : start - 1]).strip(), above


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end


def _bare(line: str) -> str:
    """A line without its indentation and the marks of a quote."""
    return line[_BEFORE.match(line).end() :].rstrip()  # type: ignore[union-attr]  # it matches nothing, too


def _cells(row: str) -> list[str]:
    cells = _BAR.split(row)
    return cells[not cells[0].strip() : len(cells) - (not cells[-1].strip() and len(cells) > 1)]


def with_rows(outline: Structure, tables: Sequence[Table]) -> None:
    """Add the rows of the tables to the structure: their only cuts. The first below a header is not parted from it."""
    kinds = dict(zip(outline.positions, outline.kinds, strict=True))
    for table in tables:
        rows = set(table.rows)
        begin, end = (bisect_left(outline.positions, place) for place in (table.rows[0], table.end))
        for inside in outline.positions[begin:end]:
            if inside not in rows:
                del kinds[inside]
        for row in table.rows:
            kinds.setdefault(row, "row")
        kinds.update(dict.fromkeys(table.rows[:2], "after heading"))
    outline.positions[:] = sorted(kinds)
    outline.kinds[:] = map(kinds.__getitem__, outline.positions)


def with_headers(
    around: Sequence[Context],
    tables: Sequence[Table],
    positions: Sequence[int],
    tokenizer: Tokenizer,
    most_tokens: int,
) -> list[Context]:
    """The contexts of passages that begin at these positions, with the headers of the tables they begin in.

    A header that takes more than `most_tokens` is cut after a cell, and the caption is left out.
    """
    if not tables:
        return [*around]
    starts = [table.rows[0] for table in tables]
    headers: dict[int, str] = {}
    known: dict[tuple[Context, int], Context] = {}
    extended = []
    for context, position in zip(around, positions, strict=True):
        which = bisect_right(starts, position) - 1
        if which >= 0 and position < tables[which].end:
            if which not in headers:
                headers[which] = _bounded(tables[which], tokenizer, most_tokens)
            if header := headers[which]:
                key = context, which
                if key not in known:
                    known[key] = _with_header(context, header, tables[which].start, tokenizer)
                extended.append(known[key])
                continue
        extended.append(context)
    return extended


def _with_header(context: Context, header: str, start: int, tokenizer: Tokenizer) -> Context:
    line = context.line + header
    tokens = tokenizer.count(line) - tokenizer.overhead
    return context._replace(line=line, tokens=tokens, table_header=header, table_start=start)


def _bounded(table: Table, tokenizer: Tokenizer, most_tokens: int) -> str:
    """What is embedded of a table's header, of at most so many tokens: its lines, each with its line break."""

    def fits(header: str) -> bool:
        return tokenizer.count(header) - tokenizer.overhead <= most_tokens

    lines = "".join(f"{line}\n" for line in (table.caption, table.header) if line)
    if fits(lines):
        return lines
    row = f"{table.header}\n" if table.header else ""
    if fits(row):
        return row
    cells = _cells(table.header)
    fewest, most = 0, len(cells) - 1
    while fewest < most:
        middle = (fewest + most + 1) // 2
        fewest, most = (middle, most) if fits(_cut(cells, middle)) else (fewest, middle - 1)
    return _cut(cells, fewest)


def _cut(cells: Sequence[str], count: int) -> str:
    return "|".join(["", *cells[:count], CUT_HEADER])
