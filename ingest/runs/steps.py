"""The stages one by one, and what a person does when one of them needs help."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.batches import (
    UNSUBMITTED,
    Batch,
    LoadReport,
    Retries,
    Shard,
    begin_run,
    cancel_sending,
    foreign_among,
    load_file,
    moving_batches,
    open_batches,
    refuse_failing,
    refuse_refused,
    remove_orphans,
    shard_plan,
    uncleaned_elsewhere,
    write_shards,
)
from ingest.corpus import find_target, finish, plan_index, roll_back, write_parquet
from ingest.database.identity import this_database
from ingest.database.index_check import measure_index
from ingest.database.indexes import build_index, own_index
from ingest.database.statements import statement
from ingest.database.vector_column import PASSAGES
from ingest.errors import UsageError
from ingest.runs.opening import open_corpus, stored_indexing
from ingest.runs.sending import (
    load_ended,
    load_what_came_late,
    noting,
    open_flow,
    reconcile_all_rows,
    retire_refused,
    takes_over,
)
from ingest.runs.spending import Approval, Spending, ask, priced, require_batches, token_ratio, unsent_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ingest.runs.resources import Resources


def submit(resources: Resources, approve: Approval | None = None) -> list[Batch]:
    """`Pipeline.submit`."""
    with resources.explained(), noting(resources):
        indexing = open_corpus(resources)
        load_what_came_late(resources, indexing)
        foreign = takes_over(resources)
        tokens = unsent_tokens(resources)
        ratio = token_ratio(resources, indexing)
        if tokens:
            require_batches(resources)
            spending = Spending(approve, max_dollars=resources.settings.max_dollars)
            ask(resources, indexing, spending, tokens, ratio, "nothing was sent", begins=True)
            begin_run(resources.connection, priced(resources, indexing), ratio)

        def send() -> list[Batch]:
            flow = open_flow(resources, indexing, Spending(foreign=foreign))
            while flow.write_shard():
                flow.submit()
            flow.submit()
            flow.find_duplicates()
            batches = open_batches(resources.connection)
            refuse_failing([batch for batch in batches if batch.state in UNSUBMITTED])
            return batches

        return resources.lasting(send)


def load(resources: Resources, files: Sequence[Path] = ()) -> LoadReport:
    """`Pipeline.load`."""
    with resources.explained(), noting(resources):
        if not files:
            indexing = open_corpus(resources)
            return resources.lasting(lambda: load_ended(resources, indexing))
        indexing = stored_indexing(resources)
        report = LoadReport()
        retries = Retries(resources.settings.max_attempts, resources.settings.retry_wait_seconds)
        with resources.progress.stage("loading", unit="vectors") as bar:
            for file in files:
                report.add(
                    load_file(
                        resources.connection,
                        resources.corpus,
                        indexing,
                        file,
                        resources.wire,
                        retries,
                        bar.advance,
                    )
                )
        reconcile_all_rows(resources, indexing, report)
        retire_refused(resources)
        refuse_refused([words for _, words in report.refusals], "that answered", indexing.model)
        return report


def cancel(resources: Resources, *, wait: bool = True) -> LoadReport:
    """`Pipeline.cancel`."""
    with resources.explained():
        indexing = open_corpus(resources)
        report = LoadReport()
        others = foreign_among(resources.connection, moving_batches(resources.connection))
        may_cancel = resources.permits([batch.sent_from for batch in others], "cancel them")
        ours = resources.lasting(lambda: cancel_sending(resources.connection))
        if not may_cancel:
            ours -= {batch.id for batch in others}
        if wait:
            resources.lasting(lambda: open_flow(resources, indexing).cancel(ours, report, resources.progress))
        else:
            resources.lasting(lambda: open_flow(resources, indexing).withdraw(ours))
        return report


def clean(resources: Resources) -> int:
    """`Pipeline.clean`."""
    with resources.explained():
        require_batches(resources)
        flow = open_flow(resources, open_corpus(resources))
        remove_orphans(resources.connection, resources.corpus, flow.folder)
        others = uncleaned_elsewhere(resources.connection, flow.provider)
        foreign = resources.permits(others, "delete their files at the provider")
        return flow.clean(foreign=foreign) + flow.clean_left_over(foreign=foreign)


def retry_stuck(resources: Resources) -> list[Batch]:
    """`Pipeline.retry_stuck`."""
    with resources.explained():
        flow = open_flow(resources, open_corpus(resources))
        others = foreign_among(resources.connection, flow.stuck_batches())
        return flow.cancel_stuck(foreign=resources.permits([batch.sent_from for batch in others], "cancel them"))


def export(resources: Resources, folder: Path) -> list[Shard]:
    """`Pipeline.export`."""
    with resources.explained():
        indexing = stored_indexing(resources)
        begin_run(resources.connection, priced(resources, indexing), token_ratio(resources, indexing))
        return write_shards(
            resources.connection,
            resources.corpus,
            folder.absolute(),
            shard_plan(indexing, resources.settings, resources.wire, "export", resources.settings.max_enqueued_tokens),
            resources.progress,
            state="exported",
        )


def parquet(resources: Resources, path: Path) -> int:
    """`Pipeline.parquet`."""
    with resources.explained():
        indexing = stored_indexing(resources)
        if target := find_target(resources.connection):
            raise UsageError(f"this corpus fills {target.label}: its texts and vectors stand there.")
        return write_parquet(resources.connection, indexing, path.absolute(), resources.progress)


def retry(resources: Resources, *, exported: bool = False) -> int:
    """`Pipeline.retry`."""
    with resources.explained():
        indexing = stored_indexing(resources)
        if exported:
            return resources.connection.execute(statement("return_exported_requests")).rowcount
        resources.lasting(lambda: load_what_came_late(resources, indexing))
        rows = resources.connection.execute(statement("find_late_elsewhere")).fetchall()
        others = {batch: origin for batch, origin in rows if not this_database(resources.connection).is_same(origin)}
        is_permitted = resources.permits(
            list(others.values()), "send their texts again from here, and pay for them here"
        )
        released, kept = (list(others), []) if is_permitted else ([], list(others))
        parameters = {"kept": kept, "released": released}
        return resources.connection.execute(statement("return_failed_requests"), parameters).rowcount


def index(resources: Resources) -> bool:
    """`Pipeline.index`."""

    def build() -> bool:
        indexing, plan, column = stored_indexing(resources), plan_index(resources.settings), PASSAGES
        if target := find_target(resources.connection):
            column = target.column
            if name := own_index(resources.connection, column, indexing, plan):
                resources.progress.say(f"{target.label} has the index {name} of your own: it is left as it is")
                return False
        build_index(resources.connection, resources.connect_at_once, indexing, plan, resources.progress, column)
        if column == PASSAGES:
            measure_index(resources.connection, indexing, plan, resources.progress)
        return True

    with resources.explained():
        return resources.lasting(build)


def roll_back_corpus(resources: Resources) -> None:
    """`Pipeline.roll_back`."""
    with resources.explained():
        roll_back(resources.connection, resources.corpus, resources.progress.say)


def finish_corpus(resources: Resources, *, discard: bool = False) -> str:
    """`Pipeline.finish`."""
    with resources.explained():
        stored_indexing(resources)
        return finish(resources.connection, resources.corpus, resources.progress.say, discard=discard)
