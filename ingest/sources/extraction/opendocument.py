"""OpenDocument to Markdown: texts, spreadsheets and presentations (ODT, ODS, ODP, and their templates)."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from ingest.model import Loss, LossKind
from ingest.sources.extraction.extracted import Extracted
from ingest.sources.extraction.marks import escaped, fence, left_out, raised
from ingest.sources.extraction.numbered import numbered_text
from ingest.sources.extraction.package import Package, child, children, local, value, words_in
from ingest.sources.extraction.sheet_tables import Row, sheet_blocks
from ingest.sources.extraction.tables import markdown_table
from ingest.sources.text import UnreadableError, clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml import etree

MEDIA_TYPES = "application/vnd.oasis.opendocument."
_CODE = re.compile(r"code|preformatted|verbatim|listing|quelltext|source", re.IGNORECASE)
_MONO = re.compile(r"courier|consolas|mono|menlo|typewriter|fixed", re.IGNORECASE)
_ASIDE = {"annotation", "annotation-end", "tracked-changes", "deletion", "forms", "sequence-decls", "variable-decls"}
_NOT_WORDS = {"", "frame", "custom-shape", "g", "soft-page-break", "hidden-text", *_ASIDE}
_MARKS = ("bookmark", "reference-mark", "change", "alphabetical", "toc-mark")
_BLANKS = {"tab": "\t", "line-break": "\n"}
_DEEPEST = 6
_MOST_REPEATED = 1_000
_BACKGROUND = {"page-number", "date", "time", "footer", "header"}


def opendocument(content: bytes) -> Extracted:
    """An OpenDocument file.

    Raises:
        UnreadableError: it is damaged or encrypted.
    """
    package = Package(content)
    manifest = package.part("META-INF/manifest.xml") or b""
    if b"encryption-data" in manifest:
        raise UnreadableError("encrypted")
    root = package.xml("content.xml")
    if root is None:
        raise UnreadableError("damaged: it has no content.xml")
    reader = _Reader(package, root)
    body = child(root, "body")
    kind = next((part for part in (body if body is not None else ()) if local(part) in _WAYS), None)
    blocks = [(reader.slide, block) for block in _WAYS[local(kind)](reader, kind)] if kind is not None else []
    reader.counts["part with macros"] = len(package.below("Basic/")) and 1
    text, pages = numbered_text(blocks)
    return Extracted(text, _title(package), (*reader.told, *left_out(reader.counts)), pages)


def _title(package: Package) -> str | None:
    root = package.xml("meta.xml")
    found = next(root.iter("{http://purl.org/dc/elements/1.1/}title"), None) if root is not None else None
    return found.text if found is not None else None


class _Reader:
    """A document with its styles, and what is not read of it."""

    def __init__(self, package: Package, root: etree._Element) -> None:
        self.counts: Counter[str] = Counter()
        self.told: list[Loss] = []
        self.slide = 0
        """The number of the page that is read, of a presentation or a drawing."""
        self._package = package
        self._styles: dict[str, etree._Element] = {}
        for part in (package.xml("styles.xml"), root):
            for style in part.iter("{*}style") if part is not None else ():
                self._styles[value(style, "name") or ""] = style
        self._known: dict[str, tuple[bool, bool, bool]] = {}

    def blocks(self, parent: etree._Element, depth: int = 0) -> Iterator[str]:
        """What stands in a text, a cell, a box."""
        code: list[str] = []
        for element in parent:
            if local(element) == "p" and self._style(element)[0]:
                code.append(self.text(element, is_code=True))
                continue
            if code:
                yield fence(code)
                code = []
            yield from self._block(element, depth)
        if code:
            yield fence(code)

    def _block(self, element: etree._Element, depth: int) -> Iterator[str]:
        match local(element):
            case "h":
                words = " ".join(self.text(element).split())
                level = value(element, "outline-level") or "1"
                if words:
                    yield "#" * min(int(level) if level.isdecimal() else 1, _DEEPEST) + " " + words
                yield from self._beside(element, depth)
            case "p":
                words = self.text(element).strip()
                if words:
                    name = (value(element, "style-name") or "", self._parent(element))
                    yield f"# {words}" if "Title" in name else escaped(words)
                yield from self._beside(element, depth)
            case "list":
                yield "\n".join(self._entries(element, 0))
            case "table":
                yield from self._table(element)
            case (
                "section"
                | "index-body"
                | "text-box"
                | "soft-page-break"
                | "numbered-paragraph"
                | "list-item"
                | "list-header"
            ):
                yield from self.blocks(element, depth)
            case "frame" | "custom-shape" | "rect" | "g" | "a" | "ellipse" | "line" | "polygon" | "path" | "connector":
                yield from self._frame(element, depth)
            case name if name in _ASIDE:
                self.counts["comment"] += name == "annotation"

    def _beside(self, element: etree._Element, depth: int) -> Iterator[str]:
        """Notes and boxes that are anchored in a paragraph."""
        for note in element.iter("{*}note"):
            words = " ".join(" ".join(self.blocks(body, depth + 1)) for body in children(note, "note-body"))
            if words.strip():
                yield f"{self._note_mark(note)}: {' '.join(words.split())}"
        for frame in element.iter("{*}frame", "{*}custom-shape"):
            if not _is_in(frame, element, {"frame", "custom-shape", "note"}):
                yield from self._frame(frame, depth)

    def _note_mark(self, note: etree._Element) -> str:
        citation = child(note, "note-citation")
        return f"[^{words_in(citation).strip() or '*'}]"

    def _entries(self, element: etree._Element, depth: int) -> Iterator[str]:
        for item in element:
            if local(item) not in {"list-item", "list-header"}:
                continue
            mark = f"{'  ' * depth}- "
            for part in item:
                if local(part) == "list":
                    yield from self._entries(part, min(depth + 1, 8))
                elif local(part) in {"p", "h"}:
                    words = " ".join(self.text(part).split())
                    if local(part) == "h" and words:  # numbered headings stand in lists
                        yield f"\n{'#' * min(int(value(part, 'outline-level') or 1), _DEEPEST)} {words}\n"
                    elif words:
                        yield f"{mark}{words}"
                        mark = f"{'  ' * (depth + 1)}"
                    yield from self._beside(part, depth)
                else:
                    yield from self._block(part, depth)

    def _table(self, table: etree._Element) -> Iterator[str]:
        rows = [[self._cell(cell) for cell in row] for row in _rows(table)]
        width = max((sum(map(bool, row)) for row in rows), default=0)
        if width > 1:
            yield markdown_table(rows)
        else:
            for row in _rows(table):
                for cell in row:
                    yield from self.blocks(cell)

    def _cell(self, cell: etree._Element) -> str:
        if local(cell) == "covered-table-cell":
            return ""
        return " ".join(line.lstrip("#- ") for block in self.blocks(cell) for line in block.splitlines())

    def text(self, element: etree._Element, *, is_code: bool = False) -> str:
        """The words of a paragraph."""
        text = element.text or ""
        if not is_code:
            text = re.sub(r"\s+", " ", text)
        for part in element:
            text += self._inline(part, text, is_code=is_code)
            tail = part.tail or ""
            text += tail if is_code else re.sub(r"\s+", " ", tail)
        return text

    def _inline(self, part: etree._Element, before: str, *, is_code: bool) -> str:
        name = local(part)
        if name in _NOT_WORDS or name.startswith(_MARKS):
            self.counts["comment"] += name == "annotation"
            return ""
        if name == "s":
            count = value(part, "c") or "1"
            return " " * (min(int(count), 200) if count.isdecimal() and is_code else 1)
        if name in _BLANKS or name == "note":
            return self._note_mark(part) if name == "note" else _BLANKS[name] if is_code else " "
        words = self.text(part, is_code=is_code)  # of a field too: its value
        if name == "ruby-text":
            return f"({words})" if words else ""
        _, is_hidden, is_raised = self._style(part)
        if is_hidden and words.strip():
            self.counts["hidden passage"] += 1
            return ""
        return raised(before, words) if is_raised else words

    def _frame(self, frame: etree._Element, depth: int) -> Iterator[str]:
        """A box, a picture, a formula, an object."""
        if value(frame, "class") in _BACKGROUND or depth > 50:
            return
        words = " ".join(words_in(part).strip() for name in ("title", "desc") for part in children(frame, name)).strip()
        yield words
        for part in frame:
            match local(part):
                case "text-box" | "p" | "list" | "g" | "frame" | "custom-shape" | "rect" | "table":
                    yield from (
                        self._block(part, depth + 1) if local(part) != "p" else [escaped(self.text(part).strip())]
                    )
                case "image":
                    is_instead = any(local(other) in {"object", "object-ole"} for other in frame)
                    self.counts["picture without alternative text"] += not words and not is_instead
                case "object":
                    yield from self._object(part)
                case "object-ole" | "plugin" | "applet":
                    self.counts["embedded object"] += 1

    def _object(self, element: etree._Element) -> Iterator[str]:
        name = (value(element, "href") or "").removeprefix("./").strip("/")
        root = self._package.xml(f"{name}/content.xml") if name else None
        if root is None:
            self.counts["embedded object"] += 1
        elif local(root) == "math":
            annotation = next((part for part in root.iter("{*}annotation")), None)
            words = annotation.text if annotation is not None and annotation.text else " ".join(words_in(root).split())
            yield f"${words}$"
        else:  # the numbers of a chart stand in a table of its own
            for table in root.iter("{*}table"):
                yield from self._table(table)

    def _parent(self, element: etree._Element) -> str:
        style = self._styles.get(value(element, "style-name") or "")
        return value(style, "parent-style-name") or ""

    def _style(self, element: etree._Element) -> tuple[bool, bool, bool]:
        """Whether what has this style is code, is hidden, stands above the line."""
        name = value(element, "style-name") or ""
        if name not in self._known:
            code = hidden = above = False
            seen = 0
            following: str | None = name
            while following and seen < 20:
                style = self._styles.get(following)
                code = code or bool(_CODE.search(following))
                for properties in children(style, "text-properties"):
                    fonts = f"{value(properties, 'font-name') or ''} {value(properties, 'font-family') or ''}"
                    code = code or bool(_MONO.search(fonts))
                    hidden = hidden or value(properties, "display") == "none"
                    above = above or (value(properties, "text-position") or "").startswith(("super", "3", "4", "5"))
                following, seen = value(style, "parent-style-name") if style is not None else None, seen + 1
            self._known[name] = code, hidden, above
        return self._known[name]

    def of_text(self, body: etree._Element) -> Iterator[str]:
        """A text."""
        yield from self.blocks(body)

    def of_slides(self, body: etree._Element) -> Iterator[str]:
        """A presentation or a drawing: a heading for each page, what stands on it, its notes."""
        for self.slide, page in enumerate(children(body, "page"), 1):
            style = self._styles.get(value(page, "style-name") or "")
            if value(child(style, "drawing-page-properties"), "visibility") == "hidden":
                self.counts["hidden slide"] += 1
                continue
            for shape in page:
                is_title = value(shape, "class") == "title"
                words = " ".join(" ".join(self._frame(shape, 0)).split()) if is_title else ""
                if words:
                    yield f"## {words}"
                elif not is_title and local(shape) != "notes":
                    yield from self._block(shape, 0)
            for notes in children(page, "notes"):
                words = "\n".join(
                    block
                    for frame in children(notes, "frame")
                    if value(frame, "class") == "notes"
                    for block in self._frame(frame, 0)
                    if block.strip()
                )
                if words:
                    yield f"Notes: {words}"

    def of_sheets(self, body: etree._Element) -> Iterator[str]:
        """A spreadsheet: each table under its name, cells as they are shown."""
        hidden = []
        for table in children(body, "table"):
            name = " ".join((value(table, "name") or "").split())
            style = self._styles.get(value(table, "style-name") or "")
            if value(child(style, "table-properties"), "display") == "false":
                hidden.append(name)
                continue
            blocks = sheet_blocks(self._sheet_rows(table))
            if blocks:
                yield f"## {name}"
                yield from blocks
        if hidden:
            words = f"{len(hidden):,} hidden sheet{'s' if len(hidden) > 1 else ''}: {', '.join(hidden[:20])}"
            self.told.append(Loss(LossKind.PARTS_LEFT_OUT, len(hidden), clean(words)))

    def _sheet_rows(self, table: etree._Element) -> Iterator[Row]:
        number = 0
        for row in table.iter("{*}table-row"):
            cells: dict[int, str] = {}
            column = 0
            for cell in row:
                repeated = _repeated(cell, "number-columns-repeated")
                words = "" if local(cell) == "covered-table-cell" else self._sheet_cell(cell)
                if words:
                    cells |= dict.fromkeys(range(column, column + min(repeated, _MOST_REPEATED)), words)
                column += repeated
            times = _repeated(row, "number-rows-repeated")
            if cells:
                for again in range(min(times, _MOST_REPEATED)):
                    yield Row(number + again + 1, cells)
            number += times

    def _sheet_cell(self, cell: etree._Element) -> str:
        texts = []
        for part in cell:
            if local(part) == "p":
                texts.append(self.text(part))
            elif local(part) == "annotation":
                self.counts["comment"] += 1
            elif local(part) == "frame":
                texts += self._frame(part, 0)
        return " ".join(" ".join(texts).split())


_WAYS = {
    "text": _Reader.of_text,
    "spreadsheet": _Reader.of_sheets,
    "presentation": _Reader.of_slides,
    "drawing": _Reader.of_slides,
}


def _repeated(element: etree._Element, name: str) -> int:
    count = value(element, name) or "1"
    return int(count[:9]) if count.isdecimal() else 1


def _rows(table: etree._Element) -> Iterator[list[etree._Element]]:
    for element in table:
        if local(element) == "table-row":
            yield [cell for cell in element if local(cell) in {"table-cell", "covered-table-cell"}]
        elif local(element) in {"table-header-rows", "table-rows", "table-row-group"}:
            yield from _rows(element)


def _is_in(element: etree._Element, below: etree._Element, names: set[str]) -> bool:
    """Whether an element is inside of another one of these names."""
    for above in element.iterancestors():
        if above is below:
            return False
        if local(above) in names:
            return True
    return False
