"""What a run would find, send and cost, without writing anything: a sync that only counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ingest.batches import ENQUEUED, Forecast, InFlight, Work, forecast_end, open_batches, past_durations
from ingest.corpus.before import read_before
from ingest.corpus.reading import Reading, look_away
from ingest.corpus.sync import find_former, find_gone, require_text
from ingest.corpus.sync_report import SyncReport
from ingest.database.corpus import corpus_size
from ingest.database.statements import statement
from ingest.model import OverLimit, text_hash
from ingest.provider import LOCAL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from ingest.batches import Budget, ShardPlan
    from ingest.chunker import Chunking
    from ingest.corpus.reading import Fresh, Look
    from ingest.database.connection import Connection
    from ingest.documents import Known
    from ingest.engines import Engine
    from ingest.model import Chunk
    from ingest.provider import EmbeddingModel
    from ingest.settings import Mode
    from ingest.sources.source import Source
    from ingest.telemetry import Progress

_HASH_BYTES = len(text_hash(""))
_CUSTOM_ID = "1234567-0123456789abcdef"  # of the usual length


@dataclass(slots=True)
class Estimate:
    """What a run would send, those that wait included, and its price in US dollars."""

    model: str
    dimensions: int
    requests: int = 0
    tokens: int = 0
    batches: int = 0
    mode: Mode = "batch"
    """How a run would send it: as batches, or at once."""
    dollars: float = 0.0
    """As a run would send it."""
    dollars_batch: float = 0.0
    dollars_sync: float = 0.0
    tokens_are_exact: bool = True
    """Whether the model's own tokenizer counts; else what is billed may be more, until it was learned."""
    token_ratio: float = 1.0
    """How many tokens the provider bills for each of these, which are by our count; dollars are by its own."""
    forecast: Forecast | None = None
    """How long it takes, what is in flight already included; None: there is nothing to wait for."""
    sync: SyncReport = field(default_factory=SyncReport)


def estimate_sync(
    connection: Connection | None,
    sources: Sequence[tuple[Source, Chunking]],
    plan: ShardPlan,
    budget: Budget,
    model: EmbeddingModel,
    progress: Progress,
    engine: Engine,
    mode_of: Callable[[int], Mode],
    standing: Callable[[list[bytes]], set[bytes]],
    anew: AbstractSet[int],
    *,
    full: bool,
    look: Look,
) -> Estimate:
    """Read and chunk what changed, and count. `connection`: None where there is no such corpus yet.

    `mode_of`: how a run sends so many tokens; `standing`: those of these contents that share the vector of another
    row; `anew`: documents that a run would forget before it begins; `look`: is told what becomes of each thing that
    there is.

    Raises:
        UsageError: a source does not exist, or there is no readable text in any.
    """
    report = SyncReport()

    def find(wanted: Mapping[str, str]) -> dict[str, Known]:
        known = find_former(connection, report, wanted) if connection else {}
        return {
            uri: replace(row, content_hash=b"", source_version=None) if row.id in anew else row
            for uri, row in known.items()
        }

    counting = _Counting(connection, plan, report, standing)
    readings = []
    for source, chunking in sources:
        is_each_looked_at = full or anew or look is not look_away
        before = read_before(connection, source.roots, chunking) if connection and not is_each_looked_at else None
        reading = Reading(source, chunking, find, progress, engine, full=full, before=before, report=report, look=look)
        for group in reading.groups():
            counting.add(group, chunking)
        readings.append(reading)
    require_text(readings, report)
    if connection:
        counting.count_gone(connection, readings)
    waiting_requests, waiting_tokens = counting.waiting()
    requests, tokens = report.chunks_new + waiting_requests, report.tokens_to_pay + waiting_tokens
    mode = mode_of(tokens)
    batch_price, sync_price = (
        price / 1e6 * budget.token_ratio for price in (model.usd_per_million_batch, model.usd_per_million_sync)
    )
    price = batch_price if mode == "batch" else sync_price
    report.dollars_to_pay = report.tokens_to_pay * price
    report.dollars_saved = max(report.tokens_in_corpus - report.tokens_to_pay, 0) * price
    batches = counting.batches + -(-waiting_requests // plan.max_requests) if mode == "batch" else 0
    return Estimate(
        model=model.name,
        dimensions=plan.indexing.dimensions,
        requests=requests,
        tokens=tokens,
        batches=batches,
        mode=mode,
        dollars=tokens * price,
        dollars_batch=tokens * batch_price,
        dollars_sync=tokens * sync_price,
        tokens_are_exact=plan.indexing.embedding_model.is_counted,
        token_ratio=budget.token_ratio,
        forecast=_forecast(connection, plan, budget, Work(batches, requests, tokens)) if mode == "batch" else None,
        sync=report,
    )


def _forecast(connection: Connection | None, plan: ShardPlan, budget: Budget, work: Work) -> Forecast | None:
    history: Sequence[float] = ()
    ages: Sequence[float] = ()
    in_flight = InFlight(0, 0, 0)
    if connection:
        row = connection.execute(statement("sum_in_flight"), {"id": 0, "states": ENQUEUED}).fetchone()
        in_flight = InFlight(*row) if row else in_flight
        ages = [batch.age_s or 0.0 for batch in open_batches(connection) if batch.state in ENQUEUED]
        history = past_durations(connection, plan.endpoint, plan.indexing.model)
    if plan.endpoint == LOCAL and not history:  # nobody knows how fast this machine is
        return None
    return forecast_end(history, ages, work, budget, in_flight)


class _Counting:
    """What a sync would do with groups of documents, in counts."""

    def __init__(
        self,
        connection: Connection | None,
        plan: ShardPlan,
        report: SyncReport,
        standing: Callable[[list[bytes]], set[bytes]],
    ) -> None:
        self.batches = 0
        self._connection = connection
        self._plan = plan
        self._report = report
        self._line = plan.wire.writer(plan.parameters)
        self._standing = standing
        self._requested: set[bytes] = set()
        self._shared: set[bytes] = set()
        self._going: Counter[bytes] = Counter()  # the texts of chunks that go
        self._fresh_hashes: Counter[bytes] = Counter()
        self._in_batch = (0, 0, 0)  # requests, bytes and tokens of the batch that is being filled
        report.tokens_in_corpus = corpus_size(connection).tokens if connection else 0

    def add(self, group: Sequence[Fresh], chunking: Chunking) -> None:
        """Count a group as a sync would write it."""
        changed = [(fresh, fresh.read.chunks) for fresh in group if fresh.read.chunks is not None]
        self._fresh_hashes.update(fresh.read.content_hash for fresh, _ in changed)
        hashes = {chunk.text_hash for _, chunks in changed for chunk in chunks}
        provided, stored = self._stored(hashes, [fresh.known.id for fresh, _ in changed if fresh.known])
        standing = self._standing([fresh.read.content_hash for fresh, _ in changed])
        for fresh, chunks in changed:
            if fresh.read.content_hash in standing:
                provided = provided | {chunk.text_hash for chunk in chunks}
            left = stored.get(fresh.known.id, Counter()) if fresh.known else Counter()
            self._report.tokens_in_corpus += sum(
                chunk.token_count for chunk in chunks if not _is_refused(chunk, chunking)
            )
            for chunk in chunks:
                passage = chunk.text_hash + text_hash(chunk.content)
                if left[passage]:
                    left[passage] -= 1
                    self._report.chunks_kept += 1
                elif _is_refused(chunk, chunking):
                    continue
                elif chunk.text_hash in provided or chunk.text_hash in self._requested:
                    self._report.chunks_shared += 1
                    self._shared.add(chunk.text_hash)
                else:
                    self._request(chunk)
            for passage in left.elements():
                self._going[passage[:_HASH_BYTES]] += 1

    def waiting(self) -> tuple[int, int]:
        """Requests and tokens that wait to be sent already, and are not of texts that go."""
        if self._connection is None:
            return 0, 0
        going = {text: count for text, count in self._going.items() if text not in self._shared}
        counts = {"hashes": list(going), "counts": list(going.values())}
        (unsent,) = self._connection.execute(statement("count_unsent_requests")).fetchall()
        (gone,) = self._connection.execute(statement("count_going_requests"), counts).fetchall()
        return unsent[0] - gone[0], unsent[1] - gone[1]

    def count_gone(self, connection: Connection, readings: Sequence[Reading]) -> None:
        """Count the documents that the sources no longer have, moved ones apart."""
        gone = {"document_ids": find_gone(connection, readings, [], self._report)}
        rows = connection.execute(statement("select_gone_documents"), gone).fetchall()
        texts = connection.execute(statement("select_gone_texts"), gone)
        self._going.update(text_hash for (text_hash,) in texts)
        moved = Counter(content_hash for content_hash, _ in rows) & self._fresh_hashes
        self._report.tokens_in_corpus -= sum(int(token_count) for _, token_count in rows)
        self._report.documents_moved = moved.total()
        self._report.documents_new -= moved.total()
        self._report.documents_gone = len(rows) - moved.total()

    def _stored(self, hashes: set[bytes], document_ids: list[int]) -> tuple[set[bytes], dict[int, Counter[bytes]]]:
        """The texts that have a vector or a request; and the passages of these documents, by both of their hashes."""
        stored: dict[int, Counter[bytes]] = {}
        if self._connection is None:
            return set(), stored
        rows = self._connection.execute(statement("select_provided_texts"), {"hashes": list(hashes)})
        provided = {row[0] for row in rows}
        rows = self._connection.execute(statement("select_document_texts"), {"document_ids": document_ids})
        for document_id, embedded_hash, content_hash, token_count in rows:
            stored.setdefault(document_id, Counter())[embedded_hash + content_hash] += 1
            self._report.tokens_in_corpus -= token_count
        return provided, stored

    def _request(self, chunk: Chunk) -> None:
        """One request more, into the batch that is being filled or the next."""
        self._requested.add(chunk.text_hash)
        self._report.chunks_new += 1
        self._report.tokens_to_pay += chunk.token_count
        size = len(self._line(_CUSTOM_ID, chunk.embedded_text))
        requests, byte_count, tokens = self._in_batch
        fits = (
            requests < self._plan.max_requests
            and byte_count + size <= self._plan.max_bytes
            and tokens + chunk.token_count <= self._plan.max_tokens
        )
        if self.batches and fits:
            self._in_batch = (requests + 1, byte_count + size, tokens + chunk.token_count)
        else:
            self.batches += 1
            self._in_batch = (1, size, chunk.token_count)


def _is_refused(chunk: Chunk, chunking: Chunking) -> bool:
    return chunking.over_limit is OverLimit.REFUSE and chunk.token_count > chunking.max_tokens
