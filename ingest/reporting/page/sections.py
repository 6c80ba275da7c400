"""The sections of the page: each a plot with its figures as a table, and what failed in the provider's words."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from ingest.batches import expected
from ingest.commands import about_corpus
from ingest.formatting import counted, display_path, dollars, duration
from ingest.reporting.page.elements import Element, element
from ingest.reporting.page.findings import ORIGINS, STATES
from ingest.reporting.page.frames import contents, figures, framed, legend_of, tile
from ingest.reporting.page.plots import costs_plot, flow_plot, flow_summary, lengths_plot, timeline_plot
from ingest.reporting.status import next_step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.batches import Entry
    from ingest.reporting.page.findings import Findings, Span
    from ingest.reporting.status import FailureGroup

_SHOWN_RUNS = 12
_NONE = "There are none yet."


def head(findings: Findings) -> Element:
    """What the page is about, the figures that matter most, when it will be done and what to do next."""
    status = findings.status
    about = f"{status.model}, {status.vector_type}({status.dimensions}), as of {_moment(findings.at)} UTC"
    done = f"Done: {expected(status.forecast)}" if status.forecast else "Nothing is in flight, nothing waits"
    command, why = next_step(status)
    goes_on = status.forecast or status.batches or status.failed_requests
    return element(
        "header",
        element("h1", f"Corpus {status.corpus}"),
        element("p", about, class_="muted"),
        element("dl", *_tiles(findings), class_="tiles"),
        element("p", f"{done}."),
        element("p", f"The account was refused: {about_corpus(status.refusal.words, status.corpus)}")
        if status.refusal
        else None,
        element("p", "Next: ", element("code", command), f" {why}.") if goes_on else None,
        contents(_NAMES),
    )


_NAMES = {
    "flow": "From documents to vectors",
    "batches": "Batches",
    "lengths": "Chunk lengths",
    "cost": "Cost by run",
    "failures": "Failures",
}


def sections(findings: Findings) -> Iterator[Element]:
    """The sections in their order."""
    yield _flow(findings)
    yield _batches(findings)
    yield _lengths(findings)
    yield _cost(findings)
    yield _failures(findings)


def _tiles(findings: Findings) -> Iterator[Element]:
    status, total = findings.status, findings.costs.total
    yield tile("documents", f"{status.documents:,}")
    if status.column:
        yield tile("rows filled", f"{status.rows:,}")
    else:
        about = "" if status.counted else "about "
        yield tile("chunks", f"{about}{status.chunks:,}")
        yield tile("searchable", f"{about}{status.embedded:,}")
    yield tile("in flight, waiting", f"{status.sent_requests + status.waiting_requests:,}")
    yield tile("failed", f"{status.failed_requests:,}", "bad" if status.failed_requests else None)
    yield tile("billed", "not known" if total.billed_dollars is None else dollars(total.billed_dollars))


def _flow(findings: Findings) -> Element:
    flow = findings.flow
    rows = [
        [ORIGINS[origin], *(f"{by_state.get(state, 0):,}" for state in STATES)]
        for origin, by_state in flow.chunks.items()
    ]
    headings = ["chunks", *(f">{words}" for words in STATES.values())]
    table = figures("Chunks by where their vectors come from, and where they stand", headings, rows)
    if not any(count for by_state in flow.chunks.values() for count in by_state.values()):
        return _section("flow", _NONE)
    return _section("flow", flow_summary(flow), flow_plot(flow), table)


def _batches(findings: Findings) -> Element:
    spans = findings.spans
    rows = [
        [str(span.id), span.state.replace("_", " "), f"{span.requests:,}", f"{span.tokens:,}", *_times(span)]
        for span in spans
    ]
    table = figures(
        "Batches, oldest first",
        ["batch", "state", ">texts", ">tokens", "written", ">queued here", ">at the provider", ">being loaded"],
        rows,
    )
    lead = f"The last run's {counted(len(spans), 'batch', 'batches')}, and those that are not loaded yet."
    legend = legend_of({"waiting": "queued here", "sent": "at the provider", "embedded": "being loaded"})
    if not spans:
        return _section("batches", _NONE)
    return _section("batches", lead, timeline_plot(spans, findings.at), table, legend)


def _lengths(findings: Findings) -> Element:
    lengths = findings.lengths
    rows = [
        [f"{number * lengths.width + 1:,} to {(number + 1) * lengths.width:,}", f"{count:,}"]
        for number, count in enumerate(lengths.counts)
        if count
    ]
    table = figures("Chunks by their tokens", ["tokens", ">chunks"], rows)
    lead = f"Tokens of each chunk, its headings included; none may have more than {lengths.limit:,}."
    if not rows:
        return _section("lengths", _NONE)
    return _section("lengths", lead, lengths_plot(lengths), table)


def _cost(findings: Findings) -> Element:
    runs = findings.costs.runs
    shown = runs[-_SHOWN_RUNS:]
    rows = [_cost_row(_run(run), run) for run in runs] + [_cost_row("in all", findings.costs.total)]
    table = figures(
        "Every run",
        ["run", "model", ">texts", ">tokens estimated", ">billed", ">wasted", ">$ estimated", ">$ billed"],
        rows,
    )
    paid = any(run.billed_dollars or run.estimated_dollars for run in shown)
    pairs: list[tuple[float, float | None]] = [
        (run.estimated_dollars or 0.0, run.billed_dollars) if paid else (run.estimated_tokens, run.billed_tokens)
        for run in shown
    ]
    most = max((max(estimated, billed or 0) for estimated, billed in pairs), default=0)
    form = ("${:,.2f}" if most >= 1 else "${:,.4f}" if most >= 0.001 else "${:,.6f}") if paid else "{:,.0f}"
    what = "dollars" if paid else "tokens, as they cost nothing"
    lead = f"The last {counted(len(shown), 'run')}, in {what}: what we counted, and what the provider billed."
    legend = legend_of({"plain": "estimated", "embedded": "billed"})
    if not shown:
        return _section("cost", _NONE)
    return _section("cost", lead, costs_plot([_run(run) for run in shown], pairs, form), table, legend)


def _failures(findings: Findings) -> Element:
    groups = findings.status.failed
    if not groups:
        return _section("failures", "Nothing failed.")
    lead = f"{counted(findings.status.failed_requests, 'text')} failed for good, in the provider's words."
    rows: list[list[str | Element]] = [
        [f"{group.texts:,}", element("code", group.code), group.message, _documents(group)] for group in groups
    ]
    table = figures("By its words", [">texts", "code", "message", "such as in"], rows)
    return _section("failures", lead, table=table)


def _documents(group: FailureGroup) -> Element:
    uris = [element("li", element("code", display_path(uri))) for uri in group.uris]
    return element("ul", *uris, element("li", "…") if group.has_more else None, class_="uris")


def _section(
    anchor: str, lead: str, plot: Element | None = None, table: Element | None = None, legend: Element | None = None
) -> Element:
    return framed(anchor, _NAMES[anchor], lead, plot, table, legend)


def _times(span: Span) -> list[str]:
    moments = [span.created_at, span.submitted_at, span.finished_at, span.done_at]
    spent = [
        duration(max((until - since).total_seconds(), 0.0)) if since and until else ""
        for since, until in pairwise(moments)
    ]
    return [_moment(span.created_at), *spent]


def _cost_row(name: str, entry: Entry) -> list[str]:
    return [
        name,
        entry.model,
        f"{entry.texts:,}",
        f"{entry.estimated_tokens:,}",
        "not told" if entry.billed_tokens is None else f"{entry.billed_tokens:,}",
        f"{entry.wasted_tokens:,}",
        *(
            "not known" if amount is None else dollars(amount)
            for amount in (entry.estimated_dollars, entry.billed_dollars)
        ),
    ]


def _run(run: Entry) -> str:
    return f"{datetime.fromisoformat(run.run_at).astimezone(UTC):%m-%d %H:%M}" if run.run_at else "by hand"


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"
