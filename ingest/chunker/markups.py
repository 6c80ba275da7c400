"""The structure of markup other than Markdown, and of data: one expression for each, as in `structure.py`."""

from __future__ import annotations

import re

from ingest.model import Syntax

BEGIN = r"\n(?P<blank>(?:[ \t\r\f\v]*\n)++)?(?:"
ITEM = r"(?P<item>[ \t]*+(?:[-*+•]|\d{1,9}[.)])[ \t])|"
PARAGRAPH = r"(?P<paragraph>(?(blank)|(?!))))"
END_OF_LINE = r"[ \t\r]*+(?=\n|\Z)"

# What stands at the margin inside the body of a function.
_INSIDE = "begin|end|exception|else|elsif|elseif|return|language|declare|loop|when|if"

MARKUPS = {
    # A title may be underlined, in the older way: `with_marks` makes its line one that nobody writes.
    Syntax.ASCIIDOC: re.compile(
        BEGIN + r"(?P<heading>(?P<hashes>={1,6}|\#{1,6})[ \t]++(?P<words>[^\n]{1,300}+)(?=\n|\Z))|"
        r"(?P<underlined>(?P<title>[^\n]{1,100}+)\n(?P<depth>[\x01-\x05]++)[ \t\r]*+(?=\n|\Z))|"
        r"(?P<fence>(?P<mark>-{4,}+|\.{4,}+|\+{4,}+|/{4,}+|`{3,}+)[^\n]*+"
        r"(?s:.*?)(?:\n(?P=mark)" + END_OF_LINE + r"|\Z))|"
        r"(?P<row>\|(?!===))|(?P<nested>[ \t]*+[*.]{1,5}[ \t])|" + ITEM + PARAGRAPH
    ),
    Syntax.ORG: re.compile(
        BEGIN + r"(?P<heading>(?P<hashes>\*{1,12})[ \t]++(?P<words>[^\n]{1,300}+)(?=\n|\Z))|"
        r"(?P<fence>[ \t]*+\#\+(?i:begin)_(?P<mark>\w{1,30}+)[^\n]*+"
        r"(?s:.*?)(?:\n[ \t]*+\#\+(?i:end)_(?P=mark)" + END_OF_LINE + r"|\Z))|"
        r"(?P<row>[ \t]*+\|)|" + ITEM + PARAGRAPH
    ),
    Syntax.LATEX: re.compile(
        BEGIN + r"(?P<heading>[ \t]*+\\(?P<hashes>part|chapter|section|subsection|subsubsection|paragraph)\*?+"
        r"(?:\[[^\]\n]{0,200}+\])?+\{(?P<words>(?:[^{}]|\{[^{}]{0,100}+\}){1,300}+)\})|"
        r"(?P<fence>[ \t]*+\\begin\{(?P<mark>verbatim|lstlisting|minted|Verbatim|alltt)\}"
        r"(?s:.*?)(?:\\end\{(?P=mark)\}|\Z))|"
        r"(?P<item>[ \t]*+\\item\b)|" + PARAGRAPH
    ),
    Syntax.MEDIAWIKI: re.compile(
        BEGIN
        + r"(?P<heading>(?P<hashes>={1,6})(?P<words>[^=\n](?:[^\n=]|=(?!=)){0,300}+)(?P=hashes)"
        + END_OF_LINE
        + r")|"
        r"(?P<row>\|-)|(?P<item>[*\#:;]{1,10}+)|" + PARAGRAPH
    ),
    Syntax.TYPST: re.compile(
        BEGIN + r"(?P<heading>[ \t]*+(?P<hashes>={1,6})[ \t]++(?P<words>[^\n]{1,300}+)(?=\n|\Z))|"
        r"(?P<fence>[ \t]*+(?P<mark>`{3,}+)[^\n]*+(?s:.*?)(?:\n[ \t]*+(?P=mark)|\Z))|"
        r"(?P<nested>[ \t]*+/[ \t])|" + ITEM + PARAGRAPH
    ),
    # Lines at the margin: `ends_statement` tells where one begins a statement.
    Syntax.SQL: re.compile(
        BEGIN + r"(?P<statement>(?=[^\s)\]}$])(?!(?i:" + _INSIDE + r")\b))|(?P<inside>(?(blank)|(?!))))"
    ),
    # A record begins with a time, a level or a brace; what follows it, such as a trace, is a part of it.
    Syntax.LOG: re.compile(
        r"\n(?P<record>(?:[A-Za-z_/*-][^\s\[]{0,60}+[ \t]++|\d[\d.]{0,40}+[ \t]++|[\[(<\"]){0,5}+"
        r"(?:\d{4}[-/.]\d{2}[-/.]\d{2}|\d{1,2}[-/.]\w{2,3}[-/.]\d{2,4}|\d{1,2}:\d{2}:\d{2}|\d{10}(?:\d{3})?+\b)"
        r"|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[ ]{1,2}\d"
        r"|\[?(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|FATAL|CRITICAL)\b|\{\")"
    ),
}

_UNDERLINED = re.compile(
    r"\n(?P<title>\w[^\n]{0,99}+)\n(?P<line>={3,}+|-{3,}+|~{3,}+|\^{3,}+|\+{3,}+)(?=[ \t\r]*+(?:\n|\Z))"
)
_ENDS_STATEMENT = re.compile(r"(?:[^\n;]*+;)++[ \t\r]*+(?:--[^\n]*+)?+|[ \t]*+(?:GO|go|/)?+[ \t\r]*+")
_LEVELS = {"part": 1, "chapter": 2, "section": 3, "subsection": 4, "subsubsection": 5, "paragraph": 6}
_DEPTHS = "=-~^+"
_ORG_MARKS = re.compile(r"^(?:(?:TODO|NEXT|DONE|WAITING|CANCELLED)[ ]++)?+(?:\[\#\w\][ ]++)?+")
_ORG_TAGS = re.compile(r"[ \t]:(?:[\w@#%]++:)++\Z")
_LATEX_MARKS = re.compile(r"\\(?:label|index|footnote)\{[^{}]*+\}|\\[A-Za-z]++\*?+[ ]?+|[{}]|(?<!\\)\$")


def with_marks(lines: str) -> str:
    """Lines of AsciiDoc whose underlined titles have, in place of what underlines them, characters that nobody writes.

    A title is a paragraph of its own, and as long as what underlines it, or nearly: else a block of code begins there.
    """

    def marked(match: re.Match[str]) -> str:
        title, line = match["title"], match["line"]
        if abs(len(title.rstrip()) - len(line)) > 2 or lines[max(0, match.start() - 1) : match.start()].strip():
            return match[0]
        return f"\n{title}\n{chr(1 + _DEPTHS.index(line[0])) * len(line)}"

    return _UNDERLINED.sub(marked, lines)


def ends_statement(lines: str, end: int) -> bool:
    """Whether the line that ends there ends a statement, or is none."""
    line = lines[lines.rfind("\n", 0, end) + 1 : end]
    return _ENDS_STATEMENT.fullmatch(line) is not None


def depth_of(mark: str) -> int:
    """How deep a heading is that is marked so."""
    return _LEVELS.get(mark, len(mark))


def words_of(syntax: Syntax, words: str) -> str:
    """The words of a heading, without the marks of its syntax."""
    words = words.strip()
    if syntax is Syntax.ORG:
        return _ORG_TAGS.sub("", _ORG_MARKS.sub("", words)).strip()
    if syntax is Syntax.LATEX:
        return " ".join(_LATEX_MARKS.sub("", words).split())
    if syntax is Syntax.ASCIIDOC:
        return words.rstrip("=").rstrip() if words.endswith("=") else words
    return words
