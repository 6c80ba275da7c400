"""The text of a page of HTML as plain HTML: what Markdown can say of it, and nothing that leads elsewhere."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from ingest.sources.extraction.html_inline import lowered, math_text, raised, words

if TYPE_CHECKING:
    from lxml.etree import _Element

_AS_THEY_ARE = set(
    "p h1 h2 h3 h4 h5 h6 ul ol li table caption thead tbody tfoot tr td th blockquote figure figcaption details "
    "summary strong b em i code kbd samp var q del s strike ruby rt rp rb rtc br hr abbr".split()
)
_OTHERWISE = {"tt": "code", "listing": "pre", "xmp": "pre", "dir": "ul", "menu": "ul"}
_BLOCKS = set(
    "html body div section article main header footer aside nav address center form fieldset hgroup dialog search dl "
    "dd legend noframes".split()
)
_NOT_SHOWN = {"video", "audio", "canvas", "map", "rb"}  # what stands in them is for programs that cannot show them
_APART = {"option", "optgroup", "textarea", "text", "tspan", "button", "label", "svg"}
_KEPT = {"td": ("colspan", "rowspan"), "th": ("colspan", "rowspan"), "ol": ("start",), "abbr": ("title",)}
_OF_TABLES = {"table", "thead", "tbody", "tfoot", "tr", "td", "th", "caption"}
_IN_CELLS = set("h1 h2 h3 h4 h5 h6 pre ul ol".split())
_EMPHASIS = {"strong", "b", "em", "i", "var"}
_LINKS = re.compile(r"(?:https?:|mailto:)|(?![a-zA-Z][\w+.-]*+:)[^#]", re.IGNORECASE)
_LANGUAGE = re.compile(r"(?:language|lang|highlight-source|highlight|brush|src)[-:]([\w+#.-]{1,30}+)")
_AFTER = {"sourcecode", "src", "hljs", "prettyprint", "programlisting", "chroma", "highlight"}
_LANGUAGES = re.compile(
    r"bash|c|clojure|cpp|c\+\+|csharp|css|dart|diff|docker(?:file)?|elixir|erlang|fortran|go|graphql|groovy|haskell|html|http|ini|java|"
    r"javascript|js|json|jsx|julia|kotlin|latex|lisp|lua|make(?:file)?|markdown|matlab|nginx|objectivec|ocaml|perl|php|powershell|"
    r"proto(?:buf)?|py|python3?|r|rb|rst|ruby|rust|sass|scala|scheme|scss|sh|shell|sql|swift|tex|toml|ts|tsx|typescript|vb|vim|"
    r"xml|yaml|yml|zig"
)
_NO_LANGUAGE = {
    "default",
    "none",
    "text",
    "plain",
    "plaintext",
    "notranslate",
    "highlight",
    "nohighlight",
    "source",
    "block",
    "wrapper",
}
_AROUND = 8  # elements: a table with the numbers of the lines lies between
_UNSEEN = {0xAD: None, 0x200B: None, 0xFEFF: None, 0xA0: " "}
_ENDS_LINE = {"div", "p", "li", "tr"}


def written(base: _Element, left_out: set[_Element], *, links: bool) -> str:
    """The HTML of an element without what is left out."""
    from lxml import etree

    writer = _Writer(_layout_tables(base), links=links)
    walk = etree.iterwalk(base, events=("start", "end"))
    for event, element in walk:
        if event == "start":
            if element in left_out or writer.begin(element, left_out):
                walk.skip_subtree()
                writer.skipped.add(element)
        else:
            if element in writer.skipped:
                writer.skipped.discard(element)
            else:
                writer.end(element)
            if element is not base:
                writer.say(element.tail)
    return "".join(writer.parts)


class _Writer:
    """What is written so far; the last character of the line, after which something may be raised."""

    def __init__(self, layout_tables: set[_Element], *, links: bool) -> None:
        self.parts: list[str] = []
        self.skipped: set[_Element] = set()
        self._last = ""
        self._links = links
        self._layout_tables = layout_tables
        self._in_layout: list[bool] = []
        self._definition: _Element | None = None  # that goes on in the paragraph of its term
        self._bare: _Element | None = None  # its only paragraph

    def say(self, text: str | None) -> None:
        """Write a text."""
        if text:
            text = text.translate(_UNSEEN)
            self.parts.append(escape(text, quote=False))
            self._last = text[-1:] or self._last

    def begin(self, element: _Element, left_out: set[_Element]) -> bool:
        """Write the beginning of an element; or all of it, and True."""
        name = _name(element)
        if name in {"pre", "math", "sup", "sub", "img", "input"} or name in _NOT_SHOWN:
            self._whole(element, name, left_out)
            return True
        if name == "table":
            self._in_layout.append(element in self._layout_tables)
        tag = self._tag(element, name)
        if tag:
            self.parts.append(f"<{tag}{self._attributes(element, tag)}>")
            self._last = "" if tag not in {"a", "strong", "b", "em", "i", "var", "code"} else self._last
        elif name in _APART or "-" in name:
            self.parts.append(" ")
        begins = element is self._definition or element is self._bare
        self.say((element.text or "").lstrip() if begins else element.text)
        return False

    def end(self, element: _Element) -> None:
        """Write the end of an element."""
        name = _name(element)
        tag = self._tag(element, name)
        if name == "dt" and (definition := _short_definition(element)) is not None:
            self.parts.append("<br>: ")
            self._definition = definition
            self._bare = definition[0] if len(definition) == 1 and definition[0].tag == "p" else None
        elif tag and tag not in {"br", "hr"}:
            self.parts.append(f"</{tag}>")
        elif name in _APART or "-" in name:
            self.parts.append(" ")
        if element is self._definition:
            self.parts.append("</p>")
            self._definition = self._bare = None
        if name == "table":
            self._in_layout.pop()
        if tag not in {None, "a", "strong", "b", "em", "i", "var", "code"}:
            self._last = ""

    def _tag(self, element: _Element, name: str) -> str | None:
        """What an element becomes; None: its text alone."""
        if element is self._definition or element is self._bare:
            return None
        if name in _OF_TABLES and (self._in_layout[-1:] == [True] or not self._in_layout):
            return "div"
        if name == "dt":
            return "p"
        if name in _EMPHASIS and _is_in_word(element):
            return None
        if name == "a":
            target = element.get("href", "").strip()
            return "a" if self._links and _LINKS.match(target) else None
        name = _OTHERWISE.get(name, name)
        return name if name in _AS_THEY_ARE else "div" if name in _BLOCKS else None

    def _attributes(self, element: _Element, tag: str) -> str:
        kept = ("href",) if tag == "a" else _KEPT.get(tag, ())
        return "".join(f' {name}="{escape(value)}"' for name in kept if (value := element.get(name)))

    def _whole(self, element: _Element, name: str, left_out: set[_Element]) -> None:
        match name:
            case "pre":
                self._code(element, left_out)
            case "math":
                self.say(math_text(element))
            case "sup" | "sub":
                text = words(element, left_out)
                self.say(
                    raised(text, self._last, linked=element.find(".//a") is not None)
                    if name == "sup"
                    else lowered(text, self._last)
                )
            case "img":
                self.say(" ".join(element.get("alt", "").split()))
            case "input" if element.get("type") == "checkbox" and element.getparent().tag in {"li", "p", "label"}:  # type: ignore[union-attr]
                self.parts.append(f'<input type="checkbox"{" checked" if element.get("checked") is not None else ""}>')

    def _code(self, element: _Element, left_out: set[_Element]) -> None:
        codes = [child for child in element if child.tag == "code" and child not in left_out]
        for each in codes if len(codes) > 1 else [element]:
            if text := _code_text(each, left_out):
                language = _language(codes[0] if len(codes) == 1 else each)
                marked = f' class="language-{language}"' if language else ""
                self.parts.append(f"<pre><code{marked}>{escape(text, quote=False)}</code></pre>")
        self._last = ""


def _name(element: _Element) -> str:
    return str(element.tag).rpartition(":")[2]


def _is_in_word(element: _Element) -> bool:
    """Whether a word begins before an element or goes on behind it: marks would part its letters."""
    before, above = element.getprevious(), element.getparent()
    text = before.tail if before is not None else above.text if above is not None else None
    return (text or "")[-1:].isalnum() or (element.tail or "")[:1].isalnum()


def _layout_tables(base: _Element) -> set[_Element]:
    """The tables that lay out a page: without headings of their own, with titles, lists or code in their cells."""
    from lxml import etree

    found: set[_Element] = set()
    open_tables: list[list[bool]] = []  # whether each has headings of its own, and whether it has blocks in its cells
    for event, element in etree.iterwalk(base, events=("start", "end")):
        if event == "start":
            if element.tag == "table":
                open_tables.append([False, False])
            elif open_tables and element.tag in {"th", "caption"}:
                open_tables[-1][0] = True
            elif open_tables and element.tag in _IN_CELLS:
                open_tables[-1][1] = True
        elif element.tag == "table" and open_tables:
            headed, holding = open_tables.pop()
            layout = element.get("role") in {"presentation", "none"} or (not headed and holding)
            if layout:
                found.add(element)
            if open_tables and (headed or layout):
                open_tables[-1][1] = True
    return found


def _short_definition(term: _Element) -> _Element | None:
    """The definition that follows a term, where it is a line of text."""
    following = term.getnext()
    nested = term.getparent() is not None and term.getparent().tag == "dt"  # type: ignore[union-attr]
    if following is None or following.tag != "dd" or nested or (term.tail or "").strip():
        return None
    if len(following) == 1 and following[0].tag == "p" and not (following.text or "").strip():
        return following if not (following[0].tail or "").strip() else None
    inline = all(
        child.tag not in _BLOCKS and (child.tag not in _AS_THEY_ARE or child.tag in _INLINE) for child in following
    )
    return following if inline and following.find("pre") is None and following.find("dt") is None else None


_INLINE = set("strong b em i code kbd samp var q del s strike ruby abbr br".split())


def _code_text(element: _Element, left_out: set[_Element]) -> str:
    """The lines of a piece of code, without the colours."""
    from lxml import etree

    parts = [""]

    def say(text: str | None) -> None:
        if text:  # else the last part would be looked for among those without text
            parts.append(text)

    walk = etree.iterwalk(element, events=("start", "end"))
    for event, part in walk:
        if event == "start":
            if part in left_out:
                walk.skip_subtree()
            elif part.tag in {"sup", "sub"}:
                sign = raised(words(part, left_out), parts[-1][-1:], linked=False)
                say(sign if part.tag == "sup" else lowered(words(part, left_out), parts[-1][-1:]))
                walk.skip_subtree()
            else:
                say("\n" if part.tag == "br" else part.get("alt") if part.tag == "img" else None)
                say(part.text)
        elif part is not element:
            if part.tag in _ENDS_LINE and part not in left_out and parts[-1] and not parts[-1].endswith("\n"):
                parts.append("\n")
            say(part.tail)
    return "".join(parts).translate({0xA0: " ", 0x200B: None}).rstrip().removeprefix("\n")


def _language(element: _Element) -> str | None:
    """The language of a piece of code, as it or what is around it says."""
    around: _Element | None = element
    for _ in range(_AROUND):
        if around is None:
            return None
        classes = around.get("class", "").lower().split()
        named = [around.get("data-lang", "").lower(), around.get("data-language", "").lower()]
        named += [found[1] for each in classes if (found := _LANGUAGE.fullmatch(each))]
        if around.tag in {"body", "html"}:  # theirs is the language of the page
            return None
        if set(classes) & _AFTER or around.tag == "code":
            named += [each for each in classes if _LANGUAGES.fullmatch(each)]
        for each in named:
            if each and each not in _NO_LANGUAGE and _LANGUAGE.fullmatch(f"lang-{each}"):
                return each
        around = around.getparent()
    return None
