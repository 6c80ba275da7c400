"""The plots of how well questions were answered, as SVG: values in, elements out. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.evaluation import METRICS, Miss
from ingest.formatting import counted
from ingest.reporting.page.elements import Element, element
from ingest.reporting.page.frames import WIDTH, drawn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingest.evaluation import Difference, Measure, Way

STYLES = ("new", "embedded", "waiting", "shared", "failed", "kept", "sent", "plain")
"""Of the ways of searching, in their order."""
FOUND = "whole in the first five"
MISS_STYLES = {
    FOUND: "embedded",
    Miss.RANKED: "kept",
    Miss.CUT: "waiting",
    Miss.BEYOND: "failed",
    Miss.FILTERED: "shared",
    Miss.UNEMBEDDED: "sent",
    Miss.ABSENT: "plain",
}
_LEFT, _TOP = 100.0, 30.0
_ROW = 16.0


def measures_plot(ways: Sequence[Way]) -> Element:
    """Each metric with its interval, the ways beside each other."""
    group = _ROW * len(ways) + 16
    height = _TOP + group * len(METRICS)
    parts = list(_grid(0, 1, height))
    for place, metric in enumerate(METRICS):
        top = _TOP + place * group
        parts.append(element("text", metric, x=_LEFT - 12, y=top + group / 2 - 2, class_="end"))
        for row, way in enumerate(ways):
            parts += _whisker(way.measures[metric], 0, 1, top + (row + 0.5) * _ROW, STYLES[row % len(STYLES)], way.name)
    said = "; ".join(f"{way.name} {way.measures[METRICS[0]].mean:.3f}" for way in ways)
    return drawn(height, "Metrics and their intervals", f"{METRICS[0]}: {said}.", *parts)


def differences_plot(differences: Sequence[Difference]) -> Element:
    """Each difference with its interval, beside none."""
    most = max(max(abs(each.measure.low), abs(each.measure.high)) for each in differences) or 1.0
    most = min(-(-most * 10 // 1) / 10, 1.0)
    row = 26.0
    height = _TOP + row * len(differences) + 6
    left = 250.0
    parts = list(_grid(-most, most, height, left))
    is_one = len({each.than for each in differences}) == 1  # against which all are held
    zero = _x(0, -most, most, left)
    parts.append(element("line", x1=zero, x2=zero, y1=_TOP - 8, y2=height, class_="axis"))
    for place, each in enumerate(differences):
        y = _TOP + (place + 0.5) * row
        style = {"better": "embedded", "worse": "failed"}.get(each.verdict, "plain")
        label = each.name if is_one else f"{each.name} against {each.than}"
        parts.append(element("text", label, x=left - 12, y=y + 4, class_="end"))
        parts += _whisker(each.measure, -most, most, y, style, each.words, left)
    said = ". ".join(each.words for each in differences)
    return drawn(height, "Differences and their intervals", f"{said}.", *parts)


def curve_plot(ways: Sequence[Way]) -> Element:
    """How much of the answers came with the first 1, 2, 3 … passages."""
    floor = 240.0
    most = len(ways[0].curve)
    parts: list[Element] = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = floor - (floor - _TOP) * share
        parts.append(element("line", x1=_LEFT, x2=WIDTH, y1=y, y2=y, class_="grid" if share else "axis"))
        parts.append(element("text", f"{share:.0%}", x=_LEFT - 10, y=y + 4, class_="tick end"))

    def x(count: int) -> float:
        return _x(count, 1, most)

    ticks = [count for count in (1, 5, 10, 15, 20, 25) if count <= most]
    parts += [element("text", f"{count}", x=x(count), y=floor + 18, class_="tick middle") for count in ticks]
    for row, way in enumerate(ways):
        style = STYLES[row % len(STYLES)]
        places = [(x(count), floor - (floor - _TOP) * recall) for count, recall in enumerate(way.curve, 1)]
        points = " ".join(f"{across:.1f},{down:.1f}" for across, down in places)
        parts.append(element("polyline", element("title", way.name), points=points, class_=f"way {style}"))
        for (across, down), recall in zip(places, way.curve, strict=True):
            told = element("title", f"{way.name}: {recall:.1%} of the answers")
            parts.append(element("circle", told, cx=across, cy=down, r=3.0, class_=style))
    said = "; ".join(f"{way.name} {way.curve[-1]:.1%}" for way in ways)
    return drawn(floor + 28, "Recall by passages", f"With {most} passages: {said}.", *parts)


def misses_plot(ways: Sequence[Way]) -> Element:
    """How many answers are whole in the first five passages, and why the others are not."""
    row, left, top = 30.0, _LEFT, 8.0
    height = top + row * len(ways)
    parts: list[Element] = []
    for place, way in enumerate(ways):
        y = top + place * row
        total = len(way.outcomes)
        parts.append(element("text", way.name, x=left - 12, y=y + 15, class_="end"))
        across = left
        for what, style in MISS_STYLES.items():
            count = count_of(way, what)
            if count:
                width = count / total * (WIDTH - left)
                told = element("title", f"{way.name}, {what}: {counted(count, 'question')}")
                parts.append(element("rect", told, x=across, y=y, width=max(width - 1, 1.0), height=20.0, class_=style))
                if width > 26:
                    parts.append(element("text", f"{count:,}", x=across + width / 2, y=y + 15, class_="middle inside"))
                across += width
    said = "; ".join(f"{way.name} {count_of(way, FOUND):,} of {len(way.outcomes):,}" for way in ways)
    return drawn(height, "Answers and why they are missed", f"{FOUND.capitalize()}: {said}.", *parts)


def count_of(way: Way, what: str) -> int:
    """How many answers one way missed for a reason; or found."""
    return way.misses.get(Miss(what), 0) if what != FOUND else len(way.outcomes) - sum(way.misses.values())


def _whisker(
    measure: Measure, least: float, most: float, y: float, style: str, name: str, left: float = _LEFT
) -> Iterator[Element]:
    told = f"{name}: {measure.mean:.3f} ({measure.low:.3f} to {measure.high:.3f})"
    low, high = (_x(min(max(value, least), most), least, most, left) for value in (measure.low, measure.high))
    yield element("line", element("title", told), x1=low, x2=high, y1=y, y2=y, class_=f"way {style}")
    at = _x(min(max(measure.mean, least), most), least, most, left)
    yield element("circle", element("title", told), cx=at, cy=y, r=4.5, class_=style)


def _grid(least: float, most: float, height: float, left: float = _LEFT) -> Iterator[Element]:
    for step in range(5):
        value = least + (most - least) * step / 4
        x = _x(value, least, most, left)
        yield element("line", x1=x, x2=x, y1=_TOP - 8, y2=height, class_="grid")
        form = f"{value:+.2f}" if least < 0 else f"{value:.2f}"
        yield element("text", form, x=x, y=_TOP - 14, class_="tick middle")


def _x(value: float, least: float, most: float, left: float = _LEFT) -> float:
    return left + (value - least) / (most - least) * (WIDTH - left - 20)
