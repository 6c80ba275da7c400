"""The words and rules of a page, by pypdfium2."""

from __future__ import annotations

import ctypes
import re
import unicodedata
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

from ingest.sources.extraction.pdf.pages import DIVIDED, Bookmark, Line, Rule, Sketch, Word
from ingest.sources.text import UnreadableError, clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pypdfium2 import PdfDocument, PdfPage

MAX_PAGES = 50_000
Place: TypeAlias = "Callable[[float, float], tuple[float, float]]"

_MAX_BOOKMARKS = 50_000
_MAX_OBJECTS = 20_000  # of one page that are looked at for rules
_MAX_SEGMENTS = 200
_RULE_PT = 3.0  # thicker is a bar, or a ground
_SHORTEST_RULE_PT = 8.0
_MONO = re.compile("cour|mono|consol|typewriter|menlo|cmtt|sftt|fixed|lettergothic|code", re.IGNORECASE)
_BOLD = re.compile("bold|black|heavy|demi|-bd|cmbx|sfbx", re.IGNORECASE)
_HYPHENS = {2, 0xFFFE}  # as pdfium writes one that divides a word at the end of a line; nothing else stands there
_BLANKS = {0, 9, 32, 160, *range(0x2000, 0x200C), 0x202F, 0x205F, 0x3000, 0xFEFF}
_LINE_ENDS = {10, 13, *_HYPHENS}
_BOLD_WEIGHT = 600
_FIXED_PITCH = 1
_SMALLER = 0.9  # browsers make it 0.83
_RAISED_EM = 0.15
_NOTES = {1, 9, 10, 11, 12}  # annotations by their number in pdfium: notes, and words that are marked
_NARROWEST_EM = 0.2  # a letter
_SAMPLES = 5  # characters of a line whose type is looked at


def opened(content: bytes) -> PdfDocument:
    """A PDF.

    Raises:
        UnreadableError: it is damaged or encrypted; or pypdfium2 is not installed.
    """
    try:
        import pypdfium2
    except ImportError:
        raise UnreadableError("to read it: pip install 'pgvector-ingest[documents]'") from None
    try:
        return pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        reason = str(error)
        is_locked = re.search("password|security", reason, re.IGNORECASE)
        raise UnreadableError("encrypted" if is_locked else f"damaged: {reason}") from None


def sketch(document: PdfDocument) -> Sketch:
    """What a PDF says of itself."""
    title = clean(document.get_metadata_value("Title"))
    return Sketch(_pages(document), " ".join(title.split()), document.count_attachments())


def _pages(document: PdfDocument) -> int:
    """How many pages there are; where the file says impossibly many, those that can be opened."""
    told = len(document)
    if told <= MAX_PAGES or _opens(document, told - 1):
        return told
    there, missing = 0, told
    while missing - there > 1:
        middle = (there + missing) // 2
        if _opens(document, middle):
            there = middle
        else:
            missing = middle
    return missing


def _opens(document: PdfDocument, number: int) -> bool:
    import pypdfium2

    try:
        document[number].close()
    except pypdfium2.PdfiumError:
        return False
    return True


def outline(document: PdfDocument) -> list[Bookmark]:
    """The outline, as far as its entries have titles. Quicker where the pages were read before."""
    found: list[Bookmark] = []
    for entry in document.get_toc(max_depth=12):
        if len(found) == _MAX_BOOKMARKS:
            break
        destination = entry.get_dest()
        title = " ".join(clean(entry.get_title()).split())
        if title:
            found.append(Bookmark(title, entry.level, destination.get_index() if destination else None))
    return found


def page_of(document: PdfDocument, number: int) -> tuple[PdfPage, int]:
    """A page with what is filled in and written upon it, and how many comments there are, which are no part of it.

    Raises:
        PdfiumError: it is damaged.
    """
    import pypdfium2.raw as pdfium

    page = document[number]
    count = pdfium.FPDFPage_GetAnnotCount(page.raw)
    comments = sum(_is_comment(page, index) for index in range(min(count, _MAX_OBJECTS)))
    # Fields are drawn on the page itself: the text of a page is looked for there alone.
    if count > 0 and pdfium.FPDFPage_Flatten(page.raw, pdfium.FLAT_NORMALDISPLAY) == pdfium.FLATTEN_SUCCESS:
        page.close()
        page = document[number]
    return page, comments


def _is_comment(page: PdfPage, index: int) -> bool:
    """Whether an annotation is a note with words, and not what is drawn on the page."""
    import pypdfium2.raw as pdfium

    annotation = pdfium.FPDFPage_GetAnnot(page.raw, index)
    if not annotation:
        return False
    try:
        is_note = pdfium.FPDFAnnot_GetSubtype(annotation) in _NOTES
        # In bytes of UTF-16, with the two of its end.
        return is_note and pdfium.FPDFAnnot_GetStringValue(annotation, b"Contents", None, 0) > 2
    finally:
        pdfium.FPDFPage_CloseAnnot(annotation)


def lines_of(page: PdfPage) -> list[Line]:
    """The lines of a page as they are drawn: pdfium's own, each with its words."""
    import pypdfium2.raw as pdfium

    text_page = page.get_textpage()
    try:
        raw = text_page.raw
        count = pdfium.FPDFText_CountChars(raw)
        unicode_of = pdfium.FPDFText_GetUnicode
        codes = [unicode_of(raw, index) for index in range(count)]
        reader = _Reader(page, raw)
        lines: list[Line] = []
        start = 0
        for index in range(count + 1):
            if index == count or codes[index] in _LINE_ENDS:
                end = index + 1 if index < count and codes[index] in _HYPHENS else index
                line = reader.line(codes, start, end)
                if line is not None:
                    lines += _at_one_height(line)
                start = index + 1
        return lines
    finally:
        text_page.close()


def _at_one_height(line: Line) -> Iterator[Line]:
    """A line as it is; as several where words of it stand above one another, as the fields of a form do.

    Those that are drawn up or down the page are one line: of them each has hardly a width.
    """
    begin = 0
    for index in range(1, len(line.words)):
        before, word = line.words[index - 1], line.words[index]
        is_far = abs(word.y - before.y) > max(word.size, before.size)
        if is_far and all(each.x1 - each.x0 > _NARROWEST_EM * each.size * len(each.text) for each in (before, word)):
            yield Line(line.words[begin:index], line.is_bold, line.is_mono)
            begin = index
    yield Line(line.words[begin:], line.is_bold, line.is_mono) if begin else line


class _Reader:
    """A page whose characters are asked for their places."""

    def __init__(self, page: PdfPage, raw: Any) -> None:
        import pypdfium2.raw as pdfium

        self._pdfium = pdfium
        self._raw = raw
        self._size = pdfium.FPDFText_GetFontSize
        self._origin_of = pdfium.FPDFText_GetCharOrigin
        self._box_of = pdfium.FPDFText_GetCharBox
        self._place = placing(page)
        self._numbers = [ctypes.c_double() for _ in range(4)]
        self._pointers = [ctypes.byref(number) for number in self._numbers]
        self._name = ctypes.create_string_buffer(128)
        self._flags = ctypes.c_int()

    def line(self, codes: list[int], start: int, end: int) -> Line | None:
        words: list[Word] = []
        first = None
        for index in range(start, end + 1):
            is_gap = index == end or codes[index] in _BLANKS
            if is_gap and first is not None:
                words.append(self._word(codes, first, index))
                first = None
            elif not is_gap and first is None:
                first = index
        words = [word for word in words if word.text]
        if not words:
            return None
        written = [index for index in range(start, end) if codes[index] > 32]
        samples = {written[len(written) * part // _SAMPLES] for part in range(_SAMPLES)}
        fonts = [self._font(index) for index in samples]
        return Line(words, all(bold for bold, _ in fonts), all(mono for _, mono in fonts))

    def _word(self, codes: list[int], start: int, end: int) -> Word:
        x, y = self._origin(start)
        size = self._size(self._raw, start)
        text = "".join(map(chr, codes[start:end]))
        left, right = self._sides(start)
        if end - start > 1:
            right = self._sides(end - 1)[1]
            if self._size(self._raw, end - 1) < _SMALLER * size or not (text.isalpha() or text[1:].isalpha()):
                text = self._raised(text, start, y, size)
        return Word(normal(text), round(min(left, x), 1), round(right, 1), round(y, 1), round(size, 1))

    def _raised(self, text: str, start: int, y: float, size: float) -> str:
        """A word with a mark before what stands above its line, after a letter or a figure: 10^6."""
        signs: list[str] = []
        was_small = True
        for place, sign in enumerate(text):
            is_small = self._size(self._raw, start + place) < _SMALLER * size
            if is_small and not was_small and sign.isalnum() and text[place - 1].isalnum():
                is_raised = self._origin(start + place)[1] < y - _RAISED_EM * size
                signs.append("^" if is_raised else "")
            signs.append(sign)
            was_small = is_small
        return "".join(signs)

    def _origin(self, index: int) -> tuple[float, float]:
        self._origin_of(self._raw, index, self._pointers[0], self._pointers[1])
        return self._place(self._numbers[0].value, self._numbers[1].value)

    def _sides(self, index: int) -> tuple[float, float]:
        self._box_of(self._raw, index, *self._pointers)
        left, right, bottom, top = self._numbers
        x0 = self._place(left.value, bottom.value)[0]
        x1 = self._place(right.value, top.value)[0]
        return (x0, x1) if x0 <= x1 else (x1, x0)

    def _font(self, index: int) -> tuple[bool, bool]:
        """Whether a character's type is bold, and whether all its letters have one width."""
        size = self._pdfium.FPDFText_GetFontInfo(self._raw, index, self._name, 128, ctypes.byref(self._flags))
        name = self._name.value if 0 < size <= 128 else b""
        weight = self._pdfium.FPDFText_GetFontWeight(self._raw, index)
        words = name.decode("latin-1")
        is_bold = weight >= _BOLD_WEIGHT or bool(_BOLD.search(words))
        return is_bold, bool(self._flags.value & _FIXED_PITCH) or bool(_MONO.search(words))


def normal(text: str) -> str:
    """Text of a PDF as people write it: ligatures as letters, a hyphen that divides a word marked."""
    if text.isascii() and text.isprintable():
        return text
    text = text.replace("\x02", DIVIDED).replace("\ufffe", DIVIDED).replace("\uffff", "")
    if not text.isascii():
        text = "".join(unicodedata.normalize("NFKC", sign) if "\ufb00" <= sign <= "\ufb06" else sign for sign in text)
    return "".join(sign for sign in clean(text) if sign >= " " and sign != "\x7f")


def placing(page: PdfPage) -> Place:
    """From a point of a page as it is drawn to one as it is read: from the upper left corner, and turned as it says."""
    left, bottom, right, top = page.get_cropbox()
    turn = page.get_rotation()
    if turn == 90:
        return lambda x, y: (y - bottom, x - left)
    if turn == 180:
        return lambda x, y: (right - x, y - bottom)
    if turn == 270:
        return lambda x, y: (top - y, right - x)
    return lambda x, y: (x - left, top - y)


def rules_of(page: PdfPage) -> tuple[list[Rule], bool]:
    """The rules of a page; and whether there is anything else than text on it, so that it is not blank."""
    import pypdfium2.raw as pdfium

    place = placing(page)
    rules: list[Rule] = []
    count = pdfium.FPDFPage_CountObjects(page.raw)
    for index in range(min(count, _MAX_OBJECTS)):
        shape = pdfium.FPDFPage_GetObject(page.raw, index)
        if pdfium.FPDFPageObj_GetType(shape) == pdfium.FPDF_PAGEOBJ_PATH:
            rules += _rules(shape, place)
    return rules, count > 0


def _rules(shape: Any, place: Place) -> list[Rule]:
    import pypdfium2.raw as pdfium

    matrix = pdfium.FS_MATRIX()
    if not pdfium.FPDFPageObj_GetMatrix(shape, ctypes.byref(matrix)):
        return []
    x, y = ctypes.c_float(), ctypes.c_float()
    points: list[tuple[float, float] | None] = []
    start = None
    for number in range(min(pdfium.FPDFPath_CountSegments(shape), _MAX_SEGMENTS)):
        segment = pdfium.FPDFPath_GetPathSegment(shape, number)
        pdfium.FPDFPathSegment_GetPoint(segment, ctypes.byref(x), ctypes.byref(y))
        along = matrix.a * x.value + matrix.c * y.value + matrix.e
        at = place(along, matrix.b * x.value + matrix.d * y.value + matrix.f)
        if pdfium.FPDFPathSegment_GetType(segment) == pdfium.FPDF_SEGMENT_MOVETO:
            points.append(None)
            start = at
        points.append(at)
        if pdfium.FPDFPathSegment_GetClose(segment):
            points.append(start)
    found = []
    for one, other in pairwise(points):
        if one and other:
            rule = Rule(min(one[0], other[0]), max(one[0], other[0]), min(one[1], other[1]), max(one[1], other[1]))
            wide, high = rule.x1 - rule.x0, rule.y1 - rule.y0
            if min(wide, high) <= 1.0 and max(wide, high) >= _SHORTEST_RULE_PT:
                found.append(rule)
    return found
