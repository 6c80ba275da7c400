"""Where a text may be cut inside what structure leaves too long: sentences, lines, words, graphemes.

A finder takes the text and a stretch of it, and gives the positions in it and what each cut costs.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from itertools import compress, pairwise
from typing import TYPE_CHECKING

from ingest.chunker import costs
from ingest.chunker.writing import Lines, lines_of

if TYPE_CHECKING:
    import regex

# A sentence ends with a mark and white space, not before a small letter, nor after an initial or a title; in
# Chinese and Japanese the mark is enough. A line break is a lesser place to cut. (The first character is a
# plain set, so that the search runs on it alone.)
_SENTENCES = re.compile(
    r"[.!?…؟۔।॥。！？｡\n](?:"
    r"(?<=\n)(?P<line>)"
    r"|(?<=[.!?…؟۔।॥])(?<![.!?…؟۔।॥]{2})(?<![\s.(][A-Za-z]\.)(?<!\bM[rs]\.)(?<!\bMrs\.)(?<!\b[DS][rt]\.)(?<!\bvs\.)(?<!\bcf\.)"
    r"[.!?…؟۔।॥]*+[\"'”’)\]*_`]*+\s++(?![a-z])"
    r"|(?<=[。！？｡])[。！？｡」』）】〕”’\"')]*+\s*+)"
)
# The same where sentences begin with small letters: transcripts, chat, normalised text, which may have a blank before
# each mark.
_SMALL_SENTENCES = re.compile(
    r"[.!?…\n](?:"
    r"(?<=\n)(?P<line>)"
    r"|(?<=[.!?…])(?<![.!?…]{2})(?<![\s.(][A-Za-z]\.)(?<![\s.(][A-Za-z] \.)(?<!\b[Mm][rs]\.)(?<!\b[Mm][rs] \.)"
    r"(?<!\b[Mm]rs\.)(?<!\b[Mm]rs \.)(?<!\b[DdSs][rt]\.)(?<!\b[DdSs][rt] \.)(?<!\bvs\.)(?<!\bcf\.)(?<!\betc\.)"
    r"[.!?…]*+[\"'”’)\]*_`]*+\s++)"
)
_LINES = re.compile(r"\n")
_WHOLE_LINES = re.compile(r"\n(?=[ \t]*+\S)")  # blank lines stand at the end of what is before them
_LINE_COSTS = {Lines.WRAPPED: costs.LINE, Lines.SHORT: costs.WHOLE_LINE, Lines.PARAGRAPHS: costs.PARAGRAPH}
_DATA_LINES = re.compile(r"\n(?![ \t]{0,200}+[}\])])")
_WORDS = re.compile(r"[,;:，、；：\s](?:(?<=\s)\s*+(?P<word>)|(?<=[,;:])\s++|(?<=[，、；：])\s*+)")

_FIRST_THAT_JOINS = "\u0300"  # no character before the combining grave accent belongs to the one before it

_JOINING = r"[\p{GCB=Extend}\p{GCB=SpacingMark}\p{GCB=ZWJ}]"
# Flags are pairs of letters. \X looks back over all of them at each one: quadratic in a long run.
_GRAPHEME = r"[\U0001f1e6-\U0001f1ff]{2}" + _JOINING + r"*+|\X"


def sentences(text: str, start: int, end: int) -> tuple[list[int], list[int]]:
    """The ends of sentences, and of lines, in prose."""
    return _in_prose(_SENTENCES, text, start, end)


def small_sentences(text: str, start: int, end: int) -> tuple[list[int], list[int]]:
    """The same in prose whose sentences begin with small letters."""
    return _in_prose(_SMALL_SENTENCES, text, start, end)


def _in_prose(pattern: re.Pattern[str], text: str, start: int, end: int) -> tuple[list[int], list[int]]:
    """The ends of sentences, and of lines at what a break of them says."""
    line_cost = _LINE_COSTS[lines_of(text, start, end)]
    if line_cost > costs.SENTENCE:
        return _matches(pattern, text, start, end, costs.SENTENCE, line_cost)
    breaks, _ = _matches(_WHOLE_LINES, text, start, end, line_cost, line_cost)
    positions: list[int] = []
    prices: list[int] = []
    for first, last in pairwise((start, *breaks, end)):
        inner, their_prices = _matches(pattern, text, first, last, costs.SENTENCE, costs.LINE)
        positions += (*inner, last)
        prices += (*their_prices, line_cost)
    return positions[:-1], prices[:-1]


def lines(text: str, start: int, end: int) -> tuple[list[int], list[int]]:
    """The ends of lines, in code."""
    return _matches(_LINES, text, start, end, costs.CODE_LINE, costs.CODE_LINE)


def data_lines(text: str, start: int, end: int) -> tuple[list[int], list[int]]:
    """The ends of lines, in data: what closes stays with what it closes."""
    return _matches(_DATA_LINES, text, start, end, costs.DATA_LINE, costs.DATA_LINE)


def words(text: str, start: int, end: int) -> tuple[list[int], list[int]]:
    """The ends of clauses and of words."""
    return _matches(_WORDS, text, start, end, costs.CLAUSE, costs.WORD)


def graphemes(text: str, start: int, end: int) -> tuple[list[int], list[int]]:
    """The ends of what a reader takes for one character: Unicode's extended grapheme clusters."""
    stretch = text[start:end]
    if stretch.isascii() and "\r" not in stretch:
        positions = list(range(start + 1, end))
    else:
        positions = [match.end() for match in _expression(_GRAPHEME).finditer(text, start, end)][:-1]
    return positions, [costs.GRAPHEME] * len(positions)


def characters(_text: str, start: int, end: int) -> tuple[list[int], list[int]]:
    """Every code point: for a single grapheme over the limit, such as a thousand accents on one letter."""
    return list(range(start + 1, end)), [costs.CHARACTER] * (end - start - 1)


def middle(text: str, start: int, end: int) -> int:
    """Where to halve a stretch of two characters or more: the end of a sentence nearest to its middle, else..."""
    for find in (sentences, words, graphemes, characters):
        positions, _ = find(text, start, end)
        if positions:
            return min(positions, key=lambda position: abs(2 * position - start - end))
    raise ValueError("a single character has no middle")


@lru_cache(maxsize=16_384)
def joins_before(character: str) -> bool:
    """Whether the character belongs to the one before it: accents, joiners, variation selectors, skin tones."""
    if character < _FIRST_THAT_JOINS:
        return False
    return _expression(_JOINING).match(character) is not None


def _matches(
    pattern: re.Pattern[str], text: str, start: int, end: int, cost: int, lesser_cost: int
) -> tuple[list[int], list[int]]:
    """Where the pattern's matches end; one in which a group took part has the lesser place's cost."""
    positions: list[int] = []
    prices: list[int] = []
    for match in pattern.finditer(text, start, end):
        positions.append(match.end())
        prices.append(lesser_cost if match.lastindex else cost)
    if positions and positions[-1] == end:
        positions.pop()
        prices.pop()
    # Each character that follows is looked at once, and not at each match.
    if joining := {*filter(joins_before, {*map(text.__getitem__, positions)})}:
        parting = [text[position] not in joining for position in positions]
        return [*compress(positions, parting)], [*compress(prices, parting)]
    return positions, prices


@cache
def _expression(pattern: str) -> regex.Pattern[str]:
    import regex  # slow to import, and seldom needed

    return regex.compile(pattern)
