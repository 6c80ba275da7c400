"""The way of requests through the provider: shards, batches, results; until nothing waits and nothing is in flight.

Every step starts from what the database says, so that a flow may be broken off anywhere, taken up by another process,
or run by several at once.
"""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ingest.batches.backoff import Backoff, hear_limits, limited_rounds, of_one_batch, resume
from ingest.batches.duplicates import find_duplicates, poll_duplicates
from ingest.batches.late_files import due_batches, late_batches, load_late
from ingest.batches.learned_limits import known_budget
from ingest.batches.loader import load_batch
from ingest.batches.poller import cancel_stuck, poll, stuck_batches, withdraw
from ingest.batches.prefetch import fetched_ahead
from ingest.batches.rate_limit import Pace
from ingest.batches.reconcile import LoadReport, Retries
from ingest.batches.records import ABANDONED, Batch, is_stuck, moving_batches, open_batches, past_durations, sending
from ingest.batches.remote_files import clean, clean_left_over
from ingest.batches.shards import Shard, ShardPlan, make_folder, remove_orphans, shard_file, shard_plan, write_shard
from ingest.batches.submitter import UNSUBMITTED, submit, take_over
from ingest.batches.sync_mode import Calls, answer, close_interrupted, give_up_elsewhere, is_elsewhere, take_back
from ingest.batches.waiting import (
    Pauses,
    refuse_all_failing,
    refuse_another_provider,
    refuse_full_disk,
    refuse_refused,
    refuse_what_would_not_come,
    what_is_awaited,
    what_runs,
)
from ingest.database.statements import statement
from ingest.telemetry import Stages

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from pathlib import Path

    from ingest.batches.budget import Budget
    from ingest.database.connection import Connection
    from ingest.database.corpus import Indexing
    from ingest.provider import Provider
    from ingest.settings import Mode, Settings
    from ingest.telemetry import Bar, Progress

# Files are deleted at the provider when there is nothing else to do, but no later than after so many batches: our own
# server is slow to answer while it embeds.
_UNCLEANED_BATCHES = 16
_LOOK_S = 30.0  # so often results are looked for while shards are written: first of all the provider has its work
# Answered while we wait: some ten to twenty calls, whose texts are held in memory, and then are searchable.
_ANSWERED_SHARD_REQUESTS, _ANSWERED_SHARD_TOKENS = 8_000, 4_000_000
_TOLD_PAUSE_S = 5.0  # where the next look is so far off, a person is told what for
_LOCAL_POLL_S = 0.25  # our own server on this machine may be asked often


@dataclass(frozen=True, slots=True)
class _Left:
    """What a round leaves: the batches in flight; so many texts done, what to tell; whether anything moved in it."""

    batches: list[Batch]
    done: int
    note: str
    has_moved: bool


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
    """`sync`: what waits is answered while we wait; what is in flight as a batch comes as a batch."""
    pace: Pace = field(default_factory=Pace)
    stuck: Callable[[Sequence[Batch]], None] = lambda _batches: None
    """Told of the batches that make no progress, at each look."""
    foreign: bool = False
    """Whether what another database wrote, of which this is a copy, is sent from here all the same."""
    say: Callable[[str], None] = lambda _line: None
    """Told what people should read."""
    stages: Stages = field(default_factory=Stages)
    """Where it is noted how long submitting and loading took."""

    def embed(self, report: LoadReport, progress: Progress) -> None:
        """Submit, poll and load until nothing is waiting or in flight; what was done is added to the report."""
        pauses = Pauses(self.connection, self._longest_pause_s)
        with progress.stage("embedding", unit="texts", total=outstanding(self.connection)) as bar:
            # What a run before sent shows how the account was then.
            for left in self._rounds(report, bar, {batch.id for batch in open_batches(self.connection)}):
                if left.has_moved:
                    pauses.begin_anew()
                if not self.is_local and pauses.seconds >= _TOLD_PAUSE_S:
                    history = past_durations(self.connection, self.provider.endpoint, self.indexing.model)
                    awaited = what_is_awaited(left.batches, history, self._budget, pauses.seconds)
                    bar.update(left.done, note=left.note, waits_for=awaited)
                pauses.sleep(left.batches)

    def advance(self, report: LoadReport, progress: Progress) -> bool:
        """One round: submit, poll and load as long as anything moves. Whether nothing is waiting or in flight then."""
        if self.is_local:  # what embeds there ends with us
            self.embed(report, progress)
            return True
        with progress.stage("embedding", unit="texts", total=outstanding(self.connection)) as bar:
            return next(self._rounds(report, bar, frozenset()), None) is None

    def _rounds(self, report: LoadReport, bar: Bar, sent_before: Collection[int]) -> Iterator[_Left]:
        """Submit, poll and load as long as anything moves; what is left each time that nothing does, until that is all.

        `sent_before`: batches that may be refused with all their texts without that being the account's end.

        Raises:
            UnreachableError, UsageError: what is left would not come, however long it is waited for.
        """
        uncleaned = 0
        has_moved = False
        if self.mode == "sync":
            take_back(self.connection, self.corpus)
        resume(self.connection)
        next_look_s = time.monotonic() + _LOOK_S
        lists = [time.monotonic()]  # when the provider's list is looked through for duplicates
        while True:
            with sending(self.connection):
                pass  # a run that only waits is stopped, too
            # Before a text is paid again, what answered it once is asked for again.
            report.add(self.load_late(due_batches(self.connection, self.provider.endpoint)))
            wrote = self.write_shard()
            moved = self.submit()
            if moved:
                lists = [time.monotonic(), time.monotonic() + self._backoff.list_lag_s]
            if self.mode == "sync":
                moved += self.answer(bar, report.loaded + report.failed)
            loaded = LoadReport()
            if not wrote or self.mode == "sync" or time.monotonic() >= next_look_s:
                if lists and lists[0] <= time.monotonic():
                    self.find_duplicates()
                    lists.pop(0)
                moved += self.poll()
                loaded = self.load_finished()
                next_look_s = time.monotonic() + _LOOK_S
            report.add(loaded)
            now = [words for batch_id, words in loaded.refusals if batch_id not in sent_before]
            refuse_refused(now, self.provider.endpoint, self.indexing.model)
            batches = moving_batches(self.connection)
            self._hear_limits(loaded, batches)
            self.stuck([batch for batch in batches if is_stuck(batch, self._stuck_s)])
            done = report.loaded + report.failed
            note = what_runs(batches, self._stuck_s, self.corpus)
            done += sum(batch.provider_completed for batch in batches)
            bar.update(done, note=note)
            uncleaned += loaded.batches
            is_idle = not (wrote or moved or loaded.batches)
            if uncleaned and (is_idle or uncleaned >= _UNCLEANED_BATCHES):
                self.clean_loaded()
                uncleaned = 0
            if not is_idle:
                has_moved = True
                continue
            if not self._waiting():
                if not batches:
                    break
                refuse_what_would_not_come(
                    self.connection, self.corpus, self.provider, self.folder, batches, foreign=self.foreign
                )
            if self.is_local:
                refuse_full_disk(self.settings.data_dir, batches)
            yield _Left(batches, done, note, has_moved)
            has_moved = False
        self.clean_loaded()
        remove_orphans(self.connection, self.corpus, self.folder)

    def withdraw(self, ours: set[int]) -> int:
        """Take back these batches, as far as that goes at once; how many moved."""
        moved = withdraw(self.connection, self.corpus, self.provider, self._backoff, ours)
        return moved + give_up_elsewhere(self.connection, self.corpus, self.folder, ours)

    def cancel(self, ours: set[int], report: LoadReport, progress: Progress) -> None:
        """Take back these batches; load what is done, and leave the rest waiting."""
        pauses = Pauses(self.connection, self._longest_pause_s)
        resume(self.connection)
        with progress.stage("cancelling", unit="batches") as bar:
            while True:
                moved = self.withdraw(ours) + self.poll()
                loaded = self.load_finished()
                report.add(loaded)
                self.clean_loaded()
                batches = [batch for batch in open_batches(self.connection) if batch.id in ours]
                bar.update(report.batches, note=what_runs(batches, self._stuck_s, self.corpus))
                if not batches:
                    return
                refuse_another_provider(self.connection, self.provider, batches)
                refuse_all_failing(batches)
                if moved or loaded.batches:
                    pauses.begin_anew()
                else:
                    pauses.sleep(batches)

    def write_shard(self) -> Shard | None:
        """The next of what waits and may go, into a shard file; None where there is nothing."""
        return write_shard(self.connection, self.corpus, self.folder, self._plan())

    def submit(self) -> int:
        """Send what fits as batches; how many were created. In mode sync: only what may have been created before."""
        plan = self._plan()
        states = [state for state in UNSUBMITTED if state != "ready" or self.mode == "batch"]

        def file_of(batch: Batch) -> Path | None:
            return shard_file(self.connection, batch, self.folder, plan)

        if self.foreign:
            take_over(self.connection, self.corpus)
        with self.stages.step("submit") as told:
            created = submit(
                self.connection,
                self.corpus,
                self.provider,
                self._budget,
                self._backoff,
                file_of,
                plan.parameters,
                states,
                foreign=self.foreign,
            )
            told["batches"] = created
        return created

    def answer(self, bar: Bar, done: int) -> int:
        """Have the shards answered that are ready; how many moved. `done`: what the bar has without them."""
        plan = self._plan()
        calls = Calls(self.provider, self.indexing, plan.parameters, self.settings.sync_concurrency, self.pace)
        with self.stages.step("answer") as told:
            moved = answer(
                self.connection,
                self.corpus,
                calls,
                self.folder,
                plan.max_requests,
                lambda count: bar.update(done + count),
            )
            told["batches"] = moved
        return moved

    def poll(self) -> int:
        """Ask after what is in flight; how many batches ended."""
        ended = poll(self.connection, self.corpus, self.provider, self._backoff)
        poll_duplicates(self.connection, self.provider, self.say)
        return ended + self.close_interrupted()

    def find_duplicates(self) -> None:
        """Look for batches that the provider has twice."""
        find_duplicates(self.connection, self.provider, self.say)

    def close_interrupted(self) -> int:
        """Finish the shards that a stop left half answered; how many."""
        return close_interrupted(self.connection, self.corpus)

    def load_finished(self) -> LoadReport:
        """Load the batches that have ended."""
        finished = [
            batch
            for batch in open_batches(self.connection)
            if batch.state == "finished"
            and not batch.waiting
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
        if any(batch.provider_status == ABANDONED for batch in finished):  # their files may be there
            report.add(self.load_late(late_batches(self.connection, self.provider.endpoint)))
        return report

    def load_late(self, batch_ids: Sequence[int]) -> LoadReport:
        """Load what came after these batches were given up."""
        if not batch_ids:
            return LoadReport()
        make_folder(self.folder)
        self.loading()
        with self.stages.step("load") as told_of:
            report = load_late(
                self.connection, self.corpus, self.provider, self.indexing, self.folder, self.retries, batch_ids
            )
            for note in report.notes:
                self.say(note)
            report.notes.clear()
            if report.batches:
                self.loaded(report)
                self.clean_loaded()
            told_of |= {"batches": report.batches, "loaded": report.loaded, "failed": report.failed}
        return report

    def load(self, batches: Sequence[Batch]) -> LoadReport:
        """Load these, one after the other; the files of the next are fetched meanwhile."""
        report, retries = LoadReport(), self.retries
        with closing(fetched_ahead(self.connection, self.corpus, self.provider, batches, self.folder)) as held:
            for batch, fetching in held:
                with of_one_batch(self.connection, self.provider, batch, self._backoff):
                    report.add(
                        load_batch(self.connection, self.corpus, self.indexing, batch, fetching, self.folder, retries)
                    )
        return report

    def clean_loaded(self) -> None:
        """Delete the files of batches that are done, where that is wanted of every run."""
        if self.is_local or self.settings.clean:
            self.clean()

    def clean(self, *, foreign: bool = False) -> int:
        """Delete the files of batches that are done; how many."""
        return clean(self.connection, self.corpus, self.provider, foreign=foreign)

    def clean_left_over(self, *, foreign: bool = False) -> int:
        """Delete the files that lost answers left behind; how many."""
        return clean_left_over(self.connection, self.provider, foreign=foreign)

    def stuck_batches(self) -> list[Batch]:
        """The batches that make no progress, or are tried without success."""
        return stuck_batches(self.connection, self.provider, self._stuck_s)

    def cancel_stuck(self, *, foreign: bool = False) -> list[Batch]:
        """Cancel the batches that make no progress, and give up those that are tried without success."""
        return cancel_stuck(self.connection, self.corpus, self.provider, self._backoff, self._stuck_s, foreign=foreign)

    @property
    def retries(self) -> Retries:
        """How often, and how soon, a request is sent again."""
        wait_s = self.settings.retry_wait_seconds * 2.0 ** limited_rounds(self.connection)
        return Retries(self.settings.max_attempts, wait_s)

    @property
    def _backoff(self) -> Backoff:
        return Backoff(self.settings.list_lag_seconds, self.settings.refused_wait_seconds)

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
        where, most_tokens = (self.provider.wire, self.provider.endpoint), self._budget.max_batch_tokens
        plan = shard_plan(self.indexing, self.settings, *where, most_tokens, is_local=self.is_local)
        if self.mode == "sync":
            return replace(
                plan,
                max_requests=min(plan.max_requests, _ANSWERED_SHARD_REQUESTS),
                max_tokens=min(plan.max_tokens, _ANSWERED_SHARD_TOKENS),
            )
        return plan

    def _hear_limits(self, loaded: LoadReport, batches: list[Batch]) -> None:
        newest = max([batch.id for batch in batches] + [batch_id for batch_id, _ in loaded.limited], default=0)
        most = self.settings.max_attempts
        if words := hear_limits(self.connection, loaded.loaded, loaded.limited, newest, most):
            self.say(words)

    def _waiting(self) -> int:
        row = self.connection.execute(statement("count_waiting_requests")).fetchone()
        return row[0] if row else 0


def outstanding(connection: Connection) -> int:
    """How many requests wait or are in flight."""
    row = connection.execute(statement("count_requests")).fetchone()
    return row[0] + row[1] if row else 0
