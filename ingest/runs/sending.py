"""What waits becomes vectors: sent, polled, loaded, on into the user's column, and indexed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ingest.batches import (
    UNSUBMITTED,
    Batch,
    Flow,
    LoadReport,
    foreign_among,
    forget_refusal,
    has_duplicates,
    late_batches,
    noting_refusal,
    open_batches,
    outstanding,
    refuse_failing,
    refuse_refused,
    remove_orphans,
    take_over,
)
from ingest.corpus import fill, find_target, plan_index, reconcile_rows
from ingest.database.identity import this_database
from ingest.database.index_check import measure_index
from ingest.database.indexes import defer_index, find_indexes, index_exists, index_if_worth_it
from ingest.database.locks import exclusive_books
from ingest.database.statements import statement
from ingest.runs.spending import Spending, ask

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from ingest.database.corpus import Indexing
    from ingest.runs.resources import Resources


def fill_column(resources: Resources, indexing: Indexing, report: LoadReport) -> None:
    """The vectors that have arrived, on into the user's column, where the corpus has one."""
    if target := find_target(resources.connection):
        report.add(fill(resources.connection, resources.corpus, indexing, target))


def reconcile_all_rows(resources: Resources, indexing: Indexing, report: LoadReport) -> None:
    """The same to the end; and out of it the vectors that stand on another text by now, where none follows."""
    if target := find_target(resources.connection):
        drops = resources.settings.when_refused == "drop"
        reconciled = reconcile_rows(resources.connection, resources.corpus, indexing, target, drop_refused=drops)
        report.add(reconciled)
        report.rows_unfilled = reconciled.rows_unfilled  # of all


def send_and_load(resources: Resources, indexing: Indexing, report: LoadReport, spending: Spending) -> None:
    """All that waits, to its end."""

    def embed() -> None:
        fill_column(resources, indexing, report)
        remove_orphans(resources.connection, resources.corpus, shard_folder(resources))
        # Otherwise no provider is opened.
        if outstanding(resources.connection) or has_duplicates(resources.connection, resources.endpoint):
            open_flow(resources, indexing, spending).embed(report, resources.progress)

    with resources.stages.stage("embed", corpus=resources.corpus) as told:
        resources.lasting(embed)
        told |= {"batches": report.batches, "loaded": report.loaded, "failed": report.failed}


def load_ended(resources: Resources, indexing: Indexing) -> LoadReport:
    """What the provider has by now; nothing is sent, and nothing waited for."""
    flow = open_flow(resources, indexing)
    flow.find_duplicates()
    flow.poll()
    was_indexed = index_exists(resources.connection)
    report = flow.load_finished()
    report.add(load_what_came_late(resources, indexing))
    flow.clean_loaded()
    reconcile_all_rows(resources, indexing, report)
    retire_refused(resources)
    if was_indexed:  # and is no more, if the load was large
        index_where_worth_it(resources, indexing)
    refuse_refused([words for _, words in report.refusals], flow.provider.endpoint, indexing.model)
    if report.loaded:
        forget_refusal(resources.connection)
    left = [batch for batch in open_batches(resources.connection) if batch.state in ("submitted", "finished")]
    refuse_failing(left)
    report.notes += [
        f"batch {batch_id}: every text was refused: {words}. They wait" for batch_id, words in report.limited
    ]
    report.notes += [f"batch {batch.id}: {batch.message}" for batch in left if batch.tries]
    return report


def retire_refused(resources: Resources) -> None:
    """Where it is wanted, passages go whose document's new text the provider does not take."""
    if resources.settings.when_refused == "drop":
        with resources.connection.transaction():
            exclusive_books(resources.connection, resources.corpus)
            resources.connection.execute(statement("retire_refused_chunks"))


def open_flow(resources: Resources, indexing: Indexing, spending: Spending | None = None) -> Flow:
    """The way through the provider; `spending`: None sends nothing that has to be approved."""
    spending = spending or Spending()

    def loaded(report: LoadReport) -> None:
        fill_column(resources, indexing, report)
        if report.wasted_tokens and report.waiting_again:
            ask(
                resources,
                indexing,
                spending,
                report.wasted_tokens,
                1.0,
                "they were billed, wasted, and are not sent again",
            )

    return Flow(
        connection=resources.connection,
        corpus=resources.corpus,
        provider=resources.provider,
        indexing=indexing,
        settings=resources.settings,
        folder=shard_folder(resources),
        is_local=resources.is_local,
        loading=_deferring(resources),
        loaded=loaded,
        stuck=partial(_tell_stuck, resources),
        stages=resources.stages,
        spread=_spread(resources, indexing) if resources.settings.engine == "ray" else None,
        mode=spending.mode,
        foreign=spending.foreign,
        say=resources.progress.say,
    )


def _tell_stuck(resources: Resources, batches: Sequence[Batch]) -> None:
    """Where somebody is to be told, of each batch once, be it by one process or by many."""
    if batches and resources.notifier.is_wanted:
        ids = {"ids": [batch.id for batch in batches]}
        untold = {batch_id for (batch_id,) in resources.connection.execute(statement("tell_stuck"), ids)}
        resources.notifier.stuck(resources.corpus, [batch for batch in batches if batch.id in untold])


def _spread(resources: Resources, indexing: Indexing) -> Callable[[Sequence[Batch]], LoadReport]:
    """The loading of batches on the workers of a cluster."""
    from ingest.batches.distributed import load_spread

    return partial(
        load_spread,
        resources.cluster,
        database_url=resources.database_url,
        corpus=resources.corpus,
        indexing=indexing,
        account=resources.account,
        settings=resources.settings,
        folder=shard_folder(resources),
        version=resources.connection.version,
    )


def shard_folder(resources: Resources) -> Path:
    """Where shard files and downloads of this corpus lie."""
    ((corpus_id, home),) = resources.connection.execute(statement("read_home")).fetchall()
    database = this_database(resources.connection)  # a copy on the same machine has a folder of its own
    copy = "" if database.is_same(home) else f"-{database.label}"
    return resources.settings.data_dir / "shards" / f"{resources.corpus}-{corpus_id}{copy}"


def index_where_worth_it(resources: Resources, indexing: Indexing) -> bool:
    """The corpus's index, built where that pays; a column of the user's own is indexed only when asked."""
    if target := find_target(resources.connection):
        return any(index.is_valid for index in find_indexes(resources.connection, target.column))
    plan = plan_index(resources.settings)
    connection, progress = resources.connection, resources.progress
    has_index = index_if_worth_it(connection, resources.connect_at_once, indexing, plan, progress)
    measure_index(connection, indexing, plan, progress)
    return has_index


def _deferring(resources: Resources) -> Callable[[], None]:
    """What is done before vectors are loaded: once, by all that is to come; again where it could not be."""
    is_done = False

    def defer() -> None:
        nonlocal is_done
        is_done = is_done or defer_index(resources.connection, resources.settings.index_defer_above, resources.progress)

    return defer


def noting(resources: Resources) -> AbstractContextManager[None]:
    """Where the account is refused, the status says so."""
    return noting_refusal(lambda: resources.connection)


def takes_over(resources: Resources) -> bool:
    """Whether what another database wrote, of which this is a copy, is sent from here: then it waits again."""
    batches = foreign_among(resources.connection, open_batches(resources.connection))
    unsent = [batch.sent_from for batch in batches if batch.state in UNSUBMITTED]
    is_permitted = resources.permits(unsent, "send their texts from here as well, and pay for them here")
    if is_permitted:
        take_over(resources.connection, resources.corpus)
    return is_permitted


def take_in(resources: Resources, indexing: Indexing, report: LoadReport) -> None:
    """Load what was paid already, so that no approval is asked for it: what came late, or to a run that stopped."""
    report.add(load_what_came_late(resources, indexing))
    if any(batch.mode == "sync" for batch in open_batches(resources.connection)):
        flow = open_flow(resources, indexing)
        flow.close_interrupted()
        report.add(flow.load_finished())


def load_what_came_late(resources: Resources, indexing: Indexing) -> LoadReport:
    """Ask the provider for the files of batches that were given up: each time, as long as it keeps them."""
    late = late_batches(resources.connection, resources.endpoint)
    return open_flow(resources, indexing).load_late(late) if late else LoadReport()
