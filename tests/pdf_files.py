"""PDFs as tests want them: text where it is put, rules, pictures, an outline."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WIDTH, HEIGHT = 612, 792
REGULAR, BOLD, MONO = "F", "B", "M"
_FONTS = {REGULAR: "Helvetica", BOLD: "Helvetica-Bold", MONO: "Courier"}


@dataclass
class PdfPage:
    """A page; places in points from its upper left corner."""

    drawn: list[str] = field(default_factory=list)
    picture: bool = False
    annotations: list[tuple[str, str]] = field(default_factory=list)
    """Of each what it is, and what it draws."""

    def text(self, x: float, y: float, words: str, size: float = 10, font: str = REGULAR) -> PdfPage:
        shown = words.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
        self.drawn.append(f"BT /{font} {size} Tf {x} {HEIGHT - y} Td ({shown}) Tj ET")
        return self

    def lines(self, x: float, y: float, lines: Iterable[str], size: float = 10, font: str = REGULAR) -> PdfPage:
        for number, line in enumerate(lines):
            self.text(x, y + 1.2 * size * number, line, size, font)
        return self

    def rule(self, x0: float, y0: float, x1: float, y1: float) -> PdfPage:
        self.drawn.append(f"{x0} {HEIGHT - y0} m {x1} {HEIGHT - y1} l S")
        return self

    def field(self, x: float, y: float, words: str) -> PdfPage:
        """A field of a form with what was filled in."""
        told = f"/Subtype/Widget/FT/Tx/T(field)/V({words})/F 4/Rect[{x} {HEIGHT - y - 4} {x + 200} {HEIGHT - y + 12}]"
        self.annotations.append((told, f"/Tx BMC BT /F 10 Tf 2 4 Td ({words}) Tj ET EMC"))
        return self

    def note(self, x: float, y: float, words: str) -> PdfPage:
        """A comment, of which an icon is seen."""
        told = f"/Subtype/Text/Contents({words})/F 4/Rect[{x} {HEIGHT - y} {x + 20} {HEIGHT - y + 20}]"
        self.annotations.append((told, "0 0 20 20 re f"))
        return self

    def image(self) -> PdfPage:
        self.drawn.append(f"q {WIDTH} 0 0 {HEIGHT} 0 0 cm /I Do Q")
        return self


def pdf_file(pages: Sequence[PdfPage], *, title: str = "", outline: Sequence[tuple[str, int]] = ()) -> bytes:
    """A PDF of these pages. `outline`: titles and the places of their pages."""
    objects: list[bytes] = [b"", b""]

    def add(content: bytes) -> int:
        objects.append(content)
        return len(objects)

    fonts = " ".join(
        f"/{name} {add(b'<</Type/Font/Subtype/Type1/Encoding/WinAnsiEncoding/BaseFont/%s>>' % base.encode())} 0 R"
        for name, base in _FONTS.items()
    )
    picture = add(
        pdf_stream(
            b"\x80" * 100, b"/Type/XObject/Subtype/Image/Width 10/Height 10/BitsPerComponent 8/ColorSpace/DeviceGray"
        )
    )
    numbers = []
    for page in pages:
        content = add(pdf_stream("\n".join(page.drawn).encode("cp1252")))
        told = f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 {WIDTH} {HEIGHT}]/Contents {content} 0 R"
        told += f"/Resources<</Font<<{fonts}>>/XObject<</I {picture} 0 R>>>>"
        drawn = [
            (
                says,
                add(
                    pdf_stream(
                        draws.encode(), b"/Subtype/Form/BBox[0 0 200 16]/Resources<</Font<<%s>>>>" % fonts.encode()
                    )
                ),
            )
            for says, draws in page.annotations
        ]
        annotations = "".join(f"<</Type/Annot{says}/AP<</N {look} 0 R>>>>" for says, look in drawn)
        numbers.append(add(f"{told}/Annots[{annotations}]>>".encode() if annotations else f"{told}>>".encode()))
    kids = " ".join(f"{number} 0 R" for number in numbers)
    objects[1] = f"<</Type/Pages/Kids[{kids}]/Count {len(numbers)}>>".encode()
    catalog = "<</Type/Catalog/Pages 2 0 R"
    if outline:
        root = add(b"")
        first = len(objects) + 1
        for place, (words, page_index) in enumerate(outline):
            after = f"/Next {first + place + 1} 0 R" if place + 1 < len(outline) else ""
            target = f"[{numbers[page_index]} 0 R /Fit]"
            add(f"<</Title({words})/Parent {root} 0 R/Dest {target}{after}>>".encode("cp1252"))
        objects[root - 1] = f"<</Type/Outlines/First {first} 0 R/Last {len(objects)} 0 R>>".encode()
        catalog += f"/Outlines {root} 0 R"
    objects[0] = f"{catalog}>>".encode()
    information = add(f"<</Title({title})>>".encode("cp1252")) if title else None
    return pdf_of(objects, f"/Info {information} 0 R".encode() if information else b"")


def pdf_stream(content: bytes, entries: bytes = b"") -> bytes:
    """An object that holds bytes, as a page's content or a picture."""
    return b"<<%s/Length %d>>stream\n%s\nendstream" % (entries, len(content), content)


def pdf_of(objects: Iterable[bytes], trailer: bytes = b"") -> bytes:
    """A file of these objects, the first of which is its root."""
    written, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return b"%sxref\n0 %d\n0000000000 65535 f \n%strailer\n<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n" % (
        written,
        len(offsets) + 1,
        table,
        len(offsets) + 1,
        trailer,
        len(written),
    )
