"""Feeds as a source, RSS (0.9x, 1.0, 2.0) and Atom: each entry is a document, by what the feed itself has of it.

A feed is a window: what is no longer in it is not gone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote, urljoin

from lxml import etree

from ingest.model import Document
from ingest.sources.safe_xml import SAFE_XML
from ingest.sources.sites.names import FEED, feed_root
from ingest.sources.sites.visiting import Visitor
from ingest.sources.source import Skipped
from ingest.sources.text import UnreadableError, clean
from ingest.sources.titles import MAX_TITLE
from ingest.sources.web import page_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.sources.extraction.workers import Limits

_MOST_BYTES = 32_000_000
_ATOM = "http://www.w3.org/2005/Atom"
_ROOTS = {"rss", "feed", "rdf"}
_TEXTS = ("encoded", "content", "description", "summary")
_DATES = ("published", "pubdate", "date", "issued", "updated", "modified")
_MAX_LINK = 2_000
_MAX_WORDS = 300  # characters of a name


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """An entry. `content` is HTML; `published`: in ISO 8601, or empty."""

    uri: str
    root: str
    title: str
    content: str
    published: str
    author: str
    limits: Limits

    @property
    def name(self) -> str:
        """Its URL."""
        return self.uri

    @property
    def size(self) -> int:
        """The bytes of its text, or nearly."""
        return len(self.content)

    @property
    def version(self) -> str:
        """A hash of it."""
        made_of = (self.title, self.content, self.published, self.author)
        return sha256("\x1f".join(made_of).encode()).hexdigest()[:32]

    def read(self, max_bytes: int) -> Document:
        """The entry as a document.

        Raises:
            UnreadableError: it is too large, or cannot be read.
        """
        content = self.content.encode()
        if len(content) > max_bytes:
            raise UnreadableError(f"{len(content):,} bytes, over max_document_bytes ({max_bytes:,})")
        told = {"published": self.published, "author": self.author, "feed": self.root.removeprefix(FEED)}
        metadata = {"url": self.uri, **{name: value for name, value in told.items() if value}}
        if not content.strip():
            return Document(self.uri, self.title, self.title, metadata=metadata)
        read = page_document(content, self.uri, "text/html; charset=utf-8", metadata, max_bytes, self.limits)
        title = self.title or read.title
        heading = "" if self.title and self.title in read.text[: len(self.title) + 10] else self.title
        return replace(read, title=title, heading=heading)


def feed_entries(given: str, limits: Limits) -> Iterator[FeedEntry | Skipped]:
    """The entries of a feed, in its order."""
    root = feed_root(given)
    url = root.removeprefix(FEED)
    try:
        content, _ = Visitor(url).fetched(url, _MOST_BYTES)
        yield from read_feed(content, root, limits)
    except UnreadableError as error:
        yield Skipped(given, str(error), is_folder=True)


def read_feed(content: bytes, root: str, limits: Limits) -> Iterator[FeedEntry | Skipped]:
    """The entries that stand in a feed; of those with one URL the first, which is the newest.

    Raises:
        UnreadableError: it is no feed.
    """
    parser = etree.XMLParser(recover=True, **SAFE_XML)
    try:
        found = etree.fromstring(content.strip(), parser)
    except (etree.XMLSyntaxError, ValueError):
        found = None
    if found is None or _local(found) not in _ROOTS:
        raise UnreadableError("it is no feed: neither RSS nor Atom")
    seen: set[str] = set()
    for element in found.iter("{*}item", "{*}entry"):
        entry = _entry(element, root, limits)
        if not entry.title and not entry.content:
            yield Skipped(entry.uri, "an entry with neither a title nor a text")
        elif entry.uri not in seen:
            seen.add(entry.uri)
            yield entry


def _entry(element: etree._Element, root: str, limits: Limits) -> FeedEntry:
    parts: dict[str, list[etree._Element]] = {}
    for child in element:
        parts.setdefault(_local(child), []).append(child)
    feed_url = root.removeprefix(FEED)
    content = next(
        (html for name in ("encoded", "content", "description", "summary") if (html := _html(parts, name))), ""
    )
    published = next((date for name in _DATES for each in parts.get(name, ()) if (date := _iso(_text(each)))), "")
    identity = next((_text(each) for name in ("guid", "id") for each in parts.get(name, ())), "")
    title = " ".join(_text(parts["title"][0]).split())[:MAX_TITLE] if "title" in parts else ""
    link = _link(parts, feed_url) or (identity if identity.startswith(("http://", "https://")) else "")
    if not link:
        told = identity or sha256(f"{title}{content}".encode()).hexdigest()[:16]
        link = f"{feed_url}#{quote(told[:_MAX_LINK], safe='')}"
    authors = (_author(each) for name in ("creator", "author") for each in parts.get(name, ()))
    author = next((name for name in authors if name), "")
    return FeedEntry(clean(link), root, clean(title), clean(content), published, clean(author), limits)


def _link(parts: dict[str, list[etree._Element]], base: str) -> str:
    """The URL of what an entry is about: in RSS the text of `link`, in Atom its attribute."""
    for link in parts.get("link", ()):
        target = link.get("href") or _text(link)
        if target and (link.get("rel") or "alternate") == "alternate" and len(target) <= _MAX_LINK:
            try:
                return urljoin(base, target.strip())
            except ValueError:
                continue
    return ""


def _html(parts: dict[str, list[etree._Element]], name: str) -> str:
    """What stands in a part of an entry, as HTML."""
    for element in parts.get(name, ()):
        kind = (element.get("type") or "html").lower()
        if kind == "xhtml" or (kind.endswith("xml") and len(element)):
            return (element.text or "") + "".join(
                etree.tostring(child, encoding="unicode", method="html") for child in element
            )
        text = _text(element)
        if text and not element.get("src"):
            return escape(text) if kind in {"text", "text/plain"} and _is_atom(element) else text
    return ""


def _author(element: etree._Element) -> str:
    named = [_text(child) for child in element if _local(child) == "name"]
    return " ".join((named[0] if named else _text(element)).split())[:_MAX_WORDS]


def _is_atom(element: etree._Element) -> bool:
    return str(element.tag).startswith(f"{{{_ATOM}}}")


def _iso(told: str) -> str:
    """A date as ISO 8601; empty where it is none."""
    told = told.strip()[:60]
    try:
        return datetime.fromisoformat(told).isoformat()
    except ValueError:
        pass
    try:
        return parsedate_to_datetime(told).isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        return ""


def _local(element: etree._Element) -> str:
    tag: object = element.tag
    return tag.rpartition("}")[2].lower() if isinstance(tag, str) else ""


def _text(element: etree._Element) -> str:
    return "".join(map(str, element.itertext(with_tail=False))).strip()
