"""PPTX to Markdown: a heading for each slide, its text in order, tables, numbers of charts, the speaker's notes."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from ingest.sources.extraction.charts import chart
from ingest.sources.extraction.equations import latex
from ingest.sources.extraction.extracted import Extracted
from ingest.sources.extraction.marks import escaped, left_out, raised
from ingest.sources.extraction.numbered import numbered_text
from ingest.sources.extraction.package import Package, child, children, local, value
from ingest.sources.extraction.tables import markdown_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml import etree

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
_RUNNING = {"ftr", "hdr", "sldNum", "dt"}
_TITLES = {"title", "ctrTitle"}
_FILM = re.compile(r"\.(?:mp4|mov|avi|wmv|m4a|mp3|wav)\Z", re.IGNORECASE)
_RAISED_FROM = 10_000  # thousandths of a per cent


def slides_document(content: bytes) -> Extracted:
    """A PPTX.

    Raises:
        UnreadableError: it is damaged.
    """
    package = Package(content)
    reader = _Reader(package)
    blocks: list[tuple[int, str]] = []
    for number, name in enumerate(_slides(package), 1):
        root = package.xml(name)
        if root is not None and value(root, "show") in {"0", "false"}:
            reader.counts["hidden slide"] += 1
        elif root is not None:
            blocks += ((number, block) for block in reader.slide(root, name))
    counts = reader.counts
    counts["comment"] = package.number_of("cm", "ppt/comments/")
    counts["part with macros"] = package.number_of_macros()
    counts["film or sound"] = sum(bool(_FILM.search(name)) for name in package.below("ppt/media/"))
    text, pages = numbered_text(blocks)
    return Extracted(text, package.title(), left_out(counts), pages)


def _slides(package: Package) -> list[str]:
    """The parts that are slides, in the order in which they are shown."""
    related = package.related("ppt/presentation.xml")
    order = child(package.xml("ppt/presentation.xml"), "sldIdLst")
    return [related[name] for slide in children(order, "sldId") if (name := _relation(slide)) in related]


def _relation(element: etree._Element) -> str:
    """The identifier of what an element names: its attribute `r:id`, and not its own `id`."""
    return next((str(text) for key, text in element.attrib.items() if str(key).endswith("}id")), "")


class _Reader:
    """The parts of a deck, and what is not read of them."""

    def __init__(self, package: Package) -> None:
        self.counts: Counter[str] = Counter()
        self._package = package

    def slide(self, root: etree._Element, name: str) -> Iterator[str]:
        """The blocks of a slide, and its notes."""
        related = self._package.related(name)
        tree = child(root, "cSld", "spTree")
        shapes = list(self._shapes(tree))
        titles = [shape for shape in shapes if _placeholder(shape) in _TITLES]
        for shape in titles:
            words = " ".join(" ".join(_paragraphs(shape)).split())
            if words:
                yield f"## {words}"
        for shape in shapes:
            if shape not in titles:
                yield from self._shape(shape, related)
        notes = next((part for part in related.values() if "/notesSlides/" in part), None)
        root_of_notes = self._package.xml(notes) if notes else None
        if root_of_notes is not None:
            bodies = [
                shape for shape in self._shapes(child(root_of_notes, "cSld", "spTree")) if _placeholder(shape) == "body"
            ]
            words = "\n".join(line for body in bodies for line in _paragraphs(body) if line.strip())
            if words:
                yield f"Notes: {words}"

    def _shapes(self, parent: etree._Element | None) -> Iterator[etree._Element]:
        for element in parent if parent is not None else ():
            match local(element):
                case "sp" | "pic" | "graphicFrame" | "cxnSp":
                    if value(child(element, "nvSpPr", "cNvPr"), "hidden") not in {"1", "true"}:
                        yield element
                case "grpSp" | "Choice":
                    yield from self._shapes(element)
                case "AlternateContent":
                    yield from self._shapes(child(element, "Choice"))

    def _shape(self, shape: etree._Element, related: dict[str, str]) -> Iterator[str]:
        kind = _placeholder(shape)
        if kind in _RUNNING:
            return
        match local(shape):
            case "sp":
                yield "\n".join(_entries(shape, is_list=kind in {"body", "obj", ""}))
            case "pic":
                yield self._picture(shape)
            case "graphicFrame":
                yield from self._frame(shape, related)

    def _picture(self, shape: etree._Element) -> str:
        words = value(child(shape, "nvPicPr", "cNvPr"), "descr") or ""
        if not words.strip():
            self.counts["picture without alternative text"] += 1
        return " ".join(words.split())

    def _frame(self, frame: etree._Element, related: dict[str, str]) -> Iterator[str]:
        data = child(frame, "graphic", "graphicData")
        for element in data if data is not None else ():
            match local(element):
                case "tbl":
                    yield markdown_table(
                        [
                            [
                                "" if value(cell, "vMerge") or value(cell, "hMerge") else " ".join(_paragraphs(cell))
                                for cell in children(row, "tc")
                            ]
                            for row in children(element, "tr")
                        ]
                    )
                case "chart":
                    root = self._package.xml(related.get(_relation(element), ""))
                    if root is not None and child(root, "chart") is not None:
                        yield chart(root)
                    else:
                        self.counts["chart"] += 1
                case "relIds":
                    part = related.get(value(element, "dm") or "", "")
                    root = self._package.xml(part)
                    yield "\n".join(_diagram(root)) if root is not None else ""
                case "oleObj" | "AlternateContent":
                    self.counts["embedded object"] += 1


def _placeholder(shape: etree._Element) -> str | None:
    """The kind of placeholder that a shape is; empty: one of no kind, None: none."""
    for part in ("nvSpPr", "nvPicPr", "nvGraphicFramePr"):
        mark = child(shape, part, "nvPr", "ph")
        if mark is not None:
            return value(mark, "type") or ""
    return None


def _entries(shape: etree._Element, *, is_list: bool) -> Iterator[str]:
    """The paragraphs of a shape, those of a list with their bullets."""
    body = child(shape, "txBody")
    for paragraph in children(body, "p"):
        words = _text(paragraph).strip()
        if not words:
            continue
        properties = child(paragraph, "pPr")
        depth = value(properties, "lvl") or "0"
        has_mark = any(child(properties, mark) is not None for mark in ("buChar", "buAutoNum", "buBlip"))
        is_plain = child(properties, "buNone") is not None
        if has_mark or (is_list and not is_plain):
            yield f"{'  ' * int(depth[:1])}- {words}"
        else:
            yield escaped(words)


def _paragraphs(shape: etree._Element) -> list[str]:
    body = child(shape, "txBody")
    return [_text(paragraph).strip() for paragraph in children(body, "p")]


def _text(paragraph: etree._Element) -> str:
    text = ""
    for run in paragraph:
        match local(run):
            case "r" | "fld":
                words = "".join(part.text or "" for part in children(run, "t")).replace("\v", " ")
                baseline = value(child(run, "rPr"), "baseline") or "0"
                is_raised = baseline.isdecimal() and int(baseline) >= _RAISED_FROM
                text += raised(text, words) if is_raised else words
            case "br":
                text += " "
            case "AlternateContent" | "m" | "oMath" | "oMathPara":
                found = next(run.iter("{*}oMath"), None)
                text += f"${latex(found)}$" if found is not None else ""
    return text.replace("\t", " ")


def _diagram(root: etree._Element) -> Iterator[str]:
    """The words of a diagram (SmartArt)."""
    for point in root.iter("{*}pt"):
        body = child(point, "t")
        words = " ".join(filter(None, (_text(paragraph).strip() for paragraph in children(body, "p"))))
        if words and value(point, "type") not in {"pres", "parTrans", "sibTrans"}:
            yield f"- {words}"
