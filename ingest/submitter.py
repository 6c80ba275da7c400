"""Shards into batches at the provider: exactly once.

A batch's state is committed before the call that it announces, so that after any stop the state says what may have
happened, and the provider is asked before anything is repeated:

    ready -> uploading -> uploaded -> creating -> submitted -> finished -> done

`uploading` found after a stop: the file is looked up by its name, which is our key. `creating`: the batch is looked up
by the key in its metadata, now and again after a grace time, because lists lag behind.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from ingest.database.locks import try_batch_lock
from ingest.database.statements import statement
from ingest.provider import TryLaterError, UnclearOutcomeError

if TYPE_CHECKING:
    from datetime import datetime

    from ingest.database.connection import Connection
    from ingest.provider import BatchFault, Provider, RemoteBatch

_UNCLEAR_WAIT_S = 1.0  # before the first look for what may have been carried out
_LOOKED = "not in the provider's list yet; looking once more before it is created again"
_IN_FLIGHT = frozenset({"uploading", "uploaded", "creating", "submitted"})
_TOKEN_LIMIT_CODES = frozenset({"token_limit_exceeded", "too_many_tasks"})


@dataclass(frozen=True, slots=True)
class Batch:
    """A row of `batches`; `waiting`: not before a time that has not come."""

    id: int
    key: str
    state: str
    model: str
    dimensions: int
    shard_path: str
    shard_sha256: bytes
    request_count: int
    token_count: int
    byte_count: int
    input_file_id: str | None
    provider_batch_id: str | None
    provider_status: str | None
    provider_completed: int
    output_file_id: str | None
    error_file_id: str | None
    waiting: bool
    message: str | None
    created_at: datetime
    submitted_at: datetime | None


def open_batches(connection: Connection) -> list[Batch]:
    """The batches that are not done, oldest first."""
    return [Batch(*row) for row in connection.execute(statement("list_open_batches"))]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds.

    `list_lag_s`: how long a list may lag before "not in the list" means "not there"; `refused_s`: before what was
    refused for want of room is tried again.
    """

    list_lag_s: float
    refused_s: float


def submit(
    connection: Connection, corpus: str, provider: Provider, max_enqueued_tokens: int | None, patience: Patience
) -> int:
    """Bring every batch that can go as far as `submitted`; how many got there.

    Shards wait in line while the tokens in flight would exceed `max_enqueued_tokens`; one may always go.

    Raises:
        UnreachableError, UsageError: the provider is out of reach, or refuses.
    """
    submitted = 0
    for batch in open_batches(connection):
        if batch.waiting or batch.state not in ("ready", "uploading", "uploaded", "creating"):
            continue
        if batch.state == "ready" and not _fits(connection, batch, max_enqueued_tokens):
            continue
        with try_batch_lock(connection, corpus, batch.id) as held:
            submitted += held and _advance(connection, provider, batch.id, patience)
    return submitted


def poll(connection: Connection, corpus: str, provider: Provider, patience: Patience) -> list[Batch]:
    """Ask after every batch in flight, and note what the provider says; those that finished now."""
    finished = []
    for batch in open_batches(connection):
        if batch.state != "submitted" or batch.provider_batch_id is None:
            continue
        with try_batch_lock(connection, corpus, batch.id) as held:
            if held and _follow(connection, batch, provider.retrieve_batch(batch.provider_batch_id), patience):
                finished.append(_read(connection, batch.id))
    return finished


def _fits(connection: Connection, batch: Batch, max_enqueued_tokens: int | None) -> bool:
    if max_enqueued_tokens is None:
        return True
    in_flight = sum(other.token_count for other in open_batches(connection) if other.state in _IN_FLIGHT)
    return in_flight == 0 or in_flight + batch.token_count <= max_enqueued_tokens


def _advance(connection: Connection, provider: Provider, batch_id: int, patience: Patience) -> bool:
    """Move one batch, whose lock is held, up to `submitted`; whether it got there."""
    while True:
        batch = _read(connection, batch_id)
        if batch.waiting:
            return False
        match batch.state:
            case "ready":
                _move(connection, batch, "uploading")
                _upload(connection, provider, batch)
            case "uploading":
                found = provider.find_file(f"{batch.key}.jsonl")
                if found:
                    _move(connection, batch, "uploaded", input_file_id=found)
                else:
                    _upload(connection, provider, batch)
            case "uploaded":
                _move(connection, batch, "creating")
                _create(connection, provider, batch)
            case "creating":
                remote = provider.find_batch(batch.key)
                if remote:
                    _move(connection, batch, "submitted", provider_batch_id=remote.id)
                elif batch.message != _LOOKED:
                    _move(connection, batch, "creating", wait_seconds=patience.list_lag_s, message=_LOOKED)
                else:
                    _create(connection, provider, batch)
            case state:
                return state == "submitted"


def _upload(connection: Connection, provider: Provider, batch: Batch) -> None:
    path = Path(batch.shard_path)
    try:
        file_id = provider.upload(path, f"{batch.key}.jsonl")
    except UnclearOutcomeError as error:
        _move(connection, batch, "uploading", wait_seconds=_UNCLEAR_WAIT_S, message=f"upload unclear: {error}")
    except TryLaterError as error:
        _move(connection, batch, "uploading", wait_seconds=error.wait_s, message=str(error))
    else:
        _move(connection, batch, "uploaded", input_file_id=file_id)


def _create(connection: Connection, provider: Provider, batch: Batch) -> None:
    if batch.input_file_id is None:
        raise AssertionError("a batch is created from an uploaded file")
    try:
        remote = provider.create_batch(batch.input_file_id, batch.key)
    except UnclearOutcomeError as error:
        _move(connection, batch, "creating", wait_seconds=_UNCLEAR_WAIT_S, message=f"creation unclear: {error}")
    except TryLaterError as error:
        _move(connection, batch, "uploaded", wait_seconds=error.wait_s, message=str(error))
    else:
        _move(connection, batch, "submitted", provider_batch_id=remote.id)


def _follow(connection: Connection, batch: Batch, remote: RemoteBatch, patience: Patience) -> bool:
    """Note what the provider says; whether the batch finished now."""
    if remote.status == "failed" and any(fault.code in _TOKEN_LIMIT_CODES for fault in remote.faults):
        connection.execute(
            statement("refuse_batch"),
            {
                "id": batch.id,
                "key": f"ingest-{uuid4().hex}",
                "message": _words(remote.faults),
                "wait_seconds": patience.refused_s,
            },
        )
        return False
    row_count = connection.execute(
        statement("follow_batch"),
        {
            "id": batch.id,
            "status": remote.status,
            "completed": remote.completed,
            "output_file_id": remote.output_file_id,
            "error_file_id": remote.error_file_id,
            "message": _words(remote.faults),
            "terminal": remote.is_terminal,
        },
    ).rowcount
    return remote.is_terminal and row_count == 1


def _words(faults: tuple[BatchFault, ...]) -> str | None:
    """The first of the provider's reasons, on one line."""
    if not faults:
        return None
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return re.sub(r"\s+", " ", f"{faults[0].code}: {faults[0].message}")[:500] + more


def _read(connection: Connection, batch_id: int) -> Batch:
    row = connection.execute(statement("read_batch"), {"id": batch_id}).fetchone()
    if row is None:
        raise AssertionError("batches are never deleted")
    return Batch(*row)


def _move(
    connection: Connection,
    batch: Batch,
    state: str,
    *,
    input_file_id: str | None = None,
    provider_batch_id: str | None = None,
    wait_seconds: float | None = None,
    message: str | None = None,
) -> None:
    connection.execute(
        statement("move_batch"),
        {
            "id": batch.id,
            "state": state,
            "input_file_id": input_file_id,
            "provider_batch_id": provider_batch_id,
            "wait_seconds": wait_seconds,
            "message": message,
        },
    )
