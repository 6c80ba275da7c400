"""What is known of a text's structure: its headings, and where paragraphs, items, rows and blocks begin."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class Heading(NamedTuple):
    """A heading: where its first line starts, its depth (1 is outermost), its words."""

    start: int
    depth: int
    title: str


@dataclass(frozen=True, slots=True)
class Structure:
    """Where structures begin, in order: `kinds[i]` says what begins at `positions[i]`.

    The kind of what follows a heading at once is "after heading", whatever it is: not a place to cut.
    `code` holds the positions at which blocks of code begin, `fences` where those in fences begin and end.
    """

    positions: list[int] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    headings: list[Heading] = field(default_factory=list)
    code: set[int] = field(default_factory=set)
    fences: list[tuple[int, int]] = field(default_factory=list)
