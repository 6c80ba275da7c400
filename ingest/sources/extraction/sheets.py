"""XLSX to Markdown: a table under the name of each sheet, with its values as they are shown."""

from __future__ import annotations

import io
import re
from collections import Counter
from typing import TYPE_CHECKING

from lxml import etree

from ingest.model import Loss, LossKind
from ingest.sources.extraction.extracted import Extracted
from ingest.sources.extraction.marks import left_out
from ingest.sources.extraction.number_formats import BUILT_IN, shown
from ingest.sources.extraction.package import Package, child, children, local, value
from ingest.sources.extraction.sheet_tables import Row, sheet_blocks
from ingest.sources.safe_xml import SAFE_XML
from ingest.sources.text import UnreadableError, clean

if TYPE_CHECKING:
    from collections.abc import Iterator

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_CELL = re.compile(r"([A-Z]{1,3})(\d{1,7})")
_SPACE = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def workbook(content: bytes) -> Extracted:
    """An XLSX.

    Raises:
        UnreadableError: it is damaged.
    """
    package = Package(content)
    root = package.xml("xl/workbook.xml")
    if root is None:
        if "xl/workbook.bin" in package.names:
            raise UnreadableError("a binary workbook (XLSB): save it as XLSX")
        raise UnreadableError("damaged: it has no workbook")
    reader = _Reader(package, is_1904=value(child(root, "workbookPr"), "date1904") in {"1", "true"})
    related = package.related("xl/workbook.xml")
    blocks: list[str] = []
    hidden: list[str] = []
    for sheet in children(child(root, "sheets"), "sheet"):
        name = value(sheet, "name") or ""
        part = next((related.get(str(text), "") for key, text in sheet.attrib.items() if str(key).endswith("}id")), "")
        if (sheet.get("state") or "visible") != "visible":
            hidden.append(name)
        elif "/chartsheets/" not in part and part in package.names:
            rows = sheet_blocks(reader.rows(part))
            blocks += [f"## {' '.join(name.split())}", *rows] if rows else []
    counts = reader.counts
    counts["comment"] = max(
        package.number_of("comment", "xl/comments"), package.number_of("threadedComment", "xl/threadedComments/")
    )
    counts["picture"] = len(package.below("xl/media/"))
    counts["embedded object"] = len(package.below("xl/embeddings/"))
    counts["part with macros"] = package.number_of_macros()
    losses = left_out(counts)
    if hidden:
        named = ", ".join(hidden[:20])
        words = f"{len(hidden):,} hidden sheet{'s' if len(hidden) > 1 else ''}: {named}"
        losses = (Loss(LossKind.PARTS_LEFT_OUT, len(hidden), clean(words)), *losses)
    text = clean("\n\n".join(blocks))
    return Extracted(text + "\n" if text else "", package.title(), losses)


class _Reader:
    """The sheets of a workbook with the texts and formats that they share."""

    def __init__(self, package: Package, *, is_1904: bool) -> None:
        self.counts: Counter[str] = Counter()
        self._package = package
        self._is_1904 = is_1904
        self._texts = [_text(item) for item in children(package.xml("xl/sharedStrings.xml"), "si")]
        self._codes = self._format_codes()

    def rows(self, part: str) -> Iterator[Row]:
        """The cells of a sheet that are not empty, row by row."""
        content = self._package.part(part) or b""
        number = 0
        try:
            for _, row in etree.iterparse(io.BytesIO(content), tag=("{*}row",), **SAFE_XML):
                number = int(row.get("r") or number + 1)
                cells: dict[int, str] = {}
                column = 0
                for cell in row:
                    place = _CELL.fullmatch(cell.get("r") or "")
                    column = _column(place[1]) if place else column + 1
                    text = self._shown(cell)
                    if text:
                        cells[column] = text
                row.clear()
                parent = row.getparent()
                while parent is not None and row.getprevious() is not None:
                    del parent[0]
                if cells:
                    yield Row(number, cells)
        except (etree.XMLSyntaxError, ValueError) as error:
            raise UnreadableError(f"damaged: {part}: {str(error)[:120]}") from None

    def _shown(self, cell: etree._Element) -> str:
        kind = cell.get("t") or "n"
        if kind == "inlineStr":
            return _text(child(cell, "is")).strip()
        found = next((part.text or "" for part in cell if local(part) == "v"), None)
        if found is None:
            if any(local(part) == "f" for part in cell):
                self.counts["formula without a computed value"] += 1
            return ""
        match kind:
            case "s":
                return self._texts[int(found)].strip() if found.isdecimal() and int(found) < len(self._texts) else ""
            case "b":
                return "TRUE" if found == "1" else "FALSE"
            case "n":
                style = cell.get("s") or "0"
                code = self._codes[int(style)] if style.isdecimal() and int(style) < len(self._codes) else "General"
                return shown(found, code, is_1904=self._is_1904)
        return found.strip()

    def _format_codes(self) -> list[str]:
        """The format code of each style of a cell."""
        root = self._package.xml("xl/styles.xml")
        own = {
            int(value(code, "numFmtId") or 0): value(code, "formatCode") or "General"
            for code in children(child(root, "numFmts"), "numFmt")
        }
        return [
            own.get(number, BUILT_IN.get(number, "General"))
            for style in children(child(root, "cellXfs"), "xf")
            for number in [int(value(style, "numFmtId") or 0)]
        ]


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def _text(item: etree._Element | None) -> str:
    """A text with its parts of different types together, without how it is pronounced."""
    if item is None:
        return ""
    parts = [part.text or "" for part in children(item, "t")]
    parts += [text.text or "" for run in children(item, "r") for text in children(run, "t")]
    return "".join(parts)
