"""Rounds: a run in steps that never wait for the provider, and a look at what it is doing."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ingest.batches import (
    LEAVING,
    UNSUBMITTED,
    due_again_s,
    has_duplicates,
    is_stuck,
    moving_batches,
    note_edited,
    outstanding,
    read_run,
)
from ingest.corpus import fills_column, find_target
from ingest.database.statements import statement
from ingest.errors import BudgetError, UnreachableError, UsageError
from ingest.reporting import Poll, Round, totals
from ingest.runs.opening import open_corpus, stored_indexing
from ingest.runs.sending import fill_column, load_ended, noting, open_flow, reconcile_all_rows
from ingest.runs.stages import begin_report, begun, complete, count_rows, sync_source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.batches import Batch, LoadReport, Run
    from ingest.corpus import Given
    from ingest.database.corpus import Indexing
    from ingest.errors import IngestError
    from ingest.reporting import RunReport
    from ingest.runs.resources import Resources
    from ingest.runs.spending import Approval, Spending

_NAMED = 20  # of what was not read: a round is kept by schedulers between two others


def advance(
    resources: Resources, source: Given | None = None, approve: Approval | None = None, max_dollars: float | None = None
) -> Round:
    """`Pipeline.advance`."""
    if max_dollars is not None and not max_dollars >= 0:
        raise UsageError(f"max_dollars is the most that a run may cost, 0 or more, and not {max_dollars}.")
    with (
        resources.explained(),
        noting(resources),
        resources.stages.stage("advance", corpus=resources.corpus) as told,
    ):
        indexing = open_corpus(resources, create=source is not None, whole=source is not None and fills_column(source))
        report = begin_report(resources, indexing)
        if source is not None:
            report.sync = resources.lasting(lambda: sync_source(resources, source, indexing, report.load))
        run = resources.lasting(lambda: read_run(resources.connection))
        try:
            spending = begun(resources, indexing, approve, report, max_dollars, run)
        except BudgetError:
            if resources.lasting(lambda: moving_batches(resources.connection)):  # what was paid is loaded all the same
                resources.lasting(lambda: load_ended(resources, indexing))
            raise
        before = resources.lasting(lambda: _left(resources))
        is_done = resources.lasting(lambda: _send_and_load(resources, indexing, report.load, spending))
        is_done &= source is None or not report.load.rows_edited  # who reads, reads those again
        note_edited(resources.connection, report.load.rows_edited)
        run = resources.lasting(lambda: read_run(resources.connection))  # before it ends
        if is_done:
            complete(resources, indexing, report)
        for note in report.load.notes:
            resources.progress.say(note)
        told |= {"loaded": report.load.loaded, "failed": report.load.failed, "done": is_done}
        return resources.lasting(lambda: _round(resources, report, before, run, is_done=is_done))


def _send_and_load(resources: Resources, indexing: Indexing, report: LoadReport, spending: Spending) -> bool:
    """All that can be done now; whether nothing is left."""
    fill_column(resources, indexing, report)
    is_done = True
    if outstanding(resources.connection) or has_duplicates(resources.connection, resources.endpoint):
        is_done = open_flow(resources, indexing, spending).advance(report, resources.progress)
    reconcile_all_rows(resources, indexing, report)
    return is_done


def poll(resources: Resources) -> Poll:
    """`Pipeline.poll`."""
    with resources.explained():
        stored_indexing(resources)
        return resources.lasting(lambda: _poll(resources))


def _poll(resources: Resources) -> Poll:
    batches = moving_batches(resources.connection)
    ended = [batch for batch in batches if batch.state == "finished"]
    troubles: list[IngestError] = []
    asked = [batch for batch in batches if batch.state == "submitted" and batch.endpoint == resources.endpoint]
    for batch in asked:
        try:
            remote = resources.provider.retrieve_batch(batch.provider_batch_id or "")
        except UnreachableError as error:
            troubles.append(error)
        else:
            if remote is None or remote.is_terminal:  # of one that is not known a round finds out
                ended.append(batch)
    if asked and len(troubles) == len(asked):
        raise troubles[0]
    left = _left(resources)
    loadable = [batch for batch in ended if not batch.waiting and batch.endpoint == resources.endpoint]
    has_work = loadable or left.due or _is_to_be_sent(batches, resources.endpoint)
    in_flight = [batch for batch in batches if batch not in ended]
    due_s = due_again_s(batches, left.due_s)
    look_s = 0.0 if has_work else _look_again_s(due_s, resources)
    return Poll(resources.corpus, _names(ended), _names(in_flight), look_s)


def _is_to_be_sent(batches: Sequence[Batch], endpoint: str) -> bool:
    """Whether a batch that is not at the provider may go there; what is ready waits for the room that others take."""
    is_room = not any(batch.state in LEAVING for batch in batches)
    return any(
        batch.state in UNSUBMITTED
        and not batch.waiting
        and (is_room if batch.state == "ready" else batch.endpoint == endpoint)
        for batch in batches
    )


class _Left(NamedTuple):
    waiting: int
    due: int
    due_s: float | None
    failed: int
    sent_tokens: int


def _left(resources: Resources) -> _Left:
    (row,) = resources.connection.execute(statement("count_left")).fetchall()
    return _Left(*row)


def _look_again_s(due_s: float | None, resources: Resources) -> float:
    poll_s = resources.settings.poll_seconds
    return poll_s if due_s is None else min(due_s, poll_s)


def _is_awaited(batch: Batch, endpoint: str) -> bool:
    """Whether its end is news: not of one that has ended, has its time to wait for, or is at another provider."""
    return batch.state == "submitted" and not batch.waiting and batch.endpoint == endpoint


def _names(batches: Sequence[Batch]) -> list[str]:
    return [batch.provider_batch_id for batch in batches if batch.provider_batch_id]


def _round(resources: Resources, report: RunReport, before: _Left, run: Run, *, is_done: bool) -> Round:
    batches = moving_batches(resources.connection)
    left = _left(resources)
    due_s = due_again_s(batches, left.due_s)
    stuck_s = resources.settings.stuck_hours * 3600
    sync = report.sync
    return Round(
        corpus=resources.corpus,
        done=is_done,
        batch_ids=_names([batch for batch in batches if _is_awaited(batch, resources.endpoint)]),
        stuck=_names([batch for batch in batches if is_stuck(batch, stuck_s)]),
        waiting_requests=left.waiting,
        sent_tokens=left.sent_tokens - before.sent_tokens,
        loaded=report.load.loaded,
        failed=left.failed,
        rows_edited=run.edited,
        look_again_s=0.0 if is_done else _look_again_s(due_s, resources),
        due_s=due_s,
        documents_new=sync.documents_new,
        documents_changed=sync.documents_changed,
        documents_gone=sync.documents_gone,
        skipped=run.skipped,
        refused=run.refused,
        unread=[f"{skipped.name}: {skipped.reason}" for skipped in sync.skipped[:_NAMED]],
        documents=report.documents if is_done else None,
        chunks=report.chunks if is_done else None,
        embedded=report.embedded if is_done else None,
        rows=count_rows(resources) if is_done and find_target(resources.connection) else None,
        run=totals(run.entry) if is_done and run.entry else None,
    )
