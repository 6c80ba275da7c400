"""What pages are made of: sections, plots, tables, legends, figures. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.reporting.page.elements import Element, element

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WIDTH = 880.0


def contents(names: Mapping[str, str]) -> Element:
    """Links to the sections, by their anchors."""
    links = (element("li", element("a", name, href=f"#{anchor}")) for anchor, name in names.items())
    return element("nav", element("ul", *links), aria_label="Sections")


def tile(name: str, value: str, class_: str | None = None) -> Element:
    """A figure of the head with its name."""
    return element("div", element("dt", name), element("dd", value), class_=class_)


def framed(
    anchor: str,
    name: str,
    lead: str,
    plot: Element | None = None,
    table: Element | None = None,
    legend: Element | None = None,
) -> Element:
    """A plot with its figures as a table behind it; a table without a plot stands there itself."""
    scrolled = None
    if plot is not None and table is not None:
        scrolled = element("div", plot, class_="plot", tabindex="0", role="group", aria_label=f"{name}, plot")
        table = element("details", element("summary", "The figures as a table"), table)
    title = element("h2", name, id=f"{anchor}-name")
    told = element("p", lead, class_="muted")
    return element("section", title, told, legend, scrolled, table, id=anchor, aria_labelledby=f"{anchor}-name")


def figures(caption: str, headings: Sequence[str], rows: Sequence[Sequence[str | Element]]) -> Element:
    """A table that scrolls where it is too wide; columns of headings that begin with > hold numbers."""
    numbers = ["number" if heading.startswith(">") else None for heading in headings]
    first = element(
        "tr",
        *(
            element("th", heading.removeprefix(">"), scope="col", class_=number)
            for heading, number in zip(headings, numbers, strict=True)
        ),
    )
    body = [
        element("tr", *(element("td", cell, class_=number) for cell, number in zip(row, numbers, strict=True)))
        for row in rows
    ]
    table = element("table", element("caption", caption), element("thead", first), element("tbody", *body))
    return element("div", table, class_="scroll", tabindex="0", role="group", aria_label=caption)


def legend_of(names: Mapping[str, str]) -> Element:
    """What colours stand for: by style, in words."""

    def swatch(style: str) -> Element:
        square = element("rect", width=10.0, height=10.0, rx=2.0, class_=style)
        return element("svg", square, viewBox="0 0 10 10", aria_hidden="true")

    return element("ul", *(element("li", swatch(style), name) for style, name in names.items()), class_="legend")


def drawn(height: float, name: str, told: str, *parts: Element) -> Element:
    """A plot of so many units of height, `WIDTH` wide; `told`: what it shows, in words."""
    return element(
        "svg",
        *parts,
        viewBox=f"0 0 {WIDTH:.0f} {height:.0f}",
        role="img",
        aria_label=f"{name}. {told} The same figures stand in the table below.",
    )
