"""What runs, what waits and why, what it has cost, when it will be done, and what failed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from ingest.batches import (
    ENQUEUED,
    LEAVING,
    Batch,
    Forecast,
    InFlight,
    Refusal,
    Work,
    forecast_end,
    is_failing,
    is_foreign,
    is_stuck,
    obstacle,
    open_batches,
    past_durations,
    read_refusal,
    remedy,
)
from ingest.commands import about_corpus, command
from ingest.database.indexes import find_indexes
from ingest.database.statements import statement
from ingest.database.vector_column import PASSAGES
from ingest.formatting import counted
from ingest.provider import LOCAL
from ingest.redaction import redacted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.batches import Budget, Entry, ShardPlan
    from ingest.corpus import ColumnTarget
    from ingest.database.connection import Connection
    from ingest.database.corpus import Indexing

_MAX_LISTED = 1000
_COUNTED_PAGES = 25_000  # of chunks, 200 MB: a tenth of a second; 250,000 chunks of 512 tokens took 1.2 s
_MAX_GROUPS = 50
_EXAMPLES = 3
_UNSENT = ("ready", "uploading", "uploaded")
_FOREIGN = "written by another database, of which this one is a copy: sent by `ingest run --yes`"
_AT_PROVIDER = ("uploaded", "creating", "submitted", "finished")


@dataclass(frozen=True, slots=True)
class Failure:
    """A request that failed for good, and the provider's words."""

    chunk_id: int
    uri: str
    ordinal: int
    attempts: int
    code: str
    message: str
    old_kept: bool = False
    """Whether the passages, or the row's vector, of the text before are still there to be found."""


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """The texts that failed for good with the same words, and a few documents that they stand in."""

    code: str
    message: str
    texts: int
    uris: list[str]

    @property
    def has_more(self) -> bool:
        """Whether only some of the texts were looked for."""
        return self.texts > _EXAMPLES


_Failed = TypeVar("_Failed", Failure, FailureGroup)


@dataclass(frozen=True, slots=True)
class BatchStatus:
    """A batch that is not done; `why` it does not move, where that is known."""

    id: int
    state: str
    provider_batch_id: str | None
    requests: int
    completed: int
    tokens: int
    message: str | None
    submitted_at: str | None
    age_s: float | None
    stuck: bool
    why: str | None


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
    counted: bool = True
    """False: there are so many chunks that they, and those with a vector, are told by estimate."""
    indexed: bool = False
    column: str | None = None
    """The column that the corpus fills, where it is the user's own; `rows` of it have their vectors."""
    rows: int = 0
    source: str = "PATH…"
    """What `ingest run` is given to read."""
    waiting_requests: int = 0
    waiting_tokens: int = 0
    waiting_why: str | None = None
    sent_requests: int = 0
    sent_tokens: int = 0
    failed_requests: int = 0
    refusal: Refusal | None = None
    """Why the account was refused, where that ended the last run."""
    exported_requests: int = 0
    batches: list[BatchStatus] = field(default_factory=list)
    forecast: Forecast | None = None
    cost: Entry | None = None
    """All that the ledger knows of; None: nothing was billed yet."""
    failed: list[FailureGroup] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    @property
    def is_moving(self) -> bool:
        """Whether anything is in flight or waits that needs no hand."""
        return bool(self.waiting_requests or any(batch.state != "exported" for batch in self.batches))


@dataclass(frozen=True, slots=True)
class Terms:
    """What batches are judged by: where they go, what goes at once, and how long without news is stuck."""

    endpoint: str
    budget: Budget
    plan: ShardPlan
    stuck_s: float


def read_status(
    connection: Connection, corpus: str, indexing: Indexing, terms: Terms, target: ColumnTarget | None = None
) -> Status:
    """The state of a corpus, from the database alone and as it was at one moment.

    `target`: the column that it fills, where that is the user's own.
    """
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return _read_status(connection, corpus, indexing, terms, target)


def _read_status(
    connection: Connection, corpus: str, indexing: Indexing, terms: Terms, target: ColumnTarget | None
) -> Status:
    status = Status(corpus, indexing.model, indexing.dimensions, indexing.vector_type)
    if target:
        status.column, status.source = target.label, target.source_options
        row = connection.execute(statement("count_filled_rows")).fetchone()
        status.rows = row[0] if row else 0
    status.indexed = any(index.is_valid for index in find_indexes(connection, target.column if target else PASSAGES))
    row = connection.execute(statement("count_requests")).fetchone()
    if row:
        (
            status.waiting_requests,
            status.sent_requests,
            status.failed_requests,
            status.waiting_tokens,
            status.sent_tokens,
        ) = row
    row = connection.execute(statement("count_corpus_quickly"), {"most_pages": _COUNTED_PAGES}).fetchone()
    if row:
        status.documents, status.chunks, embedded = row
        status.counted = embedded is not None
        outstanding = status.waiting_requests + status.sent_requests + status.failed_requests
        status.embedded = embedded if status.counted else max(status.chunks - outstanding, 0)
    status.refusal = read_refusal(connection)
    batches = open_batches(connection)
    row = connection.execute(statement("sum_in_flight"), {"id": 0, "states": []}).fetchone()
    last_hour = row[2] if row else 0
    status.exported_requests = sum(batch.request_count for batch in batches if batch.state == "exported")
    leaving, enqueued = _in_flight(batches, LEAVING, last_hour), _in_flight(batches, ENQUEUED, last_hour)
    status.batches = [
        _batch_status(
            corpus,
            batch,
            terms,
            leaving if batch.state == "ready" else enqueued,
            is_foreign=is_foreign(connection, batch),
        )
        for batch in batches
    ]
    status.waiting_why = _why_waiting(connection, status, leaving, terms)
    status.forecast = _forecast(connection, status, batches, enqueued, terms)
    if status.failed_requests:
        status.failed = group_failures(connection)
        status.failures = list_failures(connection)
    return status


def next_step(status: Status) -> tuple[str, str]:
    """The command to give next, and what for."""
    if any(batch.stuck for batch in status.batches):
        line, why = "ingest retry --stuck", "to cancel the stuck batches, keep what they made and send the rest again"
    elif status.is_moving:
        line, why = f"ingest run {status.source}", "to go on: what waits is sent, what is ready is loaded"
    elif status.exported_requests:
        line, why = "ingest load RESULT-FILE…", "with what was made of the exported texts"
    elif status.failures:
        return remedy({failure.code for failure in status.failures}, status.corpus)
    else:
        line, why = f"ingest run {status.source}", "to fill the corpus"
    return command(line, status.corpus), why


def list_failures(connection: Connection) -> list[Failure]:
    """What failed for good, at most a thousand, by document."""
    rows = connection.execute(statement("list_failed_requests"), {"limit": _MAX_LISTED})
    return [_told(Failure(*row)) for row in rows]


def group_failures(connection: Connection) -> list[FailureGroup]:
    """What failed for good, by the provider's words, the most frequent first; at most fifty groups."""
    asked = {"limit": _MAX_GROUPS, "examples": _EXAMPLES}
    return [_told(FailureGroup(*row)) for row in connection.execute(statement("group_failed_requests"), asked)]


def _redacted(words: str | None) -> str | None:
    return words and redacted(words)


def _told(failure: _Failed) -> _Failed:
    """A failure without secrets in it: its words may have been kept by a process that knew none."""
    return replace(failure, code=redacted(failure.code), message=redacted(failure.message))


def _in_flight(batches: Sequence[Batch], states: Sequence[str], last_hour: int) -> InFlight:
    counted = [batch for batch in batches if batch.state in states]
    tokens, requests = sum(batch.token_count for batch in counted), sum(batch.request_count for batch in counted)
    return InFlight(tokens, requests, last_hour)


def _batch_status(corpus: str, batch: Batch, terms: Terms, in_flight: InFlight, *, is_foreign: bool) -> BatchStatus:
    why = _FOREIGN if is_foreign and batch.state in _UNSENT else why_it_waits(batch, terms, in_flight)
    return BatchStatus(
        id=batch.id,
        state=(batch.provider_status or batch.state) if batch.state == "submitted" else batch.state,
        provider_batch_id=batch.provider_batch_id,
        requests=batch.request_count,
        completed=batch.provider_completed,
        tokens=batch.token_count,
        message=_redacted(batch.message),
        submitted_at=batch.submitted_at.isoformat(timespec="seconds") if batch.submitted_at else None,
        age_s=batch.age_s,
        stuck=is_stuck(batch, terms.stuck_s),
        why=why and _redacted(about_corpus(why, corpus)),
    )


def why_it_waits(batch: Batch, terms: Terms, in_flight: InFlight) -> str | None:
    """Why a batch does not move; None where the provider works on it. `in_flight`: what counts beside it."""
    why: str | None
    match batch.state:
        case "exported":
            why = "exported: its results are loaded by hand"
        case state if state in _AT_PROVIDER and batch.endpoint != terms.endpoint:
            why = f"at {batch.endpoint}; these settings are for {terms.endpoint}"
        case _ if is_stuck(batch, terms.stuck_s):
            why = f"stuck: nothing new for {batch.idle_s / 3600:,.0f} h"
        case _ if is_failing(batch):
            why = (
                f"tried {batch.tries} times without success: the next run tries again, "
                "`ingest load FILE` takes a file fetched by hand, `ingest retry --stuck` gives it up"
            )
        case "uploaded" if batch.waiting and batch.refusals:
            refused = counted(batch.refusals, "time")
            why = f"refused {refused} because the queue was full: tried again in {batch.wait_s or 0:,.0f} s"
        case _ if batch.waiting:
            why = f"waits {batch.wait_s or 0:,.0f} s more" + (f", tried {batch.tries} times" if batch.tries > 1 else "")
        case "ready" | "uploaded":
            why = obstacle(terms.budget, in_flight, batch.token_count, batch.request_count) or "sent by the next run"
        case "uploading" | "creating":
            why = "was being sent: the next run looks it up"
        case "finished":
            why = "over: the next run loads it"
        case _:
            why = "to be cancelled" if batch.cancel_asked else None
    return why


def _why_waiting(connection: Connection, status: Status, in_flight: InFlight, terms: Terms) -> str | None:
    """Why texts wait."""
    if not status.waiting_requests:
        return None
    row = connection.execute(statement("count_later_requests")).fetchone()
    later, wait_s, attempts = row or (0, None, None)
    each = _waiting_work(status, terms.plan)
    now = status.waiting_requests - later
    reasons = []
    if now:
        tokens, requests = each.tokens // each.batches, each.requests // each.batches
        reasons.append(obstacle(terms.budget, in_flight, tokens, requests) or "sent by the next run")
    if later:
        tried = f"at most {counted(attempts, 'attempt')} so far"
        reasons.append(
            f"{counted(later, 'text')} failed for a while, {tried}: sent again in {wait_s:,.0f} s at the earliest"
        )
    return "; ".join(reasons)


def _waiting_work(status: Status, plan: ShardPlan) -> Work:
    """What waits, as the batches that it will be."""
    requests, tokens = status.waiting_requests, status.waiting_tokens
    return Work(max(-(-requests // plan.max_requests), -(-tokens // plan.max_tokens)), requests, tokens)


def _forecast(
    connection: Connection, status: Status, batches: Sequence[Batch], in_flight: InFlight, terms: Terms
) -> Forecast | None:
    waiting = _waiting_work(status, terms.plan)
    unsent = [batch for batch in batches if batch.state in _UNSENT]
    work = Work(
        waiting.batches + len(unsent),
        waiting.requests + sum(batch.request_count for batch in unsent),
        waiting.tokens + sum(batch.token_count for batch in unsent),
    )
    flying = [batch for batch in batches if batch.state in ENQUEUED]
    ages = [batch.age_s or 0.0 for batch in flying if not is_stuck(batch, terms.stuck_s)]
    endpoint = flying[-1].endpoint if flying else terms.endpoint
    history = past_durations(connection, endpoint, status.model)
    if endpoint == LOCAL and not history:  # nobody knows how fast this machine is
        return None
    return forecast_end(history, ages, work, terms.budget, in_flight)
