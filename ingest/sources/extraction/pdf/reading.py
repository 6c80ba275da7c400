"""A PDF read in a worker process: some pages at a time, and at last its text out of all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from ingest.sources.extraction.pdf import assembly, recognition, text_layer
from ingest.sources.extraction.pdf.layout import laid_out
from ingest.sources.extraction.pdf.pages import Line, Page, PagesRequest, ReadPage, TextRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pypdfium2 import PdfDocument

    from ingest.sources.extraction.extracted import Extracted

_LEAST_LETTERS = 0.5  # of the signs of a page whose fonts tell which letters theirs are


@dataclass(slots=True)
class _Held:
    """The PDF that was opened last: its pages come in several requests."""

    key: int = 0
    document: PdfDocument | None = None


_held = _Held()


def read_pages(request: PagesRequest) -> Iterator[ReadPage]:
    """The pages that are asked for, as far as there are so many.

    Raises:
        UnreadableError: the file is damaged or encrypted; or pypdfium2 is not installed.
    """
    document = _document(request.key, request.content)
    sketch = text_layer.sketch(document)
    for number in range(request.first, min(request.last, sketch.pages)):
        page = _page(document, number, request.languages)
        size = sum(len(line.text) for line in page.lines)
        size += sum(len(cell) for table in page.tables for row in table.rows for cell in row)
        yield ReadPage(sketch, msgspec.msgpack.encode(page), size, is_slow=page.is_recognised)


def text_of(request: TextRequest) -> Extracted:
    """The text of a PDF out of its pages."""
    document = _document(request.key, request.content)
    outline = text_layer.outline(document)
    decoder = msgspec.msgpack.Decoder(Page)
    pages = [decoder.decode(page) for page in request.pages]
    return assembly.document(text_layer.sketch(document), outline, pages, request.hint)


def _document(key: int, content: bytes) -> PdfDocument:
    if _held.document is None or _held.key != key:
        if _held.document is not None:
            _held.document.close()
            _held.document = None
        _held.document = text_layer.opened(content)
        _held.key = key
    return _held.document


def _page(document: PdfDocument, number: int, languages: str) -> Page:
    import pypdfium2

    try:
        page, comments = text_layer.page_of(document, number)
    except pypdfium2.PdfiumError:
        return Page(number, 0.0, 0.0, [], [], [], problem="damaged")
    try:
        width, height = page.get_size()
        lines = text_layer.lines_of(page)
        rules, has_objects = text_layer.rules_of(page)
        if _are_letters(lines):
            read = laid_out(number, width, height, lines, rules)
        elif languages and has_objects:
            read = recognition.recognised(page, number, languages)
        else:
            read = Page(number, width, height, [], [], [], is_blank=not has_objects)
        read.comments = comments
        return read
    finally:
        page.close()


def _are_letters(lines: list[Line]) -> bool:
    """Whether there is text, and not signs of fonts that do not tell their letters."""
    signs = [sign for line in lines for word in line.words for sign in word.text]
    unknown = sum(sign == "\ufffd" or "\ue000" <= sign <= "\uf8ff" for sign in signs)
    return len(signs) - unknown > (1 - _LEAST_LETTERS) * len(signs)
