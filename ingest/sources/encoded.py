"""Pictures and files that stand in a text as letters: data URIs and runs of base64. Nobody reads them.

They are taken out once, when a text has been read; what a person reads is left, as the words of a picture.
"""

from __future__ import annotations

import re
import string
from itertools import pairwise
from typing import TYPE_CHECKING

from ingest.formatting import line_break
from ingest.model import Loss, LossKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SHORTEST = 256  # letters of a run: a checksum has 128 at most, a part of a token of the web seldom more
_LINE = 60  # letters of a line of it: PEM has 64, MIME has 76
_SHORTEST_DATA = 48  # letters of a data URI that is taken out; shorter ones are examples
_JUDGED = 20_000  # letters
_FAR = 2_000  # characters that a URL is looked back for

_LETTERS = bytes(ord("a" if chr(code) in string.ascii_letters + string.digits + "+/" else " ") for code in range(256))
_SEED = b"a" * _LINE
_LETTER = frozenset(string.ascii_letters + string.digits + "+/_-")

# From the first long line to the last; between lines may stand what indents, quotes and joins them in any language.
_RUN = re.compile(
    r"[A-Za-z0-9+/_-]++=*+"
    r"(?:(?:\\[rn]|[\"',+\\]|[ \t]|\r?\n[ \t>#*/|\"']*+){1,40}+[A-Za-z0-9+/_-]{60,}+=*+)*+"
    r"(?:(?:\\[rn]|[\"',+\\]|[ \t]|\r?\n[ \t>#*/|\"']*+){1,40}+"
    r"(?:[A-Za-z0-9+/_-]{1,59}=++|[A-Za-z0-9+/]{24,59}+(?![\w.:/-])))?+"
)
_DATA = re.compile(
    r"data:(?P<type>[A-Za-z]{1,20}/[\w.+-]{1,80})?+(?:;[\w.+-]{1,40}(?:=[\w.+-]{1,40}|=\"[^\"\n]{0,40}\")?+){0,8}+,",
    re.IGNORECASE,
)
_DATA_LETTERS = re.compile(r"(?:[A-Za-z0-9+/_=-]|%[0-9A-Fa-f]{2}|\\/|\\[rn]|\r?\n[ \t]*+(?=[A-Za-z0-9+/]{40}))++")
_DATA_OTHER = re.compile(r"[^\s\"'()<>\\`]++")
_PICTURE = re.compile(r"!\[(?P<words>(?:[^\[\]\\\n]|\\[^\n]){0,2000}+)\]\([ \t]*+<?+\Z")
_PICTURE_END = re.compile(r">?+(?:[ \t]++(?:\"[^\"\n]*+\"|'[^'\n]*+'))?+[ \t]*+\)")
_NAMED = re.compile(r"(?:\A|(?<=\n))[ ]{0,3}\[[^\]\n]{1,200}+\]:[ \t]*+<?+\Z")
_NAMED_END = re.compile(r">?+[^\n]{0,500}(?:\n|\Z)")


def without_encoded(text: str) -> tuple[str, list[Loss]]:
    """A text without data URIs and base64, and what that was. Long addresses, checksums, names and words stay."""
    kept: list[str] = []
    begin = count = size = 0
    for start, end, words in _cuts(text):
        kept += text[begin:start], words
        begin = end
        count += 1
        size += end - start
    if not count:
        return text, []
    pieces = "1 picture or file" if count == 1 else f"{count:,} pictures or files"
    told = f"{pieces} written out in the text as letters ({size:,} of them)"
    return "".join(kept) + text[begin:], [Loss(LossKind.PARTS_LEFT_OUT, count, told)]


def places_without(text: str, places: Sequence[int]) -> Iterator[int]:
    """Where characters of a text, in their order, stand once it is without data URIs and base64."""
    cuts = _cuts(text)
    cut = next(cuts, None)
    gone = 0
    for place in places:
        while cut is not None and cut[1] <= place:
            gone += cut[1] - cut[0] - len(cut[2])
            cut = next(cuts, None)
        yield min(place, cut[0] if cut else place) - gone


def line_marks_without(text: str, first_line: int) -> Iterator[tuple[int, int]]:
    """Where a text that is without data URIs and base64 goes on after such of several lines, and on which line."""
    line, begin, gone = first_line, 0, 0
    newline = line_break(text)
    for start, end, words in _cuts(text):
        gone += end - start - len(words)
        line += text.count(newline, begin, end)
        if newline in text[start:end]:
            yield end - gone, line
        begin = end


def _cuts(text: str) -> Iterator[tuple[int, int, str]]:
    """What is to go, as start and end, one after the other, and what stands in its place."""
    begin = 0
    for start, end, words in sorted([*_data_uris(text), *_runs(text)], key=lambda found: (found[0], -found[1])):
        if start >= begin:
            yield start, end, words
            begin = end


def _data_uris(text: str) -> Iterator[tuple[int, int, str]]:
    position = 0
    while True:
        position = text.find("data:", position)
        if position < 0:
            return
        head = _DATA.match(text, position)
        if head is None or text[position - 1 : position].isalnum():
            position += 5
            continue
        letters = _DATA_LETTERS if ";base64," in head[0].lower() else _DATA_OTHER
        found = letters.match(text, head.end())
        if found is None or len(found[0]) < _SHORTEST_DATA:
            position = head.end()
            continue
        start, position = position, found.end()
        before = text[max(0, start - _FAR) : start]
        if (picture := _picture(before)) and (rest := _PICTURE_END.match(text, position)):
            position = rest.end()
            yield start - len(picture[0]), position, picture["words"]
        elif (named := _named(before)) and (rest := _NAMED_END.match(text, position)):
            position = rest.end()
            yield start - len(named[0]), position, ""
        else:
            yield start, position, f"data:{head['type'] or 'text/plain'}"


def _picture(before: str) -> re.Match[str] | None:
    """The beginning of a picture in Markdown, with the words that stand for it, at the end of what stands before."""
    begin = before.rfind("![")
    return _PICTURE.match(before, begin) if begin >= 0 else None


def _named(before: str) -> re.Match[str] | None:
    """The beginning of a line that gives a picture its name."""
    return _NAMED.match(before, before.rfind("\n") + 1)


def _runs(text: str) -> Iterator[tuple[int, int, str]]:
    flat = text.encode("ascii", "replace").translate(_LETTERS)  # a byte a character
    end = 0
    position = flat.find(_SEED)
    while position >= 0:
        start = position
        while start > end and text[start - 1] in _LETTER:
            start -= 1
        end = _RUN.match(text, start).end()  # type: ignore[union-attr]  # a letter is there
        if _is_encoded(text[start:end]) and not _is_in_url(text, start):
            yield start, end, "…"
        position = flat.find(_SEED, end)


def _is_encoded(run: str) -> bool:
    """Whether these letters are base64, and not words, names, numbers or a sequence.

    Capitals, small letters and digits change places in base64 at two letters of three, in `aNameOfManyWords` or a path
    at one of four; a file with much of one byte has long stretches of one letter, and is then long itself.
    """
    letters = [letter for letter in run[:_JUDGED] if letter in _LETTER]
    if len(letters) < _SHORTEST:
        return False
    kinds = [0 if letter.isupper() else 1 if letter.islower() else 2 for letter in letters]
    shares = [kinds.count(kind) / len(kinds) for kind in range(3)]
    changes = sum(one is not next_ for one, next_ in pairwise(kinds)) / len(kinds)
    if min(shares) >= 0.03 and min(shares[:2]) >= 0.12 and changes >= 0.45:
        return True
    return len(letters) >= 8 * _SHORTEST and min(shares) >= 0.01 and changes >= 0.1 and shares[0] >= 0.3


def _is_in_url(text: str, start: int) -> bool:
    before = text[max(0, start - _FAR) : start].split()
    return bool(before) and not text[start - 1].isspace() and "://" in before[-1]
