"""Elements of HTML and SVG. What others wrote is escaped as it is written, so that none of it becomes markup."""

from __future__ import annotations

from typing import TypeAlias
from xml.etree import ElementTree as ET

from ingest.formatting import clean

Element: TypeAlias = ET.Element


def element(tag: str, *children: Element | str | None, **attributes: str | float | None) -> Element:
    """An element; None stands for nothing. `class_` and `aria_label` become `class` and `aria-label`."""
    made = ET.Element(tag)
    for name, value in attributes.items():
        if value is not None:
            made.set(name.rstrip("_").replace("_", "-"), _text(value))
    for child in children:
        if isinstance(child, str):
            if len(made):
                made[-1].tail = (made[-1].tail or "") + clean(child)
            else:
                made.text = (made.text or "") + clean(child)
        elif child is not None:
            made.append(child)
    return made


def markup(made: Element) -> str:
    """An element as HTML."""
    return ET.tostring(made, encoding="unicode", method="html")


def _text(value: str | float) -> str:
    return clean(value) if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")
