"""Documents to Markdown: each format by its own module. Runs in a worker process: what is read is not trusted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ingest.sources.extraction.extracted import EVERYDAY
from ingest.sources.extraction.formats import Format, compound_type, package_type
from ingest.sources.extraction.html import page
from ingest.sources.extraction.mail import message_of
from ingest.sources.extraction.office import office_document
from ingest.sources.text import BINARY, UnreadableError, clean

if TYPE_CHECKING:
    from ingest.sources.extraction.extracted import Extracted, Wanted

_HEADING = re.compile(r"^#{1,6} ++([^\n]++)", re.MULTILINE)


def to_markdown(format_: Format, content: bytes, wanted: Wanted = EVERYDAY) -> Extracted:
    """The text of a document.

    Raises:
        UnreadableError: it is damaged, encrypted or holds no text; or the library that reads it is not installed.
    """
    match format_:
        case Format.HTML:
            extracted = page(content, wanted)
        case Format.EMAIL:
            extracted = message_of(content, wanted)
        case Format.PDF:
            raise UnreadableError(BINARY)  # it is read page by page: see pages.py
        case Format.PACKAGE:
            extracted = office_document(content, package_type(content))
        case Format.COMPOUND:
            extracted = office_document(content, compound_type(content))
        case Format.RTF:
            extracted = office_document(content, "application/rtf")
    return worth_reading(extracted)


def worth_reading(extracted: Extracted) -> Extracted:
    """What was extracted, with the title that it gives itself or its first heading.

    Raises:
        UnreadableError: there is no text in it.
    """
    if not extracted.text.strip():
        raise UnreadableError("no text in it: a scan, or empty")
    title: str | None = " ".join((extracted.title or "").split())
    if not title:
        heading = _HEADING.search(extracted.text)
        title = heading[1].rstrip() if heading else None
    return extracted._replace(title=clean(title) if title else None)
