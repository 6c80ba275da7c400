"""The page of how well questions were answered: each plot with its figures as a table, and what was missed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ingest.evaluation import BY_TOKENS, LEADING, METRICS, SHOWN
from ingest.formatting import counted, display_path
from ingest.reporting.page.elements import Element, element
from ingest.reporting.page.evaluation_plots import (
    FOUND,
    MISS_STYLES,
    STYLES,
    count_of,
    curve_plot,
    differences_plot,
    measures_plot,
    misses_plot,
)
from ingest.reporting.page.frames import contents, figures, framed, legend_of, tile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from ingest.evaluation import Difference, Evaluation, Measure, Way

_OF_SETTINGS = ("settings", "compared")
_LISTED = 500  # of the misses
_NAMES = {
    "metrics": "Metrics",
    "differences": "Differences",
    "passages": "Recall by passages",
    "misses": "Why answers are missed",
    "settings": "Other settings",
    "compared": "Other settings against the corpus as it is",
    "missed": "What is missed",
}


def head(found: Evaluation, at: datetime) -> Element:
    """What was asked, and the figures that matter most."""
    usual = found.ways[0]
    at_most = f", {found.per_document:,} of a document at most" if found.per_document else ""
    about = (
        f"{counted(found.passages, 'passage')}, {found.model}, searched by {usual.name}{at_most}, "
        f"as of {at:%Y-%m-%d %H:%M} UTC"
    )
    missed = sum(usual.misses.values())
    return element(
        "header",
        element("h1", f"Questions to {found.corpus}"),
        element("p", about, class_="muted"),
        element(
            "dl",
            tile("questions", f"{len(found.asked):,}"),
            *(tile(metric, f"{usual.measures[metric].mean:.3f}") for metric in (LEADING, "whole@5", "MRR", "nDCG@10")),
            tile("missed", f"{missed:,}", "bad" if missed else None),
            class_="tiles",
        ),
        *(element("p", f"{each.words}.") for each in (*found.differences, *found.compared)),
        contents({anchor: name for anchor, name in _NAMES.items() if found.settings or anchor not in _OF_SETTINGS}),
    )


def sections(found: Evaluation) -> Iterator[Element]:
    """The sections in their order."""
    yield _metrics("metrics", found.ways)
    yield _differences("differences", found.differences)
    yield _passages(found.ways)
    yield _misses(found.ways)
    if found.settings:
        yield _settings(found)
        yield _differences("compared", found.compared)
    yield _missed(found)


def _metrics(anchor: str, ways: Sequence[Way]) -> Element:
    rows = [[way.name, *(_figure(way.measures[metric]) for metric in METRICS)] for way in ways]
    table = figures("Means, and their intervals of 95 %", ["way", *(f">{metric}" for metric in METRICS)], rows)
    lead = "The mean over the questions, and the interval in which it lies in 95 of 100 draws of as many."
    return _section(anchor, lead, measures_plot(ways), table, _legend(ways))


def _settings(found: Evaluation) -> Element:
    """The metrics of other settings, beside those of the corpus as it is."""
    ways = [replace(found.ways[0], name="as it is"), *(setting.way for setting in found.settings)]
    sizes = [found.passages, *(setting.passages for setting in found.settings)]
    paid = ["", *(f"{setting.tokens:,}" for setting in found.settings)]
    rows = [
        [way.name, f"{size:,}", *(_figure(way.measures[metric]) for metric in METRICS), tokens]
        for way, size, tokens in zip(ways, sizes, paid, strict=True)
    ]
    headings = ["setting", ">passages", *(f">{metric}" for metric in METRICS), ">tokens embedded"]
    table = figures("Means, and their intervals of 95 %", headings, rows)
    lead = f"Searched by {found.ways[0].name}. Passages of different lengths are alike in {BY_TOKENS} alone."
    return _section("settings", lead, measures_plot(ways), table, _legend(ways))


def _differences(anchor: str, differences: Sequence[Difference]) -> Element:
    if not differences:
        return _section(anchor, "There is one way of searching, and nothing beside it.")
    rows = [[each.name, each.than, each.metric, _figure(each.measure), each.verdict] for each in differences]
    table = figures("Differences, question by question", ["way", "against", "metric", ">difference", "verdict"], rows)
    lead = "Question by question. A difference is real where its interval leaves zero out; grey: these do not show one."
    return _section(anchor, lead, differences_plot(differences), table)


def _passages(ways: Sequence[Way]) -> Element:
    counts = [count for count in (1, 2, 3, 5, 10, 15, 20, 25) if count <= len(ways[0].curve)]
    rows = [[way.name, *(f"{way.curve[count - 1]:.3f}" for count in counts)] for way in ways]
    table = figures("Recall with the first passages", ["way", *(f">{count}" for count in counts)], rows)
    lead = "The share of the answers that searches for so many passages bring."
    return _section("passages", lead, curve_plot(ways), table, _legend(ways))


def _misses(ways: Sequence[Way]) -> Element:
    shown = {what: style for what, style in MISS_STYLES.items() if any(count_of(way, what) for way in ways)}
    rows = [[way.name, *(f"{count_of(way, what):,}" for what in shown)] for way in ways]
    table = figures("Questions", ["way", *(f">{what}" for what in shown)], rows)
    legend = legend_of({style: str(what) for what, style in shown.items()})
    lead = f"An answer is found where all of it is in the first {SHOWN} passages."
    return _section("misses", lead, misses_plot(ways), table, legend)


def _missed(found: Evaluation) -> Element:
    usual = found.ways[0]
    missed = [(asked, came) for asked, came in zip(found.asked, usual.outcomes, strict=True) if came.miss]
    if not missed:
        return _section("missed", f"By {usual.name} every answer is {FOUND}.")
    rows: list[list[str | Element]] = [
        [
            f"{asked.line:,}",
            asked.question,
            str(came.miss),
            f"{came.first or ''}",
            f"{came.whole or ''}",
            element("code", display_path(asked.uri), class_="uri") if asked.uri else "",
        ]
        for asked, came in missed[:_LISTED]
    ]
    headings = [">line", "question", "why", ">first at rank", ">whole with", "answered in"]
    more = f", the first {_LISTED:,} of them" if len(missed) > _LISTED else ""
    lead = f"{counted(len(missed), 'question')} of {len(found.asked):,} missed by {usual.name}{more}."
    return _section("missed", lead, table=figures("By their lines in the file", headings, rows))


def _section(
    anchor: str, lead: str, plot: Element | None = None, table: Element | None = None, legend: Element | None = None
) -> Element:
    return framed(anchor, _NAMES[anchor], lead, plot, table, legend)


def _legend(ways: Sequence[Way]) -> Element:
    return legend_of({STYLES[place % len(STYLES)]: way.name for place, way in enumerate(ways)})


def _figure(measure: Measure) -> str:
    return f"{measure.mean:.3f} ({measure.low:.3f} to {measure.high:.3f})"
