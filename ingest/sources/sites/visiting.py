"""Pages of one server, asked for politely: few at once, as slowly as it asks, and only where they have changed."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from email.message import Message
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.parse import urljoin

from protego import Protego

from ingest.sources.destinations import Journey, destination
from ingest.sources.exchange import (
    FAILURES,
    GONE,
    USER_AGENT,
    TooLargeError,
    header,
    opened,
    read_body,
    words_of,
)
from ingest.sources.sites.memory import Remembered
from ingest.sources.sites.pages import directives_in, read_page
from ingest.sources.text import UnreadableError

if TYPE_CHECKING:
    import http.client
    from collections.abc import Sequence

_AT_ONCE = 4
_PAGE_S = 120.0
_MOST_BYTES = 128_000_000
_LATER = (429, 503)
_MOVED = (301, 302, 303, 307, 308)
_ATTEMPTS = 3
_LONGEST_WAIT_S = 120.0  # that a server may ask for, with Retry-After
_FIRST_WAIT_S = 5.0
_MOST_ROBOTS = 512_000  # bytes; RFC 9309: at least 500 KiB, and what follows is not looked at
_LONGEST_DELAY_S = 60.0  # between two pages, by robots.txt
_HTML = {"text/html", "application/xhtml+xml"}
_READ = {"application/pdf", "application/epub+zip", "application/rtf", "application/msword"}
_NOT_READ = {"text/css", "text/javascript", "text/calendar", "text/vtt"}
_OFFICE = ("application/vnd.openxmlformats-officedocument.", "application/vnd.oasis.opendocument.")


@dataclass(frozen=True, slots=True)
class Visit:
    """What came of asking for a page: one of these, or nothing but `trouble`.

    `page`: as it is now, whether it was sent (`content`) or has not changed. `moved`: where it leads. `is_gone`: the
    server says that there is none. `is_other`: it is something that is not read, such as a picture.
    """

    url: str
    page: Remembered | None = None
    content: bytes | None = None
    moved: str = ""
    is_gone: bool = False
    is_other: bool = False
    trouble: str = ""


class Visitor:
    """Who asks one server for its pages. The host that the user named may be any; it is not left."""

    def __init__(self, start: str) -> None:
        self._start = start
        self._is_public = False
        self._delay_s = 0.0
        self._turn = threading.Lock()
        self._not_before = 0.0
        self._robots = Protego()

    def read_robots(self) -> None:
        """Ask what the site asks of us. A server that has no such file asks nothing.

        Raises:
            UnreadableError: it cannot be told, or is more patience than we have.
        """
        try:
            content, _ = self._sent(urljoin(self._start, "/robots.txt"), _MOST_ROBOTS * 4)
        except HTTPError as error:
            if error.code in _LATER or error.code >= 500:
                raise UnreadableError(f"robots.txt: {words_of(error)}") from None
            return
        except TooLargeError:
            raise UnreadableError("robots.txt is too large") from None
        except FAILURES as error:
            raise UnreadableError(words_of(error)) from None
        self._robots = Protego.parse(content[:_MOST_ROBOTS].decode(errors="replace"))
        self._delay_s = self._robots.crawl_delay(USER_AGENT) or 0.0
        if self._delay_s > _LONGEST_DELAY_S:
            raise UnreadableError(
                f"robots.txt asks for {self._delay_s:g} s between two pages: over {_LONGEST_DELAY_S:g}, which is too "
                "slow to be read"
            )

    def forbids(self, url: str) -> bool:
        """Whether robots.txt forbids a page."""
        return not self._robots.can_fetch(url, USER_AGENT)

    def visits(self, asked: Sequence[tuple[str, Remembered | None]]) -> list[Visit]:
        """What comes of asking for pages, each with what is remembered of it; in their order."""
        if len(asked) == 1 or self._delay_s:
            return [self._visit(url, known) for url, known in asked]
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            return list(threads.map(lambda each: self._visit(*each), asked))

    def fetched(self, url: str, most_bytes: int = _MOST_BYTES) -> tuple[bytes, str]:
        """A page and its media type, as it is now; redirections are followed.

        Raises:
            UnreadableError: it cannot be read.
        """
        try:
            content, response = self._sent(url, most_bytes)
        except TooLargeError:
            raise UnreadableError(f"more than {most_bytes:,} bytes") from None
        except FAILURES as error:
            raise UnreadableError(words_of(error)) from None
        return content, header(response, "Content-Type")

    def _sent(self, url: str, most_bytes: int) -> tuple[bytes, http.client.HTTPResponse]:
        journey = self._journey()
        self._wait()
        with opened(url, "GET", _PAGE_S, journey) as response:
            content = read_body(response, lambda _: most_bytes)
        self._is_public |= journey.is_public
        return content, response

    def _visit(self, url: str, known: Remembered | None) -> Visit:
        for attempt in range(_ATTEMPTS):
            self._wait()
            try:
                return self._once(url, known)
            except HTTPError as error:
                wait = _asked_wait(error, attempt) if error.code in _LATER else None
                if wait is None or wait > _LONGEST_WAIT_S or attempt + 1 == _ATTEMPTS:
                    return self._told(url, error, known)
                with self._turn:  # the others wait, too
                    self._not_before = max(self._not_before, time.monotonic() + wait)
            except UnreadableError as error:
                return Visit(url, trouble=str(error))
            except TooLargeError:
                return Visit(url, trouble=f"more than {_MOST_BYTES:,} bytes")
            except FAILURES as error:
                return Visit(url, trouble=words_of(error))
        raise AssertionError

    def _once(self, url: str, known: Remembered | None) -> Visit:
        asking = {"If-None-Match": known.etag} if known and known.etag else {}
        if known and known.modified:
            asking["If-Modified-Since"] = known.modified
        journey = self._journey()
        with opened(url, "GET", _PAGE_S, journey, asking, follows=False) as response:
            self._is_public |= journey.is_public
            content_type = header(response, "Content-Type")
            told = Message()
            told["Content-Type"] = content_type
            media_type = told.get_content_type()
            if not _is_read(media_type):
                return Visit(url, is_other=True)
            content = read_body(response, lambda _: _MOST_BYTES)
            etag, modified, tag = (header(response, name) for name in ("ETag", "Last-Modified", "X-Robots-Tag"))
            linked = header(response, "Link")
        digest = sha256(content).hexdigest()[:32]
        page = Remembered(etag, modified, digest, len(content), content_type, "", "noindex" in directives_in(tag), ())
        if media_type in _HTML:
            said = read_page(content, url, told.get_content_charset())
            links = () if said.is_nofollow or "nofollow" in directives_in(tag) else said.links
            page = replace(page, canonical=said.canonical, is_noindex=page.is_noindex or said.is_noindex, links=links)
        if not page.canonical and (canonical := _canonical_in(linked)):
            page = replace(page, canonical=urljoin(url, canonical))
        return Visit(url, page, content)

    def _told(self, url: str, error: HTTPError, known: Remembered | None) -> Visit:
        error.close()
        if error.code == 304 and known:
            return Visit(url, known)
        if error.code in _MOVED and (location := str(error.headers.get("Location", ""))):
            return Visit(url, moved=urljoin(url, location[:2000]))
        return Visit(url, is_gone=error.code in GONE, trouble=words_of(error))

    def _journey(self) -> Journey:
        return Journey(destination(self._start), is_public=self._is_public)

    def _wait(self) -> None:
        """Wait for the turn of one more request."""
        with self._turn:
            now = time.monotonic()
            at = max(now, self._not_before)
            if self._delay_s:
                self._not_before = at + self._delay_s
        if at > now:
            time.sleep(at - now)


def _is_read(media_type: str) -> bool:
    is_text = media_type.startswith("text/") and media_type not in _NOT_READ
    return is_text or media_type in _HTML | _READ or media_type.startswith(_OFFICE)


def _asked_wait(error: HTTPError, attempt: int) -> float:
    """The seconds to wait before a server is asked again."""
    told = str(error.headers.get("Retry-After", ""))[:100].strip()
    if told.isdecimal() and len(told) < 10:
        return float(told)
    try:
        return float(max(parsedate_to_datetime(told).timestamp() - time.time(), 0.0))
    except (ValueError, TypeError, OverflowError, OSError):
        return float(_FIRST_WAIT_S * 2**attempt)


def _canonical_in(linked: str) -> str:
    """The canonical URL that a Link header names (RFC 8288); empty where there is none."""
    for part in linked.split(","):
        target, _, parameters = part.strip().partition(">")
        if target.startswith("<") and "canonical" in parameters.lower().replace('"', " ").replace("=", " ").split():
            return target[1:]
    return ""
