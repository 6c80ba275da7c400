"""The title that a text gives itself: by its syntax, and never from a comment in a block of code."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from ingest.model import Syntax
from ingest.sources.latex import latex_title

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_TITLE = 300
_BEGINNING = 200_000  # characters in which a title is looked for

_MARKDOWN = re.compile(
    r"(?:\A|\n)(?:"
    r"(?P<fence>[ \t]*+(?P<mark>`{3,}+(?![^\n]*`)|~{3,}+)[^\n]*+"
    r"(?s:.*?)(?:\n[ \t]*+(?P=mark)[`~]*+[ \t\r]*+(?=\n|\Z)|\Z))|"
    r"[ ]{0,3}(?P<hashes>\#{1,6})[ \t]++(?P<words>[^\n]++)|"
    r"(?P<underlined>[ ]{0,3}[^\s>|\-*+#][^\n]{0,300}+)\n[ ]{0,3}=++[ \t\r]*+(?=\n|\Z)|"
    r"[ \t]*+<h1\b[^<>]{0,500}+>(?P<html>(?:[^<]|<(?!/h1)){1,1000}+)</h1)",
    re.IGNORECASE,
)
_TAG = re.compile(r"<[^<>]*+>")
_LINK = re.compile(r"!?\[([^\[\]\n]{0,300}+)\]\([^()\n]{0,1000}+\)")

# What stands above the title of reStructuredText: comments, labels, directives with what is indented below, fields.
_REST = re.compile(
    r"\A(?:[ \t\r]*\n|\.\.(?=[ \n])[^\n]*+\n|[ \t]++[^\n]*+\n|:[^\n]*+\n)*+"
    r"(?:(?P<over>([=\-~^\"*#+.`:'_])\2{2,}+)[ \t\r]*+\n)?+[ ]{0,20}(?P<words>[^\n]{1,300}+)\n"
    r"(?P<line>([=\-~^\"*#+.`:'_])\5{2,}+)[ \t\r]*+(?:\n|\Z)"
)
_ASCIIDOC = re.compile(
    r"(?:\A|\n)(?:=[ \t]++(?P<words>[^\n]{1,300}+)|(?P<underlined>\w[^\n]{0,300}+)\n={3,}+[ \t\r]*+(?=\n|\Z))"
)
_ORG = re.compile(
    r"(?:\A|\n)(?:\#\+title:[ \t]*+(?P<title>[^\n]{1,300}+)|\*[ \t]++(?P<words>[^\n]{1,300}+))", re.IGNORECASE
)
_MEDIAWIKI = re.compile(r"(?:\A|\n)={1,6}(?P<words>[^=\n]{1,300}+)=")
_TYPST = re.compile(
    r"(?:\A|\n)(?:=[ \t]++(?P<words>[^\n]{1,300}+)|"
    r"\#set[ ]document\([^()]{0,500}?\btitle:[ ]*+\"(?P<title>[^\"\n]{1,300}+)\")"
)
_JSON = re.compile(
    r"\A\s*+\{(?:\s*+(?!\"(?:title|info)\")\"(?:[^\"\\]|\\.){0,100}+\"\s*+:\s*+(?:\"(?:[^\"\\]|\\.)*+\"|[\w.+-]++)\s*+,)*+\s*+\"(?P<key>title|info)\"\s*+:\s*+(?P<value>\"(?:[^\"\\]|\\.){1,1000}+\"|\{)"
)
_YAML = re.compile(
    r"(?:\A|\n)(?:info:[ \t\r]*+\n(?:[ ]++(?!title:)[^\n]*+\n)*?[ ]++)?title:[ \t]++(?P<words>[^\n]{1,300}+)"
)


def title_of(text: str, syntax: Syntax) -> str | None:
    """The title of a document, or else its first heading; None where it has neither."""
    find = _FINDERS.get(syntax)
    found = find(text[:_BEGINNING]) if find else None
    return found.strip()[:MAX_TITLE] or None if found else None


def is_titled(text: str, syntax: Syntax) -> bool:
    """Whether a title stands above a text, and not only headings of its parts."""
    if syntax is Syntax.MARKDOWN:
        return _markdown_heading(text[:_BEGINNING])[1]
    return title_of(text, syntax) is not None


def _markdown(text: str) -> str | None:
    return _markdown_heading(text)[0]


def _markdown_heading(text: str) -> tuple[str | None, bool]:
    """The first heading of the first depth, else the first of all; and whether it is of the first depth."""
    first: str | None = None
    for match in _MARKDOWN.finditer(text):
        if match["fence"] is not None:
            continue
        if match["hashes"] is not None:
            words = match["words"].strip()
            opened = words.rstrip("#")
            words = opened.strip() if not opened or opened[-1] in " \t" else words
        else:
            words = match["underlined"] or " ".join(html.unescape(_TAG.sub("", match["html"])).split())
        words = _LINK.sub(r"\1", words).strip()
        if any(map(str.isalnum, words)):
            if match["hashes"] in (None, "#"):
                return words, True
            first = first or words
    return first, False


def _rest(text: str) -> str | None:
    match = _REST.match(text)
    if (
        match is None
        or len(match["words"].rstrip()) > 2 * len(match["line"])
        or not any(map(str.isalnum, match["words"]))
    ):
        return None
    return match["words"]


def _json(text: str) -> str | None:
    """The title of the whole, or of its description as in OpenAPI, where it stands before anything large."""
    import msgspec

    match = _JSON.match(text)
    if match and match["value"] == "{":
        match = _JSON.match(text, match.end() - 1) or _JSON.match(text[match.end() - 1 :])
    if match is None or match["value"] == "{":
        return None
    try:
        return str(msgspec.json.decode(match["value"].encode()))
    except msgspec.DecodeError:
        return None


def _by(pattern: re.Pattern[str]) -> Callable[[str], str | None]:
    def find(text: str) -> str | None:
        match = pattern.search(text)
        return next((words for words in match.groupdict().values() if words), None) if match else None

    return find


def _quoted(find: Callable[[str], str | None]) -> Callable[[str], str | None]:
    def bare(text: str) -> str | None:
        found = find(text)
        return found.strip().strip("\"'") if found else None

    return bare


_FINDERS: dict[Syntax, Callable[[str], str | None]] = {
    Syntax.TEXT: _rest,
    Syntax.MARKDOWN: _markdown,
    Syntax.ASCIIDOC: _by(_ASCIIDOC),
    Syntax.ORG: _by(_ORG),
    Syntax.LATEX: latex_title,
    Syntax.MEDIAWIKI: _by(_MEDIAWIKI),
    Syntax.TYPST: _by(_TYPST),
    Syntax.JSON: _json,
    Syntax.YAML: _quoted(_by(_YAML)),
}
