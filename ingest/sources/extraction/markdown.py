"""Documents to Markdown: each format by its own module. Runs in a worker process: what is read is not trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.model import Syntax
from ingest.sources.extraction.docbook import docbook_to_html
from ingest.sources.extraction.epub import book
from ingest.sources.extraction.extracted import EVERYDAY, Extracted
from ingest.sources.extraction.formats import EPUB, Format, compound_type, package_type
from ingest.sources.extraction.html import decode_html, html_to_markdown, page
from ingest.sources.extraction.mail import message_of
from ingest.sources.extraction.notebook import notebook
from ingest.sources.extraction.office import OUTLOOK, outlook_message, rich_text, workbook
from ingest.sources.text import BINARY, UnreadableError, clean
from ingest.sources.titles import title_of

if TYPE_CHECKING:
    from ingest.sources.extraction.extracted import Wanted


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
            raise UnreadableError(BINARY)  # it is read page by page, by paging.py
        case Format.PACKAGE:
            media_type = package_type(content)
            extracted = book(content, wanted) if media_type == EPUB else _package(content, media_type)
        case Format.COMPOUND:
            extracted = outlook_message(content) if compound_type(content) == OUTLOOK else workbook(content)
        case Format.RTF:
            extracted = rich_text(content)
        case Format.NOTEBOOK:
            extracted = notebook(content, wanted)
        case Format.DOCBOOK:
            source, losses = decode_html(content)
            source, named = docbook_to_html(source)
            extracted = Extracted(html_to_markdown(source, wanted), named, losses)
    return worth_reading(extracted)


def _package(content: bytes, media_type: str) -> Extracted:
    """A document that is a ZIP archive, by the module of its format."""
    from ingest.sources.extraction import opendocument, sheets, slides, word

    match media_type:
        case word.MEDIA_TYPE:
            return word.word_document(content)
        case slides.MEDIA_TYPE:
            return slides.slides_document(content)
        case sheets.MEDIA_TYPE:
            return sheets.workbook(content)
    return opendocument.opendocument(content)


def worth_reading(extracted: Extracted) -> Extracted:
    """What was extracted, with the title that it gives itself or its first heading.

    Raises:
        UnreadableError: there is no text in it.
    """
    if not extracted.text.strip():
        left_out = "; ".join(loss.words for loss in extracted.losses)
        raise UnreadableError(f"no text in it: {left_out or 'a scan, or empty'}")
    title: str | None = " ".join((extracted.title or "").split())
    title = title or title_of(extracted.text, Syntax.MARKDOWN)
    return extracted._replace(title=clean(title) if title else None)
