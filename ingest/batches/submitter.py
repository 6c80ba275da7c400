"""Shards into batches at the provider: exactly once.

A batch's state is committed before the call that it announces, so that after any stop the state says what may have
happened, and the provider is asked before anything is repeated:

    ready -> uploading -> uploaded -> creating -> submitted

`uploading` found after a stop: the file is looked up by its name, which is our key. `creating`: the batch is looked up
by the key in its metadata, now and again after a grace time, because lists lag behind. So is each batch that was
written before a standby was promoted, which may lack the commits that said so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from ingest.batches.backoff import of_one_batch
from ingest.batches.budget import Budget, InFlight, fits
from ingest.batches.no_room import send_back, was_alone
from ingest.batches.origin import foreign_among, is_foreign, may_be_behind
from ingest.batches.records import (
    ENQUEUED,
    LEAVING,
    Batch,
    dissolve,
    is_failing,
    move,
    open_batches,
    read_batch,
    sending,
)
from ingest.database.locks import budget_lock, try_batch_lock
from ingest.database.statements import statement
from ingest.errors import IngestError, UsageError
from ingest.failpoints import reach
from ingest.provider import InputMissingError, NoRoomError, TryLaterError, UnclearOutcomeError

if TYPE_CHECKING:
    from collections.abc import Callable, Container
    from pathlib import Path

    from ingest.batches.backoff import Backoff
    from ingest.database.connection import Connection
    from ingest.provider import Parameters, Provider

# A batch's shard file, checked; None where it cannot be had any more.
ShardFile: TypeAlias = "Callable[[Batch], Path | None]"

_FIRST_WAIT_S = 0.5  # after the first unclear or refused call; doubled with each
_LONGEST_WAIT_S = 60.0
_MISSING_TRIES = 6  # half a minute
_SUSPECTED_TOKENS = 500_000  # of which none is known to be refused: of Gemini, 2 million on the lowest tier are told
_SUSPECTED_REFUSALS = 4  # a quarter of an hour: Gemini has had no room for anything for 20 minutes, say its users
LEFT_ALONE = "not in the provider's list: left to the database that wrote it"
_ANEW = "of another database: cut anew"
_LOOKED = "not in the provider's list yet; looking once more before it is created again"
_UNCREATED = ("ready", "uploading", "uploaded")
UNSUBMITTED = (*_UNCREATED, "creating")


def submit(
    connection: Connection,
    corpus: str,
    provider: Provider,
    budget: Budget,
    backoff: Backoff,
    shard_file: ShardFile,
    parameters: Parameters,
    states: Container[str],
    *,
    foreign: bool,
) -> int:
    """Bring every batch that can go, of those in these states, as far as `submitted`; how many got there.

    Of batches that another database wrote, those that it may have created are looked up: that is free. What is not
    found is left to it; with `foreign` its texts wait again.

    Raises:
        UnreachableError, UsageError: the provider is out of reach, or refuses one shard after the other.
    """
    submitted = 0
    for batch in open_batches(connection):
        if batch.waiting or batch.state not in states:
            continue
        if batch.state == "ready" and not _fits(connection, batch, budget, LEAVING):
            continue
        if batch.state not in ("ready", "uploading") and batch.endpoint != provider.endpoint:
            continue
        if batch.state != "creating" and is_foreign(connection, batch):
            continue
        with (
            try_batch_lock(connection, corpus, batch.id) as held,
            of_one_batch(connection, provider, batch, backoff) as trouble,
        ):
            if held:
                submitted += _Advance(
                    connection, corpus, provider, budget, backoff, shard_file, parameters, foreign
                ).run(batch.id)
        if trouble and isinstance(trouble[0], UsageError) and _is_refused(connection, batch.id - 1):
            raise trouble[0]  # as the one before: it is none of theirs, and the next would be uploaded for nothing
    return submitted


def take_over(connection: Connection, corpus: str) -> None:
    """Let what another database wrote wait again, of which this one is a copy, and is not created yet."""
    for batch in foreign_among(connection, open_batches(connection)):
        if batch.state in _UNCREATED:
            with try_batch_lock(connection, corpus, batch.id) as held:
                if held and read_batch(connection, batch.id).state == batch.state:
                    dissolve(connection, batch, _ANEW)


@dataclass(frozen=True, slots=True)
class _Advance:
    """Moves one batch, whose lock is held."""

    connection: Connection
    corpus: str
    provider: Provider
    budget: Budget
    backoff: Backoff
    shard_file: ShardFile
    parameters: Parameters
    foreign: bool

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
                    if self._was_cut(batch) or not self._announce_creation(batch):
                        return False
                    if not may_be_behind(self.connection, batch):  # else it is looked up first, as after a stop
                        self._create(batch)
                case "creating":
                    self._find_or_create(batch)
                case state:
                    return state == "submitted"

    def _begin(self, batch: Batch) -> bool:
        if self._was_cut(batch):
            return False
        reach("before-uploading")
        with sending(self.connection):
            budget_lock(self.connection, self.corpus)
            if not _fits(self.connection, batch, self.budget, LEAVING):
                return False
            self.connection.execute(statement("begin_batch"), {"id": batch.id, "endpoint": self.provider.endpoint})
        reach("after-uploading")
        self._upload(batch)
        return True

    def _was_cut(self, batch: Batch) -> bool:
        """Dissolve a batch that is larger than the provider takes, to be cut smaller; whether it was."""
        if not self.budget.is_too_large(batch.token_count, batch.request_count):
            return False
        dissolve(self.connection, batch, f"over the limit of {self.budget.max_batch_tokens:,} tokens: cut anew")
        return True

    def _find_or_upload(self, batch: Batch) -> None:
        if batch.endpoint != self.provider.endpoint:  # a file that lies elsewhere is of no use, and costs nothing
            self.connection.execute(statement("begin_batch"), {"id": batch.id, "endpoint": self.provider.endpoint})
        is_idempotent = self.provider.wire.is_upload_idempotent
        found = None if is_idempotent else self.provider.find_file(f"{batch.key}.jsonl")
        if found:
            move(self.connection, batch, "uploaded", input_file_id=found)
        else:
            self._upload(batch)

    def _upload(self, batch: Batch) -> None:
        path = self.shard_file(batch)
        if path is None:
            dissolve(self.connection, batch, "its file is gone, and its texts have changed: cut anew")
            return
        with sending(self.connection):
            pass
        try:
            file_id = self.provider.upload(path, f"{batch.key}.jsonl")
        except UnclearOutcomeError as error:
            self._wait(batch, "uploading", f"upload unclear: {error}")
        except TryLaterError as error:
            self._wait(batch, "uploading", str(error), error.wait_s)
        except IngestError as error:  # refused, or never sent
            move(self.connection, batch, "ready", message=error.what, tries=batch.tries)
            raise
        else:
            reach("after-upload")
            move(self.connection, batch, "uploaded", input_file_id=file_id, tries=batch.tries)
            reach("after-uploaded")

    def _announce_creation(self, batch: Batch) -> bool:
        """Commit the intent to create, where the budget allows it."""
        with sending(self.connection):
            budget_lock(self.connection, self.corpus)
            if not _fits(self.connection, batch, self.budget, ENQUEUED):
                return False
            move(self.connection, batch, "creating", tries=batch.tries)
        reach("after-creating")
        return True

    def _find_or_create(self, batch: Batch) -> None:
        """`creating` was found: whether the batch was created is not known."""
        if self.provider.wire.is_create_idempotent and not is_foreign(self.connection, batch):
            self._create(batch)
            return
        remote = self.provider.find_batch(batch.key, batch.input_file_id)
        if remote:
            move(self.connection, batch, "submitted", provider_batch_id=remote.id)
        elif batch.message != _LOOKED:
            lag_s = self.backoff.list_lag_s
            move(self.connection, batch, "creating", wait_s=lag_s, message=_LOOKED, tries=batch.tries)
            reach("after-look")
        elif is_foreign(self.connection, batch):
            if self.foreign:
                dissolve(self.connection, batch, _ANEW)
            else:  # it may be created from there
                move(self.connection, batch, "creating", wait_s=self.backoff.list_lag_s, message=LEFT_ALONE)
        else:
            # Announced anew: if this call's outcome is lost as well, both looks are due again.
            with sending(self.connection):
                move(self.connection, batch, "creating", tries=batch.tries)
            self._create(batch)

    def _create(self, batch: Batch) -> None:
        if batch.input_file_id is None:
            raise AssertionError("a batch is created from an uploaded file")
        try:
            remote = self.provider.create_batch(batch.input_file_id, batch.key, self.parameters)
        except UnclearOutcomeError as error:
            self._wait(batch, "creating", f"creation unclear: {error}")
        except (TryLaterError, IngestError) as error:
            # Gateways have said so of what had taken effect.
            if found := self.provider.find_batch(batch.key, batch.input_file_id):
                move(self.connection, batch, "submitted", provider_batch_id=found.id)
            else:
                self._note_refusal(batch, error)
        else:
            reach("after-create")
            move(self.connection, batch, "submitted", provider_batch_id=remote.id)
            reach("after-submitted")

    def _note_refusal(self, batch: Batch, error: TryLaterError | IngestError) -> None:
        """No batch was created: it is announced anew when it is tried again."""
        if isinstance(error, InputMissingError):
            # It is waited for, as it may not be known yet; then looked up, and sent again where it is not there.
            state = "uploaded" if batch.tries < _MISSING_TRIES else "uploading"
            self._wait(batch, state, str(error))
        elif isinstance(error, NoRoomError):
            # It may be of what others have enqueued, or of the minute: its own size is suspected last.
            is_large = batch.token_count >= _SUSPECTED_TOKENS and batch.refusals >= _SUSPECTED_REFUSALS
            suspected = is_large and was_alone(self.connection, batch, self.backoff)
            if not send_back(self.connection, batch, self.backoff, str(error), key=batch.key, by_itself=suspected):
                self._wait(batch, "uploaded", str(error), error.wait_s)
        elif isinstance(error, TryLaterError):
            self._wait(batch, "uploaded", str(error), error.wait_s)
        else:
            move(self.connection, batch, "uploaded", message=error.what, tries=batch.tries)
            raise error

    def _wait(self, batch: Batch, state: str, message: str, at_least_s: float = 0.0) -> None:
        wait_s = max(at_least_s, min(_FIRST_WAIT_S * 2.0**batch.tries, _LONGEST_WAIT_S))
        move(self.connection, batch, state, wait_s=wait_s, message=message, tries=batch.tries + 1)


def _is_refused(connection: Connection, batch_id: int) -> bool:
    return any(
        batch.id == batch_id and batch.state in UNSUBMITTED and is_failing(batch) for batch in open_batches(connection)
    )


def _fits(connection: Connection, batch: Batch, budget: Budget, states: list[str]) -> bool:
    (row,) = connection.execute(statement("sum_in_flight"), {"id": batch.id, "states": states})
    return fits(budget, InFlight(*row), batch.token_count, batch.request_count)
