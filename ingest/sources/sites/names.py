"""How a site, its sitemap and a feed are named, and how much of a site is read. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from ingest.errors import UsageError
from ingest.sources.destinations import is_page
from ingest.sources.web import page_uri

CRAWL = "crawl+"
SITEMAP = "sitemap+"
FEED = "feed+"
_SITEMAP_NAME = re.compile(r"sitemap[^/]{0,100}\.(?:xml|txt)(?:\.gz)?\Z", re.IGNORECASE)


class Bounds(NamedTuple):
    """How much of a site is read: pages, and links from the first to one."""

    pages: int = 1000
    depth: int = 20


DEFAULT_BOUNDS = Bounds()


def is_site(given: str) -> bool:
    """Whether what a user names is a site that is crawled, or its sitemap."""
    return given.lower().startswith((CRAWL, SITEMAP)) or _is_sitemap(given)


def site_root(given: str) -> str:
    """What a site's documents record as their source.

    Raises:
        UsageError: it is no URL of a site.
    """
    prefix = next((each for each in (CRAWL, SITEMAP) if given.lower().startswith(each)), "")
    url = given[len(prefix) :]
    if not is_page(url):
        raise UsageError(f"{prefix}… is followed by the URL of a page: {prefix}https://….")
    return prefix + page_uri(url)


def _is_sitemap(given: str) -> bool:
    """Whether a URL is that of a sitemap by its last part: nobody wants the file itself as a document."""
    return given.lower().startswith(("http://", "https://")) and bool(
        _SITEMAP_NAME.match(urlsplit(given).path.rpartition("/")[2])
    )


def is_feed(given: str) -> bool:
    """Whether what a user names is a feed."""
    return given.lower().startswith(FEED)


def feed_root(given: str) -> str:
    """What a feed's documents record as their source.

    Raises:
        UsageError: it is no URL of a feed.
    """
    url = given[len(FEED) :]
    if not is_page(url):
        raise UsageError(f"{FEED}… is followed by the URL of a feed: {FEED}https://….")
    return FEED + page_uri(url)
