"""Where a text may be cut, and what each cut costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ingest.chunker import costs, finer
from ingest.chunker.cuts import thin
from ingest.chunker.markup_tables import asciidoc_tables, text_tables
from ingest.chunker.structure import structure
from ingest.chunker.tables import find_tables, with_rows
from ingest.chunker.ties import ties
from ingest.chunker.writing import begins_small, below_title
from ingest.model import Syntax

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.chunker.outline import Heading, Structure
    from ingest.chunker.tables import Table

    Finder = Callable[[str, int, int], tuple[list[int], list[int]]]


_FINDERS: dict[Syntax, Finder] = {
    **dict.fromkeys((Syntax.CODE, Syntax.SQL, Syntax.LOG), finer.lines),
    **dict.fromkeys((Syntax.JSON, Syntax.YAML), finer.data_lines),
}


class Boundaries(NamedTuple):
    """The boundaries of a text, from its start to its end, its headings and tables, and what finds its sentences.

    For each boundary: its position, what a cut there costs, how many tokens end before it, and before or at it.
    """

    positions: list[int]
    costs: list[int]
    ends_before: list[int]
    ends_upto: list[int]
    headings: list[Heading]
    tables: list[Table]
    find_sentences: Finder


class _Found(NamedTuple):
    """Positions, what a cut at each costs, how many tokens end before it. Each (n,) int64."""

    positions: np.ndarray
    costs: np.ndarray
    ends_before: np.ndarray


def boundaries(text: str, syntax: Syntax, token_ends: np.ndarray, limit: int) -> Boundaries:
    """The places to choose from where the text is to be cut into passages of at most `limit` tokens."""
    outline = structure(text, syntax)
    tables = _tables(text, syntax, outline)
    if tables:
        with_rows(outline, tables)
    find_sentences = _FINDERS.get(syntax) or (finer.small_sentences if begins_small(text) else finer.sentences)
    found = _all(text, syntax, token_ends, limit, outline, find_sentences)
    prices = found.costs + ties(text, found.positions, costs.TIES)
    kept = thin(found.ends_before.tolist(), prices.tolist(), limit)
    positions = found.positions[kept]
    return Boundaries(
        positions.tolist(),
        prices[kept].tolist(),
        found.ends_before[kept].tolist(),
        token_ends.searchsorted(positions, "right").tolist(),
        outline.headings,
        tables,
        finer.sentences if syntax in _FINDERS else find_sentences,
    )


def _tables(text: str, syntax: Syntax, outline: Structure) -> list[Table]:
    if syntax is Syntax.MARKDOWN:
        return find_tables(text, outline)
    if syntax is Syntax.TEXT:
        return text_tables(text)
    return asciidoc_tables(text) if syntax is Syntax.ASCIIDOC else []


def _all(
    text: str, syntax: Syntax, token_ends: np.ndarray, limit: int, outline: Structure, find_sentences: Finder
) -> _Found:
    """Structure comes first; what it leaves too long is searched for sentences, words, and graphemes in turn."""
    titles = {heading.start for heading in outline.headings}

    def sentences(text: str, start: int, end: int) -> tuple[list[int], list[int]]:
        if syntax in _FINDERS:
            return find_sentences(text, start, end)
        if start in outline.code:
            return finer.lines(text, start, end)
        return find_sentences(text, below_title(text, start, end) if start in titles else start, end)

    def graphemes(text: str, start: int, end: int) -> tuple[list[int], list[int]]:
        return _at_token_ends(*finer.graphemes(text, start, end), token_ends)

    inner = [position for position in outline.positions if position]  # the start is there already
    prices = [costs.OF_KIND[kind] for kind in outline.kinds[len(outline.kinds) - len(inner) :]]
    found = _found([0, *inner, len(text)], [0, *prices, 0], token_ends)
    found = _refined(text, found, token_ends, sentences, limit // 4)
    found = _refined(text, found, token_ends, finer.words, limit // 4)
    found = _without_blank_edges(text, found)
    found = _refined(text, found, token_ends, graphemes, limit // 2)
    return _refined(text, found, token_ends, finer.characters, limit)


def _found(positions: list[int], prices: list[int], token_ends: np.ndarray) -> _Found:
    at = np.array(positions, np.int64)
    return _Found(at, np.array(prices, np.int64), token_ends.searchsorted(at))


def _refined(text: str, found: _Found, token_ends: np.ndarray, find: Finder, longest: int) -> _Found:
    """What was found, and with it what is found in every stretch of more than `longest` tokens."""
    sizes = found.ends_before[1:] - found.ends_before[:-1] + 1  # a token that a cut parts counts twice
    positions: list[int] = []
    prices: list[int] = []
    for stretch in np.flatnonzero(sizes > longest).tolist():
        start, end = found.positions[stretch : stretch + 2].tolist()
        more, their_prices = find(text, start, end)
        positions += more
        prices += their_prices
    if not positions:
        return found
    pairs = zip(found, _found(positions, prices, token_ends), strict=True)
    joined = _Found(*(np.concatenate(pair) for pair in pairs))
    order = joined.positions.argsort(kind="stable")
    return _Found(*(each[order] for each in joined))


def _without_blank_edges(text: str, found: _Found) -> _Found:
    """White space at the start and the end of the text is no chunk of its own, unless it is longer than one."""
    first, last = found.positions.searchsorted([len(text) - len(text.lstrip()) + 1, len(text.rstrip())]).tolist()
    inner = slice(first, max(first, last))
    return _Found(*(np.concatenate((each[:1], each[inner], each[-1:])) for each in found))


def _at_token_ends(positions: list[int], prices: list[int], token_ends: np.ndarray) -> tuple[list[int], list[int]]:
    """Those where tokens end, if any: enough to choose from, and a megabyte of one letter has few."""
    candidates = np.array(positions, np.int64)
    nearest = token_ends.take(token_ends.searchsorted(candidates), mode="clip")
    at_ends = candidates[nearest == candidates].tolist()
    return (at_ends, prices[: len(at_ends)]) if at_ends else (positions, prices)
