"""The text of a document, made by worker processes."""

from __future__ import annotations

import atexit
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING

from ingest.sources.extraction.extracted import Extracted
from ingest.sources.extraction.formats import Format
from ingest.sources.extraction.paging import paged_document
from ingest.sources.extraction.worker import AttachmentsRequest, Request
from ingest.sources.extraction.workers import Workers
from ingest.sources.text import UnreadableError

if TYPE_CHECKING:
    from ingest.sources.extraction.extracted import Attached
    from ingest.sources.extraction.workers import Limits

_STARTING = Lock()  # what is cached would be made by each thread that asks first


def extract(format_: Format, content: bytes, max_bytes: int, limits: Limits) -> Extracted:
    """The text of a document, of at most `max_bytes`, made by worker processes. Called on any thread.

    Raises:
        UnreadableError: it is damaged, encrypted, holds no text, or takes more than the limits.
    """
    with _STARTING:
        workers = _workers(limits)
    if format_ is Format.PDF:
        answer = paged_document(workers, content, max_bytes, limits)
    else:
        with workers.lent() as worker:
            answer = worker.ask(Request(format_, content, max_bytes, limits.wanted))
    if answer.reason is not None:
        raise UnreadableError(answer.reason)
    return Extracted(answer.text, answer.title, answer.losses, answer.pages, answer.said)


def attachments(content: bytes, limits: Limits) -> tuple[Attached, ...]:
    """What is attached to a message, and can be read as a document, told by a worker process.

    Raises:
        UnreadableError: it is damaged, or takes more than the limits.
    """
    with _STARTING:
        workers = _workers(limits)
    with workers.lent() as worker:
        answer = worker.ask(AttachmentsRequest(content))
    if answer.reason is not None:
        raise UnreadableError(answer.reason)
    return answer.attached


@cache
def _workers(limits: Limits) -> Workers:
    workers = Workers(limits)
    atexit.register(workers.close)
    return workers
