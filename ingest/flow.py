"""The way of requests through the provider: shards, batches, results; until nothing waits and nothing is on the way.

Every step starts from what the database says, so that a flow may be broken off anywhere, taken up by another process,
or run by several at once.
"""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass, field, replace
from shutil import disk_usage
from typing import TYPE_CHECKING

from ingest.answering import Calls, answer, close_interrupted, give_up_elsewhere, is_elsewhere, take_back
from ingest.batches import Batch, is_stuck, open_batches
from ingest.budget import Budget
from ingest.cleaner import clean, clean_left_over
from ingest.database.corpus import find_indexing
from ingest.database.locks import try_batch_lock
from ingest.database.news import listen, wait_for_news
from ingest.database.statements import statement
from ingest.errors import UnreachableError, UsageError
from ingest.follower import cancel_stuck, elsewhere, poll, withdraw
from ingest.loader import load_batch
from ingest.pace import Pace
from ingest.prefetch import fetched_ahead
from ingest.settling import LoadReport, Retries
from ingest.shards import Shard, ShardPlan, make_folder, remove_orphans, shard_file, write_shard
from ingest.stages import Stages
from ingest.submitter import UNSUBMITTED, Patience, submit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ingest.database.connection import Connection
    from ingest.database.corpus import Indexing
    from ingest.progress import Bar, Progress
    from ingest.provider import Provider
    from ingest.settings import Mode, Settings

_FIRST_PAUSE_S = 0.02
_PAUSE_GROWTH = 1.5
# Files are deleted at the provider when there is nothing else to do, but no later than after so many batches: our own
# server is slow to answer while it embeds.
_UNCLEANED_BATCHES = 16
_LOOK_S = 30.0  # so often results are looked for while shards are written: first of all the provider has its work
# Our own server embeds one shard while the next is written and the last one is loaded.
_LOCAL_SHARD_REQUESTS = 4_000
# Answered while we wait: some ten to twenty calls, whose texts are held in memory, and then are searchable.
_ANSWERED_SHARD_REQUESTS, _ANSWERED_SHARD_TOKENS = 8_000, 4_000_000
# Our own server waits for room on a disk that is full; it moves every second or so where there is some.
_STANDSTILL_S = 10.0
_FULL_DISK_BYTES = 64_000_000
_LOCAL_POLL_S = 0.25  # our own server on this machine may be asked often


@dataclass(frozen=True, slots=True)
class Flow:
    """One corpus's requests and one provider."""

    connection: Connection
    corpus: str
    provider: Provider
    indexing: Indexing
    settings: Settings
    folder: Path
    """Where shard files and downloads lie."""
    is_local: bool
    loading: Callable[[], None]
    """What is done before vectors are loaded."""
    loaded: Callable[[LoadReport], None]
    """What is done with vectors that have arrived."""
    spread: Callable[[Sequence[Batch]], LoadReport] | None = None
    """How batches are loaded where that is not done here."""
    mode: Mode = "batch"
    """`sync`: what waits in line is answered while we wait; what is on its way as a batch comes as a batch."""
    pace: Pace = field(default_factory=Pace)
    stuck: Callable[[Sequence[Batch]], None] = lambda _batches: None
    """Told of the batches that make no progress, at each look."""
    stages: Stages = field(default_factory=Stages)
    """Where it is noted how long submitting and loading took."""

    def embed(self, report: LoadReport, progress: Progress) -> None:
        """Submit, follow and load until nothing is waiting or on the way; what was done is added to the report."""
        pauses = _Pauses(self.connection, self._longest_pause_s)
        uncleaned = 0
        if self.mode == "sync":
            take_back(self.connection, self.corpus)
        with progress.stage("embedding", unit="texts", total=outstanding(self.connection)) as bar:
            next_look_s = time.monotonic() + _LOOK_S
            while True:
                wrote = self.write_shard()
                moved = self.submit()
                if self.mode == "sync":
                    moved += self.answer(bar, report.loaded + report.failed)
                loaded = LoadReport()
                if not wrote or self.mode == "sync" or time.monotonic() >= next_look_s:
                    moved += self.poll()
                    loaded = self.load_finished()
                    next_look_s = time.monotonic() + _LOOK_S
                report.add(loaded)
                batches = [batch for batch in open_batches(self.connection) if batch.state != "exported"]
                self.stuck([batch for batch in batches if is_stuck(batch, self._stuck_s)])
                done = report.loaded + report.failed
                note = _what_runs(batches, self._stuck_s)
                bar.update(done + sum(batch.provider_completed for batch in batches), note=note)
                uncleaned += loaded.batches
                is_idle = not (wrote or moved or loaded.batches)
                if uncleaned and (is_idle or uncleaned >= _UNCLEANED_BATCHES):
                    self.clean_loaded()
                    uncleaned = 0
                if not is_idle:
                    pauses.begin_anew()
                    continue
                if not self._waiting():
                    if not batches:
                        break
                    self._refuse_to_wait_for_another_provider(batches)
                    self._refuse_to_wait_for_another_machine(batches)
                self._refuse_to_wait_for_room(batches)
                pauses.sleep(batches)
        self.clean_loaded()
        remove_orphans(self.connection, self.corpus, self.folder)

    def cancel(self, report: LoadReport, progress: Progress) -> None:
        """Take back what is on the way; load what is done, and leave the rest in line."""
        pauses = _Pauses(self.connection, self._longest_pause_s)
        with progress.stage("cancelling", unit="batches") as bar:
            while True:
                moved = withdraw(self.connection, self.corpus, self.provider, self._patience) + self.poll()
                moved += give_up_elsewhere(self.connection, self.corpus, self.folder)
                loaded = self.load_finished()
                report.add(loaded)
                self.clean_loaded()
                batches = [batch for batch in open_batches(self.connection) if batch.state != "exported"]
                bar.update(report.batches, note=_what_runs(batches, self._stuck_s))
                if not batches:
                    return
                self._refuse_to_wait_for_another_provider(batches)
                if moved or loaded.batches:
                    pauses.begin_anew()
                else:
                    pauses.sleep(batches)

    def write_shard(self) -> Shard | None:
        """The next of what waits in line and may go, into a shard file; None where there is nothing.

        Raises:
            UsageError: the corpus is of another model now.
        """
        now = find_indexing(self.connection)
        if now and (now.model, now.dimensions) != (self.indexing.model, self.indexing.dimensions):
            raise UsageError(f"the corpus {self.corpus} was re-embedded by {now.model} meanwhile: run again.")
        return write_shard(self.connection, self.corpus, self.folder, self._plan())

    def submit(self) -> int:
        """Send what fits as batches; how many were created. In mode sync: only what may have been created before."""
        plan = self._plan()
        states = [state for state in UNSUBMITTED if state != "ready" or self.mode == "batch"]

        def file_of(batch: Batch) -> Path | None:
            return shard_file(self.connection, batch, self.folder, plan)

        with self.stages.step("submit") as told:
            created = submit(self.connection, self.corpus, self.provider, self._budget, self._patience, file_of, states)
            told["batches"] = created
        return created

    def answer(self, bar: Bar, done: int) -> int:
        """Have the shards answered that are ready; how many moved. `done`: what the bar has without them."""
        calls = Calls(
            self.provider, self.indexing, self.settings.encoding_format, self.settings.sync_concurrency, self.pace
        )
        most_requests = self._plan().max_requests
        with self.stages.step("answer") as told:
            moved = answer(
                self.connection, self.corpus, calls, self.folder, most_requests, lambda count: bar.update(done + count)
            )
            told["batches"] = moved
        return moved

    def poll(self) -> int:
        """Ask after what is in flight; how many batches ended."""
        ended = poll(self.connection, self.corpus, self.provider, self._patience)
        return ended + self.close_interrupted()

    def close_interrupted(self) -> int:
        """Finish the shards that a stop left half answered; how many."""
        return close_interrupted(self.connection, self.corpus)

    def load_finished(self) -> LoadReport:
        """Load the batches that have ended."""
        finished = [
            batch
            for batch in open_batches(self.connection)
            if batch.state == "finished"
            and batch.endpoint == self.provider.endpoint
            and not is_elsewhere(batch, self.folder)
        ]
        if not finished:
            return LoadReport()
        make_folder(self.folder)
        self.loading()
        with self.stages.step("load") as told:
            report = self.load([batch for batch in finished if batch.mode == "sync"])  # their files are here
            if batches := [batch for batch in finished if batch.mode == "batch"]:
                report.add((self.spread or self.load)(batches))
            if report.batches:
                self.loaded(report)
            told |= {"batches": report.batches, "loaded": report.loaded, "failed": report.failed}
        return report

    def load(self, batches: Sequence[Batch]) -> LoadReport:
        """Load these, one after the other; the files of the next are fetched meanwhile."""
        report = LoadReport()
        with closing(fetched_ahead(self.connection, self.corpus, self.provider, batches, self.folder)) as held:
            for batch, fetching in held:
                report.add(
                    load_batch(self.connection, self.corpus, self.indexing, batch, fetching, self.folder, self.retries)
                )
        return report

    def clean_loaded(self) -> None:
        """Delete the files of batches that are done, where that is wanted of every run."""
        if self.is_local or self.settings.clean:
            self.clean()

    def clean(self) -> int:
        """Delete the files of batches that are done; how many."""
        return clean(self.connection, self.corpus, self.provider)

    def clean_left_over(self) -> int:
        """Delete the files that lost answers left behind; how many."""
        return clean_left_over(self.connection, self.provider)

    def cancel_stuck(self) -> list[Batch]:
        """Cancel the batches that make no progress."""
        return cancel_stuck(self.connection, self.corpus, self.provider, self._stuck_s)

    @property
    def retries(self) -> Retries:
        """How often, and how soon, a request is sent again."""
        return Retries(self.settings.max_attempts, self.settings.retry_wait_seconds)

    @property
    def _patience(self) -> Patience:
        return Patience(self.settings.list_lag_seconds, self.settings.refused_wait_seconds)

    @property
    def _stuck_s(self) -> float:
        return self.settings.stuck_hours * 3600

    @property
    def _longest_pause_s(self) -> float:
        return _LOCAL_POLL_S if self.is_local else self.settings.poll_seconds

    @property
    def _budget(self) -> Budget:
        return known_budget(self.connection, self.settings, self.provider.endpoint, self.indexing.model)

    def _plan(self) -> ShardPlan:
        limit = self._budget.max_enqueued_tokens
        plan = shard_plan(self.indexing, self.settings, self.provider.endpoint, limit, is_local=self.is_local)
        if self.mode == "sync":
            return replace(
                plan,
                max_requests=min(plan.max_requests, _ANSWERED_SHARD_REQUESTS),
                max_tokens=min(plan.max_tokens, _ANSWERED_SHARD_TOKENS),
            )
        return plan

    def _refuse_to_wait_for_another_provider(self, batches: list[Batch]) -> None:
        foreign = elsewhere(self.connection, self.provider)
        if foreign and len(foreign) == len(batches):
            raise UsageError(
                f"what is left is on its way at {foreign[0].endpoint} ({len(foreign)} batches), and this run is for "
                f"{self.provider.endpoint}: run again with that provider to fetch the results."
            )

    def _refuse_to_wait_for_room(self, batches: list[Batch]) -> None:
        if not self.is_local or not batches or min(batch.idle_s for batch in batches) < _STANDSTILL_S:
            return
        if disk_usage(self.settings.data_dir).free < _FULL_DISK_BYTES:
            raise UnreachableError(
                f"the disk of {self.settings.data_dir} is full, and texts are embedded there. Nothing is lost: make "
                "room, then run the same command again."
            )

    def _refuse_to_wait_for_another_machine(self, batches: list[Batch]) -> None:
        left = [batch for batch in batches if is_elsewhere(batch, self.folder) and batch.idle_s > _LOOK_S]
        if len(left) < len(batches):
            return
        with try_batch_lock(self.connection, self.corpus, left[0].id) as nobody_has_it:
            if not nobody_has_it:
                return
            raise UsageError(
                f"what is left was being answered by a run on another machine, and its answers are there, at "
                f"{left[0].shard_path}.output: run again there; or `ingest cancel`, and those texts are paid again."
            )

    def _waiting(self) -> int:
        row = self.connection.execute(statement("count_waiting_requests")).fetchone()
        return row[0] if row else 0


def outstanding(connection: Connection) -> int:
    """How many requests wait in line or are on the way."""
    row = connection.execute(statement("count_requests")).fetchone()
    return row[0] + row[1] if row else 0


def known_budget(connection: Connection | None, settings: Settings, endpoint: str, model: str) -> Budget:
    """What the provider takes at once: as the settings say, and as it told lately."""
    asked = {"endpoint": endpoint, "model": model}
    row = connection.execute(statement("read_learned_limit"), asked).fetchone() if connection else None
    limits = [limit for limit in (settings.max_enqueued_tokens, row and row[0]) if limit]
    return Budget(
        max_enqueued_tokens=min(limits, default=None),
        max_enqueued_requests=settings.max_enqueued_requests,
        max_batches_per_hour=settings.max_batches_per_hour,
    )


def shard_plan(
    indexing: Indexing,
    settings: Settings,
    endpoint: str,
    max_enqueued_tokens: int | None,
    *,
    is_local: bool = False,
) -> ShardPlan:
    """What goes into a shard: no more than the provider takes at once."""
    most_requests = settings.max_batch_requests
    if is_local:
        most_requests = min(most_requests, _LOCAL_SHARD_REQUESTS)
    return ShardPlan(
        indexing=indexing,
        deployment=settings.deployment,
        encoding_format=settings.encoding_format,
        endpoint=endpoint,
        max_requests=most_requests,
        max_bytes=settings.max_batch_bytes,
        max_tokens=min(max_enqueued_tokens or settings.max_batch_tokens, settings.max_batch_tokens),
    )


class _Pauses:
    """Pauses between two looks: short after something happened, then longer and longer, but over with news."""

    def __init__(self, connection: Connection, longest_s: float) -> None:
        listen(connection)
        self._connection = connection
        self._longest_s = longest_s
        self._next_s = _FIRST_PAUSE_S

    def begin_anew(self) -> None:
        self._next_s = _FIRST_PAUSE_S

    def sleep(self, batches: Sequence[Batch]) -> None:
        ids = {batch.provider_batch_id for batch in batches}
        if wait_for_news(self._connection, min(self._next_s, self._longest_s), ids):
            self.begin_anew()
        else:
            self._next_s *= _PAUSE_GROWTH


def _what_runs(batches: list[Batch], stuck_s: float) -> str:
    """The batches by what they do, for the progress bar."""
    counts: dict[str, int] = {}
    for batch in batches:
        state = (batch.provider_status or "submitted") if batch.state == "submitted" else batch.state
        if is_stuck(batch, stuck_s):
            state = f"stuck in {state} (see ingest retry --stuck)"
        counts[state] = counts.get(state, 0) + 1
    return ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in counts.items())
