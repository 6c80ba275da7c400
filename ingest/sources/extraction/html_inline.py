"""What is raised, lowered or a formula in HTML, as people type it. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.etree import _Element

_ONE = re.compile(r"[+\-−–]?(?:\w++(?:[.,]\w++)?|∗|\*|′|°)")
_ORDINALS = {"st", "nd", "rd", "th", "er", "re", "e", "ère", "ème", "eme", "o", "os", "º", "ª"}
_SIGNS = {"tm", "™", "®", "©", "℠", "sm", "(r)", "(tm)", "°", "º", "ª", "*", "′", "″", "†", "‡"}
_REFERENCE = re.compile(r"\[[^\[\]]{1,20}\]")
_TEX = re.compile(r"\{\\(?:displaystyle|textstyle)\s*+(.*)\}", re.DOTALL)


def raised(text: str, before: str, *, linked: bool) -> str:
    """A superscript: an exponent with its sign, `10^6`; an ordinal as it stands, `1st`; a note in brackets, `[1]`.

    `before`: the character before it in its line, or nothing.
    """
    if not text or text.lower() in _SIGNS or _REFERENCE.fullmatch(text):
        return text
    if linked or (before and before in ".,;:!?…)”\"'»。、」" and text.replace(",", "").isdigit() and before != ")"):
        return f"[{text}]"
    if not (before.isalnum() or before in {")", "]", "}", "|", "′", "'"}) or not before:
        return text
    if text.lower() in _ORDINALS and (before.isdigit() or text.lower() in {"o", "os"}):
        return text
    if before.isalpha() and len(text) > 1 and text.isalpha():
        return text  # Mme, Dr
    return f"^{_grouped(text)}"


def lowered(text: str, before: str) -> str:
    """A subscript: a number after a letter as it stands, `H2O`; else with its sign, `x_i`."""
    if not text or not before or not (before.isalnum() or before in {")", "]"}):
        return text
    if text.isdigit() and not before.isdigit():
        return text
    return f"_{_grouped(text)}"


def _grouped(text: str) -> str:
    return text if _ONE.fullmatch(text) or (text[0] == "(" and text[-1] == ")") else f"({text})"


def words(element: _Element, left_out: set[_Element]) -> str:
    """The text of an element in one line; what is raised in it keeps its sign."""
    parts = [element.text or ""]
    for part in element:
        if part not in left_out:
            inner = words(part, left_out)
            if part.tag in {"sup", "sub"}:
                before = "".join(parts)[-1:]
                inner = raised(inner, before, linked=False) if part.tag == "sup" else lowered(inner, before)
            elif part.tag == "img":
                inner = part.get("alt", "")
            parts.append(inner)
        parts.append(part.tail or "")
    return " ".join("".join(parts).split())


def math_text(element: _Element) -> str:
    """A formula: the TeX that it names, else its parts in a line."""
    for annotation in element.iter("annotation"):
        if (
            annotation.get("encoding", "").lower() in {"application/x-tex", "tex", "latex"}
            and (annotation.text or "").strip()
        ):
            return _tex(annotation.text or "")
    if named := element.get("alttext", "").strip():
        return _tex(named)
    return _formula(element)


def _tex(text: str) -> str:
    text = text.strip()
    inner = _TEX.fullmatch(text)
    return inner[1].strip() if inner else text


def _formula(element: _Element) -> str:  # noqa: PLR0911 - one for each kind
    name = str(element.tag).rpartition(":")[2]
    if name in {"annotation", "annotation-xml"}:
        return ""
    parts = [_formula(part) for part in element]
    match name, parts:
        case (("msup" | "mover"), [base, over]):
            return f"{base}^{_grouped(over)}" if over else base
        case (("msub" | "munder"), [base, under]):
            return f"{base}_{_grouped(under)}" if under else base
        case (("msubsup" | "munderover"), [base, under, over]):
            return f"{base}_{_grouped(under) if under else ''}^{_grouped(over) if over else ''}"
        case "mfrac", [above, below]:
            return f"{_grouped(above) if above else ''}/{_grouped(below) if below else ''}"
        case "msqrt", _:
            return f"√({''.join(parts)})"
        case "mtr", _:
            return " ".join(parts) + "; "
    own = " ".join((element.text or "").split())
    return own + "".join(parts)
