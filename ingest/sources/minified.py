"""Scripts and style sheets as programs write them for programs, known by what stands in them. Pure."""

from __future__ import annotations

import re

_SUFFIXES = (".js", ".mjs", ".cjs", ".css")
_FEWEST_BYTES = 5_000
_LONG_LINE = 1_000  # bytes; written by hand there are few such lines
_UNREADABLE_LINE = 50_000  # bytes; an index of a search, or a program in letters, though it is no code
_IN_LONG_LINES = 0.9  # of all bytes
# Of a long line: in prose and in data that people laid out one sign in six is a blank; in minified code, one in forty.
_MOST_BLANKS = 0.08
_BLANK = re.compile(rb"[ \t]")
_OF_CODE = re.compile(rb"\bfunction\b|=>|\breturn\b|\bvar |\bconst |\blet |\bthis\.|\}\}|;\}|[{};][\w-]{1,40}:")
_CODE_BYTES = 200  # that have at least one such sign


def is_minified(name: str, content: bytes) -> bool:
    """Whether a file is a script or a style sheet without the lines and blanks that people read by."""
    if not name.lower().endswith(_SUFFIXES) or len(content) < _FEWEST_BYTES:
        return False
    long = b"\n".join(line for line in content.split(b"\n") if len(line) > _LONG_LINE)
    if len(long) < _IN_LONG_LINES * len(content):
        return False
    if len(_BLANK.findall(long)) > _MOST_BLANKS * len(long):
        return False
    return len(long) >= _UNREADABLE_LINE * (long.count(b"\n") + 1) or len(_OF_CODE.findall(long)) * _CODE_BYTES > len(
        long
    )
