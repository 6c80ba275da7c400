"""Lines: on which of a file a place of its text stands, as an editor counts them."""

from __future__ import annotations

from bisect import bisect_right
from operator import itemgetter
from typing import TYPE_CHECKING

from ingest.formatting import line_break

if TYPE_CHECKING:
    from collections.abc import Sequence


class Lines:
    """Counts lines from the place that was asked for last: of places that follow one another, each stretch once.

    `marks`: at which characters lines are counted anew, the first of them 0, and the line there, from 1.
    """

    def __init__(self, text: str, marks: Sequence[tuple[int, int]]) -> None:
        self._text = text
        self._marks = marks
        self._mark = self._near = marks[0]
        self._break = line_break(text)

    def at(self, place: int) -> int:
        """The line of a character."""
        mark = self._marks[bisect_right(self._marks, place, key=itemgetter(0)) - 1]
        if mark is not self._mark:
            self._mark = self._near = mark
        near, line = self._near
        line += self._text.count(self._break, near, place) - self._text.count(self._break, place, near)
        self._near = place, line
        return line
