"""A PDF read page by page, a long one by several workers: what one page breaks, costs that page."""

from __future__ import annotations

import itertools
import shutil
import time
from collections import deque
from dataclasses import dataclass, field
from threading import Lock, Thread
from typing import TYPE_CHECKING

import msgspec

from ingest.sources.extraction.pdf.pages import Page, PagesRequest, ReadPage, Sketch, TextRequest
from ingest.sources.extraction.pdf.recognition import PROGRAM
from ingest.sources.extraction.pdf.text_layer import MAX_PAGES
from ingest.sources.extraction.workers import EndedError
from ingest.sources.text import UnreadableError

if TYPE_CHECKING:
    from ingest.sources.extraction.worker import Answer
    from ingest.sources.extraction.workers import Limits, Worker, Workers

_PAGES_AT_ONCE = 64
_MAX_BROKEN = 3  # pages that end what reads them; then the file does not go on
# What a page may take on average, once the first have taken extract_seconds together: of files made to take long.
_SECONDS_A_PAGE = 1.0
_KEYS = itertools.count(1)


def paged_document(workers: Workers, content: bytes, max_bytes: int, limits: Limits) -> Answer:
    """The text of a PDF, of at most `max_bytes`.

    Raises:
        UnreadableError: it is damaged or encrypted, or takes more than the limits.
    """
    reading = _Reading(content, max_bytes, limits)
    with workers.lent() as worker:
        reading.read(worker, range(_PAGES_AT_ONCE))
        if reading.ranges:
            with workers.lent_if_idle() as other:
                helper = Thread(target=reading.read_all, args=[other], daemon=True) if other is not None else None
                if helper is not None:
                    helper.start()
                reading.read_all(worker)
                if helper is not None:
                    helper.join()
        if reading.failure is not None:
            raise reading.failure
        return reading.text(worker)


@dataclass(slots=True)
class _Reading:
    """A PDF as far as it has been read."""

    content: bytes
    max_bytes: int
    limits: Limits
    key: int = field(default_factory=lambda: next(_KEYS))
    sketch: Sketch | None = None
    pages: dict[int, bytes] = field(default_factory=dict)
    """Each in msgpack, and not looked into here: the file may be made to break what reads it."""
    ranges: deque[range] = field(default_factory=deque)
    broken: int = 0
    characters: int = 0
    failure: UnreadableError | None = None
    deadline: float = 0.0
    lock: Lock = field(default_factory=Lock)

    def read_all(self, worker: Worker) -> None:
        """Read what nobody else has begun with."""
        while self.failure is None:
            try:
                pages = self.ranges.popleft()
            except IndexError:
                return
            try:
                self.read(worker, pages)
            except UnreadableError as error:
                self.failure = error

    def read(self, worker: Worker, pages: range) -> None:
        """Read some pages; one that ends the process is left out, and told.

        Raises:
            UnreadableError: the file cannot be read, or takes too long.
        """
        first = pages.start
        while first < pages.stop:
            question = PagesRequest(self.key, self._content(worker), first, pages.stop, self.limits.wanted.ocr)
            try:
                for answer in worker.asked(question):
                    worker.held = self.key
                    if isinstance(answer, ReadPage):
                        self._take(first, answer)
                        first += 1
                    elif answer.reason is not None:
                        raise UnreadableError(answer.reason)
                    else:
                        return
            except EndedError as error:
                self._leave_out(first, str(error))
                first += 1

    def text(self, worker: Worker) -> Answer:
        """The text of all pages.

        Raises:
            UnreadableError: it is too long, or making it takes more than the limits.
        """
        pages = [self.pages[number] for number in sorted(self.pages)]
        return worker.ask(TextRequest(self.key, self._content(worker), pages, self.max_bytes, _hint(self.limits)))

    def _content(self, worker: Worker) -> bytes:
        """The file, unless the worker has it from before."""
        return b"" if worker.is_alive and worker.held == self.key else self.content

    def _take(self, number: int, answer: ReadPage) -> None:
        with self.lock:
            now = time.monotonic()
            if self.sketch is None:
                self._begin(answer.sketch, now)
            self.pages[number] = answer.page
            self.characters += answer.size
            # What is recognised takes longer, by request; it has the time that one page has.
            self.deadline += self.limits.seconds if answer.is_slow else _SECONDS_A_PAGE
        if self.characters > self.max_bytes:
            raise UnreadableError(f"more than max_document_bytes of text ({self.max_bytes:,})")
        if now > self.deadline:
            raise UnreadableError(
                f"its pages take more than {_SECONDS_A_PAGE:g} s each, after the first {self.limits.seconds:g} s "
                f"(extract_seconds)"
            )

    def _begin(self, sketch: Sketch, now: float) -> None:
        if sketch.pages > MAX_PAGES:
            raise UnreadableError(f"{sketch.pages:,} pages, over {MAX_PAGES:,}")
        self.sketch = sketch
        self.deadline = now + self.limits.seconds
        starts = range(_PAGES_AT_ONCE, sketch.pages, _PAGES_AT_ONCE)
        self.ranges.extend(range(start, min(start + _PAGES_AT_ONCE, sketch.pages)) for start in starts)

    def _leave_out(self, number: int, reason: str) -> None:
        with self.lock:
            self.broken += 1
            if self.sketch is None or self.sketch.pages == 1 or self.broken == _MAX_BROKEN:
                raise UnreadableError(reason)
            self.deadline += self.limits.seconds
            page = Page(number, 0.0, 0.0, [], [], [], problem=reason)
            self.pages[number] = msgspec.msgpack.encode(page)


def _hint(limits: Limits) -> str:
    """What one can do about pages without text."""
    if limits.wanted.ocr:
        return ""
    where = "" if shutil.which(PROGRAM) else f", and install {PROGRAM}"
    return f'to have pictures read set ocr = "eng"{where}'
