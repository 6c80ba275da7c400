"""The ledger: what was estimated and what was billed, by run, batch and document.

`reconcile` writes its entries, in the transaction that loads the vectors that they are for: so none is written twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TYPE_CHECKING, TypeVar

from psycopg import sql

from ingest.database.identity import noted_origin
from ingest.database.statements import statement

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ingest.database.connection import Connection
    from ingest.provider import EmbeddingModel
    from ingest.settings import Mode

Number = TypeVar("Number", int, float)


@dataclass(frozen=True, slots=True)
class Entry:
    """What a run, or one batch of it, was estimated at and billed for, in tokens and US dollars.

    `estimated_tokens`: of the texts that have their vector by it, as was told before. `billed_tokens`: as the provider
    tells, None where it does not. `wasted_tokens`: those of them that brought no vector; their texts were, or will be,
    billed again. Dollars are None where the tokens or their price are not known.
    """

    run_at: str | None
    """When the run began that sent it; None: by a version that kept no ledger, or loaded by hand."""
    model: str
    texts: int
    estimated_tokens: int
    billed_tokens: int | None
    wasted_tokens: int
    estimated_dollars: float | None
    billed_dollars: float | None
    mode: str | None = None
    """`batch`, `sync` or `batch, sync`: at which price it went; None: not known, or loaded by hand."""
    provider_batch_id: str | None = None
    batches: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """The run that began last.

    `mode`: how it sent last; `dollars_in_flight`: of what the provider has, by estimate; `entry`: None where nothing of
    it was loaded; `skipped`, `refused`: what it could not read, when it read last, and rows over the model's limit;
    `edited`: rows that were, since then, while their vectors were made.
    """

    goes_on: bool
    mode: Mode | None
    dollars_in_flight: float
    entry: Entry | None
    skipped: int
    refused: int
    edited: int

    @property
    def dollars(self) -> float:
        """What it has cost so far, as billed where that is known, else by estimate; with what is in flight."""
        loaded = 0.0
        for batch in self.entry.batches if self.entry else ():
            loaded += batch.estimated_dollars or 0.0 if batch.billed_dollars is None else batch.billed_dollars
        return loaded + self.dollars_in_flight


@dataclass(frozen=True, slots=True)
class DocumentCost:
    """What the texts of a document have cost; `uri` is None for all those that are gone.

    `billed_tokens`: as the result lines tell, None where one does not.
    """

    uri: str | None
    estimated_tokens: int
    billed_tokens: int | None
    billed_dollars: float | None


@dataclass(frozen=True, slots=True)
class Costs:
    """What a corpus has cost; `documents` are the dearest."""

    corpus: str
    total: Entry
    runs: list[Entry] = field(default_factory=list)
    documents: list[DocumentCost] = field(default_factory=list)


def read_costs(connection: Connection, corpus: str, model: str, documents: int) -> Costs:
    """What the corpus has cost, and its so many dearest documents."""
    batches = _entries(connection)
    runs = [
        _sum(entries, run_at, of_model)
        for (run_at, of_model), group in groupby(batches, key=lambda entry: (entry.run_at, entry.model))
        for entries in [tuple(group)]
    ]
    costs = connection.execute(statement("list_document_costs"), {"limit": documents}) if documents else ()
    total = replace(_sum(batches, None, model), batches=())
    return Costs(corpus, total, runs, [DocumentCost(*row) for row in costs])


def begin_run(connection: Connection, model: EmbeddingModel, token_ratio: float, *, anew: bool = True) -> None:
    """What is sent from now on belongs to a run of its own, at the prices of this model and by the provider's count.

    Not `anew`: to the one that goes on, where there is one by now.
    """
    prices = {"batch": model.usd_per_million_batch, "sync": model.usd_per_million_sync}
    learned = {"home": noted_origin(connection), "token_ratio": token_ratio, "anew": anew}
    connection.execute(statement("begin_run"), prices | learned)


def end_run(connection: Connection) -> None:
    """Nothing is left of the run that began last."""
    connection.execute(statement("end_run"))


def read_run(connection: Connection) -> Run:
    """The run that began last, with all that was sent for it so far."""
    ((run_at, goes_on, mode, dollars_in_flight, *told),) = connection.execute(statement("read_run")).fetchall()
    entries = _entries(connection, run_at) if run_at else []
    entry = _sum(entries, entries[0].run_at, entries[0].model) if entries else None
    return Run(goes_on, mode, dollars_in_flight, entry, *told)


def note_reading(connection: Connection, skipped: int, refused: int) -> None:
    """What the run that goes on could not read; it is told by each of its rounds."""
    connection.execute(statement("note_reading"), {"skipped_count": skipped, "refused_count": refused})


def note_edited(connection: Connection, rows: int) -> None:
    """So many rows were edited since it read, while their vectors were made."""
    if rows:
        connection.execute(statement("note_edited"), {"edited_count": rows})


def carry_ledger(connection: Connection, source: str, target: str) -> None:
    """Give what one version of a corpus has cost to another, which stays."""
    schemas = {"source": sql.Identifier(source), "target": sql.Identifier(target)}
    connection.execute(statement("carry_ledger_documents").format(**schemas))
    connection.execute(statement("carry_ledger").format(**schemas))


def _entries(connection: Connection, run_at: datetime | None = None) -> list[Entry]:
    """What each batch brought, of all runs, or of one."""
    return [_entry(*row) for row in connection.execute(statement("list_ledger"), {"run_at": run_at})]


def _entry(
    run_at: datetime | None,
    model: str,
    mode: str | None,
    _batch_key: str | None,
    provider_batch_id: str | None,
    usd_per_million: float | None,
    texts: int,
    estimated_tokens: int,
    billed_tokens: int | None,
    wasted_tokens: int,
) -> Entry:
    return Entry(
        run_at=run_at.isoformat() if run_at else None,
        model=model,
        texts=texts,
        estimated_tokens=estimated_tokens,
        billed_tokens=billed_tokens,
        wasted_tokens=wasted_tokens,
        estimated_dollars=_dollars(estimated_tokens, usd_per_million),
        billed_dollars=_dollars(billed_tokens, usd_per_million),
        mode=mode,
        provider_batch_id=provider_batch_id,
    )


def _sum(entries: Sequence[Entry], run_at: str | None, model: str) -> Entry:
    """One entry for all of these."""
    return Entry(
        run_at=run_at,
        model=model,
        texts=sum(entry.texts for entry in entries),
        estimated_tokens=sum(entry.estimated_tokens for entry in entries),
        billed_tokens=_known_sum([entry.billed_tokens for entry in entries]),
        wasted_tokens=sum(entry.wasted_tokens for entry in entries),
        estimated_dollars=_known_sum([entry.estimated_dollars for entry in entries]),
        billed_dollars=_known_sum([entry.billed_dollars for entry in entries]),
        mode=", ".join(sorted({entry.mode for entry in entries if entry.mode})) or None,
        batches=tuple(entries),
    )


def _known_sum(values: Sequence[Number | None]) -> Number | None:
    """Their sum; None where one of them is not known."""
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def _dollars(tokens: int | None, usd_per_million: float | None) -> float | None:
    return None if tokens is None or usd_per_million is None else tokens * usd_per_million / 1e6
