"""What of a page of HTML nobody sees, and what stands beside its text. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.etree import _Element

_NEVER_SEEN = {"script", "style", "template", "noscript", "head", "iframe", "datalist"}
_HIDDEN_STYLE = re.compile(r"(?:^|[;\s])(?:display\s*+:\s*+none|visibility\s*+:\s*+hidden)")
_NAVIGATION = {"nav", "menu", "search"}
_NAVIGATION_ROLES = {
    "navigation",
    "search",
    "dialog",
    "alertdialog",
    "toolbar",
    "menu",
    "menubar",
    "directory",
    "doc-toc",
}
_BESIDE_ROLES = {"contentinfo": "footer", "complementary": "aside"}
_TITLES = {"h1", "h2", "h3", "h4", "h5", "h6", "summary", "dt", "legend", "caption"}
_MARKS = {"¶", "#", "§", "∞", "🔗", "⚓", "※", "[#]", "[¶]", "permalink"}
_WORDS_IN_TITLES = {"link", "[link]", "anchor", "direct link", "edit", "[edit]", "copy link", "link to this heading"}
_BACK = {"top", "[top]", "↑", "^", "back to top", "↑ top", "to top"}
_ARROWS = {"<-", "->", "<<", ">>", "←", "→", "«", "»", "prev", "previous", "next", "up", "home"}
_OF_MARKS = 24  # characters; what is longer is no mark
# Classes and ids, in lower case, of what is never text, wherever it stands.
_SURELY = re.compile(
    r"header-?link|perma-?link|anchor-?js-?link|hash-link|(?:header|heading)-anchor|self-?link|back-?to-?top|"
    r"skip-?(?:link|nav|to-content|to-main|to-main-content)|"
    r"nav-?(?:header|footer|path|bar)|bread-?crumbs?|sphinxsidebar|wy-nav-side|wy-breadcrumbs|rst-versions|md-sidebar|bd-sidebar|"
    r"side-nav|prev-?next(?:-area)?|md-footer|md-header|printfooter|mw-editsection|mw-jump-link|navbox|catlinks|noprint|vector-.*|"
    r"copy-?(?:btn|button|code|code-button)|(?:btn|button)-copy|clipboard(?:-copy)?|"
    r"line-?no(?:s|div)?|linenodiv|line-?numbers?(?:-rows)?|gutter|rouge-gutter|blob-num|hljs-ln-numbers|"
    r"edit-?(?:this-?page|page|link|on-github)|(?:social|share)-?(?:links|buttons|icons|bar)|sharing|addtoany.*|"
    r"news-?letter(?:-.*)?|advert(?:isement)?s?(?:-.*)?|ad-(?:banner|slot|unit|container)|adsbygoogle|"
    r"(?:sr|screen-reader)-(?:only|text)|visually-?hidden|"
    r"(?:top|bottom)-?lang(?:s|uages)?|theme-?(?:toggle|switch|switcher)|(?:language|version)-?(?:switcher|selector|picker|switch)(?:[-_].*)?"
)
_COOKIES = re.compile(
    r"(?:[\w-]*[-_])?(?:cookies?|gdpr|ccpa|consent)(?:[-_]?(?:banner|bar|notice|consent|popup|modal|dialog|overlay|message|law|"
    r"info|alert|warning|notification|wrapper|container|box|layer|disclaimer|panel|prompt|root|widget|manager|settings|hint))*+|"
    r"(?:onetrust|cybotcookiebot|usercentrics|didomi|qc-cmp2|truste|cmplz|osano)[\w-]*|cc-(?:window|banner)"
)
# Names that may also be those of text: that of navigation is mostly links.
_PERHAPS = re.compile(
    r"(?:(?:main|top|side|left|right|site|page|global|primary|secondary|mobile|sub|local|header|footer|section|chapter|quick|"
    r"table-of)[-_]?)?(?:nav|navigation|menu|sidebar|\w{0,4}toc|tableofcontents|contents|pagination|pager|links|header|footer|"
    r"banner|topbar|masthead|related|rellinks|node|path|quickview|tags?|share|social|column)"
    r"(?:[-_]?(?:bar|list|wrapper|container|tree|items?|links?|inner|top|bottom|left|right|header|footer|content|box|section|block|menu|nav|"
    r"panel|posts|articles|pages|topics|\d))*+"
)
_FOOTERS = {"footer", "site-footer", "page-footer", "cookie", "cookies"}
_WITH_FOOTERS = {"article", "main", "blockquote", "section", "td", "figure"}
_NAMES = 40  # more are no names
_FEWEST = 3
_MOSTLY = 0.5
_LOCAL = 0.8
_LISTS = {"ul", "ol", "dl", "div", "table", "aside", "details", "section"}


@dataclass(slots=True)
class Size:
    """The characters of an element's text, blanks left out; of these, those in links, and in links within the page."""

    text: int = 0
    linked: int = 0
    local: int = 0
    local_links: int = 0

    def add(self, other: Size) -> None:
        """Take in a part."""
        self.text += other.text
        self.linked += other.linked
        self.local += other.local
        self.local_links += other.local_links


def is_hidden(element: _Element) -> bool:
    """Whether nobody sees it: by its kind, its attributes or its own style; what a tab or a search uncovers is seen."""
    if element.tag in _NEVER_SEEN:
        return True
    style = element.get("style")
    hidden = (
        element.get("hidden", "until-found") != "until-found"
        or (style is not None and _HIDDEN_STYLE.search(style.lower()) is not None)
        or element.get("aria-hidden") == "true"
        or (element.tag == "dialog" and element.get("open") is None)
    )
    return hidden and element.get("role") not in {"tabpanel", "region"}


def is_control(element: _Element, within: set[str]) -> bool:
    """Whether it is a button, or the mark by which a heading's address is copied."""
    if element.tag in {"button", "clipboard-copy"}:
        return not within & _TITLES  # a question that is clicked for its answer is text
    if element.tag != "a" or "href" not in element.attrib:
        return False
    href, shown, pictures = element.get("href", ""), "", False
    for part in islice(element.iter(), 8):
        pictures = pictures or part.tag == "img"
        shown += (part.get("alt") or part.text or "")[:_OF_MARKS] + ("" if part is element else part.tail or "")[
            :_OF_MARKS
        ]
    shown = shown.strip(" \n\t\u200b\ufeff").lower()
    return (
        ("#" in href and (shown in _MARKS or (shown in _WORDS_IN_TITLES and bool(within & _TITLES))))
        or (href.startswith("#") and shown in _BACK)
        or (pictures and shown in _ARROWS)
    )


class Judgement(Enum):
    """What an element is: of the page's text, beside it, or beside it unless it is all that there is."""

    TEXT = 0
    NOISE = 1
    LINKS = 2


def judge(element: _Element, size: Size, within: set[str], *, holds_main: bool) -> Judgement:  # noqa: PLR0911 - a rule each
    """What an element is, by its kind, its role, its name, and how much of it is links."""
    tag, role = element.tag, element.get("role", "")
    in_main = bool(within & {"article", "main"})
    if (tag in _NAVIGATION and not (tag == "menu" and in_main)) or role in _NAVIGATION_ROLES:
        return Judgement.NOISE
    if holds_main or tag in {"body", "html", "main", "article"}:
        return Judgement.TEXT
    mostly_links = size.text > 0 and size.linked >= _MOSTLY * size.text
    kind = _BESIDE_ROLES.get(role, tag)
    if kind in {"footer", "aside"} and (mostly_links or not within & _WITH_FOOTERS):
        return Judgement.NOISE
    names = [*element.get("class", "").lower().split(), *element.get("id", "").lower().split()][:_NAMES]
    if tag not in _TITLES and any(_SURELY.fullmatch(name) for name in names):
        return Judgement.NOISE
    if not in_main and any(_COOKIES.fullmatch(name) or name in _FOOTERS for name in names):
        return Judgement.NOISE
    if mostly_links and any(_PERHAPS.fullmatch(name) for name in names):
        return Judgement.LINKS
    contents = tag in _LISTS and size.local_links >= _FEWEST and size.local >= _LOCAL * size.text
    return Judgement.LINKS if contents else Judgement.TEXT
