"""How prose is written, told from the text itself: with capitals or without, in lines that are wrapped or whole."""

from __future__ import annotations

import re
from enum import Enum, auto

# What follows the end of a sentence, if it is a letter: a capital, or a small one as in transcripts and chat.
_FOLLOWS = re.compile(r"[.!?](?<![\s.(][A-Za-z]\.)[\"'”’)\]]*+\s++(?:(?P<small>[a-z])|[A-Z])")
_CLEAR = 20  # so many more of one kind tell how a text is written: the rest need not be read

_NARROWEST, _WIDEST = 30, 200  # characters: nobody wraps lines at fewer or more
_TITLE = re.compile(r"(?:[^\w\n]*+\n)*+[^\n]*+\n(?:[^\w\n]*+\n)*+")
_LOOKED_AT = 32  # lines of a stretch: enough to tell


def begins_small(text: str) -> bool:
    """Whether sentences begin with small letters, at least two of three: after an abbreviation, any text has some."""
    lead = 0
    for match in _FOLLOWS.finditer(text):
        lead += 1 if match.lastindex else -2
        if abs(lead) >= _CLEAR:
            break
    return lead > 0


class Lines(Enum):
    """What the lines of a stretch of prose are."""

    WRAPPED = auto()
    """Broken where their width ends: a break says nothing."""
    SHORT = auto()
    """Messages, rows, verses."""
    PARAGRAPHS = auto()


def lines_of(text: str, start: int, end: int) -> Lines:
    """What the lines are: most of those that are wrapped are about as long as the longest. One alone has no break."""
    lines = text[start:end].split("\n", _LOOKED_AT)[:_LOOKED_AT]
    while lines and (not lines[-1] or lines[-1].isspace()):
        lines.pop()
    if len(lines) < 2:
        return Lines.WRAPPED
    lengths = sorted(map(len, lines[:-1]))  # the last line ends where its paragraph does
    width = lengths[len(lengths) * 3 // 4]
    if width > _WIDEST:
        return Lines.PARAGRAPHS
    usual = lengths[len(lengths) * 2 // 5]
    return Lines.WRAPPED if usual >= max(_NARROWEST, width * 3 / 4) else Lines.SHORT


def below_title(text: str, start: int, end: int) -> int:
    """Where the text below the title begins that stands there, with what underlines it: a title keeps its text."""
    title = _TITLE.match(text, start, end)
    return title.end() if title else start
