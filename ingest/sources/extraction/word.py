"""DOCX to Markdown: headings, lists, tables, code, notes, equations, in the order of the document."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ingest.sources.extraction.charts import chart
from ingest.sources.extraction.equations import latex
from ingest.sources.extraction.extracted import Extracted
from ingest.sources.extraction.marks import escaped, fence, left_out, raised
from ingest.sources.extraction.package import Package, child, local, value
from ingest.sources.extraction.tables import markdown_table
from ingest.sources.extraction.word_styles import Numbering, Styles
from ingest.sources.extraction.word_symbols import symbol, with_symbols
from ingest.sources.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml import etree

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_OUT = {"del", "moveFrom", "rPr", "pPr", "instrText", "delText", "softHyphen", "Fallback", "sdtPr", "sdtEndPr", "rt"}
_MOST_COLUMNS = 1_000
_NOTES = ("footnotes", "endnotes")


def word_document(content: bytes) -> Extracted:
    """A DOCX.

    Raises:
        UnreadableError: it is damaged.
    """
    package = Package(content)
    main = next(
        (name for name in package.related("").values() if re.search(r"(^|/)document\d*\.xml$", name)),
        "word/document.xml",
    )
    root = package.xml(main)
    reader = _Reader(package, main)
    body = child(root, "body")
    blocks = list(reader.blocks(body)) if body is not None else []
    counts = reader.counts
    counts["comment"] = package.number_of("comment", "word/comments.xml")
    counts["part with macros"] = package.number_of_macros()
    return Extracted(clean("\n\n".join(_joined(blocks))) + "\n" if blocks else "", package.title(), left_out(counts))


@dataclass(slots=True)
class _Block:
    """A part of the document; entries of one list, and lines of one piece of code, stand together."""

    text: str
    kind: str = "text"


def _joined(blocks: list[_Block]) -> Iterator[str]:
    kind, lines = "", list[str]()
    for block in [*blocks, _Block("", "end")]:
        if lines and not (block.kind == kind and kind in {"code", "list"}):
            yield fence("\n".join(lines).strip("\n").split("\n")) if kind == "code" else "\n".join(lines)
            lines = []
        kind = block.kind
        if block.text or (kind == "code" and lines):
            lines.append(block.text)


@dataclass(slots=True)
class _Line:
    """The text of a paragraph as it grows."""

    text: str = ""
    notes: list[str] = field(default_factory=list)
    boxes: list[etree._Element] = field(default_factory=list)
    charts: list[str] = field(default_factory=list)
    fields: list[bool] = field(default_factory=list)
    """Of each field that is open, whether its result has begun: before that stand its instructions."""


class _Reader:
    """A document with its styles, its lists and its notes."""

    def __init__(self, package: Package, main: str) -> None:
        self.counts: Counter[str] = Counter()
        self._package = package
        self._related = package.related(main)
        self._styles = Styles(package.xml("word/styles.xml"))
        self._numbering = Numbering(package.xml("word/numbering.xml"))
        self._notes = {kind: _by_id(package.xml(f"word/{kind}.xml")) for kind in _NOTES}

    def blocks(self, parent: etree._Element) -> Iterator[_Block]:
        """What stands in a body, a cell or a box."""
        for element in parent:
            match local(element):
                case "p":
                    yield from self._paragraph(element)
                case "tbl":
                    yield from self._table(element)
                case "sdt":
                    inside = child(element, "sdtContent")
                    if inside is not None:
                        yield from self.blocks(inside)
                case "ins" | "moveTo" | "customXml" | "smartTag" | "AlternateContent" | "Choice":
                    yield from self.blocks(element)
                case "oMathPara" | "oMath":
                    yield _Block(f"${latex(element)}$")
                case "altChunk":
                    self.counts["embedded document"] += 1

    def _paragraph(self, element: etree._Element) -> Iterator[_Block]:
        line = _Line()
        is_code = self._styles.is_code(element)
        self._read(element, line, is_code=is_code)
        words = line.text.strip()
        level = self._styles.level(element)
        entry = self._numbering.entry(element, self._styles)
        if is_code and level is None:
            yield from (_Block(text.rstrip(), "code") for text in line.text.split("\n"))
        elif words and level is not None:
            yield _Block("#" * level + " " + " ".join(words.split()))
        elif words and entry is not None:
            yield _Block(f"{'  ' * entry.depth}{entry.mark} {words}", "list")
        elif words:
            yield _Block(escaped(words))
        for text in line.charts:
            yield _Block(text)
        for box in line.boxes:
            yield from self.blocks(box)
        for note in line.notes:
            yield _Block(note)

    def _read(self, parent: etree._Element, line: _Line, *, is_code: bool) -> None:
        for element in parent:
            name = local(element)
            if name in _OUT:
                continue
            match name:
                case "r":
                    if self._styles.is_hidden(element):
                        self.counts["hidden passage"] += 1
                    else:
                        before = len(line.text)
                        self._read(element, line, is_code=is_code)
                        if value(child(element, "rPr", "vertAlign")) == "superscript":
                            line.text = line.text[:before] + raised(line.text[:before], line.text[before:])
                case "t" if not line.fields or line.fields[-1]:
                    font = value(child(parent, "rPr", "rFonts"), "ascii")
                    self._say(line, *with_symbols(element.text or "", font))
                case "fldChar":
                    self._field(line, value(element, "fldCharType"))
                case "tab" | "ptab":
                    line.text += "\t" if is_code else " "
                case "br" | "cr":
                    line.text += "\n" if is_code else " "
                case "noBreakHyphen":
                    line.text += "-"
                case "sym":
                    self._say(line, *_symbol(value(element, "char"), value(element, "font")))
                case "oMath" | "oMathPara":
                    line.text += f"${latex(element)}$"
                case "footnoteReference" | "endnoteReference":
                    self._note(element, line, f"{name[:-9]}s")
                case "drawing" | "pict" | "object":
                    self._picture(element, line, is_object=name == "object")
                case "ruby":
                    self._ruby(element, line, is_code=is_code)
                case _:
                    self._read(element, line, is_code=is_code)

    def _say(self, line: _Line, text: str, unknown: int) -> None:
        line.text += text
        self.counts["symbol without a character"] += unknown

    @staticmethod
    def _field(line: _Line, kind: str | None) -> None:
        if kind == "begin":
            line.fields.append(False)
        elif kind == "separate" and line.fields:
            line.fields[-1] = True
        elif kind == "end" and line.fields:
            line.fields.pop()

    def _ruby(self, element: etree._Element, line: _Line, *, is_code: bool) -> None:
        base, above = child(element, "rubyBase"), child(element, "rt")
        if base is not None:
            self._read(base, line, is_code=is_code)
        reading = "".join(text.text or "" for text in above.iter("{*}t")) if above is not None else ""
        line.text += f"({reading})" if reading else ""

    def _note(self, element: etree._Element, line: _Line, kind: str) -> None:
        note = self._notes[kind].get(value(element, "id") or "")
        if note is not None:
            words = " ".join(block.text for block in self._without_notes(note)).strip()
            if words:
                mark = f"[^{'e' if kind == 'endnotes' else ''}{value(element, 'id')}]"
                line.text += mark
                line.notes.append(f"{mark}: {words}")

    def _without_notes(self, note: etree._Element) -> Iterator[_Block]:
        for block in self.blocks(note):
            if not block.text.startswith("[^"):
                yield block

    def _picture(self, element: etree._Element, line: _Line, *, is_object: bool) -> None:
        boxes = [box for box in element.iter("{*}txbxContent") if not _is_within_another(box, element)]
        line.boxes += boxes
        found = list(element.iter("{http://schemas.openxmlformats.org/drawingml/2006/chart}chart"))
        for reference in found:
            root = self._package.xml(self._related.get(value(reference, "id") or "", ""))
            text = chart(root) if root is not None else ""
            line.charts += [text] if text else []
        words = next((text for part in element.iter() if (text := _alternative(part))), "")
        if words:
            line.text += f" {words} " if line.text.strip() else words
        elif is_object:
            self.counts["embedded object"] += 1
        elif not boxes and not found and _has_image(element):
            self.counts["picture without alternative text"] += 1

    def _table(self, table: etree._Element) -> Iterator[_Block]:
        rows: list[list[list[_Block]]] = []
        for row in _rows(table):
            cells: list[list[_Block]] = [[]] * _count(child(row, "trPr", "gridBefore"), 0)
            for cell in _cells(row):
                merge = child(cell, "tcPr", "vMerge")
                is_below = merge is not None and value(merge) in {None, "continue"}
                cells.append([] if is_below else list(self.blocks(cell)))
                cells += [[]] * (_count(child(cell, "tcPr", "gridSpan"), 1) - 1)
            rows.append(cells)
        width = max((sum(bool(_words(cell)) for cell in row) for row in rows), default=0)
        if width <= 1 or (len(rows) == 1 and any(len(cell) > 2 for cell in rows[0])):  # it is there for its looks
            yield from (block for row in rows for cell in row for block in cell)
            return
        notes = [block for row in rows for cell in row for block in cell if block.text.startswith("[^")]
        yield _Block(markdown_table([[_words(cell) for cell in row] for row in rows]))
        yield from notes


def _words(cell: list[_Block]) -> str:
    texts = (block.text.lstrip("#").strip() for block in cell if not block.text.startswith("[^"))
    return " ".join(text.replace("\\|", "|") for text in texts if text)


def _rows(parent: etree._Element) -> Iterator[etree._Element]:
    for element in parent:
        if local(element) == "tr":
            if child(element, "trPr", "del") is None:
                yield element
        elif local(element) in {"sdt", "sdtContent", "ins", "customXml", "bookmarkStart"}:
            yield from _rows(element)


def _cells(parent: etree._Element) -> Iterator[etree._Element]:
    for element in parent:
        if local(element) == "tc":
            yield element
        elif local(element) in {"sdt", "sdtContent", "customXml"}:
            yield from _cells(element)


def _count(element: etree._Element | None, otherwise: int) -> int:
    number = value(element) or ""
    return min(int(number[:9]), _MOST_COLUMNS) if number.isdecimal() else otherwise


def _by_id(root: etree._Element | None) -> dict[str, etree._Element]:
    return {value(note, "id") or "": note for note in (root if root is not None else ()) if value(note, "type") is None}


def _symbol(code: str | None, font: str | None) -> tuple[str, int]:
    try:
        found = symbol(int(code or "", 16), font)
    except ValueError:
        found = None
    return found or "", found is None


def _alternative(element: etree._Element) -> str:
    """The words that stand for a picture."""
    match local(element):
        case "docPr" | "cNvPr":
            return " ".join((value(element, "descr") or "").split())
        case "shape" | "rect":
            return " ".join((value(element, "alt") or "").split())
    return ""


def _has_image(element: etree._Element) -> bool:
    return any(local(part) in {"blip", "imagedata"} for part in element.iter())


def _is_within_another(box: etree._Element, below: etree._Element) -> bool:
    """Whether a box is inside of another, or stands for one where a program knows no boxes."""
    for above in box.iterancestors():
        if above is below:
            return False
        if local(above) in {"Fallback", "txbxContent"}:
            return True
    return False
