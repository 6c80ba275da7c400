"""The structure of JSON and YAML: their keys and elements, the outermost first; keys that hold others are headings."""

from __future__ import annotations

import re

from ingest.chunker.outline import Heading, Structure

DEEPEST = 4  # levels of keys that are told apart; below, lines are
_LONGEST_KEY = 200
_SMALL = 500  # characters: a key or an element that has no more is not cut inside, unless it must be

_JSON = re.compile(r"\"(?:[^\"\\]++|\\.)*+\"?+|[{}\[\]:]|,[ \t\r]*+\n?+", re.DOTALL)
_YAML = re.compile(
    r"\n(?:[ \t\r]*\n)*+(?:(?P<comment>[ ]*+\#[^\n]*+(?:\n[ ]*+\#[^\n]*+)*+)"
    r"|(?P<document>---(?=[ \t\r\n]|\Z))"
    r"|(?P<entry>(?P<indent>[ ]*+)(?:(?P<dash>-[ ]++)|"
    r"(?P<key>\"[^\"\n]{1,200}+\"|'[^'\n]{1,200}+'|[^\s\#\-{}\[\]&*!|>'\"%@,:][^\n:]{0,200}+):(?=[ \t\r\n]|\Z)"
    r"(?P<value>[ \t]*+[^\s\#&!][^\n]*+)?+))|(?P<other>))"
)


class _Outline:
    """What was found so far: places to cut with their levels, and headings, which end where their level does."""

    def __init__(self) -> None:
        self.found = Structure()

    def begin(self, position: int, level: int, kind: str = "") -> None:
        """Something begins there that is so many levels deep."""
        if position > (self.found.positions[-1] if self.found.positions else -1):
            self.found.positions.append(position)
            self.found.kinds.append(kind or f"level {level}")

    def end(self, begin: int, end: int) -> None:
        """What began there is over."""
        if end - begin < _SMALL:
            while self.found.positions and self.found.positions[-1] > begin:
                self.found.positions.pop()
                self.found.kinds.pop()

    def name(self, position: int, level: int, title: str) -> None:
        """It holds others, under that key; or, without a title, ends what was named before at its level or below."""
        headings = self.found.headings
        if title or (headings and headings[-1].depth >= level):
            headings.append(Heading(position, level, title))


def json_structure(text: str) -> Structure:
    """The keys and elements of JSON, in lines or in one."""
    outline = _Outline()
    begins = [0]  # of each level, where the key or element began that is being read
    key: str | None = None
    last = ""
    is_named = False
    for match in _JSON.finditer(text):
        mark = text[match.start()]
        level = len(begins) - 1
        if mark == '"':
            last = match[0]
        elif mark == ":":
            key = last[1:-1]
        elif mark in "{[":
            if 1 <= level <= DEEPEST:
                outline.name(begins[-1], level, (key or "")[:_LONGEST_KEY])
            begins.append(match.end())
            key, is_named = None, True
        else:
            if 1 <= level <= DEEPEST and not is_named:
                outline.name(begins[-1], level, "")
            key, is_named = None, mark != ","
            if 1 <= level <= DEEPEST:
                outline.end(begins[-1], match.start())
            if mark == ",":
                begins[-1] = match.end()
                if 1 <= level <= DEEPEST:
                    outline.begin(match.end(), level)
            elif level:
                begins.pop()
    return outline.found


def yaml_structure(text: str) -> Structure:
    """The keys and items of YAML, with the comments above them."""
    lines = "\n" + text.rstrip()
    outline = _Outline()
    open_: list[tuple[int, int]] = []  # entries that go on: how far in they stand, and where they began
    begin = base = 0
    comment: tuple[int, int] | None = None
    holds = False
    for match in _YAML.finditer(lines):
        if match["other"] is not None:
            continue
        kind = "comment" if match["comment"] is not None else "document" if match["document"] else "entry"
        start = match.start(kind) - 1
        if kind == "comment":
            comment = start, match.end()
            continue
        start = comment[0] if comment and comment[1] == match.start() else start
        comment = None
        if kind == "document":
            outline.end(begin, start)
            open_.clear()
            begin, base = start, 1
            outline.begin(start, 1, "heading")
            outline.name(start, 1, "")
            holds = True
            continue
        indent = 2 * len(match["indent"]) + bool(match["dash"])  # items may stand as far in as the key that holds them
        while open_ and open_[-1][0] >= indent:
            outline.end(open_.pop()[1], start)
        open_.append((indent, start))
        level = base + len(open_)
        if level > DEEPEST:
            holds = False
        else:
            outline.begin(start, level, "after heading" if holds else "")
            is_container = match["key"] is not None and match["value"] is None
            outline.name(start, level, match["key"].strip("\"' ") if is_container else "")
            holds = is_container
    outline.end(begin, len(text))
    return outline.found
