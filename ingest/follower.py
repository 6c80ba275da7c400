"""Batches in flight: what has become of them, at the provider's word.

submitted -> finished      ended at the provider, or waited for no longer
submitted -> uploaded      refused for want of room: created anew later, from the same file
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg.types.json import Jsonb

from ingest.batches import (
    ABANDONED,
    UNKNOWN,
    Batch,
    dissolve,
    is_stuck,
    move,
    new_key,
    open_batches,
    read_batch,
    words,
)
from ingest.budget import has_no_room, named_limit
from ingest.database.locks import try_batch_lock
from ingest.database.statements import statement
from ingest.failpoints import reach

if TYPE_CHECKING:
    from ingest.database.connection import Connection
    from ingest.provider import Provider, RemoteBatch
    from ingest.submitter import Patience

_MISSING = "the provider does not know this batch; looking once more"


def poll(connection: Connection, corpus: str, provider: Provider, patience: Patience) -> int:
    """Ask after every batch in flight, and note what the provider says; how many finished now."""
    finished = 0
    for batch in open_batches(connection):
        if batch.state != "submitted" or batch.waiting or batch.endpoint != provider.endpoint:
            continue
        with try_batch_lock(connection, corpus, batch.id) as held:
            finished += held and _poll(connection, provider, read_batch(connection, batch.id), patience)
    return finished


def elsewhere(connection: Connection, provider: Provider) -> list[Batch]:
    """The batches that another provider has, or was about to get."""
    states = ("uploaded", "creating", "submitted", "finished")
    return [
        batch for batch in open_batches(connection) if batch.state in states and batch.endpoint != provider.endpoint
    ]


def cancel_stuck(connection: Connection, corpus: str, provider: Provider, stuck_s: float) -> list[Batch]:
    """Cancel the batches of which nothing new was heard for `stuck_s`; those.

    One that was being cancelled already is waited for no longer.
    """
    stuck = []
    for batch in open_batches(connection):
        if not is_stuck(batch, stuck_s) or batch.endpoint != provider.endpoint:
            continue
        with try_batch_lock(connection, corpus, batch.id) as held:
            now = read_batch(connection, batch.id)
            if held and is_stuck(now, stuck_s):
                stuck.append(now)
                if now.provider_status == "cancelling" or now.cancel_asked:
                    abandon(connection, now, ABANDONED, "cancelled, and still not ended: waited for no longer")
                else:
                    _cancel(connection, provider, now, "stuck: we asked to cancel it")
    return stuck


def withdraw(connection: Connection, corpus: str, provider: Provider, patience: Patience) -> int:
    """Take back what is on the way: uncreated batches at once, created ones by asking the provider; how many moved.

    To be repeated, with `poll` between, until nothing is on the way: a creation whose outcome is unclear is looked for
    first, twice.
    """
    moved = 0
    for batch in open_batches(connection):
        if batch.waiting or batch.state in ("exported", "finished"):
            continue
        if batch.state not in ("ready", "uploading") and batch.endpoint != provider.endpoint:
            continue
        with try_batch_lock(connection, corpus, batch.id) as held:
            moved += held and _withdraw(connection, provider, read_batch(connection, batch.id), patience)
    return moved


def _withdraw(connection: Connection, provider: Provider, batch: Batch, patience: Patience) -> bool:
    match batch.state:
        case "ready" | "uploading" | "uploaded":
            dissolve(connection, batch, "cancelled before it was sent")
        case "creating":
            remote = provider.find_batch(batch.key, batch.input_file_id)
            if remote:
                move(connection, batch, "submitted", provider_batch_id=remote.id)
            elif batch.message != _MISSING:
                move(connection, batch, "creating", wait_s=patience.list_lag_s, message=_MISSING)
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


def _poll(connection: Connection, provider: Provider, batch: Batch, patience: Patience) -> bool:
    """Ask after one batch, whose lock is held; whether it finished now."""
    if batch.state != "submitted" or batch.provider_batch_id is None:
        return False
    remote = provider.retrieve_batch(batch.provider_batch_id)
    if remote is None:
        return _miss(connection, provider, batch, patience)
    if remote.status == "failed" and has_no_room(remote.faults):
        _refuse(connection, batch, remote, patience)
        return False
    if remote.is_terminal:
        reach("before-finished")
    connection.execute(
        statement("follow_batch"),
        {
            "id": batch.id,
            "provider_batch_id": remote.id,
            "status": remote.status,
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


def _refuse(connection: Connection, batch: Batch, remote: RemoteBatch, patience: Patience) -> None:
    """There is no room: remember the limit that was named; the shard goes back in line."""
    limit = named_limit(remote.faults)
    reach("before-refused")
    with connection.transaction():
        if limit is not None:
            connection.execute(
                statement("learn_limit"),
                {"endpoint": batch.endpoint, "model": batch.model, "enqueued_tokens": limit},
            )
        if limit is not None and batch.token_count > limit and batch.request_count > 1:
            dissolve(connection, batch, f"over the provider's limit of {limit:,} tokens: cut anew")
        else:
            connection.execute(
                statement("refuse_batch"),
                {
                    "id": batch.id,
                    "key": new_key(),
                    "message": words(remote.faults),
                    "wait_seconds": patience.refused_s,
                },
            )
    reach("after-refused")


def _miss(connection: Connection, provider: Provider, batch: Batch, patience: Patience) -> bool:
    """The provider answers that there is no such batch; believed when it says so again after a while."""
    if batch.message != _MISSING:
        move_on = {"id": batch.id, "wait_seconds": patience.list_lag_s, "message": _MISSING}
        connection.execute(statement("postpone_batch"), move_on)
        return False
    if provider.find_batch(batch.key, batch.input_file_id):
        return False
    abandon(
        connection,
        batch,
        UNKNOWN,
        f"the provider knows no batch {batch.provider_batch_id}: is this the account that it was sent from?",
    )
    return True


def abandon(connection: Connection, batch: Batch, status: str, message: str) -> None:
    """Wait for a batch in flight no longer."""
    connection.execute(statement("abandon_batch"), {"id": batch.id, "status": status, "message": message})
