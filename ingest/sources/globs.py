"""Globs, by git's rules and in linear time: `*`, `?` and `[…]` in a name, `**` for any folders. Pure.

A star needs no second try: where the text that follows it is found first is as good a place as any later one. So it is
with `**` and the names that follow. Libraries that make one regular expression of all try every place of every star.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

# The names between two `**`, or before the first, or after the last.
Glob: TypeAlias = "tuple[tuple[re.Pattern[str], ...], ...]"

_NOTHING = "(?!)"
_CLASS = re.compile(r"\[([!^]?)(\]?(?:\\.|\[:[a-z]+:\]|[^\]\\])*+)\]", re.DOTALL)
_MEMBER = re.compile(r"\[:(?P<named>[a-z]+):\]|(?P<first>\\?.)(?:-(?P<last>\\?.))?", re.DOTALL)
_NAMED = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "blank": r" \t",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r" \t\n\r\f\v",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}


def is_any_folders(part: str) -> bool:
    """Whether a part of a glob is `**`; as to git, more stars say no more."""
    return len(part) > 1 and not part.strip("*")


def split(glob: str) -> list[str]:
    """The parts of a glob, between its slashes: one behind a backslash is as any other, one in a class is none."""
    parts = [""]
    at = 0
    while at < len(glob):
        if glob[at] == "/":
            parts.append("")
            at += 1
            continue
        if glob.startswith("\\/", at):
            parts.append("")
            at += 2
            continue
        found = _CLASS.match(glob, at) if glob[at] == "[" else None
        end = found.end() if found else at + 1 + (glob[at] == "\\")
        parts[-1] += glob[at:end]
        at = end
    return parts


def compiled(parts: Sequence[str]) -> Glob:
    """The glob of a path, given by its parts."""
    stretches: list[list[re.Pattern[str]]] = [[]]
    for part in parts:
        if is_any_folders(part):
            stretches.append([])
        else:
            stretches[-1].append(re.compile(_name(part)))
    return tuple(tuple(stretch) for stretch in stretches)


def matches(parts: Sequence[str], glob: Glob) -> bool:
    """Whether a glob stands for a path, given by its parts."""
    first, *others = glob
    if not others:
        return len(parts) == len(first) and _fits(parts, 0, first)
    *middle, last = others
    at, end = len(first), len(parts) - len(last)
    if at > end or not _fits(parts, 0, first):
        return False
    for stretch in middle:
        places = (place for place in range(at, end - len(stretch) + 1) if _fits(parts, place, stretch))
        place = next(places, None)
        if place is None:
            return False
        at = place + len(stretch)
    return at <= end and _fits(parts, end, last)


def _fits(parts: Sequence[str], at: int, stretch: Sequence[re.Pattern[str]]) -> bool:
    return all(name.match(parts[at + offset]) for offset, name in enumerate(stretch))


def _name(glob: str) -> str:
    """The regular expression of a name."""
    pieces = [""]  # what stands between the stars: so many characters, each of some kind
    at = 0
    while at < len(glob):
        char = glob[at]
        at += 1
        if char == "*":
            pieces.append("")
        elif char == "?":
            pieces[-1] += "."
        elif char == "[":
            found = _CLASS.match(glob, at - 1)
            if found is None:
                return _NOTHING
            pieces[-1] += _class(found[2], is_negated=bool(found[1]))
            at = found.end()
        elif char == "\\":
            if at == len(glob):
                return _NOTHING
            pieces[-1] += re.escape(glob[at])
            at += 1
        else:
            pieces[-1] += re.escape(char)
    first, *others = pieces
    if not others:
        return rf"(?s:{first})\Z"
    *middle, last = others
    return rf"(?s:{first}{''.join(f'(?>.*?{piece})' for piece in middle if piece)}.*{last})\Z"


def _class(members: str, *, is_negated: bool) -> str:
    """The regular expression of the characters of a class."""
    kinds = ""
    for member in _MEMBER.finditer(members):
        if member["named"]:
            kinds += _NAMED.get(member["named"], "")
            continue
        first = member["first"][-1]
        last = (member["last"] or first)[-1]
        # Of a range that runs backwards its first end alone, as to git.
        kinds += f"{re.escape(first)}-{re.escape(last)}" if first <= last else re.escape(first)
    if not kinds:
        return "." if is_negated else _NOTHING
    return f"[{'^' * is_negated}{kinds}]"
