"""The rows of `batches`: what a batch is, and its moves from state to state.

    ready -> uploading -> uploaded -> creating -> submitted -> finished -> done
    ready -> answering                                      -> finished -> done

Every move is one statement, committed before the call that it announces or after the one that it records.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ingest.database.statements import statement
from ingest.errors import StoppedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from ingest.database.connection import Connection
    from ingest.provider import BatchFault
    from ingest.settings import Mode

# What `provider_status` says of a batch that is waited for no longer, beside the provider's own words.
UNKNOWN = "unknown"
ABANDONED = "abandoned"
# And of one that is answered while we wait.
ANSWERED = "answered"
INTERRUPTED = "interrupted"
# The states in which a batch counts as taken by the provider: from its upload on, and from its creation on.
LEAVING = ["uploading", "uploaded", "creating", "submitted"]
ENQUEUED = ["creating", "submitted"]

# How often a batch is tried in a row before that is without success.
MOST_TRIES = 12

_MAX_MESSAGE = 500


@dataclass(frozen=True, slots=True)
class Batch:
    """A row of `batches`.

    `waiting`: not before a time that has not come; `tries`: in a row that were unclear, refused or without success;
    `mode`: as a batch at the provider, or answered while we wait; `idle_s`: seconds since the provider told something
    new; `wait_s`: until that time, where there was one; `age_s`: since it was sent; `sent_from`: which database,
    see `origin`; `refusals`: in a row, as the queue was full.
    """

    id: int
    key: str
    state: str
    mode: Mode
    model: str
    dimensions: int
    endpoint: str
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
    tries: int
    cancel_asked: bool
    idle_s: float
    created_at: datetime
    submitted_at: datetime | None
    wait_s: float | None = None
    age_s: float | None = None
    sent_from: Mapping[str, Any] | None = None
    refusals: int = 0


def past_durations(connection: Connection, endpoint: str, model: str) -> list[float]:
    """How many seconds the last batches of that kind took, from being sent to their end; none over a day."""
    rows = connection.execute(statement("list_batch_durations"), {"endpoint": endpoint, "model": model})
    return [row[0] for row in rows]


def new_key() -> str:
    """A key that no other batch has: by it a file or a batch is found again at the provider."""
    return f"ingest-{uuid4().hex}"


OUR_NAME = re.compile(r"ingest-[0-9a-f]{32}\.jsonl")
"""How the name of a file begins that is of a batch of ours."""


def output_file(folder: Path, batch: Batch) -> Path:
    """Where the result lines of a batch lie: downloaded, or written as they are answered."""
    return folder / f"{batch.key}.jsonl.output"


def named_files(batch: Batch) -> str:
    """The result files of a batch at the provider, by their names there; empty where it has none."""
    names = [name for name in (batch.output_file_id, batch.error_file_id) if name]
    return f"file{'s' if len(names) > 1 else ''} {' and '.join(names)}" if names else ""


def open_batches(connection: Connection) -> list[Batch]:
    """The batches that are not done, oldest first."""
    return [Batch(*row) for row in connection.execute(statement("list_open_batches"))]


def moving_batches(connection: Connection) -> list[Batch]:
    """Those of them that need no hand: what was exported waits for a person."""
    return [batch for batch in open_batches(connection) if batch.state != "exported"]


def read_batch(connection: Connection, batch_id: int) -> Batch:
    """One batch as it is now."""
    row = connection.execute(statement("read_batch"), {"id": batch_id}).fetchone()
    if row is None:
        raise AssertionError("batches are never deleted")
    return Batch(*row)


def move(
    connection: Connection,
    batch: Batch,
    state: str,
    *,
    input_file_id: str | None = None,
    provider_batch_id: str | None = None,
    wait_s: float | None = None,
    message: str | None = None,
    tries: int = 0,
) -> None:
    """Commit a batch's next state; ids that are None stay as they are."""
    connection.execute(
        statement("move_batch"),
        {
            "id": batch.id,
            "state": state,
            "input_file_id": input_file_id,
            "provider_batch_id": provider_batch_id,
            "wait_seconds": wait_s,
            "message": message,
            "tries": tries,
        },
    )


def dissolve(connection: Connection, batch: Batch, message: str) -> None:
    """End a batch that was never created at the provider; its requests wait again, as if never sent."""
    connection.execute(statement("dissolve_batch"), {"id": batch.id, "message": message})


@contextmanager
def sending(connection: Connection) -> Iterator[None]:
    """A transaction that says what is sent next; a cancel waits for its end, and then sees it.

    Raises:
        StoppedError: a cancel was given since this command began.
    """
    with connection.transaction():
        row = connection.execute(statement("lock_sending")).fetchone()
        if row != (connection.cancels,):
            raise StoppedError(
                f"stopped by `ingest cancel`: what was in flight for the corpus {connection.corpus} is taken back, "
                "the rest waits. Nothing is lost: run the same command again to send it."
            )
        yield


def cancel_sending(connection: Connection) -> set[int]:
    """Stop what began before: it sends nothing more. The batches that are in flight, all that there will be of it."""
    with connection.transaction():
        connection.execute(statement("cancel_sending"))
        return {batch.id for batch in moving_batches(connection)}


def is_stuck(batch: Batch, stuck_s: float) -> bool:
    """Whether nothing new was heard of a batch in flight for so long."""
    return batch.state == "submitted" and batch.idle_s >= stuck_s


def is_failing(batch: Batch) -> bool:
    """Whether a batch was tried for long enough: nothing waits for it but the next run."""
    return batch.tries >= MOST_TRIES


def words(faults: Sequence[BatchFault]) -> str | None:
    """The first of the provider's reasons, on one line."""
    if not faults:
        return None
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    text = re.sub(r"\s+", " ", f"{faults[0].code}: {faults[0].message}".replace("\0", "\ufffd"))
    return text[:_MAX_MESSAGE] + more
