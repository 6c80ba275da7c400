"""Batches in flight: what has become of them, at the provider's word.

submitted -> finished      ended at the provider, or waited for no longer
submitted -> uploaded      refused because the queue was full: created anew later, from the same file
submitted -> done          the same, for its own size: its texts wait again, and are cut into smaller shards
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from psycopg.types.json import Jsonb

from ingest.batches.backoff import of_one_batch, postpone, was_given_time
from ingest.batches.budget import has_no_room, is_of_the_batch, named_limit, named_size
from ingest.batches.learned_limits import read_learned
from ingest.batches.no_room import send_back, was_alone
from ingest.batches.origin import is_foreign
from ingest.batches.records import (
    ABANDONED,
    UNKNOWN,
    Batch,
    dissolve,
    is_failing,
    is_stuck,
    move,
    new_key,
    open_batches,
    read_batch,
    words,
)
from ingest.batches.unanswered import TOO_LARGE
from ingest.database.locks import try_batch_lock
from ingest.database.statements import statement
from ingest.failpoints import reach
from ingest.provider import TERMINAL_STATUSES, BatchFault

if TYPE_CHECKING:
    from ingest.batches.backoff import Backoff
    from ingest.database.connection import Connection
    from ingest.provider import Provider, RemoteBatch

_MISSING = "the provider does not know this batch; looking again"
_NO_OUTPUT = "the provider says that it is over, and names no file with the results yet; looking again"
# The way of a batch at the provider, by which is told whether it gets further.
_WAY = ["validating", "in_progress", "finalizing", "cancelling", *sorted(TERMINAL_STATUSES)]


def poll(connection: Connection, corpus: str, provider: Provider, backoff: Backoff) -> int:
    """Ask after every batch in flight, and note what the provider says; how many finished now."""
    finished = 0
    for batch in open_batches(connection):
        if batch.state != "submitted" or batch.waiting or batch.endpoint != provider.endpoint:
            continue
        with (
            try_batch_lock(connection, corpus, batch.id) as held,
            of_one_batch(connection, provider, batch, backoff),
        ):
            finished += held and _poll(connection, provider, read_batch(connection, batch.id), backoff)
    return finished


def elsewhere(connection: Connection, provider: Provider) -> list[Batch]:
    """The batches that another provider has, or was about to get."""
    states = ("uploaded", "creating", "submitted", "finished")
    return [
        batch for batch in open_batches(connection) if batch.state in states and batch.endpoint != provider.endpoint
    ]


def cancel_stuck(
    connection: Connection,
    corpus: str,
    provider: Provider,
    backoff: Backoff,
    stuck_s: float,
    *,
    foreign: bool = False,
) -> list[Batch]:
    """Cancel the batches of which nothing new was heard for `stuck_s`, and give up those tried without success; those.

    One that was being cancelled already is waited for no longer. `foreign`: those of another database, too.
    """
    stuck = []
    for batch in stuck_batches(connection, provider, stuck_s):
        if not foreign and is_foreign(connection, batch):
            continue
        with try_batch_lock(connection, corpus, batch.id) as held:
            now = read_batch(connection, batch.id)
            if held and _is_to_be_freed(now, stuck_s):
                stuck.append(now)
                _give_up(connection, provider, now, backoff)
    return stuck


def stuck_batches(connection: Connection, provider: Provider, stuck_s: float) -> list[Batch]:
    """The batches at this provider that make no progress, or are tried without success."""
    return [
        batch
        for batch in open_batches(connection)
        if _is_to_be_freed(batch, stuck_s) and batch.endpoint == provider.endpoint
    ]


def _is_to_be_freed(batch: Batch, stuck_s: float) -> bool:
    return (is_stuck(batch, stuck_s) or is_failing(batch)) and batch.state != "creating"


def _give_up(connection: Connection, provider: Provider, batch: Batch, backoff: Backoff) -> None:
    if batch.state == "finished":
        abandon(connection, batch, ABANDONED, f"given up: {batch.message}")
    elif batch.state != "submitted":
        dissolve(connection, batch, f"given up before it was created: {batch.message}")
    elif batch.provider_status == "cancelling" or batch.cancel_asked:
        abandon(connection, batch, ABANDONED, "cancelled, and still not ended: waited for no longer")
    else:
        with of_one_batch(connection, provider, batch, backoff) as trouble:
            _cancel(connection, provider, batch, "stuck: we asked to cancel it")
        if trouble:
            abandon(connection, batch, ABANDONED, f"given up: {trouble[0]}")


def withdraw(connection: Connection, corpus: str, provider: Provider, backoff: Backoff, ours: set[int]) -> int:
    """Take these batches back: uncreated ones at once, created ones by asking the provider; how many moved.

    To be repeated, with `poll` between, until nothing is in flight: a creation whose outcome is unclear is looked for
    first, twice.
    """
    moved = 0
    for batch in open_batches(connection):
        if batch.id not in ours or batch.waiting or batch.state == "finished":
            continue
        if batch.state not in ("ready", "uploading") and batch.endpoint != provider.endpoint:
            continue
        with (
            try_batch_lock(connection, corpus, batch.id) as held,
            of_one_batch(connection, provider, batch, backoff),
        ):
            moved += held and _withdraw(connection, provider, read_batch(connection, batch.id), backoff)
    return moved


def _withdraw(connection: Connection, provider: Provider, batch: Batch, backoff: Backoff) -> bool:
    match batch.state:
        case "ready" | "uploading" | "uploaded":
            dissolve(connection, batch, "cancelled before it was sent")
        case "creating":
            remote = provider.find_batch(batch.key, batch.input_file_id)
            if remote:
                move(connection, batch, "submitted", provider_batch_id=remote.id)
            elif batch.message != _MISSING:
                move(connection, batch, "creating", wait_s=backoff.list_lag_s, message=_MISSING)
            else:
                dissolve(connection, batch, "cancelled before it was sent")
        case "submitted" if not batch.cancel_asked:
            _cancel(connection, provider, batch, "we asked to cancel it")
        case _:
            return False
    return True


def _cancel(connection: Connection, provider: Provider, batch: Batch, why: str) -> None:
    if batch.provider_batch_id is None:
        raise AssertionError("a submitted batch has an id")
    provider.cancel_batch(batch.provider_batch_id)
    reach("cancel-asked")
    connection.execute(statement("ask_cancel"), {"id": batch.id, "message": why})
    reach("cancel-noted")


def _poll(connection: Connection, provider: Provider, batch: Batch, backoff: Backoff) -> bool:
    """Ask after one batch, whose lock is held; whether it finished now."""
    if batch.state != "submitted" or batch.provider_batch_id is None:
        return False
    remote = provider.retrieve_batch(batch.provider_batch_id)
    if remote is None and not was_given_time(batch, _MISSING):
        postpone(connection, batch, backoff, _MISSING)
        return False
    listed = None if remote else provider.find_batch(batch.key, batch.input_file_id)
    remote = remote or listed
    if remote is None:
        account = "is this the account that it was sent from?"
        abandon(connection, batch, UNKNOWN, f"the provider knows no batch {batch.provider_batch_id}: {account}")
        return True
    if remote.status == "failed" and has_no_room(remote.faults) and not batch.provider_completed:
        if _goes_back(connection, batch, remote, backoff):
            return False
        remote = _with_the_text_named(connection, batch, remote)
    if remote.lacks_output and not was_given_time(batch, _NO_OUTPUT):
        postpone(connection, batch, backoff, _NO_OUTPUT, completed=remote.completed)
        return False
    if remote.is_terminal:
        reach("before-finished")
    connection.execute(
        statement("poll_batch"),
        {
            "id": batch.id,
            "asked_for": batch.provider_batch_id if listed else remote.id,
            "provider_batch_id": remote.id,
            "status": remote.status,
            "way": _WAY,
            "completed": remote.completed,
            "reported_tokens": remote.billed_tokens,
            "output_file_id": remote.output_file_id,
            "error_file_id": remote.error_file_id,
            "message": words(remote.faults),
            "faults": Jsonb([[fault.code, fault.message, fault.line] for fault in remote.faults]),
            "terminal": remote.is_terminal,
        },
    )
    if remote.is_terminal:
        reach("after-finished")
    return remote.is_terminal


def _goes_back(connection: Connection, batch: Batch, remote: RemoteBatch, backoff: Backoff) -> bool:
    """There is no room: the shard waits, or is cut smaller. False: its one text fails."""
    return send_back(
        connection,
        batch,
        backoff,
        words(remote.faults) or "",
        key=new_key(),  # a batch that failed bears the one that it had
        by_itself=was_alone(connection, batch, backoff) or is_of_the_batch(remote.faults),
        limit=named_limit(remote.faults),
        size=named_size(remote.faults, batch.token_count),
    )


def _with_the_text_named(connection: Connection, batch: Batch, remote: RemoteBatch) -> RemoteBatch:
    """A batch whose one text has no room: where that is sure, the text is refused for good."""
    learned = read_learned(connection, batch.endpoint, batch.model)
    limit = learned.enqueued_tokens
    if limit is None or not learned.is_over(batch.token_count, limit):
        return remote
    said = f"a text of {batch.token_count:,} tokens by our count has no room in the limit: {words(remote.faults)}"
    return replace(remote, faults=(BatchFault(TOO_LARGE, said, 1),))


def abandon(connection: Connection, batch: Batch, status: str, message: str) -> None:
    """Wait for a batch in flight no longer."""
    connection.execute(statement("abandon_batch"), {"id": batch.id, "status": status, "message": message})
