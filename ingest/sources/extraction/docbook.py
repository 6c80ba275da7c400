"""DocBook as HTML, whose reader then makes Markdown of it: sections with their titles, lists, tables, code."""

from __future__ import annotations

import html
import re

_IS_DOCBOOK = re.compile(
    rb"\A(?:\xef\xbb\xbf)?\s*+(?:<\?[^>]*+>\s*+|<!--(?:[^-]|-(?!->))*+-->\s*+)*+(?:<!DOCTYPE[^>\[]{0,500}?DocBook"
    rb"|<(?:book|article|chapter|section|appendix|refentry|part|set|preface|glossary)\b[^>]{0,2000}?docbook\.org/ns/docbook)",
    re.IGNORECASE,
)
_PIECES = re.compile(
    r"<!--(?s:.*?)(?:-->|\Z)|<!\[CDATA\[(?P<data>(?s:.*?))(?:\]\]>|\Z)|<\?[^>]*+(?:>|\Z)"
    r"|<!DOCTYPE[^\[>]{0,1000}+(?:\[(?:[^\]]|\](?!\s{0,9}>)){0,20000}+\]\s{0,9})?+>?+"
    r"|<(?P<end>/)?+(?:\w{1,20}:)?+(?P<name>[a-z][a-z0-9]{0,30})\b(?P<attributes>[^<>]*+)>"
)
_TAG = re.compile(r"<[^<>]*+>")
_SECTIONS = frozenset(
    "set book part article chapter appendix preface section sect1 sect2 sect3 sect4 sect5 simplesect refentry refsect1 "
    "refsect2 refsect3 refsection glossary bibliography refsynopsisdiv topic partintro reference".split()
)
_LEFT_OUT = frozenset("indexterm remark toc index".split())  # and of what is said about a section, all but its title
_AS = {
    "para": "p",
    "simpara": "p",
    "formalpara": "div",
    "programlisting": "pre",
    "screen": "pre",
    "synopsis": "pre",
    "literallayout": "pre",
    "itemizedlist": "ul",
    "simplelist": "ul",
    "member": "li",
    "orderedlist": "ol",
    "procedure": "ol",
    "step": "li",
    "listitem": "li",
    "variablelist": "dl",
    "term": "dt",
    "glosslist": "dl",
    "glossterm": "dt",
    "glossdef": "dd",
    "table": "table",
    "informaltable": "table",
    "thead": "thead",
    "tbody": "tbody",
    "row": "tr",
    "entry": "td",
    "blockquote": "blockquote",
    "literal": "code",
    "command": "code",
    "filename": "code",
    "option": "code",
    "varname": "code",
    "function": "code",
    "userinput": "code",
    "computeroutput": "code",
    "constant": "code",
    "classname": "code",
    "emphasis": "em",
    "superscript": "sup",
    "subscript": "sub",
    "note": "blockquote",
    "warning": "blockquote",
    "tip": "blockquote",
    "caution": "blockquote",
    "important": "blockquote",
    "quote": "q",
    "footnote": "small",
    "refname": "strong",
    "refpurpose": "span",
    "cmdsynopsis": "p",
}


def is_docbook(head: bytes) -> bool:
    """Whether a file begins as DocBook does."""
    return _IS_DOCBOOK.match(head) is not None


class _Writing:
    """HTML as it is made, with the elements of DocBook that are open."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.title: str | None = None
        self._open: list[str] = []
        self._depth = self._left_out = 0
        self._title_begin: int | None = None

    @property
    def is_read(self) -> bool:
        """Whether what stands here is read by anybody."""
        return not self._left_out or self._title_begin is not None

    def begin(self, name: str) -> None:
        """An element begins."""
        above = self._open[-1] if self._open else ""
        self._open.append(name)
        if name in _SECTIONS:
            self._depth += 1
        elif name in _LEFT_OUT or name.endswith("info"):
            self._left_out += 1
        elif name == "title" and self._is_of_section(above):
            self._title_begin = len(self.made) + 1
        if self.is_read and (tag := self._tag(name, above)):
            self.made.append(f"<{tag}>")

    def end(self, name: str) -> None:
        """An element ends; those that were not ended in it end, too."""
        if self._open[-1:] != [name]:
            return  # damaged: what follows is read all the same
        self._open.pop()
        above = self._open[-1] if self._open else ""
        if self.is_read and (tag := self._tag(name, above)):
            self.made.append(f"</{tag}>")
        if name in _SECTIONS:
            self._depth -= 1
        elif name in _LEFT_OUT or name.endswith("info"):
            self._left_out -= 1
        elif name == "title" and self._title_begin is not None:
            self.title = self.title or "".join(self.made[self._title_begin : -1])
            self._title_begin = None
        elif name == "refname":
            self.title = self.title or "".join(self.made[-2:-1])

    def _is_of_section(self, above: str) -> bool:
        return self._left_out == above.endswith("info") and (above in _SECTIONS or above.endswith("info"))

    def _tag(self, name: str, above: str) -> str | None:
        match name:
            case "title":
                return f"h{min(6, max(1, self._depth))}" if self._is_of_section(above) else "p"
            case "entry":
                return "th" if "thead" in self._open[-4:] else "td"
            case "listitem" if above == "varlistentry":
                return "dd"
            case _:
                return _AS.get(name)


def docbook_to_html(source: str) -> tuple[str, str | None]:
    """DocBook as HTML, and the title of the whole."""
    writing = _Writing()
    begin = 0
    for piece in _PIECES.finditer(source):
        if writing.is_read:
            writing.made.append(source[begin : piece.start()])
            writing.made.append(html.escape(piece["data"] or "", quote=False))
        begin = piece.end()
        name = piece["name"]
        if not name or piece["attributes"].endswith("/"):
            continue
        if piece["end"]:
            writing.end(name)
        else:
            writing.begin(name)
    if writing.is_read:
        writing.made.append(source[begin:])
    title = html.unescape(_TAG.sub("", writing.title)) if writing.title else None
    return f"<html><body>{''.join(writing.made)}</body></html>", title
