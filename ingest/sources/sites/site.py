"""The pages of a site as a source: by following links from one page, or as a sitemap lists them.

A page that fails is no page that is gone, and neither are those that only it leads to: what it led to before is
remembered. Where that is not known, or not all was looked at, nothing of the site is taken for gone.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import unquote, urldefrag, urlsplit

from ingest.errors import UsageError
from ingest.redaction import foreign
from ingest.sources.content import reading_of
from ingest.sources.sites.memory import Memory, Remembered
from ingest.sources.sites.names import CRAWL, SITEMAP, site_root
from ingest.sources.sites.site_page import SitePage
from ingest.sources.sites.sitemap import MOST_BYTES, read_sitemap
from ingest.sources.sites.visiting import Visitor
from ingest.sources.source import DEAD_LINK, IGNORED, Skipped
from ingest.sources.text import BINARY, UnreadableError
from ingest.sources.web import page_uri

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ingest.sources.extraction.workers import Limits
    from ingest.sources.ignoring import Rules
    from ingest.sources.sites.names import Bounds
    from ingest.sources.sites.visiting import Visit

_WAVE = 16  # pages that are asked for before what they say is looked at
_MOST_FAILURES = 10  # in a row: the server is not there
_MOST_SITEMAPS = 1_000
_MOST_DEPTH = 3  # of sitemaps in sitemaps
_SEEN_TIMES = 50  # URLs that are remembered in a run, for each page that may be read
_COPIES = 10
FORBIDDEN = "its robots.txt forbids it"
_ASSET = re.compile(
    r"\.(?:png|jpe?g|gif|svg|webp|avif|ico|css|m?js|map|json|xml|woff2?|ttf|eot|mp[34]|webm|ogg|wav|zip|gz|tgz|bz2|xz|"
    r"zst|tar|7z|rar|exe|dmg|deb|rpm|whl|jar|iso)\Z",
    re.IGNORECASE,
)


class _Scope:
    """What belongs to a site: pages of one host and port, below a path."""

    def __init__(self, start: str, *, is_whole_host: bool) -> None:
        self._start = urlsplit(start)
        path = self._start.path
        is_file = "." in path.rpartition("/")[2]
        folder = path if path.endswith("/") else f"{path.rpartition('/')[0]}/" if is_file else f"{path}/"
        self.folder = "/" if is_whole_host else folder

    def holds(self, url: str) -> bool:
        """Whether a page belongs to the site; one that is asked for by https belongs to the one of http, too."""
        parts = urlsplit(url)
        try:
            ports = (parts.port or _PORTS.get(parts.scheme), self._start.port or _PORTS.get(self._start.scheme))
        except ValueError:
            return False
        is_same = parts.scheme == self._start.scheme and ports[0] == ports[1]
        is_secured = (self._start.scheme, parts.scheme, *ports) == ("http", "https", 443, 80)
        is_host = (parts.hostname or "") == self._start.hostname and (is_same or is_secured)
        return is_host and f"{parts.path}/".startswith(self.folder)

    def path(self, url: str) -> str:
        """Where a page is below the path; empty: it is the first of all."""
        return unquote(urlsplit(url).path).removeprefix(self.folder).strip("/")

    def inside(self, url: str) -> str:
        """The same, with its query: what rules are about."""
        query = urlsplit(url).query
        return (self.path(url) or "index") + (f"?{query}" if query else "")


_PORTS = {"http": 80, "https": 443}


def site_pages(
    given: str, rules: Rules | None, limits: Limits, cache: Path, bounds: Bounds
) -> Iterator[SitePage | Skipped]:
    """The pages of a site, as they are found."""
    root = site_root(given)
    is_crawl = root.startswith(CRAWL)
    start = root.removeprefix(CRAWL).removeprefix(SITEMAP)
    visitor = Visitor(start)
    try:
        visitor.read_robots()
    except UnreadableError as error:
        yield Skipped(given, str(error), is_folder=True)
        return
    with closing(Memory(cache, root)) as memory:
        reading = _Reading(
            given, root, _Scope(start, is_whole_host=not is_crawl), rules, limits, visitor, memory, bounds
        )
        yield from reading.crawled(start) if is_crawl else reading.listed(start)


class _Reading:
    """One pass over a site."""

    def __init__(
        self,
        given: str,
        root: str,
        scope: _Scope,
        rules: Rules | None,
        limits: Limits,
        visitor: Visitor,
        memory: Memory,
        bounds: Bounds,
    ) -> None:
        self._given, self._root, self._scope, self._rules = given, root, scope, rules
        self._limits, self._visitor, self._memory, self._bounds = limits, visitor, memory, bounds
        self._waiting: deque[tuple[str, int, str]] = deque()  # URL, depth, when it changed as a sitemap says
        self._seen: set[str] = set()
        self._found: set[str] = set()  # URIs
        self._copies: Counter[str] = Counter()
        self._visited = 0
        self._failed = 0
        self._is_cut = False
        self._knows_all = memory.is_whole

    def crawled(self, start: str) -> Iterator[SitePage | Skipped]:
        """The pages that links lead to."""
        if self._visitor.forbids(start):
            yield Skipped(self._given, FORBIDDEN, is_folder=True)
            return
        self._seen.add(start)
        self._waiting.append((start, 0, ""))
        yield from self._visits(start)

    def listed(self, start: str) -> Iterator[SitePage | Skipped]:
        """The pages that a sitemap lists, and those that it lists in others."""
        sitemaps = deque([(start, 0)])
        seen = {start}
        while sitemaps:
            url, depth = sitemaps.popleft()
            try:
                content, _ = self._visitor.fetched(url, MOST_BYTES)
                for each in read_sitemap(content):
                    if not each.is_sitemap:
                        yield from self._noted(each.url, 0, each.modified)
                    elif not self._scope.holds(each.url):
                        yield Skipped(each.url, IGNORED, detail="a sitemap of another host")
                    elif each.url in seen:
                        continue
                    elif depth < _MOST_DEPTH and len(seen) < _MOST_SITEMAPS:
                        seen.add(each.url)
                        sitemaps.append((each.url, depth + 1))
                    else:
                        reason = f"more than {_MOST_SITEMAPS:,} sitemaps, or {_MOST_DEPTH} in one another"
                        yield Skipped(each.url, reason, is_folder=True)
            except UnreadableError as error:
                yield Skipped(url, str(error), is_folder=True)
        yield from self._visits(None)

    def _visits(self, start: str | None) -> Iterator[SitePage | Skipped]:
        """What becomes of the pages that wait, and of those that they lead to; `start`: the first one of a crawl."""
        in_a_row = 0
        while self._waiting and in_a_row < _MOST_FAILURES:
            room = min(_WAVE, len(self._waiting), self._bounds.pages - self._visited)
            if room <= 0:
                self._is_cut = True
                break
            wave = [self._waiting.popleft() for _ in range(room)]
            known = [self._memory.recall(url) for url, *_ in wave]
            asked = [(url, page) for (url, *_), page in zip(wave, known, strict=True)]
            visits = self._visitor.visits(asked)
            for visit in visits:
                if visit.page or visit.is_gone:
                    self._memory.keep(visit.url, visit.page)
            self._memory.commit()  # before a corpus has them: what is in one is known here
            for (url, depth, modified), page, visit in zip(wave, known, visits, strict=True):
                self._visited += 1
                has_failed = bool(visit.trouble) and not visit.is_gone
                in_a_row = in_a_row + 1 if has_failed else 0
                yield from self._told(visit, page, depth, modified, is_start=url == start)
        yield from self._ended(in_a_row)

    def _told(
        self, visit: Visit, known: Remembered | None, depth: int, modified: str, *, is_start: bool
    ) -> Iterator[SitePage | Skipped]:
        url = visit.url
        if visit.moved:
            yield from self._moved(url, visit.moved, depth, modified, is_start=is_start)
        elif visit.is_other:
            yield Skipped(url, BINARY)
        elif visit.is_gone:
            self._failed += is_start
            yield Skipped(url, visit.trouble if is_start else DEAD_LINK, is_folder=is_start, detail=visit.trouble)
        elif visit.page is None:
            self._failed += 1
            if known is None:  # what it leads to is not known, unless all was known before
                yield Skipped(url, visit.trouble, is_folder=is_start or not self._knows_all)
                return
            yield from self._page(replace(visit, page=known), depth, modified)
        else:
            yield from self._page(visit, depth, modified)

    def _page(self, visit: Visit, depth: int, modified: str) -> Iterator[SitePage | Skipped]:
        page, url = visit.page, visit.url
        assert page is not None  # noqa: S101 - the caller looked
        canonical = _normal(page.canonical)
        uri = canonical if canonical and self._scope.holds(canonical) else url
        if page.is_noindex:
            yield Skipped(url, IGNORED, detail="it asks not to be indexed (noindex)")
        elif uri in self._found:
            self._copies[uri] += 1
            yield Skipped(url, IGNORED, detail=f"a copy of {uri}, by its canonical link")
        else:
            self._found.add(uri)
            yield SitePage(
                url,
                uri,
                self._scope.path(uri),
                self._root,
                page.size,
                page.digest + reading_of(urlsplit(url).path) if not visit.trouble else None,
                page.content_type,
                modified or page.modified,
                self._limits,
                visit.content,
                visit.trouble,
                partial(self._visitor.fetched, url),
            )
        if self._root.startswith(CRAWL) and depth < self._bounds.depth:
            for link in page.links:
                yield from self._noted(link, depth + 1, "")

    def _moved(self, url: str, target: str, depth: int, modified: str, *, is_start: bool) -> Iterator[Skipped]:
        if not self._scope.holds(_normal(target)):
            words = f"it leads to {foreign(target, 200)}, which is not of the site"
            yield Skipped(url, words if is_start else IGNORED, is_folder=is_start, detail=words)
            return
        yield from self._noted(target, depth, modified)

    def _noted(self, link: str, depth: int, modified: str) -> Iterator[Skipped]:
        """A link that may be one to a page of the site: it waits, or it is told why not."""
        url = _normal(link)
        if not url or url in self._seen or len(self._seen) > self._bounds.pages * _SEEN_TIMES:
            return
        if not self._scope.holds(url):
            if not self._root.startswith(CRAWL):
                self._seen.add(url)
                yield Skipped(url, IGNORED, detail="of another host than its sitemap")
            return
        self._seen.add(url)
        if self._rules and (told := _excluding(self._rules, self._scope.inside(url).split("/"))):
            yield Skipped(url, IGNORED, detail=told)
        elif self._visitor.forbids(url):
            yield Skipped(url, IGNORED, detail=FORBIDDEN)
        elif _ASSET.search(urlsplit(url).path):
            yield Skipped(url, BINARY)
        elif len(self._waiting) + self._visited >= self._bounds.pages:
            self._is_cut = True
        else:
            self._waiting.append((url, depth, modified))

    def _ended(self, in_a_row: int) -> Iterator[Skipped]:
        if in_a_row >= _MOST_FAILURES:
            reason = f"{in_a_row} pages in a row could not be read: the others were not asked for"
            yield Skipped(self._given, reason, is_folder=True)
        elif self._is_cut:
            reason = (
                f"it has more pages than {self._bounds.pages:,} (crawl_pages): the others were not read. Leave out "
                "what is not wanted (--exclude), or raise it"
            )
            yield Skipped(self._given, reason, is_folder=True)
        elif not self._found:
            yield Skipped(self._given, "no page of it is there to be read", is_folder=True)
        elif not self._failed:
            self._memory.note_whole()
        if self._copies:
            uri, copies = self._copies.most_common(1)[0]
            if copies > _COPIES and copies * 2 > self._visited:
                yield Skipped(uri, f"{copies:,} pages name it as their canonical one, and are not read because of that")


def _excluding(rules: Rules, parts: Sequence[str]) -> str | None:
    """The rule by which a page, or what it is below, is left out; None: it is read."""
    told = None
    for depth in range(1, len(parts) + 1):
        if rule := rules.found(parts[:depth], is_folder=depth < len(parts)):
            told = None if rule.includes else rule.told
    return told


def _normal(url: str) -> str:
    """The URL of a page in one spelling; empty: it is none, or nobody should follow it."""
    try:
        parts = urlsplit(urldefrag(url.strip()).url)
        if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc:
            return ""
        port = parts.port
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        netloc = host if port in {None, _PORTS[parts.scheme]} else f"{host}:{port}"
        return page_uri(parts._replace(netloc=netloc).geturl())
    except (ValueError, UsageError):
        return ""
