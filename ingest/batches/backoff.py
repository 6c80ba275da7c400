"""One batch's trouble, told apart from the provider's: the batch waits, longer each time, and the others go on.

What may come right by itself is looked at `MOST_TRIES` times: a batch that cannot be asked after or loaded, a result
file that is not there yet. After that the batch is tried without success: it is named, and tried again by the next run.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.batches.records import MOST_TRIES, Batch, is_failing, named_files
from ingest.database.statements import statement
from ingest.errors import IngestError, UnreachableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingest.database.connection import Connection
    from ingest.provider import Provider

# The first pause as a part of `list_lag_s`; doubled with each: all of them take eight and a half times that long.
_FIRST_PAUSE = 1 / 480


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait, in seconds.

    `list_lag_s`: how long a list may lag before "not in the list" means "not there"; `refused_s`: before what was
    refused because the queue was full is tried again.
    """

    list_lag_s: float
    refused_s: float


def limited_rounds(connection: Connection) -> int:
    """How often in a row a rate limit let nothing through; each time, what it held up waits twice as long."""
    ((rounds,),) = connection.execute(statement("read_limits")).fetchall()
    return int(rounds)


def hear_limits(
    connection: Connection, loaded: int, limited: Sequence[tuple[int, str]], newest: int, most_rounds: int
) -> str | None:
    """Take in what a load brought: so many vectors, and the batches of which nothing was let through, with words.

    What to tell of it. `newest`: the last batch that there is: those up to it are of the same round. It is kept in the
    database, as a run may be of many processes.

    Raises:
        UnreachableError: it was so too often; what comes next is counted anew.
    """
    if loaded:
        connection.execute(statement("forget_limits"))
    if not limited:
        return None
    last, words = max(limited)
    counted = connection.execute(statement("note_limit"), {"batch_id": last, "newest_id": newest}).fetchone()
    if not counted:
        return None
    words = f"the provider refuses every text of a batch: {words}. They wait, each time twice as long"
    if counted[0] >= most_rounds:
        connection.execute(statement("forget_limits"))
        raise UnreachableError(
            f"{words}. That was so {counted[0]} times in a row. Nothing is lost, and no text has used up an attempt: "
            "run the same command again later."
        )
    return words


class DiskError(UnreachableError):
    """A result file cannot be written: no other would be."""


@contextmanager
def of_one_batch(
    connection: Connection, provider: Provider, batch: Batch, backoff: Backoff
) -> Iterator[list[IngestError]]:
    """Postpone a batch that the provider has trouble with, and with it alone; the trouble, once there is some.

    Raises:
        UnreachableError, UsageError: the provider answers nothing else, either; or it is this machine's disk.
    """
    trouble: list[IngestError] = []
    try:
        yield trouble
    except DiskError:
        raise
    except (UnreachableError, UsageError) as error:
        provider.check()
        trouble.append(error)
        # What is refused is not asked for again and again.
        postpone(connection, batch, backoff, error.what, tries=MOST_TRIES if isinstance(error, UsageError) else 0)


def postpone(
    connection: Connection, batch: Batch, backoff: Backoff, message: str, *, completed: int = 0, tries: int = 0
) -> None:
    """Look at a batch again later; `completed`: what the provider counts; `tries`: that it counts for, at least."""
    connection.execute(
        statement("postpone_batch"),
        {
            "id": batch.id,
            "pause_seconds": backoff.list_lag_s * _FIRST_PAUSE,
            "message": message,
            "completed": completed,
            "tries": tries,
        },
    )


def was_given_time(batch: Batch, message: str) -> bool:
    """Whether a batch was postponed for this reason for as long as it may be."""
    return batch.message == message and batch.tries >= MOST_TRIES - 1


def resume(connection: Connection) -> None:
    """Try again what an earlier run tried without success."""
    connection.execute(statement("resume_batches"), {"most_tries": MOST_TRIES})


def refuse_failing(batches: Sequence[Batch]) -> None:
    """End what has nothing left to do but what is tried without success.

    Raises:
        UnreachableError: one of these batches is.
    """
    failing = [batch for batch in batches if is_failing(batch)]
    if failing:
        batch = failing[0]
        named = f"{batch.id} ({batch.provider_batch_id})" if batch.provider_batch_id else f"{batch.id}"
        more = f", and {len(failing) - 1} more," if len(failing) > 1 else ""
        files = named_files(batch) or "result file"
        by_hand = f", or fetch the provider's {files} by hand, and `ingest load FILE`: both are free"
        free = by_hand if batch.submitted_at else ""
        raise UnreachableError(
            f"batch {named}{more} got no further in {batch.tries} tries: {(batch.message or '').rstrip('.')}. Nothing "
            f"is lost, and the others went on: run the same command again later{free}. "
            "Last of all, `ingest retry --stuck` gives it up: its texts are sent again, and those that were answered "
            "are paid again."
        )
