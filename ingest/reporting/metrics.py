"""Prometheus metrics: where a corpus stands, read from the database at each scrape, and this process's seconds."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import anyio
import psycopg
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from ingest.batches import is_stuck, open_batches, read_costs
from ingest.database.connection import connect
from ingest.database.corpus import corpus_size, read_indexing
from ingest.database.ownership import has_books
from ingest.database.statements import statement
from ingest.errors import IngestError
from ingest.serving import LOOPBACK, gated, http_url, listener

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from prometheus_client.metrics_core import Metric
    from starlette.requests import Request

    from ingest.database.connection import Connection


@contextmanager
def served(
    port: int, corpora: Sequence[str], database_url: str, stuck_s: float, seconds: Callable[[], dict[str, float]]
) -> Iterator[str]:
    """Serve the metrics of some corpora on loopback, for as long as the context lasts: where.

    `seconds`: by stage. A corpus that is not there yet is left out until it is.

    Raises:
        UsageError: the port cannot be used.
    """
    registry = CollectorRegistry()
    registry.register(_Standing(corpora, database_url, stuck_s, seconds))
    with closing(listener(LOOPBACK, port)) as listening:
        server = gated(_application(registry))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="metrics", daemon=True)
        thread.start()
        try:
            yield f"{http_url(LOOPBACK, listening)}/metrics"
        finally:
            server.should_exit = True
            thread.join()


def _application(registry: CollectorRegistry) -> Starlette:
    one_at_a_time = asyncio.Lock()  # each reads the database on connections of its own

    async def metrics(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        async with one_at_a_time:
            # Nobody waits at the end of a run for one that the database does not let through.
            told = await anyio.to_thread.run_sync(encode, registry, abandon_on_cancel=True)
        return Response(told, media_type=content_type)

    return Starlette(routes=[Route("/metrics", metrics), Route("/", metrics)])


class _Standing(Collector):
    """What the database says at this moment."""

    def __init__(
        self, corpora: Sequence[str], database_url: str, stuck_s: float, seconds: Callable[[], dict[str, float]]
    ) -> None:
        self._corpora = corpora
        self._database_url = database_url
        self._stuck_s = stuck_s
        self._seconds = seconds

    def describe(self) -> Iterable[Metric]:
        """Nothing: what is registered need not be read."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """One reading of all."""
        metrics = _Metrics()
        try:
            for corpus in self._corpora:
                with connect(self._database_url, corpus) as connection:
                    if has_books(connection, corpus):
                        _read(metrics, connection, corpus, self._stuck_s)
            metrics.gauge("up", "Whether the corpus could be read.", 1)
        except (IngestError, psycopg.Error):
            metrics = _Metrics()
            metrics.gauge("up", "Whether the corpus could be read.", 0)
        for stage, seconds in self._seconds().items():
            metrics.counter("stage_seconds", "Seconds that this process spent in a stage.", seconds, stage=stage)
        yield from metrics.families.values()


class _Metrics:
    """Families by their names, in the order of their first values."""

    def __init__(self) -> None:
        self.families: dict[str, GaugeMetricFamily | CounterMetricFamily] = {}

    def gauge(self, name: str, what: str, value: float, **labels: str) -> None:
        self._add(GaugeMetricFamily, name, what, value, labels)

    def counter(self, name: str, what: str, value: float, **labels: str) -> None:
        self._add(CounterMetricFamily, name, what, value, labels)

    def _add(
        self,
        kind: type[GaugeMetricFamily | CounterMetricFamily],
        name: str,
        what: str,
        value: float,
        labels: dict[str, str],
    ) -> None:
        if name not in self.families:
            self.families[name] = kind(f"ingest_{name}", what, labels=list(labels))
        self.families[name].add_metric(list(labels.values()), value)


def _read(metrics: _Metrics, connection: Connection, corpus: str, stuck_s: float) -> None:
    with connection.transaction():  # one moment, and few locks
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        documents, chunks, embedded, _ = corpus_size(connection)
        requests = connection.execute(statement("count_requests")).fetchone() or (0, 0, 0, 0, 0)
        batches = open_batches(connection)
        total = read_costs(connection, corpus, read_indexing(connection, corpus).model, 0).total
    metrics.gauge("documents", "Documents in the corpus.", documents, corpus=corpus)
    metrics.gauge("chunks", "Chunks in the corpus.", chunks, corpus=corpus)
    metrics.gauge("chunks_embedded", "Chunks that have their vector.", embedded, corpus=corpus)
    for state, count in zip(("waiting", "in_flight", "failed"), requests, strict=False):
        metrics.gauge("requests", "Texts that have no vector yet.", count, corpus=corpus, state=state)
    for state, count in zip(("waiting", "in_flight"), requests[3:], strict=True):
        metrics.gauge(
            "request_tokens", "Tokens of the texts that wait or are in flight.", count, corpus=corpus, state=state
        )
    states = Counter({"ready": 0, "submitted": 0, "finished": 0, "stuck": 0})
    states.update("stuck" if is_stuck(batch, stuck_s) else batch.state for batch in batches)
    for state, count in states.items():
        metrics.gauge("batches", "Batches that are not done.", count, corpus=corpus, state=state)
    for name, what, value in (
        ("texts_loaded", "Texts whose vectors were loaded, by the ledger.", total.texts),
        ("tokens_estimated", "Their tokens, as we count.", total.estimated_tokens),
        ("tokens_billed", "Their tokens, as the provider counts.", total.billed_tokens),
        ("tokens_wasted", "Those of them that brought no vector, and are sent again.", total.wasted_tokens),
        ("dollars_estimated", "Their price by our count, in US dollars.", total.estimated_dollars),
        ("dollars_billed", "Their price by the provider's count, in US dollars.", total.billed_dollars),
    ):
        if value is not None:
            metrics.counter(name, what, value, corpus=corpus)
