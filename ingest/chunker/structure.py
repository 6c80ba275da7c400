"""The structure of a text: its headings, paragraphs, list items, table rows, code blocks and definitions.

One compiled expression for each syntax goes over the whole text; it stops only where a structure begins.
"""

from __future__ import annotations

import re

from ingest.chunker.data import json_structure, yaml_structure
from ingest.chunker.markups import (
    BEGIN,
    END_OF_LINE,
    ITEM,
    MARKUPS,
    PARAGRAPH,
    depth_of,
    ends_statement,
    with_marks,
    words_of,
)
from ingest.chunker.outline import Heading, Structure
from ingest.model import Syntax

# Each alternative is a group named for its kind that starts where the structure's first line does. The first
# character of all is a line break, so that the search stops there only.
_LONGEST_TITLE = 300  # a longer line is no heading: it would be put before every passage below it

_STRUCTURES = MARKUPS | {
    Syntax.TEXT: re.compile(BEGIN + r"(?P<rule>([=\-~^\"*#+.`:'])\3{2,}+" + END_OF_LINE + ")|" + ITEM + PARAGRAPH),
    Syntax.MARKDOWN: re.compile(
        BEGIN + r"(?P<heading>[ ]{0,3}(?P<hashes>\#{1,6})(?:[ \t]++(?P<words>[^\n]{0,300}+))?"
        r"[ \t\r]*+(?=\n|\Z))|"
        r"(?P<fence>[ \t]*+(?P<mark>`{3,}+(?![^\n]*`)|~{3,}+)[^\n]*+"
        r"(?s:.*?)(?:\n[ \t]*+(?P=mark)[`~]*+" + END_OF_LINE + r"|\Z))|"
        r"(?P<row>[ ]{0,3}\|)|"
        r"(?P<rule>[ ]{0,3}(?:=++|-++)" + END_OF_LINE + ")|" + ITEM + PARAGRAPH
    ),
    # Code is lines: a blank line parts, most of all where the next begins at the margin.
    Syntax.CODE: re.compile(BEGIN + r"(?P<definition>(?(blank)|(?!))(?=[^\s)\]}]))|(?P<inside>(?(blank)|(?!))))"),
}
_FRONT_MATTER = re.compile(r"---[ \t\r]*\n(?s:.*?)\n(?:---|\.\.\.)[ \t\r]*(?=\n)")


def begins_with_heading(text: str, syntax: Syntax) -> bool:
    """Whether the first thing in a text is a heading."""
    blanks = len(text) - len(text.lstrip())
    headings = structure(text[blanks : blanks + 2 * _LONGEST_TITLE], syntax).headings
    return bool(headings) and headings[0].start == 0


def structure(text: str, syntax: Syntax) -> Structure:
    """What begins where in a text; white space at its end begins nothing."""
    if syntax is Syntax.JSON:
        return json_structure(text)
    if syntax is Syntax.YAML:
        return yaml_structure(text)
    lines = "\n" + text.rstrip()  # one more than in the text: every line has a line break before it
    begin = 0
    if syntax is Syntax.MARKDOWN and (front_matter := _FRONT_MATTER.match(text)):
        begin = front_matter.end() + 1
    if syntax is Syntax.ASCIIDOC:
        lines = with_marks(lines)
    found = Structure()
    styles = {"=": 1, "-": 2} if syntax is Syntax.MARKDOWN else {}
    heading_end = -1
    for match in _STRUCTURES[syntax].finditer(lines, begin):
        kind = match.lastgroup or ""
        start = match.start(kind) - 1
        follows_heading = match.start() == heading_end
        if kind == "rule":
            if match["blank"] is None:
                if _underlines(lines, match, found, styles):
                    heading_end = match.end()
                continue
            kind = "paragraph"
        elif kind == "heading":
            words = match["words"] or ""
            title = _title(words) if syntax is Syntax.MARKDOWN else words_of(syntax, words)
            found.headings.append(Heading(start, depth_of(match["hashes"]), title))
            heading_end = match.end()
        elif kind == "underlined":
            found.headings.append(Heading(start, ord(match["depth"][0]), match["title"].strip()))
            heading_end = match.end()
            kind = "heading"
        elif kind == "statement":
            if ends_statement(lines, match.start()):
                kind = "definition"
            elif match["blank"] is not None:
                kind = "inside"
            else:
                continue
        elif kind == "fence":
            found.code.add(start)
            found.fences.append((start, match.end() - 1))
        found.positions.append(start)
        found.kinds.append("after heading" if follows_heading else kind)
    return found


def _title(words: str) -> str:
    """The words of a heading without the marks that may close it: "C #" is C, but "C#" is C#."""
    words = words.strip()
    opened = words.rstrip("#")
    return opened.strip() if not opened or opened[-1] in " \t" else words


def _underlines(lines: str, rule: re.Match[str], found: Structure, styles: dict[str, int]) -> bool:
    """Whether a rule makes a heading of the line above it; if so, that takes its place in what was found.

    The line must be a paragraph of its own, and may have a rule of the same mark above it too. The styles take
    their depth in the order in which they come, as in reStructuredText.
    """
    mark = rule["rule"].strip()[0]
    above = lines.rfind("\n", 0, rule.start())
    title = lines[above + 1 : rule.start()]
    over = lines.rfind("\n", 0, above) if above > 0 else -1
    overlined = over >= 0 and set(lines[over + 1 : above].rstrip()) == {mark}
    start = over if overlined else above
    if (
        len(title) > _LONGEST_TITLE
        or not any(map(str.isalnum, title))
        or (title[0].isspace() and not overlined)
        or (start > 0 and found.positions[-1:] != [start])
        or (start > 0 and found.kinds[-1] not in ("paragraph", "after heading"))
    ):
        return False
    if found.positions[-1:] != [start]:
        found.positions.append(start)
        found.kinds.append("heading")
    elif found.kinds[-1] == "paragraph":
        found.kinds[-1] = "heading"
    style = mark * (1 + overlined)
    found.headings.append(Heading(start, styles.setdefault(style, len(styles) + 1), title.strip()))
    return True
