"""Where a text may be cut, and what each cut costs."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ingest.chunker import costs, finer
from ingest.chunker.cuts import thin
from ingest.chunker.structure import structure
from ingest.chunker.ties import ties
from ingest.model import Syntax

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.chunker.structure import Heading, Structure

    Found = tuple[list[int], list[int]]  # positions, and what a cut at each costs
    Finder = Callable[[str, int, int], Found]


class Boundaries(NamedTuple):
    """The boundaries of a text, from its start to its end, and its headings.

    For each boundary: its position, what a cut there costs, how many tokens end before it, and before or at it.
    """

    positions: list[int]
    costs: list[int]
    ends_before: list[int]
    ends_upto: list[int]
    headings: list[Heading]


def boundaries(text: str, syntax: Syntax, token_ends: np.ndarray, limit: int) -> Boundaries:
    """The places to choose from where the text is to be cut into passages of at most `limit` tokens."""
    found = structure(text, syntax)
    positions, prices = _all(text, syntax, token_ends, limit, found)
    prices = [price + tie for price, tie in zip(prices, ties(text, positions, costs.TIES), strict=True)]
    ends_before = np.searchsorted(token_ends, positions).tolist()
    kept = thin(ends_before, prices, limit)
    positions = [positions[index] for index in kept]
    return Boundaries(
        positions,
        [prices[index] for index in kept],
        [ends_before[index] for index in kept],
        np.searchsorted(token_ends, positions, "right").tolist(),
        found.headings,
    )


def _all(text: str, syntax: Syntax, token_ends: np.ndarray, limit: int, structure: Structure) -> Found:
    """Structure comes first; what it leaves too long is searched for sentences, words, and graphemes in turn."""

    def sentences(text: str, start: int, end: int) -> Found:
        is_code = syntax is Syntax.CODE or start in structure.code
        return (finer.lines if is_code else finer.sentences)(text, start, end)

    def graphemes(text: str, start: int, end: int) -> Found:
        return _at_token_ends(*finer.graphemes(text, start, end), token_ends)

    inner = [position for position in structure.positions if position]  # the start is there already
    prices = [costs.OF_KIND[kind] for kind in structure.kinds[len(structure.kinds) - len(inner) :]]
    found = [0, *inner, len(text)], [0, *prices, 0]
    found = _refined(text, found, token_ends, sentences, limit // 4)
    found = _refined(text, found, token_ends, finer.words, limit // 4)
    found = _without_blank_edges(text, found)
    found = _refined(text, found, token_ends, graphemes, limit // 2)
    return _refined(text, found, token_ends, finer.characters, limit)


def _refined(text: str, found: Found, token_ends: np.ndarray, find: Finder, longest: int) -> Found:
    """What was found, and with it what is found in every stretch of more than `longest` tokens."""
    positions, prices = found
    sizes = np.diff(np.searchsorted(token_ends, positions)) + 1  # a token that a cut parts counts twice
    finer_positions: list[int] = []
    finer_prices: list[int] = []
    done = 0
    for stretch in np.flatnonzero(sizes > longest).tolist():
        between, prices_between = find(text, positions[stretch], positions[stretch + 1])
        finer_positions += positions[done : stretch + 1]
        finer_positions += between
        finer_prices += prices[done : stretch + 1]
        finer_prices += prices_between
        done = stretch + 1
    return finer_positions + positions[done:], finer_prices + prices[done:]


def _without_blank_edges(text: str, found: Found) -> Found:
    """White space at the start and the end of the text is no chunk of its own, unless it is longer than one."""
    positions, prices = found
    first = bisect_right(positions, len(text) - len(text.lstrip()))
    last = max(first, bisect_left(positions, len(text.rstrip())))
    return [0, *positions[first:last], len(text)], [0, *prices[first:last], 0]


def _at_token_ends(positions: list[int], prices: list[int], token_ends: np.ndarray) -> Found:
    """Those where tokens end, if any: enough to choose from, and a megabyte of one letter has few."""
    candidates = np.array(positions, np.int64)
    nearest = token_ends.take(np.searchsorted(token_ends, candidates), mode="clip")
    at_ends = candidates[nearest == candidates].tolist()
    return (at_ends, prices[: len(at_ends)]) if at_ends else (positions, prices)
