"""What runs, what waits and what failed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ingest.batches import Batch, is_stuck, open_batches
from ingest.database.indexes import index_exists
from ingest.database.statements import statement

if TYPE_CHECKING:
    from ingest.database.connection import Connection
    from ingest.database.corpus import Indexing

_MAX_LISTED = 1000


@dataclass(frozen=True, slots=True)
class Failure:
    """A request that failed for good, and the provider's words."""

    chunk_id: int
    uri: str
    ordinal: int
    attempts: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class BatchStatus:
    """A batch that is not done."""

    id: int
    state: str
    provider_batch_id: str | None
    requests: int
    completed: int
    tokens: int
    message: str | None
    submitted_at: str | None
    stuck: bool


@dataclass(slots=True)
class Status:
    """A corpus at a glance. Requests are texts; tokens count what is sent."""

    corpus: str
    model: str
    dimensions: int
    vector_type: str
    documents: int = 0
    chunks: int = 0
    embedded: int = 0
    tokens: int = 0
    indexed: bool = False
    waiting_requests: int = 0
    waiting_tokens: int = 0
    sent_requests: int = 0
    sent_tokens: int = 0
    failed_requests: int = 0
    batches: list[BatchStatus] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


def read_status(connection: Connection, corpus: str, indexing: Indexing, stuck_s: float) -> Status:
    """The state of a corpus, from the database alone; `stuck_s`: so long without news is stuck."""
    status = Status(corpus, indexing.model, indexing.dimensions, indexing.vector_type)
    row = connection.execute(statement("count_corpus")).fetchone()
    if row:
        status.documents, status.chunks, status.embedded, status.tokens = row
    row = connection.execute(statement("count_requests")).fetchone()
    if row:
        (
            status.waiting_requests,
            status.sent_requests,
            status.failed_requests,
            status.waiting_tokens,
            status.sent_tokens,
        ) = row
    status.indexed = index_exists(connection)
    status.batches = [_batch_status(batch, stuck_s) for batch in open_batches(connection)]
    status.failures = list_failures(connection)
    return status


def list_failures(connection: Connection) -> list[Failure]:
    """What failed for good, at most a thousand, by document."""
    rows = connection.execute(statement("list_failed_requests"), {"limit": _MAX_LISTED})
    return [Failure(*row) for row in rows]


def _batch_status(batch: Batch, stuck_s: float) -> BatchStatus:
    return BatchStatus(
        id=batch.id,
        state=(batch.provider_status or batch.state) if batch.state == "submitted" else batch.state,
        provider_batch_id=batch.provider_batch_id,
        requests=batch.request_count,
        completed=batch.provider_completed,
        tokens=batch.token_count,
        message=batch.message,
        submitted_at=batch.submitted_at.isoformat(timespec="seconds") if batch.submitted_at else None,
        stuck=is_stuck(batch, stuck_s),
    )
