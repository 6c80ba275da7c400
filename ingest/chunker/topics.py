"""Where a topic turns: few of the words before a place come again soon after it.

The measure is that of lexical chains (Galley et al., "Discourse segmentation of multi-party conversation", 2003), with
chains of two: a word and the next time that it is said. It depends on nothing but the words nearby, so that an edit
changes it there alone, and on no language: long words say more than short ones, and signs of Chinese, Japanese and
Korean count in pairs.
"""

from __future__ import annotations

import numpy as np

REACH = 64  # words that count; those that come again later than that say nothing about a cut between
_FULL = 0.16  # the share of the words around a place that come again across it: seldom more
_SHORTEST, _LONGEST = 4, 9  # letters: shorter words say nothing, longer ones no more than these
_STEM = 6  # letters by which a word is known: "upgrade", "upgraded", "upgrading"

_LETTERS = bytes(code >= 0x80 or chr(code).isalpha() for code in range(256))
_BEGINS_SIGN = np.zeros(256, bool)
_BEGINS_SIGN[0xE4:0xEE] = True  # of Chinese characters and Hangul in UTF-8: three bytes each
_BYTES_OF_TWO_SIGNS = 6
_SHORTEST_OF_OTHERS, _MOST_BYTES = 7, 8  # bytes in UTF-8, where letters take two
_MASKS = np.array([(1 << 8 * length) - 1 for length in range(9)], np.uint64)
_SMALL = np.uint64(0x2020202020202020)
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


def cohesion(text: str, positions: np.ndarray, below: int) -> np.ndarray:
    """How much a cut at each position would part: from 0, where a topic turns, up to `below`. (n,) int64."""
    encoded = text.encode()
    starts, lengths, numbers = _words(encoded, is_ascii=len(encoded) == len(text))
    weights = np.minimum(lengths, _LONGEST) - (_SHORTEST - 1)
    count = len(starts)
    order = numbers.argsort(kind="stable")
    words = numbers.take(order)
    again = np.flatnonzero((words[1:] == words[:-1]) & (order[1:] - order[:-1] <= REACH))
    said = order.take(again)
    change = np.zeros(count + 2, np.int64)  # each word comes again once, and is said before once
    change[said + 1] = weights.take(said)
    change[order.take(again + 1) + 1] -= weights.take(said)
    crossing = change.cumsum()
    upto = np.concatenate(([0], weights.cumsum()))
    place = starts.searchsorted(_in_bytes(encoded, text, positions))
    around = upto[np.minimum(place + REACH // 2, count)] - upto[np.maximum(place - REACH // 2, 0)]
    parted: np.ndarray = np.minimum(crossing[place] * below / (_FULL * np.maximum(around, 1)), below)
    return parted.astype(np.int64)


def _words(encoded: bytes, *, is_ascii: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where the words that count begin in the bytes, how long they are, and a number for each. Each (n,)."""
    padded = b"\0" + encoded + bytes(8)
    letters = np.frombuffer(padded.translate(_LETTERS), np.bool_)
    edges = np.flatnonzero(letters[1:] != letters[:-1])
    starts = edges[::2]
    lengths = edges[1::2] - starts
    known_by: np.ndarray | int = _STEM
    if is_ascii:
        counts = np.flatnonzero(lengths >= _SHORTEST)
        starts, lengths = starts.take(counts), lengths.take(counts)
    else:
        starts, lengths, known_by = _in_other_scripts(np.frombuffer(encoded, np.uint8), starts, lengths)
    eight = np.ndarray((len(encoded) + 1,), "<u8", padded, 1, (1,))  # the bytes from each one on
    numbers = ((eight[starts] | _SMALL) & _MASKS[np.minimum(lengths, known_by)]) * _FACTOR >> np.uint64(48)
    return starts, lengths, numbers.astype(np.uint16)


def _in_other_scripts(
    codes: np.ndarray, starts: np.ndarray, lengths: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The words that count, and the signs that are taken in pairs; the last array: by how many bytes each is known."""
    is_latin = codes[starts] < 0x80
    counts = lengths >= np.where(is_latin, _SHORTEST, _SHORTEST_OF_OTHERS)
    signs = np.flatnonzero(_BEGINS_SIGN[codes])
    pairs = np.full(len(signs), _BYTES_OF_TWO_SIGNS)
    starts = np.concatenate((starts[counts], signs))
    order = starts.argsort(kind="stable")
    lengths = np.concatenate((lengths[counts], pairs))
    known_by = np.concatenate((np.where(is_latin[counts], _STEM, _MOST_BYTES), pairs))
    return starts[order], lengths[order], known_by[order]


def _in_bytes(encoded: bytes, text: str, positions: np.ndarray) -> np.ndarray:
    if len(encoded) == len(text):
        return positions
    begins = np.flatnonzero((np.frombuffer(encoded, np.uint8) & 0xC0) != 0x80)
    return np.append(begins, len(encoded)).take(positions)
