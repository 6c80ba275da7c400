"""The numbers of a chart of an Office document, as a table. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.sources.extraction.number_formats import shown
from ingest.sources.extraction.package import child, children, local, value
from ingest.sources.extraction.tables import markdown_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml import etree

_MOST_POINTS = 5_000


def chart(root: etree._Element) -> str:
    """A chart's title and a row for each of its categories, with the numbers of its series."""
    title = "".join(_texts(child(root, "chart", "title"))).strip()
    names: list[str] = []
    columns: list[dict[int, str]] = []
    categories: dict[int, str] = {}
    for series in root.iter("{*}ser"):
        name = child(series, "tx")
        names.append("".join(_points(name).values()) or "".join(_texts(name)).strip() or f"Series {len(names) + 1}")
        values = child(series, "val")
        columns.append(_points(values if values is not None else child(series, "yVal")))
        along = child(series, "cat")
        categories = categories or _points(along if along is not None else child(series, "xVal"))
    places = sorted({place for column in columns for place in column} | set(categories))[:_MOST_POINTS]
    rows = [[categories.get(place, str(place + 1)), *(column.get(place, "") for column in columns)] for place in places]
    table = markdown_table([["Category", *names], *rows]) if rows else ""
    return "\n\n".join(filter(None, (title, table)))


def _points(element: etree._Element | None) -> dict[int, str]:
    """The points of a series by their places, as they are shown."""
    found: dict[int, str] = {}
    if element is None:
        return found
    code = next((part.text or "" for part in element.iter("{*}formatCode")), "General")
    is_number = next((local(part) in {"numRef", "numLit"} for part in element), False)
    for point in element.iter("{*}pt"):
        text = next((part.text or "" for part in children(point, "v")), "")
        place = value(point, "idx") or ""
        if place.isdecimal():
            found.setdefault(int(place[:9]), shown(text, code) if is_number else text)
    direct = child(element, "v")
    if not found and direct is not None and direct.text:
        found[0] = direct.text
    return found


def _texts(element: etree._Element | None) -> Iterator[str]:
    if element is not None:
        yield from (part.text or "" for part in element.iter("{*}t"))
