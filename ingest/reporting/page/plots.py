"""The plots of the page, as SVG: values in, elements out. Colours are the style sheet's. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from ingest.formatting import counted, duration
from ingest.reporting.page.elements import Element, element
from ingest.reporting.page.findings import ORIGINS, STATES
from ingest.reporting.page.frames import WIDTH, drawn

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ingest.reporting.page.findings import Flow, Lengths, Span

_FLOW_HEIGHT, _GAP, _NODE_WIDTH, _LABEL_WIDTH, _LEAST = 220.0, 26.0, 12.0, 175.0, 2.0
_STEPS_S = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 2 * 3600, 4 * 3600, 8 * 3600, 86400, 7 * 86400, 30 * 86400]
_MOST_TICKS = 6


@dataclass(slots=True)
class _Node:
    """A bar of the flow; its links leave on its right and arrive on its left from the top down."""

    label: str
    value: int
    style: str
    is_counted: bool = True
    x: float = 0.0
    y: float = 0.0
    height: float = 0.0
    left: float = 0.0
    entered: float = 0.0


def flow_plot(flow: Flow) -> Element:
    """From documents to vectors, each band as high as its chunks are many."""
    totals = {origin: sum(states.values()) for origin, states in flow.chunks.items()}
    total = sum(totals.values())
    documents = _Node(counted(flow.documents, "document"), total, "plain", is_counted=False)
    chunks = _Node(counted(total, "chunk"), total, "plain", is_counted=False)
    origins = {name: _Node(ORIGINS[name], count, name) for name, count in totals.items()}
    states = {name: _Node(STATES[name], count, name) for name, count in _by_state(flow).items()}
    links = [(documents, chunks, total)]
    links += [(chunks, node, node.value) for node in origins.values()]
    links += [
        (origins[origin], states[state], by_state.get(state, 0))
        for state in STATES
        for origin, by_state in flow.chunks.items()
    ]
    stages = ([documents], [chunks], origins.values(), states.values())
    columns = [[node for node in stage if node.value] for stage in stages]
    height = _placed(columns, total)
    bands = [_band(*link, scale=_FLOW_HEIGHT / max(total, 1)) for link in links if link[2]]
    bars = [part for column in columns for node in column for part in _bar(node, beside=column is columns[-1])]
    return drawn(height, "From documents to vectors", flow_summary(flow), *bands, *bars)


def flow_summary(flow: Flow) -> str:
    """The flow in words."""
    told = ", ".join(f"{count:,} {STATES[state]}" for state, count in _by_state(flow).items() if count)
    total = sum(_by_state(flow).values())
    return f"{counted(flow.documents, 'document')} in {counted(total, 'chunk')}: {told or 'nothing yet'}."


def _by_state(flow: Flow) -> dict[str, int]:
    return {state: sum(by_state.get(state, 0) for by_state in flow.chunks.values()) for state in STATES}


def _placed(columns: list[list[_Node]], total: int) -> float:
    """Give the nodes their places; the height of the plot."""
    between = (WIDTH - _NODE_WIDTH - _LABEL_WIDTH) / (len(columns) - 1)
    tallest = 0.0
    for number, column in enumerate(columns):
        y = 24.0
        for node in column:
            node.x, node.y = number * between, y
            node.height = max(node.value / max(total, 1) * _FLOW_HEIGHT, _LEAST)
            y += max(node.height, 14) + _GAP
        tallest = max(tallest, y - _GAP)
    return tallest


def _band(source: _Node, target: _Node, value: int, *, scale: float) -> Element:
    thick = max(value * scale, 1.0)
    x0, x1 = source.x + _NODE_WIDTH, target.x
    y0, y1 = source.y + source.left, target.y + target.entered
    source.left += value * scale
    target.entered += value * scale
    middle = (x0 + x1) / 2
    path = (
        f"M{x0:.1f} {y0:.1f} C{middle:.1f} {y0:.1f} {middle:.1f} {y1:.1f} {x1:.1f} {y1:.1f} "
        f"V{y1 + thick:.1f} C{middle:.1f} {y1 + thick:.1f} {middle:.1f} {y0 + thick:.1f} {x0:.1f} {y0 + thick:.1f} Z"
    )
    told = element("title", f"{source.label} → {target.label}: {counted(value, 'chunk')}")
    return element("path", told, d=path, class_=f"band {target.style}")


def _bar(node: _Node, *, beside: bool) -> list[Element]:
    """A node and its label, which stands above it, or beside it."""
    count = element("tspan", f" {node.value:,}", class_="figure") if node.is_counted else None
    x, y = (node.x + _NODE_WIDTH + 6, node.y + node.height / 2 + 4) if beside else (node.x, node.y - 7)
    return [
        element("rect", x=node.x, y=node.y, width=_NODE_WIDTH, height=node.height, rx=2.0, class_=node.style),
        element("text", node.label, count, x=x, y=y),
    ]


def timeline_plot(spans: Sequence[Span], at: datetime) -> Element:
    """Each batch a line: written, at the provider, over, loaded."""
    begin = min(span.created_at for span in spans)
    end = max(moment for span in spans for moment in (span.done_at or at,))
    length_s = max((end - begin).total_seconds(), 1e-3)
    left, top = 60.0, 26.0
    row = min(max(420 / len(spans), 5.0), 20.0)
    height = top + row * len(spans) + 8

    def x(moment: datetime) -> float:
        return left + (moment - begin).total_seconds() / length_s * (WIDTH - left - 8)

    parts: list[Element] = []
    for tick in _ticks(begin, length_s):
        parts.append(element("line", x1=x(tick), x2=x(tick), y1=top - 6, y2=height, class_="grid"))
        parts.append(element("text", _clock(tick, length_s), x=x(tick), y=top - 11, class_="tick"))
    every = max(round(14 / row), 1)
    for number, span in enumerate(spans):
        y = top + number * row
        if number % every == 0:
            parts.append(element("text", f"{span.id}", x=left - 10, y=y + row / 2 + 4, class_="tick end"))
        for style, since, until in _stretches(span, at):
            told = element("title", f"batch {span.id}, {style}: {duration((until - since).total_seconds())}")
            width = max(x(until) - x(since), 1.0)
            parts.append(
                element(
                    "rect",
                    told,
                    x=x(since),
                    y=y + row * 0.15,
                    width=width,
                    height=row * 0.7,
                    rx=1.5,
                    class_=_STRETCHES[style],
                )
            )
    summary = f"{counted(len(spans), 'batch', 'batches')} in {duration(length_s)}."
    return drawn(height, "Batches on a timeline", summary, *parts)


_STRETCHES = {"queued here": "waiting", "at the provider": "sent", "being loaded": "embedded"}


def _stretches(span: Span, at: datetime) -> list[tuple[str, datetime, datetime]]:
    """What a batch was at, since when and until when."""
    moments = [span.created_at, span.submitted_at, span.finished_at, span.done_at]
    found = []
    for name, since, until in zip(_STRETCHES, moments, moments[1:], strict=False):
        if since is None:
            break
        over = until or (span.done_at if span.state == "done" else None)
        found.append((name, since, max(over or at, since)))
        if until is None:
            break
    return found


def _ticks(begin: datetime, length_s: float) -> list[datetime]:
    step_s = next((step for step in _STEPS_S if length_s / step <= _MOST_TICKS), length_s)
    first_s = -(begin.timestamp() % step_s) + step_s
    count = int((length_s - first_s) // step_s) + 1 if first_s <= length_s else 0
    return [begin + timedelta(seconds=first_s + number * step_s) for number in range(count)]


def _clock(moment: datetime, length_s: float) -> str:
    if length_s > 4 * 86400:
        return f"{moment:%d %b}"
    return f"{moment:%H:%M}" if length_s > 600 else f"{moment:%H:%M:%S}"


def lengths_plot(lengths: Lengths) -> Element:
    """How long the chunks are, with the limit marked."""
    left, top, floor = 60.0, 26.0, 200.0
    most = max(lengths.counts)
    classes = max(len(lengths.counts), min(-(-lengths.limit // lengths.width), len(lengths.counts) * 2)) + 1
    each = (WIDTH - left - 8) / classes
    parts: list[Element] = []
    for share in (0.5, 1.0):
        y = floor - (floor - top) * share
        parts.append(element("line", x1=left, x2=WIDTH, y1=y, y2=y, class_="grid"))
        parts.append(element("text", f"{most * share:,.0f}", x=left - 8, y=y + 4, class_="tick end"))
    for number, count in enumerate(lengths.counts):
        if count:
            height = max((floor - top) * count / most, _LEAST)
            first, last = number * lengths.width + 1, (number + 1) * lengths.width
            told = element("title", f"{first:,} to {last:,} tokens: {counted(count, 'chunk')}")
            parts.append(
                element(
                    "rect",
                    told,
                    x=left + number * each + 1,
                    y=floor - height,
                    width=max(each - 2, 1.0),
                    height=height,
                    rx=1.5,
                    class_="new",
                )
            )
    parts.append(element("line", x1=left, x2=WIDTH, y1=floor, y2=floor, class_="axis"))
    for number in range(0, classes, max(classes // 8, 1)):
        at = left + number * each
        parts.append(element("text", f"{number * lengths.width:,}", x=at, y=floor + 18, class_="tick"))
    at = left + lengths.limit / lengths.width * each
    if at <= WIDTH:
        parts.append(element("line", x1=at, x2=at, y1=top - 8, y2=floor, class_="limit"))
        parts.append(element("text", f"limit {lengths.limit:,}", x=at - 6, y=top - 11, class_="limit end"))
    summary = f"{sum(lengths.counts):,} chunks by their tokens; the limit is {lengths.limit:,}."
    return drawn(floor + 28, "Chunk lengths", summary, *parts)


def costs_plot(labels: Sequence[str], pairs: Sequence[tuple[float, float | None]], form: str) -> Element:
    """By run: what was estimated, and beside it what was billed."""
    left, top, floor = 80.0, 20.0, 190.0
    most = max(max(estimated, billed or 0) for estimated, billed in pairs) or 1.0
    each = (WIDTH - left) / len(pairs)
    bar = min(each * 0.32, 40.0)
    parts: list[Element] = []
    for share in (0.5, 1.0):
        y = floor - (floor - top) * share
        parts.append(element("line", x1=left, x2=WIDTH, y1=y, y2=y, class_="grid"))
        parts.append(element("text", form.format(most * share), x=left - 8, y=y + 4, class_="tick end"))
    for number, (label, (estimated, billed)) in enumerate(zip(labels, pairs, strict=True)):
        middle = left + (number + 0.5) * each
        for x, value, style, name in (
            (middle - bar - 1, estimated, "plain", "estimated"),
            (middle + 1, billed, "embedded", "billed"),
        ):
            if value is not None:
                height = max((floor - top) * value / most, _LEAST if value else 0.0)
                told = element("title", f"{label}, {name}: {form.format(value)}")
                parts.append(
                    element("rect", told, x=x, y=floor - height, width=bar, height=height, rx=1.5, class_=style)
                )
        parts.append(element("text", label, x=middle, y=floor + 18, class_="tick middle"))
    parts.append(element("line", x1=left, x2=WIDTH, y1=floor, y2=floor, class_="axis"))
    return drawn(floor + 28, "Cost by run", f"{counted(len(pairs), 'run')}, estimated and billed.", *parts)
