"""Shards into batches at the provider: exactly once.

A batch's state is committed before the call that it announces, so that after any stop the state says what may have
happened, and the provider is asked before anything is repeated:

    ready -> uploading -> uploaded -> creating -> submitted

`uploading` found after a stop: the file is looked up by its name, which is our key. `creating`: the batch is looked up
by the key in its metadata, now and again after a grace time, because lists lag behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from ingest.batches import ENQUEUED, LEAVING, Batch, dissolve, move, open_batches, read_batch
from ingest.budget import Budget, InFlight, fits
from ingest.database.locks import budget_lock, try_batch_lock
from ingest.database.statements import statement
from ingest.errors import IngestError, UnreachableError
from ingest.failpoints import reach
from ingest.provider import InputMissingError, TryLaterError, UnclearOutcomeError

if TYPE_CHECKING:
    from collections.abc import Callable, Container
    from pathlib import Path

    from ingest.database.connection import Connection
    from ingest.provider import Provider

# A batch's shard file, checked; None where it cannot be had any more.
ShardFile: TypeAlias = "Callable[[Batch], Path | None]"

_FIRST_WAIT_S = 0.5  # after the first unclear or refused call; doubled with each
_LONGEST_WAIT_S = 60.0
_MAX_TRIES = 12  # in a row: about ten minutes
_MISSING_TRIES = 6  # half a minute
_LOOKED = "not in the provider's list yet; looking once more before it is created again"
UNSUBMITTED = ("ready", "uploading", "uploaded", "creating")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds.

    `list_lag_s`: how long a list may lag before "not in the list" means "not there"; `refused_s`: before what was
    refused for want of room is tried again.
    """

    list_lag_s: float
    refused_s: float


def submit(
    connection: Connection,
    corpus: str,
    provider: Provider,
    budget: Budget,
    patience: Patience,
    shard_file: ShardFile,
    states: Container[str] = UNSUBMITTED,
) -> int:
    """Bring every batch that can go, of those in these states, as far as `submitted`; how many got there.

    Raises:
        UnreachableError, UsageError: the provider is out of reach, or refuses.
    """
    submitted = 0
    for batch in open_batches(connection):
        if batch.waiting or batch.state not in states:
            continue
        if batch.state == "ready" and not _fits(connection, batch, budget, LEAVING):
            continue
        if batch.state not in ("ready", "uploading") and batch.endpoint != provider.endpoint:
            continue
        with try_batch_lock(connection, corpus, batch.id) as held:
            if held:
                submitted += _Advance(connection, corpus, provider, budget, patience, shard_file).run(batch.id)
    return submitted


@dataclass(frozen=True, slots=True)
class _Advance:
    """Moves one batch, whose lock is held."""

    connection: Connection
    corpus: str
    provider: Provider
    budget: Budget
    patience: Patience
    shard_file: ShardFile

    def run(self, batch_id: int) -> bool:
        """Go as far as `submitted`; whether it got there."""
        while True:
            batch = read_batch(self.connection, batch_id)
            if batch.waiting:
                return False
            match batch.state:
                case "ready":
                    if not self._begin(batch):
                        return False
                case "uploading":
                    self._find_or_upload(batch)
                case "uploaded":
                    if not self._announce_creation(batch):
                        return False
                    self._create(batch)
                case "creating":
                    self._find_or_create(batch)
                case state:
                    return state == "submitted"

    def _begin(self, batch: Batch) -> bool:
        limit = self.budget.max_enqueued_tokens
        if limit is not None and batch.token_count > limit and batch.request_count > 1:
            dissolve(self.connection, batch, f"over the limit of {limit:,} tokens: cut anew")
            return False
        reach("before-uploading")
        with self.connection.transaction():
            budget_lock(self.connection, self.corpus)
            if not _fits(self.connection, batch, self.budget, LEAVING):
                return False
            self.connection.execute(statement("begin_batch"), {"id": batch.id, "endpoint": self.provider.endpoint})
        reach("after-uploading")
        self._upload(batch)
        return True

    def _find_or_upload(self, batch: Batch) -> None:
        if batch.endpoint != self.provider.endpoint:  # a file that lies elsewhere is of no use, and costs nothing
            self.connection.execute(statement("begin_batch"), {"id": batch.id, "endpoint": self.provider.endpoint})
        found = self.provider.find_file(f"{batch.key}.jsonl")
        if found:
            move(self.connection, batch, "uploaded", input_file_id=found)
        else:
            self._upload(batch)

    def _upload(self, batch: Batch) -> None:
        path = self.shard_file(batch)
        if path is None:
            dissolve(self.connection, batch, "its file is gone, and its texts have changed: cut anew")
            return
        try:
            file_id = self.provider.upload(path, f"{batch.key}.jsonl")
        except UnclearOutcomeError as error:
            self._wait(batch, "uploading", f"upload unclear: {error}")
        except TryLaterError as error:
            self._wait(batch, "uploading", str(error), error.wait_s)
        except IngestError as error:  # refused, or never sent
            move(self.connection, batch, "ready", message=str(error))
            raise
        else:
            reach("after-upload")
            move(self.connection, batch, "uploaded", input_file_id=file_id)
            reach("after-uploaded")

    def _announce_creation(self, batch: Batch) -> bool:
        """Commit the intent to create, where the budget allows it."""
        with self.connection.transaction():
            budget_lock(self.connection, self.corpus)
            if not _fits(self.connection, batch, self.budget, ENQUEUED):
                return False
            move(self.connection, batch, "creating", tries=batch.tries)
        reach("after-creating")
        return True

    def _find_or_create(self, batch: Batch) -> None:
        """`creating` was found: whether the batch was created is not known."""
        remote = self.provider.find_batch(batch.key, batch.input_file_id)
        if remote:
            move(self.connection, batch, "submitted", provider_batch_id=remote.id)
        elif batch.message != _LOOKED:
            lag_s = self.patience.list_lag_s
            move(self.connection, batch, "creating", wait_s=lag_s, message=_LOOKED, tries=batch.tries)
            reach("after-look")
        else:
            # Announced anew: if this call's outcome is lost as well, both looks are due again.
            move(self.connection, batch, "creating", tries=batch.tries)
            self._create(batch)

    def _create(self, batch: Batch) -> None:
        if batch.input_file_id is None:
            raise AssertionError("a batch is created from an uploaded file")
        try:
            remote = self.provider.create_batch(batch.input_file_id, batch.key)
        except UnclearOutcomeError as error:
            self._wait(batch, "creating", f"creation unclear: {error}")
        except InputMissingError as error:
            # It is waited for, as it may not be known yet; then looked up, and sent again where it is not there.
            state = "uploaded" if batch.tries < _MISSING_TRIES else "uploading"
            self._wait(batch, state, str(error))
        except TryLaterError as error:
            self._wait(batch, "uploaded", str(error), error.wait_s)
        except IngestError as error:  # refused, so nothing was created
            move(self.connection, batch, "uploaded", message=str(error))
            raise
        else:
            reach("after-create")
            move(self.connection, batch, "submitted", provider_batch_id=remote.id)
            reach("after-submitted")

    def _wait(self, batch: Batch, state: str, message: str, at_least_s: float = 0.0) -> None:
        tries = batch.tries + 1
        wait_s = max(at_least_s, min(_FIRST_WAIT_S * 2.0**batch.tries, _LONGEST_WAIT_S))
        move(self.connection, batch, state, wait_s=wait_s, message=message, tries=tries)
        if tries % _MAX_TRIES == 0:
            raise UnreachableError(
                f"batch {batch.id} got no further in {tries} tries: {message}. Nothing is lost: run the same command "
                "again later."
            )


def _fits(connection: Connection, batch: Batch, budget: Budget, states: list[str]) -> bool:
    row = connection.execute(statement("sum_in_flight"), {"id": batch.id, "states": states}).fetchone()
    in_flight = InFlight(*row) if row else InFlight(0, 0, 0)
    return fits(budget, in_flight, batch.token_count, batch.request_count)
