"""What people see: progress on standard error, results on standard output. Only it prints, and `logs`."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import msgspec
from rich.console import Console, Group
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ingest import logs
from ingest.bars import hidden, shown
from ingest.glance import glance, line
from ingest.sources.files import display_path
from ingest.words import about, clean, dollars, duration, expected
from ingest.words import counted as _count

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from ingest.batches import Batch
    from ingest.doctor import Check
    from ingest.emulator import RunningEmulator
    from ingest.estimate import Estimate
    from ingest.ledger import Costs, Entry
    from ingest.progress import Bar
    from ingest.reading import SyncReport
    from ingest.report import RunReport
    from ingest.search import Passage
    from ingest.settling import LoadReport
    from ingest.shards import Shard
    from ingest.status import Failure, Status

_MAX_PASSAGE = 400
_SHOWN_FAILURES = 10
_SHOWN_SKIPPED = 5


class Screen:
    """Standard output for results, standard error for everything else."""

    def __init__(self, *, as_json: bool = False, quiet: bool = False, verbose: bool = False) -> None:
        """`as_json`: one JSON object on standard output, nothing else there."""
        self._as_json = as_json
        self._quiet = quiet
        self.verbose = verbose
        self._logs_json = False
        self._out = Console(highlight=False)
        self._err = Console(stderr=True, highlight=False)

    # Progress

    def log_as(self, log_format: str | None) -> None:
        """From now on progress and messages are for people, or, where this is `json`, for programs."""
        if log_format == "json" and not self._logs_json:
            self._logs_json = True
            logs.take_all()

    def stage(self, name: str, *, unit: str, total: int | None = None) -> AbstractContextManager[Bar]:
        """A bar on a terminal; elsewhere a line now and then."""
        if self._quiet:
            return hidden()
        return logs.stage(name, unit, total) if self._logs_json else shown(self._err, name, unit, total)

    def say(self, message: str) -> None:
        """One line on standard error."""
        if self._quiet:
            return
        if self._logs_json:
            logs.write("info", "message", message=clean(message))
        else:
            self._err.print(escape(clean(message)))

    def error(self, message: str) -> None:
        """What went wrong, on standard error; always shown."""
        if self._logs_json:
            logs.write("error", "error", message=clean(message))
        else:
            self._err.print(Text.assemble(("error: ", "bold red"), clean(message)), soft_wrap=True)

    def confirm(self, question: str) -> bool:
        """A yes or no from a person; no, where there is none."""
        if self._logs_json or not sys.stdin.isatty():
            return False
        self._err.print(escape(question) + " [y/N] ", end="")
        return input().strip().lower() in {"y", "yes"}

    def json(self, result: object) -> bool:
        """Print the result as one JSON object where that was asked for; whether it was."""
        if self._as_json:
            sys.stdout.write(msgspec.json.encode(result, enc_hook=str).decode() + "\n")
            sys.stdout.flush()  # `ingest webhook` prints it and goes on
        return self._as_json

    # Results

    def run_report(self, report: RunReport) -> None:
        """The summary of a run: what, how much, at what price, what next."""
        if self.json(report):
            return
        self.sync_report(report.sync)
        load = report.load
        by = f"by {report.model} ({_provider(report.provider)})"
        how = "at once" if report.mode == "sync" else f"in {_count(load.batches, 'batch', 'batches')}"
        embedded = f"{_count(load.loaded, 'text')} {how} {by}"
        rows = [("embedded", embedded if load.batches else "nothing new"), *_load_rows(load)]
        price = f"{about(report.dollars)} at {report.mode or 'batch'} prices" if report.dollars else "nothing"
        rows.append(("cost", f"{price} for {report.tokens:,} tokens"))
        if report.mode and report.mode != "batch":
            rows.append(("mode", f"{report.mode}: {report.mode_why}"))
        if report.column:
            rows.append(("column", _column(report)))
        rows.append(("took", ", ".join(f"{name} {duration(took)}" for name, took in report.seconds.items())))
        if not report.column:
            rows.append(
                (
                    "corpus",
                    f"{report.corpus}: {_count(report.documents, 'document')}, {_count(report.chunks, 'chunk')}, "
                    f"{report.embedded:,} with a {report.vector_type}({report.dimensions}) of {report.model}"
                    + (", indexed" if report.indexed else ""),
                )
            )
        self._rows(rows)
        self._failures(report.failures)
        if report.failures:
            self._next("ingest retry && ingest run …", "to send the failed ones again")
        elif report.column and not report.indexed:
            self._next(f"ingest index{_corpus_flag(report.corpus)}", f"to build an index on {report.column}")
        elif report.embedded:
            self._next(f'ingest search{_corpus_flag(report.corpus)} "your question"', "")

    def sync_report(self, report: SyncReport) -> None:
        """What a sync found."""
        if self.json(report):
            return
        documents = [
            f"{count:,} {word}"
            for word, count in (
                ("new", report.documents_new),
                ("changed", report.documents_changed),
                ("moved", report.documents_moved),
                ("gone", report.documents_gone),
                ("unchanged", report.documents_unchanged),
            )
            if count
        ]
        chunks = [
            f"{count:,} {word}"
            for word, count in (
                ("new", report.chunks_new),
                ("kept", report.chunks_kept),
                ("shared", report.chunks_shared),
            )
            if count
        ]
        rows = [
            ("documents", ", ".join(documents) or "none"),
            ("chunks", ", ".join(chunks) or "none to do"),
            ("to pay", _to_pay(report)),
        ]
        if report.documents_empty:
            rows.append(("empty", f"{_count(report.documents_empty, 'document')} with no text in it"))
        passed_over = [
            f"{count:,} {word}".rstrip()
            for word, count in (
                ("", report.skipped_count),
                ("hidden", report.skipped_hidden),
                ("binary", report.skipped_binary),
                ("ignored", report.skipped_ignored),
            )
            if count
        ]
        if passed_over:
            rows.append(("skipped", ", ".join(passed_over)))
        if report.cut_count:
            rows.append(("cut", f"{report.cut_count:,} rows over the model's limit"))
        self._rows(rows)
        shown = [*report.cut, *report.skipped]
        shown = shown if self.verbose else shown[:_SHOWN_SKIPPED]
        for skipped in shown:
            self._out.print(Text(f"             {clean(skipped.name)}: {clean(skipped.reason)}", style="dim"))
        if more := report.cut_count + report.skipped_count - len(shown):
            self._out.print(Text(f"             … and {more:,} more (-v)", style="dim"))

    def estimate(self, estimate: Estimate) -> None:
        """What a run would send and cost."""
        if self.json(estimate):
            return
        self.sync_report(estimate.sync)
        prices = f"{about(estimate.dollars_batch)} in batches, {dollars(estimate.dollars_sync)} without"
        self._rows(
            [
                ("to send", f"{_count(estimate.requests, 'text')} in {_count(estimate.batches, 'batch', 'batches')}"),
                ("cost", f"{estimate.tokens:,} tokens to {estimate.model}: {prices}"),
                *([("hours", expected(estimate.forecast))] if estimate.forecast else ()),
            ]
        )

    def load_report(self, report: LoadReport) -> None:
        """What loading did."""
        if self.json(report):
            return
        self._rows(
            [
                ("loaded", f"{_count(report.loaded, 'vector')} from {_count(report.files, 'file')}"),
                *_load_rows(report),
            ]
        )
        for note in report.notes:
            self.say(note)

    def shards(self, shards: Sequence[Shard], folder: Path) -> None:
        """What was exported."""
        if self.json({"folder": str(folder), "shards": shards}):
            return
        for shard in shards:
            self._out.print(
                f"{escape(str(shard.path))}  {shard.request_count:,} requests, {shard.token_count:,} tokens, "
                f"{shard.byte_count / 1e6:,.1f} MB"
            )
        if shards:
            self._next("ingest load RESULT-FILE…", "with what the provider makes of them")
        else:
            self._out.print("nothing waits to be embedded")

    def status(self, status: Status) -> None:
        """A corpus at a glance."""
        if self.json(status):
            return
        for part in glance(status, verbose=self.verbose):
            self._out.print(part, soft_wrap=isinstance(part, Text))

    def watch(self, statuses: Iterable[Status]) -> Status:
        """Each status as it comes: on a terminal in the place of the one before, elsewhere as a line. The last."""
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
                live.update(Group(*glance(status, verbose=self.verbose)), refresh=True)
        return status

    def costs(self, costs: Costs) -> None:
        """What a corpus has cost, by run, batch and document."""
        if self.json(costs):
            return
        runs = self._table(
            "run", "model", ">texts", ">tokens estimated", ">billed", ">in vain", ">$ estimated", ">$ billed"
        )
        for run in costs.runs:
            runs.add_row(_moment(run.run_at), *_cost_cells(run))
            for batch in run.batches if self.verbose else ():
                runs.add_row(
                    f"  {clean(batch.provider_batch_id or ('at once' if batch.mode else 'by hand'))}",
                    *_cost_cells(batch),
                    style="dim",
                )
        runs.add_row("in all", *_cost_cells(costs.total), style="bold")
        self._out.print(runs)
        if costs.total.vain_tokens:
            self.say(
                "in vain: billed for what brought no vector; those texts are billed again when they are sent again"
            )
        if costs.documents:
            documents = self._table("document", ">tokens estimated", ">billed", ">$ billed")
            for document in costs.documents:
                documents.add_row(
                    escape(clean(display_path(document.uri) if document.uri else "those that are gone")),
                    f"{document.estimated_tokens:,}",
                    f"{document.billed_tokens:,}",
                    _known_dollars(document.billed_dollars),
                )
            self._out.print(Padding(documents, (1, 0, 0, 0), expand=False))

    def passages(self, passages: Sequence[Passage], query: str) -> None:
        """What a search found."""
        if self.json({"query": query, "passages": passages}):
            return
        words = [re.escape(word) for word in query.split() if len(word) > 2 or not word.isascii()]
        for rank, passage in enumerate(passages, 1):
            trail = " › ".join(passage.headings)
            head = Text.assemble(
                (f"{rank}. ", "bold"),
                (f"{passage.score:.3f}  ", "green"),
                (clean(display_path(passage.uri)), "cyan"),
                (f"  {clean(trail)}" if trail else "", "dim"),
            )
            body = Text(clean(_excerpt(passage.content)))
            if words:
                body.highlight_regex(re.compile("|".join(words), re.IGNORECASE), "bold yellow")
            self._out.print(head, soft_wrap=True)
            self._out.print(Padding(body, (0, 0, 1, 3)))
        if not passages:
            self._out.print("nothing found: no chunk has a vector yet (see ingest status)")

    def sql(self, statements: str) -> None:
        """Statements to copy or to pipe, just as they are."""
        if not self.json({"sql": statements}):
            sys.stdout.write(statements)

    def checks(self, checks: Sequence[Check]) -> None:
        """What the doctor found."""
        if self.json({"checks": checks}):
            return
        for check in checks:
            mark = Text("ok   ", "green") if check.ok else Text("mend ", "bold red")
            self._out.print(Text.assemble(mark, f"{check.name:<12}", clean(check.finding)), soft_wrap=True)

    def done(self, result: dict[str, object], line: str) -> None:
        """A result of one line."""
        if not self.json(result):
            self._out.print(escape(line))

    def stuck(self, batches: Sequence[Batch]) -> None:
        """The batches that made no progress, and were cancelled."""
        if self.json({"batches": [batch.id for batch in batches]}):
            return
        for batch in batches:
            self._out.print(
                Text(
                    clean(
                        f"batch {batch.id} ({batch.provider_batch_id}): {batch.provider_status or 'submitted'}, "
                        f"nothing new for {duration(batch.idle_s)}"
                    )
                ),
                soft_wrap=True,
            )
        if batches:
            self._next("ingest run PATH…", "to load what they made and send the rest again")
        else:
            self._out.print("no batch is stuck")

    def emulator(self, emulator: RunningEmulator, *, made_key: bool) -> None:
        """Where the emulator answers, as variables to copy; the key only where it was made here."""
        self._out.print(f"OPENAI_BASE_URL={emulator.base_url}", soft_wrap=True)
        if made_key:
            self._out.print(f"OPENAI_API_KEY={emulator.api_key}", soft_wrap=True)
        self.say("the emulator is up; Ctrl-C ends it")

    # The parts

    def _table(self, *headings: str) -> Table:
        """A plain table; the columns of headings that begin with > are flush right."""
        table = Table(box=None, pad_edge=False, header_style="dim")
        for heading in headings:
            table.add_column(heading.removeprefix(">"), justify="right" if heading.startswith(">") else "left")
        return table

    def _rows(self, rows: Sequence[tuple[str, str]]) -> None:
        for name, value in rows:
            self._out.print(Text.assemble((f"{name:<12}", "bold"), " ", clean(value)), soft_wrap=True)

    def _failures(self, failures: Sequence[Failure]) -> None:
        for failure in failures if self.verbose else failures[:_SHOWN_FAILURES]:
            where = f"{display_path(failure.uri)} #{failure.ordinal}"
            self._out.print(
                Text.assemble(
                    ("failed       ", "red"),
                    f"{clean(where)}: {clean(failure.code)}: {clean(failure.message)}",
                ),
                soft_wrap=True,
            )
        if len(failures) > _SHOWN_FAILURES and not self.verbose:
            self._out.print(Text(f"             … and {len(failures) - _SHOWN_FAILURES:,} more (-v)", style="dim"))

    def _next(self, command: str, why: str) -> None:
        self._out.print(
            Text.assemble(("next         ", "bold"), (command, "cyan"), f" {why}" if why else ""),
            soft_wrap=True,
        )


def _load_rows(report: LoadReport) -> list[tuple[str, str]]:
    counts = (
        (report.failed, "failed for good"),
        (report.back_in_line, "back in line"),
        (report.repeated, "repeated lines"),
        (report.unknown, "lines for other texts, or loaded already"),
        (report.malformed, "lines that are no results"),
    )
    found = [f"{count:,} {what}" for count, what in counts if count]
    return [("of these", ", ".join(found))] if found else []


def _cost_cells(entry: Entry) -> tuple[str, ...]:
    return (
        escape(clean(entry.model if entry.mode in (None, "batch") else f"{entry.model}, {entry.mode}")),
        f"{entry.texts:,}",
        f"{entry.estimated_tokens:,}",
        "not told" if entry.billed_tokens is None else f"{entry.billed_tokens:,}",
        f"{entry.vain_tokens:,}",
        _known_dollars(entry.estimated_dollars),
        _known_dollars(entry.billed_dollars),
    )


def _known_dollars(amount: float | None) -> str:
    return "not known" if amount is None else dollars(amount).replace("less than ", "<")


def _moment(moment: str | None) -> str:
    return moment[:16].replace("T", " ") if moment else "not known"


def _provider(name: str) -> str:
    return "on this machine, no key given" if name == "local" else name


def _corpus_flag(corpus: str) -> str:
    return "" if corpus == "corpus" else f" --corpus {corpus}"


def _excerpt(content: str) -> str:
    text = re.sub(r"\s+", " ", content).strip()
    return text if len(text) <= _MAX_PASSAGE else text[:_MAX_PASSAGE].rsplit(" ", 1)[0] + " …"


def _to_pay(report: SyncReport) -> str:
    """The tokens that are new, of those in the corpus, and what reuse saves."""
    tokens = f"{report.tokens_to_pay:,} of {report.tokens_in_corpus:,} tokens"
    if not (report.dollars_to_pay or report.dollars_saved):
        return tokens
    return f"{tokens}: {about(report.dollars_to_pay)}; {dollars(report.dollars_saved)} saved by reuse"


def _column(report: RunReport) -> str:
    """What became of the user's own column."""
    load = report.load
    parts = [f"{report.column}: {load.rows_filled:,} rows filled, {report.rows:,} in all"]
    if load.rows_edited:
        parts.append(f"{load.rows_edited:,} edited meanwhile and sent again")
    if load.rows_cleared:
        parts.append(f"{load.rows_cleared:,} cleared")
    if report.indexed:
        parts.append("indexed")
    return ", ".join(parts)
