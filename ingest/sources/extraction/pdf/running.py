"""Running headers and footers: what stands at the same place of many pages, but for their numbers. Pure."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingest.sources.extraction.pdf.pages import Page, Row

_OUTERMOST = 3  # lines at each end of a page that are looked at
_MARGIN = 0.2  # of a page's height
_NEAR_PT = 6.0
_SAME_PT = 2.0
_APART = 1.6  # of the size of its type is between a running line and the text, at least
_FEWEST_PAGES = 3
_NUMBER = re.compile(r"\d{1,6}|\b[ivxlcIVXLC]{1,7}\b")
_ROMAN = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}
_LARGER = 1.15
_SHARE = 0.5

Place = tuple[int, int]
"""A line: the place of its page among those that have text, and its own on that."""


def running_lines(pages: Sequence[Page], body_size: float) -> set[Place]:
    """The lines that are no part of the text."""
    groups: dict[tuple[str, bool], list[Place]] = {}
    edges: dict[tuple[bool, int], list[Place]] = {}
    for number, page in enumerate(pages):
        for is_top, index in _edges(page):
            line = page.lines[index]
            groups.setdefault((_NUMBER.sub("#", line.text), is_top), []).append((number, index))
            edges.setdefault((is_top, round(line.y)), []).append((number, index))
    found: set[Place] = set()
    for places in groups.values():
        found |= _repeated(pages, places, body_size)
    return found | _at_the_same_height(pages, edges, found, body_size)


def _edges(page: Page) -> Iterator[tuple[bool, int]]:
    """The outermost lines of a page, which a gap divides from what is within; whether each stands at its top."""
    ordered = sorted(range(len(page.lines)), key=lambda index: page.lines[index].y)
    heights = [page.lines[index].y for index in ordered]
    gaps = sorted(after - before for before, after in pairwise(heights) if after - before > _SAME_PT)
    usual = gaps[len(gaps) // 2] if len(gaps) > _OUTERMOST else 0.0
    top = min((table.top for table in page.tables), default=page.height)
    bottom = max((table.bottom for table in page.tables), default=0.0)
    for is_top, indices in ((True, ordered), (False, ordered[::-1])):
        block: list[int] = []
        rows = 0
        for index, after in pairwise([*indices, None]):
            if index is None:
                break
            line = page.lines[index]
            limit = min(_MARGIN * page.height, top + 1) if is_top else max((1 - _MARGIN) * page.height, bottom - 1)
            if rows == _OUTERMOST or (line.y > limit if is_top else line.y < limit):
                break
            block.append(index)
            within = page.lines[after].y if after is not None else top if is_top else bottom
            gap = abs(within - line.y)
            rows += gap > _SAME_PT
            if gap > max(_APART * line.size, 1.25 * usual):
                yield from ((is_top, each) for each in block)
                block = []


def _repeated(pages: Sequence[Page], places: Sequence[Place], body_size: float) -> set[Place]:
    fewest = _FEWEST_PAGES if len(pages) > 2 else 2
    heights = [pages[number].lines[index].y for number, index in places]
    height = median(heights)
    near = [place for place, y in zip(places, heights, strict=True) if abs(y - height) <= _NEAR_PT]
    numbered = len({number for number, _ in near})
    if numbered < fewest:
        return set()
    lines = [pages[number].lines[index] for number, index in near]
    if lines[0].size > _LARGER * body_size and numbered < _SHARE * len(pages):
        return set()  # a heading that goes on, as on slides
    texts = [line.text for line in lines]
    if _counts_pages([pages[number].number for number, _ in near], texts):
        return set(near)
    same = Counter(texts)
    return {place for place, text in zip(near, texts, strict=True) if same[text] >= fewest}


def _counts_pages(numbers: Sequence[int], texts: Sequence[str]) -> bool:
    """Whether all that changes from one of these lines to the next is a number that counts the pages."""
    values = [[_value(found) for found in _NUMBER.findall(text)] for text in texts]
    for column in zip(*values, strict=False):
        if len(set(column)) == 1:
            continue
        steps = [
            later - earlier == after - before
            for earlier, later, before, after in zip(column, column[1:], numbers, numbers[1:], strict=False)
        ]
        if sum(steps) < 0.6 * len(steps):
            return False
    return True


def _value(number: str) -> int:
    if number.isdecimal():
        return int(number)
    worths = [_ROMAN[sign] for sign in number.lower()]
    return sum(-worth if worth < after else worth for worth, after in zip(worths, [*worths[1:], 0], strict=True))


def _at_the_same_height(
    pages: Sequence[Page], edges: dict[tuple[bool, int], list[Place]], found: set[Place], body_size: float
) -> set[Place]:
    """What stands on fewer pages where running lines stand on most, such as the name of a short chapter."""
    more: set[Place] = set()
    for places in edges.values():
        running = sum(place in found for place in places)
        if len(places) < max(4, _SHARE * len(pages)) or running < _SHARE * len(places):
            continue
        outermost = {place for place in places if _is_outermost(pages[place[0]], place, found)}
        more |= {place for place in outermost if pages[place[0]].lines[place[1]].size <= _LARGER * body_size}
    return more


def _is_outermost(page: Page, place: Place, found: set[Place]) -> bool:
    line = page.lines[place[1]]
    others = [other.y for index, other in enumerate(page.lines) if (place[0], index) not in found and other is not line]
    return not others or line.y < min(others) - line.size or line.y > max(others) + line.size


def without(page: Page, number: int, running: set[Place]) -> Iterator[Row | int]:
    """The parts of a page in the order of reading, without its running lines; of a table its place."""
    for is_table, index in page.order:
        if is_table:
            yield index
        elif (number, index) not in running:
            yield page.lines[index]
