"""What a corpus has cost, as people read it: by run, batch and document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from ingest.formatting import display_path, dollars
from ingest.terminal.parts import Part, Row, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ingest.batches import Costs, DocumentCost, Entry

WASTED = "wasted: billed for what brought no vector; those texts are billed again when they are sent again"

_ENTRY: dict[str, Callable[[Entry], str]] = {
    "model": lambda entry: entry.model if entry.mode in (None, "batch") else f"{entry.model}, {entry.mode}",
    ">texts": lambda entry: f"{entry.texts:,}",
    ">tokens\nestimated": lambda entry: f"{entry.estimated_tokens:,}",
    ">tokens\nbilled": lambda entry: _told(entry.billed_tokens),
    ">tokens\nwasted": lambda entry: f"{entry.wasted_tokens:,}",
    ">$\nestimated": lambda entry: _known(entry.estimated_dollars),
    ">$\nbilled": lambda entry: _known(entry.billed_dollars),
}
_DOCUMENT: dict[str, Callable[[DocumentCost], str]] = {
    "document": lambda document: display_path(document.uri) if document.uri else "those that are gone",
    ">tokens\nestimated": lambda document: f"{document.estimated_tokens:,}",
    ">tokens\nbilled": lambda document: _told(document.billed_tokens),
    ">$\nbilled": lambda document: _known(document.billed_dollars),
}


def cost_tables(costs: Costs, *, verbose: bool) -> Iterator[Part]:
    """The runs, with their batches where more is asked for; the dearest documents."""
    lines: list[tuple[str, Entry, str]] = []
    for run in costs.runs:
        lines.append((run.run_at[:16].replace("T", " ") if run.run_at else "not known", run, ""))
        lines += [
            (f"  {batch.provider_batch_id or ('at once' if batch.mode else 'by hand')}", batch, "dim")
            for batch in (run.batches if verbose else ())
        ]
    lines.append(("in all", costs.total, "bold"))
    columns = {name: [cell(entry) for _, entry, _ in lines] for name, cell in _ENTRY.items()}
    if len({*columns["model"]}) == 1:  # told once, there is room for the numbers
        yield Row("model", columns.pop("model")[0])
    if not costs.total.wasted_tokens:
        del columns[">tokens\nwasted"]
    yield table({"run": [name for name, _, _ in lines], **columns}, [style for _, _, style in lines])
    if costs.documents:
        yield Text()
        yield table({name: [cell(each) for each in costs.documents] for name, cell in _DOCUMENT.items()})


def _told(tokens: int | None) -> str:
    return "not told" if tokens is None else f"{tokens:,}"


def _known(amount: float | None) -> str:
    return "not known" if amount is None else dollars(amount).replace("less than ", "<")
