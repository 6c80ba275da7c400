"""Equations of Office documents (OMML) as LaTeX. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.sources.extraction.package import child, children, local, value

if TYPE_CHECKING:
    from lxml import etree

_LARGE = {"∑": r"\sum", "∏": r"\prod", "∫": r"\int", "∬": r"\iint", "∮": r"\oint", "⋃": r"\bigcup", "⋂": r"\bigcap"}
# In each: {0} the base, {1} what is below, {2} what is above, {3} over {4}, {5} the function, {6} its limit.
_SIMPLE = {
    "f": r"\frac{{{3}}}{{{4}}}",
    "sSup": "{0}^{{{2}}}",
    "sSub": "{0}_{{{1}}}",
    "sSubSup": "{0}_{{{1}}}^{{{2}}}",
    "sPre": "{{}}_{{{1}}}^{{{2}}}{0}",
    "func": "{5} {0}",
    "bar": r"\overline{{{0}}}",
    "limLow": "{0}_{{{6}}}",
    "limUpp": "{0}^{{{6}}}",
}
_ACCENTS = {
    "\u0302": r"\hat",
    "\u0303": r"\tilde",
    "\u0304": r"\bar",
    "\u0305": r"\bar",
    "\u20d7": r"\vec",
    "\u0307": r"\dot",
}


def latex(element: etree._Element) -> str:
    """An equation, or a part of one."""
    return "".join(_part(part) for part in element).strip()


def _of(element: etree._Element, name: str) -> str:
    part = child(element, name)
    return latex(part) if part is not None else ""


def _part(element: etree._Element) -> str:
    name = local(element)
    if name == "r":
        return "".join(text.text or "" for text in children(element, "t"))
    if name in _SIMPLE:
        return _SIMPLE[name].format(*(_of(element, part) for part in ("e", "sub", "sup", "num", "den", "fName", "lim")))
    if name in _OWN:
        return _OWN[name](element)
    return "" if name.endswith("Pr") else latex(element)


def _root(element: etree._Element) -> str:
    degree = _of(element, "deg")
    return rf"\sqrt{f'[{degree}]' if degree else ''}{{{_of(element, 'e')}}}"


def _sum(element: etree._Element) -> str:
    sign = value(child(element, "naryPr", "chr")) or "∫"
    below, above = _of(element, "sub"), _of(element, "sup")
    limits = (f"_{{{below}}}" if below else "") + (f"^{{{above}}}" if above else "")
    return f"{_LARGE.get(sign, sign)}{limits} {_of(element, 'e')}"


def _between(element: etree._Element) -> str:
    begin, end = value(child(element, "dPr", "begChr")), value(child(element, "dPr", "endChr"))
    inside = ", ".join(latex(part) for part in children(element, "e"))
    return f"{'(' if begin is None else begin}{inside}{')' if end is None else end}"


def _matrix(element: etree._Element) -> str:
    rows = (" & ".join(latex(cell) for cell in children(row, "e")) for row in children(element, "mr"))
    return r"\begin{matrix}" + r" \\ ".join(rows) + r"\end{matrix}"


def _accent(element: etree._Element) -> str:
    sign = value(child(element, "accPr", "chr")) or "\u0302"
    return f"{_ACCENTS.get(sign, sign)}{{{_of(element, 'e')}}}"


def _lines(element: etree._Element) -> str:
    return r" \\ ".join(latex(part) for part in children(element, "e"))


_OWN = {"rad": _root, "nary": _sum, "d": _between, "m": _matrix, "acc": _accent, "eqArr": _lines}
