"""What the styles and lists of a DOCX say of a paragraph: heading and how deep, code, hidden, entry of which list."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from ingest.sources.extraction.package import child, children, value

if TYPE_CHECKING:
    from lxml import etree

_DEEPEST = 6
_MOST_BASES = 20
_HEADING = re.compile(r"(?:heading|überschrift|titre|título|titolo|kop|見出し|标题|標題) ?([1-9])", re.IGNORECASE)
_CODE = re.compile(
    r"\bcode\b|source ?code|preformatted|verbatim|listing|macro ?text|program|console|quelltext", re.IGNORECASE
)
_MONO = re.compile(
    r"courier|consolas|mono|menlo|typewriter|lucida console|fixed|cascadia code|source code", re.IGNORECASE
)
_NUMBER_IN_LEVEL = re.compile(r"%([1-9])")


class Styles:
    """The styles of a document by their identifiers."""

    def __init__(self, root: etree._Element | None) -> None:
        self._styles = {value(style, "styleId") or "": style for style in children(root, "style")}
        self._known: dict[str, tuple[int | None, bool]] = {}

    def level(self, paragraph: etree._Element) -> int | None:
        """How deep the heading is that a paragraph is; None where it is none."""
        outline = value(child(paragraph, "pPr", "outlineLvl"))
        if outline is not None and outline.isdecimal():
            return int(outline) + 1 if int(outline) < _DEEPEST else None
        return self._of(paragraph)[0]

    def is_code(self, paragraph: etree._Element) -> bool:
        """Whether it is in a style for code, or all its letters have one width."""
        if self._of(paragraph)[1]:
            return True
        runs = [run for run in paragraph.iter("{*}r") if any(text.text for text in children(run, "t"))]
        return bool(runs) and all(_is_mono(child(run, "rPr")) for run in runs)

    def is_hidden(self, run: etree._Element) -> bool:
        """Whether a run is not shown."""
        mark = child(run, "rPr", "vanish")
        if mark is None or value(mark) in {"0", "false", "off"}:
            return False
        return any(text.text and text.text.strip() for text in children(run, "t"))

    def list_of(self, paragraph: etree._Element) -> tuple[str, int] | None:
        """The list that the style of a paragraph makes it an entry of, and how deep."""
        for style in self._chain(value(child(paragraph, "pPr", "pStyle")) or ""):
            number = value(child(style, "pPr", "numPr", "numId"))
            if number is not None:
                return number, int(value(child(style, "pPr", "numPr", "ilvl")) or 0)
        return None

    def _of(self, paragraph: etree._Element) -> tuple[int | None, bool]:
        name = value(child(paragraph, "pPr", "pStyle")) or ""
        if name not in self._known:
            self._known[name] = self._look(name)
        return self._known[name]

    def _look(self, identifier: str) -> tuple[int | None, bool]:
        level: int | None = None
        is_code = False
        heading = _HEADING.fullmatch(identifier.replace("_", " "))
        if heading and identifier not in self._styles:
            return min(int(heading[1]), _DEEPEST), False
        for style in self._chain(identifier):
            name = value(child(style, "name")) or ""
            outline = value(child(style, "pPr", "outlineLvl"))
            heading = _HEADING.fullmatch(name)
            if level is None and outline is not None and outline.isdecimal():
                level = int(outline) + 1
            elif level is None and (heading or name.lower() == "title"):
                level = int(heading[1]) if heading else 1
            is_code = is_code or bool(_CODE.search(name)) or _is_mono(child(style, "rPr"))
        return (min(level, _DEEPEST) if level is not None and level <= 9 else None), is_code

    def _chain(self, identifier: str) -> list[etree._Element]:
        found: list[etree._Element] = []
        while identifier in self._styles and len(found) < _MOST_BASES:
            found.append(self._styles[identifier])
            identifier = value(child(found[-1], "basedOn")) or ""
        return found


def _is_mono(properties: etree._Element | None) -> bool:
    fonts = child(properties, "rFonts")
    return bool(_MONO.search(value(fonts, "ascii") or value(fonts, "hAnsi") or ""))


class Entry(NamedTuple):
    """How an entry of a list is marked."""

    depth: int
    mark: str


class Numbering:
    """The lists of a document, and how far each has been counted."""

    def __init__(self, root: etree._Element | None) -> None:
        abstract = {value(each, "abstractNumId") or "": each for each in children(root, "abstractNum")}
        self._levels: dict[str, dict[int, etree._Element]] = {}
        for number in children(root, "num"):
            base = abstract.get(value(child(number, "abstractNumId")) or "")
            levels = {_place(level): level for level in children(base, "lvl")}
            for override in children(number, "lvlOverride"):
                levels |= {_place(level): level for level in children(override, "lvl")}
            self._levels[value(number, "numId") or ""] = levels
        self._counts: dict[str, dict[int, int]] = defaultdict(dict)

    def entry(self, paragraph: etree._Element, styles: Styles) -> Entry | None:
        """How a paragraph is marked as an entry of a list; None where it is none."""
        number = value(child(paragraph, "pPr", "numPr", "numId"))
        depth = int(value(child(paragraph, "pPr", "numPr", "ilvl")) or 0)
        if number is None:
            by_style = styles.list_of(paragraph)
            if by_style is None:
                return None
            number, depth = by_style
        depth = min(max(depth, 0), 8)
        level = self._levels.get(number, {}).get(depth)
        kind = value(child(level, "numFmt")) or "bullet"
        if number == "0" or level is None:
            return None if number == "0" else Entry(depth, "-")
        if kind in {"bullet", "none"}:
            return Entry(depth, "-")
        counts = self._counts[number]
        start = value(child(level, "start")) or "1"
        counts[depth] = counts.get(depth, int(start) - 1) + 1
        for below in [place for place in counts if place > depth]:
            del counts[below]
        return Entry(depth, self._mark(number, level, depth, counts))

    def _mark(self, number: str, level: etree._Element, depth: int, counts: dict[int, int]) -> str:
        def counted(match: re.Match[str]) -> str:
            place = int(match[1]) - 1
            kind = value(child(self._levels[number].get(place), "numFmt")) or "decimal"
            return _number(counts.get(place, 1), kind)

        mark = _NUMBER_IN_LEVEL.sub(counted, (value(child(level, "lvlText")) or f"%{depth + 1}.")[:40])
        return mark if re.fullmatch(r"\d+[.)]", mark) else f"- {mark}"


def _place(level: etree._Element) -> int:
    place = value(level, "ilvl") or ""
    return int(place) if place.isdecimal() and len(place) < 3 else 0


def _number(count: int, kind: str) -> str:
    if kind in {"lowerLetter", "upperLetter"}:
        letter = chr(ord("a") + (count - 1) % 26) * min((count - 1) // 26 + 1, 5)
        return letter if kind == "lowerLetter" else letter.upper()
    if kind in {"lowerRoman", "upperRoman"}:
        written, rest = "", min(count, 3999)
        for worth, sign in zip(
            (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1),
            "m cm d cd c xc l xl x ix v iv i".split(),
            strict=True,
        ):
            written += sign * (rest // worth)
            rest %= worth
        return written if kind == "lowerRoman" else written.upper()
    return f"{count:02}" if kind == "decimalZero" else str(count)
