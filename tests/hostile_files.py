"""Files that are damaged, or made to break what reads them."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

from pdf_files import pdf_of, pdf_stream

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Override PartName="/word/document.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
)
_RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
    'Target="word/document.xml"/></Relationships>'
)
_CATALOG = b"<</Type/Catalog/Pages 2 0 R>>"
_FONT = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
_PAGE = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>"


def paragraph(text: str) -> str:
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def word_file(body: str, declarations: str = "") -> bytes:
    """A DOCX of this body."""
    document = f'<?xml version="1.0"?>{declarations}<w:document {_WORD}><w:body>{body}</w:body></w:document>'
    return _package({"word/document.xml": [document.encode()]})


def word_bomb(unpacked_mb: int) -> bytes:
    """A DOCX of a few kilobytes for each megabyte that it unpacks to."""
    megabyte = (paragraph("a " * 490) * 1000).encode()
    head = f'<?xml version="1.0"?><w:document {_WORD}><w:body>'.encode()
    return _package({"word/document.xml": [head, *[megabyte] * unpacked_mb, b"</w:body></w:document>"]})


def billion_laughs() -> bytes:
    """A DOCX whose one word stands for 2 · 10¹² others."""
    entities = "".join(f'<!ENTITY a{level + 1} "{f"&a{level};" * 10}">' for level in range(12))
    declarations = f'<!DOCTYPE laughs [<!ENTITY a0 "lol lol">{entities}]>'
    return word_file(paragraph("&a12;"), declarations)


def outside_entity(path: str) -> bytes:
    """A DOCX that asks for the text of another file."""
    return word_file(paragraph("&other;"), f'<!DOCTYPE it [<!ENTITY other SYSTEM "file://{path}">]>')


def pdf(words: str) -> bytes:
    """A PDF of one page."""
    return pdf_of([_CATALOG, b"<</Type/Pages/Kids[3 0 R]/Count 1>>", _PAGE, _show(words), _FONT])


def pdf_of_an_image() -> bytes:
    """A PDF of one scanned page."""
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]/Contents 4 0 R/Resources<</XObject<</I 5 0 R>>>>>>"
    image = pdf_stream(
        b"\x80" * 100, b"/Type/XObject/Subtype/Image/Width 10/Height 10/BitsPerComponent 8/ColorSpace/DeviceGray"
    )
    draw = pdf_stream(b"q 300 0 0 300 0 0 cm /I Do Q")
    return pdf_of([_CATALOG, b"<</Type/Pages/Kids[3 0 R]/Count 1>>", page, draw, image])


def pdf_of_a_loop() -> bytes:
    """A PDF whose tree of pages holds itself."""
    branch = b"<</Type/Pages/Parent 2 0 R/Kids[2 0 R]/Count 1000000>>"
    return pdf_of([_CATALOG, b"<</Type/Pages/Kids[3 0 R 2 0 R]/Count 100000000>>", branch])


def pdf_of_pages(count: int) -> bytes:
    """A PDF that shows the same page over and over."""
    pages = b"<</Type/Pages/Kids[%s]/Count %d>>" % (b"3 0 R " * count, count)
    return pdf_of([_CATALOG, pages, _PAGE, _show("again"), _FONT])


def pdf_of_forms(levels: int) -> bytes:
    """A PDF whose page draws a form ten times, which draws another ten times, and so on."""
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]/Contents 4 0 R/Resources<</XObject<</X 6 0 R>>>>>>"
    form = b"/Type/XObject/Subtype/Form/BBox[0 0 300 300]/Resources<<%s>>"
    forms = [pdf_stream(b"/X Do " * 10, form % (b"/XObject<</X %d 0 R>>" % (7 + level))) for level in range(levels)]
    last = pdf_stream(b"BT /F 18 Tf 20 200 Td (form) Tj ET", form % b"/Font<</F 5 0 R>>")
    return pdf_of([_CATALOG, b"<</Type/Pages/Kids[3 0 R]/Count 1>>", page, pdf_stream(b"/X Do"), _FONT, *forms, last])


def pdf_with_a_page_of_forms(levels: int = 12) -> bytes:
    """A PDF of three pages, of which the second draws forms without end."""
    pages = b"<</Type/Pages/Kids[3 0 R 6 0 R 8 0 R]/Count 3>>"
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]/Contents 7 0 R/Resources<</XObject<</X 10 0 R>>>>>>"
    form = b"/Type/XObject/Subtype/Form/BBox[0 0 300 300]/Resources<<%s>>"
    forms = [pdf_stream(b"/X Do " * 10, form % (b"/XObject<</X %d 0 R>>" % (11 + level))) for level in range(levels)]
    last = pdf_stream(b"BT /F 18 Tf 20 200 Td (form) Tj ET", form % b"/Font<</F 5 0 R>>")
    after = _PAGE.replace(b"4 0 R", b"9 0 R")
    objects = [
        _CATALOG,
        pages,
        _PAGE,
        _show("before"),
        _FONT,
        page,
        pdf_stream(b"/X Do"),
        after,
        _show("after"),
        *forms,
        last,
    ]
    return pdf_of(objects)


def encrypted_pdf() -> bytes:
    """A PDF that asks for a password: its key is of none we know."""
    lock = (
        b"<</Filter/Standard/V 2/R 3/Length 128/P -44"
        b"/O<28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a>"
        b"/U<28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a>>>"
    )
    objects = [_CATALOG, b"<</Type/Pages/Kids[3 0 R]/Count 1>>", _PAGE, _show("secret"), _FONT, lock]
    return pdf_of(objects, b"/Encrypt 6 0 R/ID[<00><00>]")


def nested_mail(depth: int) -> bytes:
    """A message of parts in parts in parts."""
    parts = (b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (level, level) for level in range(depth))
    return b"From: a@example.com\nSubject: deep\n" + b"".join(parts) + b"\ntext\n"


def _package(parts: Mapping[str, Iterable[bytes]]) -> bytes:
    packed = io.BytesIO()
    fixed = {"[Content_Types].xml": [_TYPES.encode()], "_rels/.rels": [_RELATIONS.encode()]}
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as package:
        for name, pieces in (fixed | dict(parts)).items():
            with package.open(name, "w", force_zip64=True) as part:
                for piece in pieces:
                    part.write(piece)
    return packed.getvalue()


def _show(words: str) -> bytes:
    return pdf_stream(b"BT /F 18 Tf 20 200 Td (%s) Tj ET" % words.encode())
