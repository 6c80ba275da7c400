"""What a run waits for, and for how long; and what it does not wait for, as it would not come.

Each `refuse_…` raises where all that is left depends on something that this run does not do.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from shutil import disk_usage
from typing import TYPE_CHECKING

from ingest.batches.backoff import refuse_failing
from ingest.batches.budget import InFlight
from ingest.batches.forecast import Work, expected, forecast_end
from ingest.batches.origin import described_origins, foreign_among
from ingest.batches.poller import elsewhere
from ingest.batches.records import is_failing, is_stuck
from ingest.batches.submitter import LEFT_ALONE, UNSUBMITTED
from ingest.batches.sync_mode import is_elsewhere
from ingest.commands import about_corpus
from ingest.database.locks import try_batch_lock
from ingest.database.news import listen, wait_for_news
from ingest.errors import UnreachableError, UsageError
from ingest.formatting import counted, some
from ingest.provider import RefusedAccountError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ingest.batches.budget import Budget
    from ingest.batches.records import Batch
    from ingest.database.connection import Connection
    from ingest.provider import Provider

_FIRST_PAUSE_S = 0.02
_PAUSE_GROWTH = 1.5
# Our own server waits for room on a disk that is full; it moves every second or so where there is some.
_STANDSTILL_S = 10.0
_FULL_DISK_BYTES = 64_000_000
_ANOTHER_MACHINE_S = 30.0  # a run there answers within that


class Pauses:
    """Pauses between two looks: short after something happened, then longer and longer, but over with news."""

    def __init__(self, connection: Connection, longest_s: float) -> None:
        listen(connection)
        self._connection = connection
        self._longest_s = longest_s
        self._next_s = _FIRST_PAUSE_S

    @property
    def seconds(self) -> float:
        """How long the next one is."""
        return min(self._next_s, self._longest_s)

    def begin_anew(self) -> None:
        """Something happened: look again at once."""
        self._next_s = _FIRST_PAUSE_S

    def sleep(self, batches: Sequence[Batch]) -> None:
        """Wait for the next look, or for news of these batches."""
        ids = {batch.provider_batch_id for batch in batches}
        if wait_for_news(self._connection, self.seconds, ids):
            self.begin_anew()
        else:
            self._next_s *= _PAUSE_GROWTH


def due_again_s(batches: Sequence[Batch], text_due_s: float | None) -> float | None:
    """In how many seconds the first batch or text is due of those that wait for their time; None: none does.

    `text_due_s`: the first text.
    """
    waits = [batch.wait_s for batch in batches if batch.waiting and batch.wait_s is not None]
    return min(waits if text_due_s is None else [*waits, text_due_s], default=None)


def what_runs(batches: list[Batch], stuck_s: float, corpus: str) -> str:
    """The batches of a corpus by what they do, for the progress bar."""
    counts: dict[str, int] = {}
    for batch in batches:
        state = (batch.provider_status or "submitted") if batch.state == "submitted" else batch.state
        if batch.tries and batch.state in ("submitted", "finished"):
            state = "in trouble (see `ingest status`)"
        if batch.refusals and batch.state == "uploaded" and batch.wait_s:
            state = f"refused because the queue was full, tried again in {batch.wait_s:,.0f} s"
        if is_stuck(batch, stuck_s):
            state = f"stuck in {state} (see `ingest retry --stuck`)"
        counts[state] = counts.get(state, 0) + 1
    states = ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in counts.items())
    return about_corpus(states, corpus)


def what_is_awaited(batches: Sequence[Batch], history: Sequence[float], budget: Budget, pause_s: float) -> str:
    """Which batches, since when, until when, and when they are looked at again, for the person at the terminal.

    `history`: how many seconds past batches took. Nothing where no batch is at the provider.
    """
    sent = [batch for batch in batches if batch.state == "submitted" and batch.submitted_at]
    forecast = forecast_end(history, [batch.age_s or 0.0 for batch in sent], Work(0, 0, 0), budget, InFlight(0, 0, 0))
    if not forecast:
        return ""
    now, oldest = datetime.now().astimezone(), max(sent, key=lambda batch: batch.age_s or 0.0)
    since = now - timedelta(seconds=oldest.age_s or 0.0)
    of = "" if len(sent) == 1 else "the oldest "
    return (
        f"waiting for {counted(len(sent), 'batch', 'batches')} "
        f"({some([batch.provider_batch_id or batch.key for batch in sent], 2)}), {of}sent "
        f"{since:{'%H:%M' if since.date() == now.date() else '%Y-%m-%d %H:%M'}}; expected: {expected(forecast)}; "
        f"next look at {now + timedelta(seconds=pause_s):%H:%M:%S}. This terminal may be closed: the same command goes "
        "on from here, and nothing is sent twice"
    )


def refuse_refused(refusals: Sequence[str], endpoint: str, model: str) -> None:
    """End what would only be refused again: it is the account that was, and none of its texts."""
    if refusals:
        raise RefusedAccountError(
            f"the provider at {endpoint} refuses this account, whatever the text: {refusals[0]}.",
            "Nothing is lost, and no text has used up an attempt: check the account's credit, its key, and that it "
            f"may use {model} with these options; then run the same command again.",
        )


def refuse_what_would_not_come(
    connection: Connection,
    corpus: str,
    provider: Provider,
    folder: Path,
    batches: Sequence[Batch],
    *,
    foreign: bool,
) -> None:
    """All that is left depends on what this run does not do. `foreign`: what another database sent is ours."""
    refuse_another_provider(connection, provider, batches)
    refuse_another_machine(connection, corpus, folder, batches)
    if not foreign:
        refuse_another_database(connection, batches)
    refuse_all_failing(batches)


def refuse_another_provider(connection: Connection, provider: Provider, batches: Sequence[Batch]) -> None:
    """All is in flight at another provider."""
    foreign = elsewhere(connection, provider)
    if foreign and len(foreign) == len(batches):
        raise UsageError(
            f"what is left is in flight at {foreign[0].endpoint} ({len(foreign)} batches), and this run is for "
            f"{provider.endpoint}: run again with that provider to fetch the results."
        )


def refuse_all_failing(batches: Sequence[Batch]) -> None:
    """All was tried until that was enough; what is ready and does not go waits for the room that the others take."""
    if all(is_failing(batch) or (batch.state == "ready" and not batch.waiting) for batch in batches):
        refuse_failing(list(batches))


def refuse_another_database(connection: Connection, batches: Sequence[Batch]) -> None:
    """All is to be sent by the database of which this is a copy; what is ready waits for the room that it takes."""
    left = [batch for batch in foreign_among(connection, batches) if batch.state in UNSUBMITTED]
    if any(batch.state == "creating" and batch.message != LEFT_ALONE for batch in left):
        return  # it is still looked for
    if left and all(batch in left or (batch.state == "ready" and not batch.waiting) for batch in batches):
        what = "run again with --yes to send their texts from here as well, and pay for them here."
        raise UsageError(described_origins([batch.sent_from for batch in left], what))


def refuse_another_machine(connection: Connection, corpus: str, folder: Path, batches: Sequence[Batch]) -> None:
    """All was being answered by a run on another machine, which is no more."""
    left = [batch for batch in batches if is_elsewhere(batch, folder) and batch.idle_s > _ANOTHER_MACHINE_S]
    if len(left) < len(batches):
        return
    with try_batch_lock(connection, corpus, left[0].id) as nobody_has_it:
        if not nobody_has_it:
            return
        raise UsageError(
            f"what is left was being answered by a run on another machine, and its answers are there, at "
            f"{left[0].shard_path}.output: run again there; or `ingest cancel`, and those texts are paid again."
        )


def refuse_full_disk(data_dir: Path, batches: Sequence[Batch]) -> None:
    """Our own server has no room to embed."""
    if not batches or min(batch.idle_s for batch in batches) < _STANDSTILL_S:
        return
    if disk_usage(data_dir).free < _FULL_DISK_BYTES:
        raise UnreachableError(
            f"the disk of {data_dir} is full, and texts are embedded there. Nothing is lost: make "
            "room, then run the same command again."
        )
