"""A run: its stages, in their order."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from ingest.batches import LoadReport, begin_run, end_run, forget_refusal, known_budget, note_reading, outstanding
from ingest.corpus import (
    Estimate,
    estimate_sync,
    fills_column,
    find_target,
    given_sources,
    look_away,
    plan_chunking,
    plan_way,
    priced_model,
    settle_filters,
    settle_keywords,
    share,
    standing,
    sync_documents,
)
from ingest.database.corpus import CorpusSize, Indexing, corpus_size, find_bound_indexing
from ingest.database.index_parts import check_parts
from ingest.database.statements import statement
from ingest.formatting import counted, other_count
from ingest.reporting import RunReport, list_failures
from ingest.runs.observers import watched
from ingest.runs.opening import bind, open_corpus, planned, require_bound
from ingest.runs.sending import (
    index_where_worth_it,
    noting,
    reconcile_all_rows,
    retire_refused,
    send_and_load,
    take_in,
    takes_over,
)
from ingest.runs.spending import (
    Approval,
    Spending,
    ask,
    planned_shards,
    price_of,
    priced,
    require_batches,
    token_ratio,
    unsent_tokens,
)
from ingest.sources.extraction.extracted import Wanted
from ingest.sources.extraction.workers import Limits
from ingest.sources.sites.names import Bounds
from ingest.sources.tables import Table, table_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingest.batches import Run
    from ingest.corpus import Given, Look, SyncReport
    from ingest.runs.resources import Resources
    from ingest.settings import Mode
    from ingest.sources.files import Files
    from ingest.sources.source import Source


_EDIT_ROUNDS = 3  # how often rows that are edited all the time are sent again in one run


def run(resources: Resources, source: Given, approve: Approval | None = None) -> RunReport:
    """`Pipeline.run`."""
    return watched(resources, "run", partial(_run, resources, source, approve))


def _run(resources: Resources, source: Given, approve: Approval | None) -> RunReport:
    with resources.explained(), noting(resources):
        indexing = open_corpus(resources, create=True, whole=fills_column(source))
        report = begin_report(resources, indexing)
        report.resumed = outstanding(resources.connection)
        with _timed(report.seconds, "sync"):
            report.sync = resources.lasting(lambda: sync_source(resources, source, indexing, report.load))
        spending = begun(resources, indexing, approve, report)
        with _timed(report.seconds, "embed and load"):
            send_and_load(resources, indexing, report.load, spending)
            _follow_edits(resources, source, indexing, spending, report)
        size = complete(resources, indexing, report)
        resources.lasting(lambda: weigh(resources, report.sync, indexing, spending.mode, size))
    return report


def create(resources: Resources) -> None:
    """`Pipeline.create`."""
    with resources.explained():
        open_corpus(resources, create=True)


def embed(resources: Resources, approve: Approval | None = None) -> RunReport:
    """`Pipeline.embed`."""
    with resources.explained(), noting(resources):
        indexing = open_corpus(resources)
        report = begin_report(resources, indexing)
        spending = begun(resources, indexing, approve, report)
        with _timed(report.seconds, "embed and load"):
            send_and_load(resources, indexing, report.load, spending)
        complete(resources, indexing, report)
    return report


def sync(resources: Resources, source: Given) -> SyncReport:
    """`Pipeline.sync`."""
    with resources.explained():
        indexing = open_corpus(resources, create=True, whole=fills_column(source))
        rows = LoadReport()
        report = resources.lasting(lambda: sync_source(resources, source, indexing, rows))
        if rows.rows_cleared:
            cleared = counted(rows.rows_cleared, "row")
            resources.progress.say(f"{cleared} had the vector of a text that is gone: it was cleared")
        mode = plan_way(resources.settings, resources.lasting(partial(unsent_tokens, resources))).mode
        resources.lasting(lambda: weigh(resources, report, indexing, mode, corpus_size(resources.connection)))
        return report


def estimate(resources: Resources, source: Given, look: Look | None = None) -> Estimate:
    """`Pipeline.estimate`; `look` is told what becomes of each thing that the sources have."""
    with resources.explained():
        stored = find_bound_indexing(resources.connection)
        whole = fills_column(source)
        indexing = planned(resources, stored, whole=whole)
        connection = resources.connection if stored else None
        budget = known_budget(connection, resources.settings, resources.endpoint, indexing.model)
        target = find_target(connection) if connection else None
        sources = given_sources(source)
        as_synced = [plan_chunking(resources.settings, indexing, each, target) for each in sources]
        chunkings = [replace(chunking, keywords=False) for chunking in as_synced]  # no terms
        if connection:
            for each, chunking in zip(sources, chunkings, strict=True):
                require_bound(resources, each, indexing, chunking)
        is_changed = target is not None and any(target.over_limit is not chunking.over_limit for chunking in chunkings)
        anew: dict[int, bytes] = dict(resources.connection.execute(statement("list_long_rows"))) if is_changed else {}

        def shared(content_hashes: list[bytes]) -> set[bytes]:
            held = standing(resources.connection, indexing, target, content_hashes) if target else set()
            return held.difference(anew.values())

        with opened_sources(resources, sources) as opened, resources.engine(chunkings[0]) as engine:
            return estimate_sync(
                connection,
                list(zip(opened, chunkings, strict=True)),
                planned_shards(resources, indexing, budget),
                budget,
                priced_model(resources.settings, indexing),
                resources.progress,
                engine,
                lambda tokens: plan_way(resources.settings, tokens).mode,
                shared,
                anew.keys(),
                full=resources.settings.full,
                look=look or look_away,
            )


def sync_source(resources: Resources, source: Given, indexing: Indexing, rows: LoadReport) -> SyncReport:
    """Bring the corpus up to date; `rows`: what became of those of the user's own, where a column is filled."""
    sources = given_sources(source)
    target = find_target(resources.connection)
    chunkings = [plan_chunking(resources.settings, indexing, each, target) for each in sources]
    for each, chunking in zip(sources, chunkings, strict=True):
        target = bind(resources, each, indexing, chunking)
    shared = {"share": partial(share, resources.connection, indexing, target)} if target else {}
    if target is None:  # a table of one's own has its columns beside the vector
        settle_filters(resources.connection, resources.corpus, resources.settings.filters)
        check_parts(resources.connection, resources.settings.index_by)
        wanted = resources.settings.language if resources.settings.keywords else None
        settle_keywords(
            resources.connection, resources.corpus, resources.progress, wanted, made=resources.settings.keywords
        )
    elif resources.settings.filters:
        resources.progress.say(f"filters are for passages: {target.label} has its columns beside it")
    with (
        resources.stages.stage("sync", corpus=resources.corpus) as told,
        opened_sources(resources, sources) as opened,
        resources.engine(chunkings[0]) as engine,
    ):
        report = sync_documents(
            resources.connection,
            resources.corpus,
            list(zip(opened, chunkings, strict=True)),
            resources.progress,
            engine,
            full=resources.settings.full,
            **shared,
        )
        told |= {
            "documents_new": report.documents_new,
            "documents_changed": report.documents_changed,
            "documents_gone": report.documents_gone,
            "chunks_new": report.chunks_new,
            "tokens": report.tokens_to_pay,
        }
    note_reading(resources.connection, report.skipped_count, report.refused_count)
    reconcile_all_rows(resources, indexing, rows)
    return report


def weigh(resources: Resources, report: SyncReport, indexing: Indexing, mode: Mode, size: CorpusSize) -> None:
    """What a sync found, held against the whole corpus."""
    filled = sum(tokens for _, tokens in resources.connection.execute(statement("count_filled_rows")))
    refused = sum(tokens for (tokens,) in resources.connection.execute(statement("sum_refused_tokens")))
    report.tokens_in_corpus = size.tokens + filled - refused
    price = price_of(resources, indexing, mode) / 1e6 * token_ratio(resources, indexing)
    report.dollars_to_pay = report.tokens_to_pay * price
    report.dollars_saved = max(report.tokens_in_corpus - report.tokens_to_pay, 0) * price


def _follow_edits(
    resources: Resources, source: Given, indexing: Indexing, spending: Spending, report: RunReport
) -> None:
    """Send the rows again that were edited while their texts were in flight."""
    target = find_target(resources.connection)
    if target is None:
        return
    seen = 0
    for rounds_left in range(_EDIT_ROUNDS, -1, -1):
        resources.lasting(lambda: reconcile_all_rows(resources, indexing, report.load))
        is_edited, seen = report.load.rows_edited > seen, report.load.rows_edited
        if not is_edited or not rounds_left:
            break
        sync_source(resources, source, indexing, report.load)
        tokens = unsent_tokens(resources)
        report.dollars += ask(
            resources, indexing, spending, tokens, token_ratio(resources, indexing), "nothing was sent"
        )
        report.tokens += tokens
        load = LoadReport()
        send_and_load(resources, indexing, load, spending)
        report.load.add(load)
    report.column = target.label
    report.rows = count_rows(resources)


def count_rows(resources: Resources) -> int:
    """The rows of the user's own that have their vectors."""
    return sum(row[0] for row in resources.connection.execute(statement("count_filled_rows")))


@contextmanager
def opened_sources(resources: Resources, sources: Sequence[Files | Table]) -> Iterator[list[Source]]:
    """What is read, all of it looked over before anything of it is read.

    Raises:
        UsageError: a path, a table or a column does not exist.
    """
    from ingest.sources.extraction.pdf.recognition import languages

    settings = resources.settings
    wanted = Wanted(settings.html_main_text, settings.html_links, languages(settings.ocr), settings.attachments)
    limits = Limits(settings.extract_seconds, settings.extract_memory_mb, wanted)
    with ExitStack() as stack:
        opened: list[Source] = []
        for source in sources:
            if isinstance(source, Table):
                opened.append(stack.enter_context(table_rows(resources.connect_plainly, source)))
            else:
                source.check()
                bounds = Bounds(settings.crawl_pages, settings.crawl_depth)
                opened.append(replace(source, limits=limits, cache=settings.data_dir / "sources", bounds=bounds))
        yield opened


def begin_report(resources: Resources, indexing: Indexing) -> RunReport:
    """The report of a run that begins."""
    return RunReport(
        corpus=resources.corpus,
        provider=resources.provider_name,
        model=indexing.model,
        dimensions=indexing.dimensions,
        vector_type=indexing.vector_type,
    )


def complete(resources: Resources, indexing: Indexing, report: RunReport) -> CorpusSize:
    """The end of a run, when nothing is left: indexed where that pays, and the corpus as it is then."""
    resources.lasting(partial(retire_refused, resources))
    with _timed(report.seconds, "index"), resources.stages.stage("index", corpus=resources.corpus) as told:
        told["indexed"] = report.indexed = resources.lasting(lambda: index_where_worth_it(resources, indexing))
    resources.lasting(lambda: forget_refusal(resources.connection))
    size = resources.lasting(lambda: corpus_size(resources.connection))
    report.documents, report.chunks, report.embedded = size.documents, size.chunks, size.embedded
    report.failures = resources.lasting(lambda: list_failures(resources.connection))
    resources.lasting(lambda: end_run(resources.connection))
    return size


def begun(
    resources: Resources,
    indexing: Indexing,
    approve: Approval | None,
    report: RunReport,
    max_dollars: float | None = None,
    run: Run | None = None,
) -> Spending:
    """What waits to be sent, approved; how it is sent. In the ledger it is a run of its own.

    `run`: the one that began last, for a round, which belongs to that as long as it goes on.
    """
    resources.lasting(lambda: take_in(resources, indexing, report.load))
    foreign = takes_over(resources)
    tokens = resources.lasting(partial(unsent_tokens, resources))
    way = plan_way(resources.settings, tokens, run.mode if run and run.goes_on else None)
    limit = resources.settings.max_dollars if max_dollars is None else max_dollars
    spending = Spending(approve, way.mode, foreign, limit)
    if tokens:
        model = priced(resources, indexing)
        if way.mode == "batch":
            require_batches(resources)
        if resources.settings.mode != "batch":
            price = price_of(resources, indexing, way.mode)
            batches = "" if way.mode == "batch" else f", in batches ${model.usd_per_million_batch:g}"
            resources.progress.say(f"mode {way.mode}: {way.why}; ${price:g} for 1M tokens{batches}")
        ratio = resources.lasting(lambda: token_ratio(resources, indexing))
        if said := other_count(ratio):
            resources.progress.say(f"{said}: dollars are computed from its count")
        report.tokens, report.mode, report.mode_why = tokens, way.mode, way.why
        begins = run is None or not run.goes_on
        report.dollars = ask(resources, indexing, spending, tokens, ratio, "nothing was sent", begins=begins)
        resources.lasting(lambda: begin_run(resources.connection, model, ratio, anew=run is None))
    return spending


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    began = time.perf_counter()
    try:
        yield
    finally:
        seconds[stage] = round(time.perf_counter() - began, 3)
