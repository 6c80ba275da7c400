"""The plots show what they are given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.reporting.page.findings import STATES, Flow, Lengths, Span, class_width
from ingest.reporting.page.plots import costs_plot, flow_plot, flow_summary, lengths_plot, timeline_plot

if TYPE_CHECKING:
    from ingest.reporting.page.elements import Element

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
counts = st.fixed_dictionaries(dict.fromkeys(STATES, st.integers(0, 10**6)))


def titles(plot: Element) -> list[str]:
    return [str(found.text) for found in plot.iter("title")]


def stands_within(plot: Element) -> bool:
    """Whether each bar is within the picture, and has a size."""
    _, _, width, height = map(float, plot.attrib["viewBox"].split())
    bars = [{name: float(bar.attrib[name]) for name in ("x", "y", "width", "height")} for bar in plot.iter("rect")]
    return all(
        bar["x"] >= 0
        and bar["y"] >= 0
        and bar["width"] > 0
        and bar["height"] >= 0
        and bar["x"] + bar["width"] <= width + 1
        and bar["y"] + bar["height"] <= height + 1
        for bar in bars
    )


@given(counts, counts, counts)
def test_the_flow_shows_every_band_that_is_not_empty(
    new: dict[str, int], kept: dict[str, int], shared: dict[str, int]
) -> None:
    flow = Flow(7, {"new": new, "kept": kept, "shared": shared})

    plot = flow_plot(flow)

    bands = [count for by_state in flow.chunks.values() for count in by_state.values() if count]
    origins = [by_state for by_state in flow.chunks.values() if any(by_state.values())]
    assert len(titles(plot)) == len(bands) + len(origins) + bool(bands)
    assert stands_within(plot)


def test_the_flow_is_told_in_words() -> None:
    flow = Flow(2, {"new": {"embedded": 3, "failed": 1}, "kept": {}, "shared": {"embedded": 1}})

    assert flow_summary(flow) == "2 documents in 5 chunks: 4 with a vector, 1 failed."


def test_a_batch_is_queued_then_at_the_provider_then_loaded() -> None:
    minutes = [NOW - timedelta(minutes=left) for left in (60, 50, 20, 10)]
    done = Span(1, "done", 10, 100, *minutes)
    flying = Span(2, "in_progress", 10, 100, minutes[0], minutes[1], None, None)
    taken_back = Span(3, "done", 10, 100, minutes[0], None, None, minutes[1])

    plot = timeline_plot([done, flying, taken_back], NOW)

    assert titles(plot) == [
        "batch 1, queued here: 10 min 0 s",
        "batch 1, at the provider: 30 min 0 s",
        "batch 1, being loaded: 10 min 0 s",
        "batch 2, queued here: 10 min 0 s",
        "batch 2, at the provider: 50 min 0 s",
        "batch 3, queued here: 10 min 0 s",
    ]
    assert stands_within(plot)


@pytest.mark.parametrize("seconds", [0, 1, 90, 5_000, 90_000, 40 * 86_400, 900 * 86_400])
def test_a_time_of_any_length_has_few_ticks(seconds: int) -> None:
    began = NOW - timedelta(seconds=seconds)

    plot = timeline_plot([Span(1, "done", 1, 1, began, began, NOW, NOW)], NOW)

    assert len([line for line in plot.iter("line") if line.get("class") == "grid"]) <= 7
    assert stands_within(plot)


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=32).filter(any), st.integers(1, 8192))
def test_a_length_has_a_bar_and_the_limit_its_line(found: list[int], limit: int) -> None:
    lengths = Lengths(class_width(limit, limit), found, limit)

    plot = lengths_plot(lengths)

    assert len(titles(plot)) == len([count for count in found if count])
    assert stands_within(plot)


def test_the_limit_is_marked_where_the_chunks_come_near_it() -> None:
    near = lengths_plot(Lengths(16, [1] * 32, 512))
    far = lengths_plot(Lengths(1, [5, 3], 8192))

    assert [line.get("class") for line in near.iter("line")].count("limit") == 1
    assert [line.get("class") for line in far.iter("line")].count("limit") == 0


@pytest.mark.parametrize(("limit", "longest", "width"), [(512, 512, 16), (512, 40, 2), (8191, 20, 1), (32, 0, 1)])
def test_classes_are_parts_of_what_there_is(limit: int, longest: int, width: int) -> None:
    assert class_width(limit, longest) == width


def test_what_was_not_billed_has_no_bar() -> None:
    plot = costs_plot(["a", "b"], [(1.0, 0.5), (2.0, None)], "${:,.2f}")

    assert titles(plot) == ["a, estimated: $1.00", "a, billed: $0.50", "b, estimated: $2.00"]
    assert stands_within(plot)
