"""Office documents as tests want them, of the parts that matter."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_OFFICE = "http://schemas.openxmlformats.org/"
_WORD = (
    f'xmlns:w="{_OFFICE}wordprocessingml/2006/main" xmlns:m="{_OFFICE}officeDocument/2006/math" '
    f'xmlns:wp="{_OFFICE}drawingml/2006/wordprocessingDrawing" xmlns:a="{_OFFICE}drawingml/2006/main" '
    'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
)
_SHEET = f'xmlns="{_OFFICE}spreadsheetml/2006/main" xmlns:r="{_OFFICE}officeDocument/2006/relationships"'
_ODF = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for name in ("office", "text", "table", "style", "presentation")
) + (
    ' xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0"'
    ' xmlns:svg="urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0"'
    ' xmlns:fo="urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0"'
    ' xmlns:dc="http://purl.org/dc/elements/1.1/"'
)


def package(parts: Mapping[str, str | bytes]) -> bytes:
    """A ZIP archive of these parts."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return packed.getvalue()


def word_file(body: str, parts: Mapping[str, str | bytes] | None = None) -> bytes:
    """A DOCX; in `parts` an element stands for what is within the root of its part."""
    roots = {"word/styles.xml": "styles", "word/numbering.xml": "numbering", "word/footnotes.xml": "footnotes"}
    made = {
        name: f"<w:{roots[name]} {_WORD}>{content!s}</w:{roots[name]}>" if name in roots else content
        for name, content in (parts or {}).items()
    }
    return package({"word/document.xml": f"<w:document {_WORD}><w:body>{body}</w:body></w:document>", **made})


def paragraph(text: str, properties: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"


def workbook(sheets: Mapping[str, str], *, formats: Mapping[int, str] | None = None, hidden: str = "") -> bytes:
    """An XLSX; each sheet is its rows. `formats`: codes by number; the style of a cell is its place among them."""
    names = list(sheets)
    states = ['state="hidden"' if name == hidden else "" for name in names]
    told = "".join(
        f'<sheet name="{name}" sheetId="{place}" {states[place - 1]} r:id="r{place}"/>'
        for place, name in enumerate(names, 1)
    )
    kind = f"{_OFFICE}officeDocument/2006/relationships/worksheet"
    relations = "".join(
        f'<Relationship Id="r{place}" Type="{kind}" Target="worksheets/sheet{place}.xml"/>'
        for place in range(1, len(names) + 1)
    )
    codes = formats or {}
    own = "".join(
        f'<numFmt numFmtId="{number}" formatCode="{code.replace(chr(34), "&quot;")}"/>'
        for number, code in codes.items()
        if code
    )
    styles = "".join(f'<xf numFmtId="{number}"/>' for number in (0, *codes))
    parts = {
        "xl/workbook.xml": f"<workbook {_SHEET}><sheets>{told}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": (
            f'<Relationships xmlns="{_OFFICE}package/2006/relationships">{relations}</Relationships>'
        ),
        "xl/styles.xml": f"<styleSheet {_SHEET}><numFmts>{own}</numFmts><cellXfs>{styles}</cellXfs></styleSheet>",
    }
    for place, rows in enumerate(sheets.values(), 1):
        parts[f"xl/worksheets/sheet{place}.xml"] = f"<worksheet {_SHEET}><sheetData>{rows}</sheetData></worksheet>"
    return package(parts)


def row(number: int, *cells: str | tuple[str, int]) -> str:
    """A row: texts, and numbers with their style."""
    written = ""
    for place, cell in enumerate(cells):
        name = f"{chr(ord('A') + place)}{number}"
        if isinstance(cell, tuple):
            written += f'<c r="{name}" s="{cell[1]}"><v>{cell[0]}</v></c>'
        elif cell:
            written += f'<c r="{name}" t="inlineStr"><is><t>{cell}</t></is></c>'
    return f'<row r="{number}">{written}</row>'


def opendocument(kind: str, body: str, styles: str = "", parts: Mapping[str, str] | None = None) -> bytes:
    """An ODF file: `kind` is text, spreadsheet or presentation."""
    content = (
        f"<office:document-content {_ODF}><office:automatic-styles>{styles}</office:automatic-styles>"
        f"<office:body><office:{kind}>{body}</office:{kind}></office:body></office:document-content>"
    )
    return package({"mimetype": f"application/vnd.oasis.opendocument.{kind}", "content.xml": content, **(parts or {})})
