"""The text of a page of HTML as a tree: what is hidden and what stands beside it left out, in one pass each."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from ingest.sources.extraction.html_noise import Judgement, Size, is_control, is_hidden, judge
from ingest.sources.text import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml.etree import _Element

_XHTML = re.compile(r"<\?xml\b|xmlns\s*+=", re.IGNORECASE)
_HEAD = 4096
# `<title/>` is whole in XHTML, and in HTML begins what has no end.
_EMPTY = re.compile(r"""<([a-zA-Z][\w:.-]*+)((?:[^<>"'/]++|"[^"]*+"|'[^']*+'|/(?!>))*+)/>""")
_VOID = "area base br col embed hr img input link meta param source track wbr".split()
_MAIN_IDS = {
    "main",
    "main-content",
    "maincontent",
    "content",
    "bodycontent",
    "mw-content-text",
    "article",
    "document",
    "documentation",
}
_MAIN_CLASSES = {
    "body",
    "document",
    "main-content",
    "content",
    "contents",
    "rst-content",
    "markdown-body",
    "article",
    "post-content",
    "entry-content",
}
_MOST = 0.5
_ALMOST_ALL = 0.8
_TITLES = ("h1", "h2", "h3", "h4", "h5", "h6")


def parse(source: str) -> _Element | None:
    """A page's tree; None where there is nothing in it.

    Raises:
        UnreadableError: it is nested too deep.
    """
    from lxml import etree

    if _XHTML.search(source, 0, _HEAD):
        source = _EMPTY.sub(lambda tag: tag[0] if tag[1].lower() in _VOID else f"<{tag[1]}{tag[2]}></{tag[1]}>", source)
    # Deeper than 2,048 it reads no further, and takes linear time, which parsers by the letter of HTML 5 do not.
    parser = etree.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True)
    root: _Element | None = etree.fromstring(source.encode() or b" ", parser)
    if any("depth" in entry.message.lower() for entry in parser.error_log):
        raise UnreadableError("its elements are nested too deep")
    return root


class Text(NamedTuple):
    """The element that holds the text of a page, the title that stands outside it, and what in them is left out."""

    base: _Element
    title: _Element | None
    left_out: set[_Element]


def text_of_page(root: _Element, *, main_text: bool) -> Text:
    """The text of a page: without what nobody sees; and, where wanted, without what stands beside it."""
    holding = _holders(root)
    hidden: set[_Element] = set()
    sizes = _sizes(root, hidden, find_hidden=True)
    if not main_text:
        return Text(root, None, hidden)
    surely, perhaps = set(hidden), set(hidden)
    for event, element, within in _walk(root, perhaps):
        if event == "start" and element in sizes:
            judged = judge(element, sizes[element], within, holds_main=element in holding)
            if judged is not Judgement.TEXT:
                perhaps.add(element)
            if judged is Judgement.NOISE:
                surely.add(element)
    # A list of links may be all that a page is made for, below its title.
    for left_out in (perhaps, surely, hidden):
        kept = _sizes(root, left_out)
        if kept[root].text > sum(kept[each].text for each in root.iter(*_TITLES) if each in kept):
            break
    main = _main(root, kept)
    if main is None:
        return Text(root, None, left_out)
    titles = list(islice((each for each in root.iter("h1") if each in kept), 2))
    alone = len(titles) == 1 and main not in titles[0].iterancestors() and not kept[titles[0]].linked
    return Text(main, titles[0] if alone else None, left_out)


def _walk(root: _Element, skipped: set[_Element]) -> Iterator[tuple[str, _Element, set[str]]]:
    """The start and the end of each element, with the kinds of those around it.

    What is in `skipped`, also while it grows, is not gone into.
    """
    from lxml import etree

    depths: dict[str, int] = {}
    within: set[str] = set()
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        kind = "main" if element.get("role") == "main" else element.tag
        if event == "end":
            depths[kind] -= 1
            if not depths[kind]:
                within.discard(kind)
        if event == "end" or element not in skipped:
            yield event, element, within
        if event == "start":
            if element in skipped:
                walk.skip_subtree()
            depths[kind] = depths.get(kind, 0) + 1
            within.add(kind)


def _sizes(root: _Element, left_out: set[_Element], *, find_hidden: bool = False) -> dict[_Element, Size]:
    """How large each element's text is without what is left out; what is hidden is found on the way."""
    sizes: dict[_Element, Size] = {}
    open_sizes = [Size()]
    links: list[bool] = []  # of each link that is open, whether it leads within the page
    for event, element, within in _walk(root, left_out):
        if event == "start":
            if find_hidden and (is_hidden(element) or is_control(element, within)):
                left_out.add(element)
                continue
            if element.tag == "a":
                links.append(element.get("href", "").startswith("#"))
            open_sizes.append(Size())
            _count(open_sizes[-1], element.text, links)
            continue
        if element not in left_out:
            sizes[element] = size = open_sizes.pop()
            if element.tag == "a":
                size.local_links += links.pop()
            open_sizes[-1].add(size)
        if element is not root:
            _count(open_sizes[-1], element.tail, links)
    return sizes


def _count(size: Size, text: str | None, links: list[bool]) -> None:
    if text and (length := len("".join(text.split()))):
        size.text += length
        if links:
            size.linked += length
            if links[-1]:
                size.local += length


def _holders(root: _Element) -> set[_Element]:
    """The main element, the headings of the first level, and all that is around them."""
    found: set[_Element] = set()
    for element in root.iter("main", "h1", "article", "*"):
        if element.tag in {"main", "h1", "article"} or element.get("role") == "main":
            above: _Element | None = element
            while above is not None and above not in found:
                found.add(above)
                above = above.getparent()
    return found


def _main(root: _Element, sizes: dict[_Element, Size]) -> _Element | None:
    """The only element of its kind that is made for the text, where at least half of the text is in it."""
    kinds: dict[str, list[_Element]] = {}
    for element in sizes:
        if element.tag in {"div", "section", "td", "main", "article"}:
            named = _named(element)
            if named:
                kinds.setdefault(named, []).append(element)
    total = sizes[root].text
    for kind, least in (("main", _MOST), ("article", _MOST), ("named", _ALMOST_ALL)):
        found = kinds.get(kind, [])
        largest = max(found, key=lambda each: sizes[each].text, default=None)
        if largest is not None and sizes[largest].text >= least * total and (kind != "article" or len(found) == 1):
            return largest
    return None


def _named(element: _Element) -> str | None:
    if element.tag == "main" or element.get("role") == "main":
        return "main"
    if element.tag == "article":
        return "article"
    if (element.get("id") or "").lower() in _MAIN_IDS or set(element.get("class", "").lower().split()) & _MAIN_CLASSES:
        return "named"
    return None
