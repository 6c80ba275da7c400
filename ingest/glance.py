"""A status as people read it: lines and a table, built here and printed by `rendering`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ingest.sources.files import display_path
from ingest.status import next_step
from ingest.words import clean, counted, dollars, duration, expected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.status import BatchStatus, FailureGroup, Status

_SHOWN_GROUPS = 10
_INDENT = " " * 13


def glance(status: Status, *, verbose: bool) -> Iterator[Text | Padding]:
    """The parts of the picture, from top to bottom."""
    for name, value in _rows(status):
        yield Text.assemble((f"{name:<12}", "bold"), " ", clean(value))
    if status.batches:
        yield Padding(_batches(status.batches), (1, 0, 1, 0), expand=False)
    for group in status.failed if verbose else status.failed[:_SHOWN_GROUPS]:
        yield from _failed(group)
    if len(status.failed) > _SHOWN_GROUPS and not verbose:
        yield Text(f"{_INDENT}… and {len(status.failed) - _SHOWN_GROUPS:,} more reasons (-v)", style="dim")
    if verbose:
        for failure in status.failures:
            where = f"{display_path(failure.uri)} #{failure.ordinal}"
            yield Text(f"{_INDENT}{clean(where)}: {clean(failure.code)}: {clean(failure.message)}", style="dim")
    if status.failures or status.is_moving or status.batches or not status.chunks:
        command, why = next_step(status)
        yield Text.assemble(("next         ", "bold"), (command, "cyan"), f" {why}")


def line(status: Status) -> str:
    """What moves, in one line."""
    parts = [way] if (way := _on_the_way(status)) else []
    if status.waiting_requests:
        parts.append(f"{counted(status.waiting_requests, 'text')} in line ({status.waiting_why})")
    if status.failed_requests:
        parts.append(f"{counted(status.failed_requests, 'text')} failed")
    if status.forecast:
        parts.append(f"done in {expected(status.forecast)}")
    return "; ".join(parts) or f"nothing is on its way: {status.embedded:,} of {status.chunks:,} chunks are searchable"


def _rows(status: Status) -> Iterator[tuple[str, str]]:
    yield "corpus", f"{status.corpus}: {status.model}, {status.vector_type}({status.dimensions})"
    indexed = "indexed" if status.indexed else "no index yet"
    if status.column:
        rows = f"{status.rows:,} of {status.documents:,} rows filled"
        yield "column", f"{status.column}: {rows}, {indexed}" + ("" if status.indexed else " (ingest index)")
    else:
        yield "documents", f"{status.documents:,}"
        about = "" if status.counted else "about "
        yield "chunks", f"{about}{status.chunks:,}, of which {status.embedded:,} searchable, {indexed}"
    if way := _on_the_way(status):
        yield "on the way", way
    if status.exported_requests:
        yield "exported", counted(status.exported_requests, "text")
    if status.waiting_requests:
        line = f"{counted(status.waiting_requests, 'text')}, {status.waiting_tokens:,} tokens"
        yield "in line", f"{line}: {status.waiting_why}"
    if status.forecast:
        sent = any(batch.age_s is not None for batch in status.batches)
        told = expected(status.forecast)
        yield "done", f"in {told}" if sent else f"{told}, once it is sent"
    if status.failed_requests:
        yield "failed", counted(status.failed_requests, "text")
    yield "cost", _cost(status)


def _on_the_way(status: Status) -> str:
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
    vain = f", {cost.vain_tokens:,} of them in vain" if cost.vain_tokens else ""
    return f"{price}billed for {cost.billed_tokens:,} tokens{vain}"


def _batches(batches: list[BatchStatus]) -> Table:
    """The batches, one a line; a column that says nothing of any of them is left out."""
    columns = {
        "batch": [str(batch.id) for batch in batches],
        "state": [batch.state.replace("_", " ") for batch in batches],
        ">done": [f"{batch.completed:,}/{batch.requests:,}" for batch in batches],
        ">tokens": [f"{batch.tokens:,}" for batch in batches],
        ">age": ["" if batch.age_s is None else duration(batch.age_s) for batch in batches],
        "why": [batch.why or "" for batch in batches],
        "at the provider": [batch.provider_batch_id or "" for batch in batches],
        "its words": [batch.message or "" for batch in batches],
    }
    told = {heading: cells for heading, cells in columns.items() if any(cells)}
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in told:
        table.add_column(heading.removeprefix(">"), justify="right" if heading.startswith(">") else "left")
    for cells in zip(*told.values(), strict=True):
        table.add_row(*(Text(clean(cell)) for cell in cells))
    return table


def _failed(group: FailureGroup) -> Iterator[Text]:
    words = f"{counted(group.texts, 'text')}: {clean(group.code)}: {clean(group.message)}"
    yield Text.assemble(("failed       ", "red"), words)
    if group.uris:
        more = ", …" if group.has_more else ""
        where = ", ".join(clean(display_path(uri)) for uri in group.uris)
        yield Text(f"{_INDENT}{where}{more}", style="dim")
