"""A status as people read it: rows, the batches, what failed, what next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from ingest.batches import expected
from ingest.formatting import clean, counted, display_path, dollars, duration
from ingest.reporting import next_step
from ingest.terminal.parts import Next, Part, Row, listed, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table

    from ingest.reporting import BatchStatus, FailureGroup, Status

_SHOWN_GROUPS = 10


def glance(status: Status, *, verbose: bool) -> Iterator[Part]:
    """The parts of the picture, from top to bottom."""
    yield from (Row(name, clean(value)) for name, value in _rows(status))
    if status.batches:
        yield from (Text(), _batches(status.batches), Text())
    for group in status.failed if verbose else status.failed[:_SHOWN_GROUPS]:
        yield from _failed(group)
    if len(status.failed) > _SHOWN_GROUPS and not verbose:
        yield listed(f"… and {len(status.failed) - _SHOWN_GROUPS:,} more reasons (-v)")
    for failure in status.failures if verbose else ():
        where = f"{display_path(failure.uri)} #{failure.ordinal}"
        kept = " (its text of before is still found)" if failure.old_kept else ""
        yield listed(f"{clean(where)}: {clean(failure.code)}: {clean(failure.message)}{kept}")
    if status.failures or status.is_moving or status.batches or not status.chunks:
        yield Next(*next_step(status))


def line(status: Status) -> str:
    """What moves, in one line."""
    parts = [way] if (way := _in_flight(status)) else []
    if status.waiting_requests:
        parts.append(f"{counted(status.waiting_requests, 'text')} waiting ({status.waiting_why})")
    if status.refusal:
        parts.append("the account was refused")
    if status.failed_requests:
        parts.append(f"{counted(status.failed_requests, 'text')} failed")
    if status.forecast:
        parts.append(f"done in {expected(status.forecast)}")
    return "; ".join(parts) or f"nothing is in flight: {status.embedded:,} of {status.chunks:,} chunks are searchable"


def _rows(status: Status) -> Iterator[tuple[str, str]]:
    yield "corpus", f"{status.corpus}: {status.model}, {status.vector_type}({status.dimensions})"
    indexed = "indexed" if status.indexed else "no index yet"
    if status.column:
        rows = f"{status.rows:,} of {status.documents:,} rows filled"
        yield "column", f"{status.column}: {rows}, {indexed}" + ("" if status.indexed else " (`ingest index`)")
    else:
        yield "documents", f"{status.documents:,}"
        about = "" if status.counted else "about "
        yield "chunks", f"{about}{status.chunks:,}, of which {status.embedded:,} searchable, {indexed}"
    if way := _in_flight(status):
        yield "in flight", way
    if status.exported_requests:
        yield "exported", counted(status.exported_requests, "text")
    if status.waiting_requests:
        line = f"{counted(status.waiting_requests, 'text')}, {status.waiting_tokens:,} tokens"
        yield "waiting", f"{line}: {status.waiting_why}"
    if status.forecast:
        sent = any(batch.age_s is not None for batch in status.batches)
        told = expected(status.forecast)
        yield "done", f"in {told}" if sent else f"{told}, once it is sent"
    if status.refusal:
        yield "refused", f"{status.refusal.at[:16].replace('T', ' ')}: {status.refusal.words}"
    if status.failed_requests:
        yield "failed", counted(status.failed_requests, "text")
    yield "cost", _cost(status)


def _in_flight(status: Status) -> str:
    batches = [batch for batch in status.batches if batch.state != "exported"]
    if not batches:
        return ""
    done, requests = sum(batch.completed for batch in batches), sum(batch.requests for batch in batches)
    tokens = sum(batch.tokens for batch in batches)
    oldest = max((batch.age_s or 0.0 for batch in batches), default=0.0)
    told = f"{counted(len(batches), 'batch', 'batches')}: {done:,} of {requests:,} texts, {tokens:,} tokens"
    return f"{told}, the oldest {duration(oldest)} ago" if oldest else told


def _cost(status: Status) -> str:
    cost = status.cost
    if cost is None:
        return "nothing billed yet"
    if cost.billed_tokens is None:
        return f"{cost.estimated_tokens:,} tokens estimated; the provider tells of no bill"
    price = "" if cost.billed_dollars is None else f"{dollars(cost.billed_dollars)} "
    wasted = f", {cost.wasted_tokens:,} of them wasted" if cost.wasted_tokens else ""
    return f"{price}billed for {cost.billed_tokens:,} tokens{wasted}"


def _batches(batches: list[BatchStatus]) -> Table:
    """The batches, one a line; a column that says nothing of any of them is left out."""
    columns = {
        ">batch": [str(batch.id) for batch in batches],
        "state": [batch.state.replace("_", " ") for batch in batches],
        ">done": [f"{batch.completed:,}/{batch.requests:,}" for batch in batches],
        ">tokens": [f"{batch.tokens:,}" for batch in batches],
        ">age": ["" if batch.age_s is None else duration(batch.age_s) for batch in batches],
        "why": [batch.why or "" for batch in batches],
        "at the provider": [batch.provider_batch_id or "" for batch in batches],
        "its words": [batch.message or "" for batch in batches],
    }
    return table(columns)


def _failed(group: FailureGroup) -> Iterator[Part]:
    yield Row("failed", f"{counted(group.texts, 'text')}: {clean(group.code)}: {clean(group.message)}", style="red")
    if group.uris:
        more = ", …" if group.has_more else ""
        yield listed(f"{', '.join(clean(display_path(uri)) for uri in group.uris)}{more}")
