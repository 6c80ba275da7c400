"""What the page tells, read from the corpus's tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ingest.database.statements import statement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.batches import Costs
    from ingest.database.connection import Connection
    from ingest.database.corpus import Indexing
    from ingest.reporting.status import Status

# Where the vectors of chunks come from, and where they stand, with the words for it.
ORIGINS = {"new": "new in the last run", "kept": "kept from before", "shared": "sharing a vector"}
STATES = {"embedded": "with a vector", "sent": "in flight", "waiting": "waiting", "failed": "failed"}
_CLASSES = 32
_MAX_BATCHES = 100


@dataclass(frozen=True, slots=True)
class Flow:
    """Where the vectors of the chunks come from, and where they stand.

    By one of `ORIGINS`, then of `STATES`. Shared: the same text as another chunk's, embedded once for both.
    """

    documents: int
    chunks: dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class Span:
    """The life of a batch; times that have not come are None."""

    id: int
    state: str
    requests: int
    tokens: int
    created_at: datetime
    submitted_at: datetime | None
    finished_at: datetime | None
    done_at: datetime | None


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long the chunks are: how many there are in each class of so many tokens; and the limit."""

    width: int
    counts: list[int]
    limit: int


@dataclass(frozen=True, slots=True)
class Findings:
    """All that the page tells; times are in UTC."""

    at: datetime
    status: Status
    costs: Costs
    flow: Flow
    spans: list[Span]
    lengths: Lengths


def read_findings(connection: Connection, indexing: Indexing, status: Status, costs: Costs) -> Findings:
    """What the page tells, from the database alone. Each chunk is counted: a million take seconds."""
    flow = connection.execute(statement("count_flow")).fetchall()
    row = connection.execute(statement("read_longest")).fetchone()
    width = class_width(indexing.chunk_tokens, (row and row[0]) or 0)
    lengths = connection.execute(statement("count_lengths"), {"width": width}).fetchall()
    now = connection.execute("SELECT now()").fetchone()
    if now is None:
        raise AssertionError("a server tells the time")
    return Findings(
        at=now[0].astimezone(UTC),
        status=status,
        costs=costs,
        flow=_flow(flow, status, costs.runs[-1].texts if costs.runs else 0),
        spans=[
            _span(*row) for row in connection.execute(statement("list_run_batches"), {"limit": _MAX_BATCHES}).fetchall()
        ],
        lengths=Lengths(width, _dense(lengths), indexing.chunk_tokens),
    )


def class_width(limit: int, longest: int) -> int:
    """How many tokens a class is wide: a part of the limit, or of the longest where that is far below it."""
    return max(-(-(limit if longest > limit // 4 else longest) // _CLASSES), 1)


def _flow(rows: Sequence[tuple[str, int, int]], status: Status, by_last_run: int) -> Flow:
    own = {state: texts for state, texts, _ in rows}
    embedded = own.get("embedded", 0) + status.rows
    new = min(by_last_run, embedded)
    shared = {state: chunks for state, _, chunks in rows}
    chunks = {"new": own | {"embedded": new}, "kept": {"embedded": embedded - new}, "shared": shared}
    return Flow(status.documents, chunks)


def _dense(rows: Sequence[tuple[int, int]]) -> list[int]:
    """The counts of all classes, empty ones too."""
    counts = dict(rows)
    return [counts.get(number, 0) for number in range(max(counts, default=-1) + 1)]


def _span(
    batch_id: int,
    state: str,
    provider_status: str | None,
    requests: int,
    tokens: int,
    created_at: datetime,
    *later: datetime | None,
) -> Span:
    told = provider_status if state == "submitted" and provider_status else state
    return Span(
        batch_id, told, requests, tokens, created_at.astimezone(UTC), *(at and at.astimezone(UTC) for at in later)
    )
