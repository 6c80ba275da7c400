"""What a page of HTML says of itself and of others: its canonical URL, whether it is for machines, its links."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urldefrag, urljoin

from lxml import etree

_MOST_LINKS = 5_000
_MOST_LINK = 2_000  # characters of a URL


class Said(NamedTuple):
    """What a page says. `links`: absolute, in their order, each once."""

    canonical: str = ""
    is_noindex: bool = False
    is_nofollow: bool = False
    links: tuple[str, ...] = ()


def read_page(content: bytes, url: str, charset: str | None) -> Said:
    """What a page says; `url`: where it was found; `charset`: what its server says that it is in."""
    try:
        parser = etree.HTMLParser(encoding=charset, no_network=True, huge_tree=False, remove_comments=True)
    except LookupError:
        parser = etree.HTMLParser(no_network=True, huge_tree=False, remove_comments=True)
    try:
        root = etree.fromstring(content, parser) if content.strip() else None
    except (etree.XMLSyntaxError, ValueError):
        root = None
    if root is None:
        return Said()
    base, canonical, directives = url, "", set[str]()
    links: dict[str, None] = {}
    for element in root.iter("base", "link", "meta", "a", "area"):
        href = (element.get("href") or "").strip()
        relations = (element.get("rel") or "").lower().split()
        if element.tag == "base" and href and base == url:
            base = _joined(url, href) or url
        elif element.tag == "link" and "canonical" in relations and href and not canonical:
            canonical = _joined(base, href)
        elif element.tag == "meta" and (element.get("name") or "").lower() in {"robots", "pgvector-ingest"}:
            directives |= directives_in(element.get("content") or "")
        elif element.tag in {"a", "area"} and href and "nofollow" not in relations and len(links) < _MOST_LINKS:
            links[_joined(base, href)] = None
    links.pop("", None)
    return Said(canonical, "noindex" in directives, "nofollow" in directives, tuple(links))


def directives_in(value: str) -> set[str]:
    """The directives of a robots tag, or of the header X-Robots-Tag: `none` is both."""
    found = {word.strip().rpartition(":")[2].strip() for word in value.lower()[:1000].split(",")}
    return found | {"noindex", "nofollow"} if "none" in found else found


def _joined(base: str, href: str) -> str:
    """A link as an absolute URL without a fragment; empty where it is none."""
    if len(href) > _MOST_LINK:
        return ""
    try:
        return urldefrag(urljoin(base, href)).url
    except ValueError:
        return ""
