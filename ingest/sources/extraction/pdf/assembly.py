"""The pages of a PDF as one Markdown document. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from ingest.model import Loss, LossKind
from ingest.sources.extraction.extracted import Extracted
from ingest.sources.extraction.marks import escaped
from ingest.sources.extraction.pdf.headings import body_size, headings, title_of
from ingest.sources.extraction.pdf.pages import DIVIDED, Bookmark, Page, Row, Sketch, Table
from ingest.sources.extraction.pdf.running import running_lines, without
from ingest.sources.extraction.tables import markdown_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_NEAR_PT = 6.0
_SLACK = 0.5  # of a blank and the next word: what is left at the end of a line where that would have had room
_LEADERS = re.compile(r"(?:[ ]?[.·…_]){5,}+[ ]?")
_BULLET = re.compile(r"[•◦▪■●○‣⁃∙·\uf0b7\uf0a7]\s*+|[–—*-]\s++")
_ENTRY = re.compile(r"\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{1,5})[.)]\s")
_ITEM = re.compile(r"-\s")
_WORD = re.compile(r"[^\W\d_]++(?:-[^\W\d_]++)*+")
_LAST = re.compile(r"([^\W\d_]{1,60})[-\u00ad]\Z")
_FIRST = re.compile(r"[^\W\d_]++")
_MOST_NAMED = 40
_MOST_BLANKS = 80


def document(sketch: Sketch, outline: Sequence[Bookmark], pages: Sequence[Page], hint: str) -> Extracted:
    """The text of a PDF. `hint`: what one can do about pages without text."""
    body = body_size(pages)
    written = [page for page in pages if page.lines or page.tables]
    running = running_lines(written, body)
    parts: dict[int, list[Row | Table]] = {}
    for place, page in enumerate(written):
        parts[page.number] = [
            page.tables[part] if isinstance(part, int) else part for part in without(page, place, running)
        ]
    lines = {number: [part for part in page if isinstance(part, Row)] for number, page in parts.items()}
    levels = headings(outline, lines, body)
    first = [page for page in written[:3] if not page.is_recognised]
    title = title_of(sketch, [_only(page, lines[page.number]) for page in first], body)
    writer = _Writer(levels, body, _words(written))
    for part in _joined_tables(parts):
        writer.put(part)
    text, begins = writer.text()
    return Extracted(text, title, _losses(pages, sketch, hint), begins)


def _only(page: Page, lines: list[Row]) -> Page:
    return Page(page.number, page.width, page.height, lines, [], [])


def _joined_tables(parts: dict[int, list[Row | Table]]) -> Iterator[Row | Table | int]:
    """The parts of all pages, and before those of each its number; a table that goes on on the next page is one."""
    waiting: Table | None = None
    for number, page in parts.items():
        rest = list(page)
        if waiting is not None:
            if rest and isinstance(rest[0], Table) and _goes_on(waiting, rest[0]):
                more = rest.pop(0)
                assert isinstance(more, Table)  # noqa: S101 - it was just looked at
                waiting.begins.append((len(waiting.rows), number + 1))
                waiting.rows += more.rows[1:] if more.rows[0] == waiting.rows[0] else more.rows
                if not rest:
                    continue
            yield waiting
            waiting = None
        yield number + 1
        if rest and isinstance(rest[-1], Table):
            last = rest.pop()
            assert isinstance(last, Table)  # noqa: S101
            waiting = Table([*last.rows], last.x0, last.x1, last.top, last.bottom, last.size, last.is_ruled)
        yield from rest
    if waiting is not None:
        yield waiting


def _goes_on(table: Table, more: Table) -> bool:
    is_like = len(table.rows[0]) == len(more.rows[0])
    is_there = abs(table.x0 - more.x0) <= 2 * _NEAR_PT and abs(table.x1 - more.x1) <= 4 * _NEAR_PT
    return is_like and (is_there or table.rows[0] == more.rows[0])


@dataclass(frozen=True, slots=True)
class _Words:
    """The words of a document that stand within a line: what tells whether a hyphen at its end is one."""

    plain: set[str]
    hyphenated: set[str]


def _words(pages: Sequence[Page]) -> _Words:
    plain: set[str] = set()
    hyphenated: set[str] = set()
    for page in pages:
        for line in page.lines:
            text = line.text.lower().rpartition(" ")[0]
            for word in _WORD.findall(text):
                (hyphenated if "-" in word else plain).add(word)
    return _Words(plain, hyphenated)


@dataclass(slots=True)
class _Writer:
    """Markdown as it grows: paragraphs, headings, code and tables."""

    levels: dict[int, int]
    body: float
    words: _Words
    blocks: list[str] = field(default_factory=list)
    begins: list[tuple[int, int]] = field(default_factory=list)
    """At which character of the text a page begins, and its number."""
    lines: list[Row] = field(default_factory=list)
    """Those of the paragraph, the heading or the code that is being written."""
    turned: list[tuple[int, int]] = field(default_factory=list)
    """At which of these a page begins, and its number."""
    is_new_page: bool = False
    page: int = 1
    size: int = 0

    def put(self, part: Row | Table | int) -> None:
        """The next part; a number: a page begins."""
        if isinstance(part, int):
            self.is_new_page, self.page = True, part
            return
        if isinstance(part, Table):
            self._close()
            table = markdown_table(part.rows)
            self._write(table, [(0, self.page), *_row_begins(part, table)])
        else:
            if self.lines and not self._is_same(self.lines[-1], part):
                self._close()
            if self.is_new_page or not self.lines:
                self.turned.append((len(self.lines), self.page))
            self.lines.append(part)
        self.is_new_page = False

    def text(self) -> tuple[str, tuple[tuple[int, int], ...]]:
        """The text, and at which character of it each page begins."""
        self._close()
        return "\n\n".join(self.blocks) + "\n" if self.blocks else "", tuple(self.begins)

    def _write(self, block: str, begins: Sequence[tuple[int, int]]) -> None:
        """A block; `begins`: at which of its characters a page begins, and its number."""
        if not block:
            return
        for at, page in begins:
            if not self.begins or self.begins[-1][1] != page:
                self.begins.append((self.size + at, page))
        self.blocks.append(block)
        self.size += len(block) + 2  # and a blank line

    def _is_same(self, last: Row, line: Row) -> bool:
        """Whether a line belongs to the same block as the one before."""
        level = self.levels.get(id(last))
        if level != self.levels.get(id(line)):
            return False
        if level is not None:
            is_like = line.is_bold == last.is_bold and abs(line.size - last.size) < 0.5
            return is_like and 0 <= line.y - last.y < 2.0 * line.size
        if line.is_mono != last.is_mono:
            is_close = 0 < line.y - last.y < 1.4 * line.size and not last.text.endswith(":")
            return line.is_mono and not self._is_code() and is_close
        gap = line.y - last.y
        if self.is_new_page or (gap < -0.5 * line.size and not line.is_mono):  # or the next column
            return last.is_mono or not _ends_sentence(last.text)
        larger, smaller = max(line.size, last.size), min(line.size, last.size)
        return line.is_mono or (gap <= 1.55 * larger and (larger - smaller <= 1.0 or smaller >= 0.9 * larger))

    def _is_code(self) -> bool:
        return all(line.is_mono for line in self.lines)

    def _close(self) -> None:
        if not self.lines:
            return
        level = self.levels.get(id(self.lines[0]))
        marks = "" if level is None else "#" * level + " "
        block, starts = _code(self.lines) if level is None and self._is_code() else self._prose(self.lines)
        begins = [(starts[line] + (len(marks) if line else 0), page) for line, page in self.turned]
        self._write(marks + (block.replace("\n", " ") if marks else block), begins)
        self.lines, self.turned = [], []

    def _prose(self, lines: Sequence[Row]) -> tuple[str, list[int]]:
        """A paragraph: lines that are full are joined, those that end before, stay; and where in it each begins."""
        rights = _right_edges(lines)
        text = _line_text(lines[0])
        level = self.levels.get(id(lines[0]))
        pieces: list[str] = [text if level else _escaped(text)]
        firsts = [0]
        for (last, line), right in zip(pairwise(lines), rights, strict=False):
            text = _line_text(line)
            has_had_room = last.x1 + line.first_width + _SLACK * line.size < right
            is_entry = bool(_BULLET.match(text)) or bool(_ENTRY.match(text) and line.x0 <= lines[0].x0 + 1)
            if pieces[-1].endswith(("-", DIVIDED)) and not is_entry:
                pieces[-1], text = self._undivided(pieces[-1], text)
                pieces.append(text)
            elif (has_had_room or is_entry) and not level:
                pieces += ["\n", _escaped(text)]
            else:
                pieces += ["" if _is_wide(pieces[-1][-1:]) and _is_wide(text[:1]) else " ", text]
            firsts.append(len(pieces) - 1)
        starts = [0, *accumulate(map(len, pieces))]
        return "".join(pieces).replace(DIVIDED, "-"), [starts[first] for first in firsts]

    def _undivided(self, above: str, below: str) -> tuple[str, str]:
        """Two lines of which the first ends in a hyphen, as they read: with it, without it, or with a blank."""
        head, tail = _LAST.search(above), _FIRST.match(below)
        if head is None or tail is None:
            return above, below if above.endswith("-") and above[-2:-1].strip() else f" {below}"
        word = f"{head[1]}-{tail[0]}".lower()
        joined = word.replace("-", "")
        is_capital = tail[0][0].isupper() and not (head[1].isupper() and joined in self.words.plain)
        if is_capital or word in self.words.hyphenated:
            return f"{above[:-1]}-", below
        if above.endswith(DIVIDED) or joined in self.words.plain or tail[0].islower():
            return above[:-1], below
        return above, below


def _right_edges(lines: Sequence[Row]) -> list[float]:
    """Of each line where the lines of its column end."""
    edges: list[float] = []
    column: list[Row] = []
    for line in lines:
        if column and line.y < column[-1].y - 0.5 * line.size:
            edges += [max(each.x1 for each in column)] * len(column)
            column = []
        column.append(line)
    return edges + [max(each.x1 for each in column)] * len(column)


def _line_text(line: Row) -> str:
    text = _LEADERS.sub(" … ", line.text).strip()
    bullet = _BULLET.match(text)
    return f"- {text[bullet.end() :]}" if bullet and bullet.end() < len(text) else text


def _escaped(text: str) -> str:
    """A line that begins as Markdown's own marks do, with a backslash before them: but for an item of a list."""
    return text if _ITEM.match(text) else escaped(text)


def _row_begins(table: Table, written: str) -> Iterator[tuple[int, int]]:
    """At which character of a table as it is written a further page of it begins, and its number."""
    lines = [0, *accumulate(len(line) + 1 for line in written.split("\n"))]
    for row, page in table.begins:
        above = sum(any(map(str.strip, cells)) for cells in table.rows[:row])  # the others are left out
        yield lines[min(above + 1, len(lines) - 2)], page  # below the header is a line of dashes


def _code(lines: Sequence[Row]) -> tuple[str, list[int]]:
    """Lines of one width of letters, with the blanks before and within them; and where each begins."""
    left = min(line.x0 for line in lines)
    width = max(1.0, *(line.letter_width for line in lines))
    written: list[str] = []
    numbers = []
    last_y: float | None = None
    for line in lines:
        if last_y is not None and line.y - last_y > 1.9 * line.size:
            written.append("")
        numbers.append(len(written))
        written.append(" " * min(round((line.x0 - left) / width), _MOST_BLANKS) + line.text.replace(DIVIDED, "-"))
        last_y = line.y
    if len(written) == 1 and " " not in written[0].strip():
        return written[0].strip(), [0]
    fence = "````" if any("```" in line for line in written) else "```"
    starts = list(accumulate((len(line) + 1 for line in written), initial=len(fence) + 1))
    return "\n".join([fence, *written, fence]), [0, *(starts[number] for number in numbers[1:])]


def _ends_sentence(text: str) -> bool:
    return text.rstrip("\"'”’)]").endswith((".", ":", "!", "?", ";", "。", "！", "？", "："))


def _is_wide(sign: str) -> bool:
    return sign >= "\u2e80"


def _losses(pages: Sequence[Page], sketch: Sketch, hint: str) -> tuple[Loss, ...]:
    """What of the pages was not read: those without text, and those that could not be."""
    losses = []
    empty = [page for page in pages if not page.problem and not page.lines and not page.tables]
    if empty:
        blank = [page for page in empty if page.is_blank]
        words = f"{_counted(len(empty), sketch.pages)}: {_named(empty)}"
        if blank:
            words += f" ({'blank' if len(blank) == len(empty) else f'blank: {_named(blank)}'})"
        if len(blank) < len(empty) and hint:
            words += f"; {hint}"
        losses.append(Loss(LossKind.PAGES_WITHOUT_TEXT, len(empty), words))
    broken = [page for page in pages if page.problem]
    if broken:
        words = ", ".join(f"page {page.number + 1} ({page.problem})" for page in broken[:_MOST_NAMED])
        losses.append(Loss(LossKind.PARTS_LEFT_OUT, len(broken), f"not read: {words}"))
    if comments := sum(page.comments for page in pages):
        losses.append(Loss(LossKind.PARTS_LEFT_OUT, comments, f"{comments:,} comment{'s' if comments > 1 else ''}"))
    if sketch.attachments:
        attached = f"{sketch.attachments} attached file{'s' if sketch.attachments > 1 else ''} not read"
        losses.append(Loss(LossKind.PARTS_LEFT_OUT, sketch.attachments, attached))
    return tuple(losses)


def _counted(count: int, total: int) -> str:
    return f"{count:,} of {total:,} pages {'has' if count == 1 else 'have'} no text"


def _named(pages: Sequence[Page]) -> str:
    names = [f"{page.number + 1:,}" for page in pages[:_MOST_NAMED]]
    return ", ".join(names) + (", …" if len(pages) > _MOST_NAMED else "")
