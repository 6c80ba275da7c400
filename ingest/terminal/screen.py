"""What people see: progress on standard error, results on standard output. Only it prints, and `json_logs`."""

from __future__ import annotations

import logging
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import chain
from shlex import quote
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Console, Group
from rich.markup import escape
from rich.text import Text

from ingest.commands import DEFAULT_CORPUS, about_corpus, command
from ingest.formatting import clean, counted, duration
from ingest.redaction import redacted
from ingest.telemetry import Logged, log
from ingest.terminal import json_logs
from ingest.terminal.parts import Next, Part, least_width, listed, written

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from rich.table import Table

    from ingest.batches import Batch, Costs, LoadReport, Shard
    from ingest.corpus import Estimate, Passage, SyncReport
    from ingest.database.index_check import IndexCheck
    from ingest.doctor import Check
    from ingest.emulator import RunningEmulator
    from ingest.evaluation import Evaluation
    from ingest.provider import KnownModel
    from ingest.reporting import Round, RunReport, Status
    from ingest.runs import KeptCorpus
    from ingest.telemetry import Bar

_WIDEST = 10_000  # of a table that nobody's terminal limits, in columns


@dataclass(slots=True)
class Asked:
    """What a command was to spend so far, in all of its corpora, and since a person was asked last. US dollars."""

    spent: float = 0.0
    unasked: float = 0.0


class Screen:
    """Standard output for results, standard error for everything else."""

    def __init__(self, command: str = "", *, as_json: bool = False, quiet: bool = False, verbose: bool = False) -> None:
        """`command`: the one that is given; `as_json`: one JSON object on standard output, nothing else there."""
        json_logs.withhold_secrets()
        self._name = command
        self._as_json = as_json
        self._result: dict[str, Any] = {}
        self._quiet = quiet
        self.verbose = verbose
        self.asked = Asked()
        self.corpus = DEFAULT_CORPUS  # which the commands in what is said are about
        self.options = ""  # that they need, too
        self._logs_json = False
        self._out = Console(highlight=False)
        self._err = Console(stderr=True, highlight=False)

    def beside(self, corpus: str) -> Screen:
        """One for another corpus of the same command, which is told under its name."""
        other = Screen(self._name, as_json=self._as_json, quiet=self._quiet, verbose=self.verbose)
        other.corpus, other.options, other.asked = corpus, self.options, self.asked
        other._logs_json = self._logs_json
        if not self._as_json and not self._quiet:
            other._print(Text.assemble(("corpus ", "dim"), (corpus, "bold")))
        return other

    # Progress

    def log_as(self, log_format: str | None) -> None:
        """From now on progress and messages are for people, or, where this is `json`, for programs."""
        if log_format == "json" and not self._logs_json:
            self._logs_json = True
            json_logs.take_all()

    def stage(self, name: str, *, unit: str, total: int | None = None) -> AbstractContextManager[Bar]:
        """A bar on a terminal; elsewhere a line now and then."""
        from ingest.terminal.progress_bars import hidden, shown

        if self._quiet:
            return hidden()
        return Logged().stage(name, unit=unit, total=total) if self._logs_json else shown(self._err, name, unit, total)

    def say(self, message: str) -> None:
        """One line on standard error."""
        if self._quiet:
            return
        if self._logs_json:
            log("message", self._told(message))
        else:
            self._err.print(escape(self._told(message)), soft_wrap=True)  # a command is copied

    def confirm(self, question: str) -> bool:
        """A yes or no from a person; no, where there is none."""
        if self._logs_json or not sys.stdin.isatty():
            return False
        self._err.print(f"{self._told(question)} [y/N] ", end="", markup=False)
        return sys.stdin.readline().strip().lower() in {"y", "yes"}  # nothing at all is a no: Ctrl-D

    @property
    def has_person(self) -> bool:
        """Whether there is somebody to be asked."""
        return not self._logs_json and sys.stdin.isatty()

    def ask(self, question: str, default: str = "") -> str:
        """What a person says; the default, where that is nothing."""
        self._err.print(f"{question}{f' [{default}]' if default else ''} ", end="", markup=False)
        return clean(sys.stdin.readline().strip()) or default

    # The end

    def error(self, message: str, status: int, advice: str) -> None:
        """What went wrong, on standard error; always shown. `advice`: what next, for programs."""
        told = self._told(message)
        self._result |= {"error": told, "next": self._told(advice)}
        self.end(status)
        if self._logs_json:
            log("error", told, logging.ERROR, status=status)
        else:
            self._err.print(Text.assemble(("error: ", "bold red"), told), soft_wrap=True)

    def wrong_usage(self, message: str) -> None:
        """The JSON object of a command that cannot begin; what people read of it is printed elsewhere."""
        self._result = {"corpus": None, "error": clean(redacted(message)), "next": f"ingest {self._name} --help"}
        self.end(2)

    def end(self, status: int | None) -> None:
        """The one JSON object of the command, where that was asked for. None: it goes on."""
        if self._as_json:
            moment = datetime.now(UTC).isoformat(timespec="seconds")
            told = {"time": moment, "command": self._name, "corpus": self.corpus, "status": status}
            sys.stdout.write(msgspec.json.encode(told | self._result).decode() + "\n")
            sys.stdout.flush()

    # Results

    def show(self, result: object, parts: Iterable[Part]) -> None:
        """The result of a command: its parts for people, at once; or what its JSON object holds beside the status."""
        if self._as_json:
            advice = next((self._command(part.line) for part in parts if isinstance(part, Next)), None)
            self._result = msgspec.to_builtins(result, enc_hook=str) | {"next": advice}
            return
        for part in parts:
            self._print(part)

    def run_report(self, report: RunReport) -> None:
        """The summary of a run: what, how much, at what price, what next."""
        from ingest.terminal.run_summary import run_summary

        self.show(report, run_summary(report, verbose=self.verbose))

    def sync_report(self, report: SyncReport) -> None:
        """What a sync found."""
        from ingest.terminal.run_summary import sync_summary

        self.show(report, sync_summary(report, verbose=self.verbose))

    def dry_run(self, report: SyncReport, looked_at: Sequence[tuple[str, str]]) -> None:
        """What a sync would find; what it looked at, and what becomes of each."""
        from ingest.terminal.run_summary import sync_summary

        named = [(name.encode(errors="replace").decode(), what) for name, what in looked_at]
        told = {(each.name, each.reason) for each in report.skipped} if self.verbose else set()
        lines = (listed(f"{clean(name)}: {clean(what)}") for name, what in named if (name, what) not in told)
        found = [{"name": name, "what": what} for name, what in named]
        result = msgspec.to_builtins(report, enc_hook=str) | {"looked_at": found}
        self.show(result, chain(sync_summary(report, verbose=self.verbose), lines))

    def estimate(self, estimate: Estimate) -> None:
        """What a run would send and cost."""
        from ingest.terminal.run_summary import estimate_summary

        self.show(estimate, estimate_summary(estimate, verbose=self.verbose))

    def load_report(self, report: LoadReport) -> None:
        """What loading did."""
        from ingest.terminal.run_summary import load_summary

        self.show(report, load_summary(report))
        if not self._as_json:
            for note in report.notes:
                self.say(note)

    def round(self, done: Round) -> None:
        """What a round did, and what it leaves."""
        from ingest.terminal.round_summary import round_summary

        self.show(done, round_summary(done))

    def shards(self, shards: Sequence[Shard], folder: Path) -> None:
        """What was exported."""
        lines: list[Part] = [
            Text(
                f"{clean(str(shard.path))}  {shard.request_count:,} requests, {shard.token_count:,} tokens, "
                f"{shard.byte_count / 1e6:,.1f} MB"
            )
            for shard in shards
        ]
        load = Next("ingest load RESULT-FILE…", "with what the provider makes of them")
        self.show(
            {"folder": str(folder), "shards": shards},
            [*lines, load] if shards else [Text("nothing waits to be embedded")],
        )

    def status(self, status: Status) -> None:
        """A corpus at a glance."""
        from ingest.terminal.status_table import glance

        self.show(status, glance(status, verbose=self.verbose))

    def watch(self, statuses: Iterable[Status]) -> Status:
        """Each status as it comes: on a terminal in the place of the one before, elsewhere as a line. The last."""
        from ingest.terminal.status_table import glance, line

        if self._as_json or not self._out.is_terminal:
            told = ""
            for status in statuses:
                if told != (told := line(status)):
                    self.say(told)
            self.status(status)
            return status
        from rich.live import Live

        with Live(console=self._out, auto_refresh=False) as live:
            for status in statuses:
                parts = glance(status, verbose=self.verbose)
                live.update(Group(*(self._written(part) for part in parts)), refresh=True)
        return status

    def costs(self, costs: Costs) -> None:
        """What a corpus has cost, by run, batch and document."""
        from ingest.terminal.cost_tables import WASTED, cost_tables

        self.show(costs, cost_tables(costs, verbose=self.verbose))
        if costs.total.wasted_tokens and not self._as_json:
            self.say(WASTED)

    def passages(
        self,
        passages: Sequence[Passage],
        query: str,
        *,
        whole: bool = False,
        by_words: bool = False,
        filtered: bool = False,
    ) -> None:
        """What a search found. `whole`: all of each; else that comes with `-v`, with what else is known of it."""
        from ingest.terminal.passages import listed_passages, nothing_found

        found: Iterable[Part] = listed_passages(passages, query, self._out, whole=whole, verbose=self.verbose)
        self.show(
            {"query": query, "passages": passages},
            found if passages else [Text(self._told(nothing_found(by_words=by_words, filtered=filtered)))],
        )

    def sql(self, statements: str) -> None:
        """Statements to copy or to pipe, just as they are."""
        self.show({"sql": statements}, ())
        if not self._as_json:
            sys.stdout.write(statements)

    def index_check(self, check: IndexCheck) -> None:
        """How much of the nearest vectors an index finds."""
        from ingest.terminal.index_check_table import index_check_table

        self.show(asdict(check) | {"enough": check.enough}, index_check_table(check))

    def evaluation(self, evaluation: Evaluation) -> None:
        """How well searches answer questions."""
        from ingest.terminal.evaluation_tables import evaluation_tables

        self.show(evaluation, evaluation_tables(evaluation, verbose=self.verbose))

    def drafted(self, path: Path, count: int) -> None:
        """Questions that were drafted."""
        line = f"{counted(count, 'question')}, drafted from headings, in {path}: put what your users ask in their place"
        ask = Next(f"ingest eval {quote(str(path))}", "asks them")
        self.show({"file": str(path), "questions": count}, [Text(self._told(line)), ask])

    def corpora(self, corpora: Sequence[KeptCorpus]) -> None:
        """What there is in the database."""
        from ingest.terminal.corpora_table import corpora_table

        self.show({"corpora": corpora}, corpora_table(corpora))

    def models(self, models: Sequence[KnownModel]) -> None:
        """The models that are known."""
        from ingest.terminal.models_table import models_table

        self.show({"models": models}, models_table(models))

    def checks(self, checks: Sequence[Check]) -> None:
        """What the doctor found."""
        self.show(
            {"checks": checks},
            (
                Text.assemble(
                    ("ok   ", "green") if check.ok else ("fix  ", "bold red"),
                    f"{check.name:<12}",
                    self._told(check.finding),
                )
                for check in checks
            ),
        )

    def done(self, result: dict[str, object], line: str) -> None:
        """A result of one line."""
        self.show(result, [Text(self._told(line))])

    def ready(self, url: str) -> None:
        """Where a server of ours answers from now on."""
        self.done({"url": url}, url)
        self.end(None)

    def stuck(self, batches: Sequence[Batch]) -> None:
        """The batches that made no progress, and were cancelled or given up."""
        from ingest.batches import is_failing

        lines: list[Part] = [
            Text(
                clean(
                    f"batch {batch.id} ({batch.provider_batch_id}): {batch.provider_status or 'submitted'}, "
                    + (f"tried {batch.tries} times without success" if is_failing(batch) else "nothing new")
                    + f" for {duration(batch.idle_s)}"
                )
            )
            for batch in batches
        ]
        run = Next("ingest run …", "to load what they made and send the rest again")
        self.show(
            {"batches": [batch.id for batch in batches]}, [*lines, run] if batches else [Text("no batch is stuck")]
        )

    def emulator(self, emulator: RunningEmulator, *, url_variable: str, key_variable: str | None) -> None:
        """Where the emulator answers, as variables to copy; the key only where it was made here."""
        self._print(Text(f"{url_variable}={emulator.base_url}"))
        if key_variable:
            self._print(Text(f"{key_variable}={emulator.api_key}"))
        self.say("the emulator is up; Ctrl-C ends it")

    # Printing

    def _print(self, part: Part) -> None:
        """A part on standard output: lines are broken by the terminal itself, so that what is copied is whole."""
        written = self._written(part)
        if isinstance(written, Text):
            self._out.print(written, soft_wrap=True)
            return
        room = self._out.options.update(max_width=_WIDEST)
        if self._out.is_terminal:
            width = max(self._out.width, least_width(written))
        else:
            width = self._out.measure(written, options=room).maximum
        for segments in self._out.render_lines(written, room.update(width=width), pad=False):
            line = Text.assemble(*((segment.text, segment.style or "") for segment in segments))
            line.rstrip()
            self._out.print(line, soft_wrap=True)

    def _written(self, part: Part) -> Text | Table:
        return written(part, self._told, self._command)

    def _told(self, message: str) -> str:
        """A message as it is printed."""
        return about_corpus(clean(redacted(message)), self.corpus, self.options)

    def _command(self, line: str) -> str:
        return command(line, self.corpus, self.options)
