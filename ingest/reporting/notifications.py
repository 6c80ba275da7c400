"""Notices: how a run ended, and which batches are stuck, told by apprise (mail, chat and the rest).

They hold counts, names and what to do next: no text of a document and no key. The URLs they go to hold secrets, and so
are named by their place alone.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from ingest.batches import remedy
from ingest.commands import command
from ingest.errors import BudgetError, IngestError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from apprise import Apprise
    from pydantic import SecretStr

    from ingest.batches import Batch
    from ingest.reporting.run_report import RunReport
    from ingest.telemetry import Progress

_MAX_ERROR = 500


@dataclass(frozen=True, slots=True)
class Notice:
    """What is told: a title, some sentences, and how grave it is."""

    kind: Literal["success", "warning", "failure"]
    title: str
    body: str


class Notifier:
    """Tells what happens to a corpus at some URLs."""

    def __init__(self, urls: Sequence[SecretStr], progress: Progress) -> None:
        """Nothing is opened before it is needed."""
        self._urls = urls
        self._progress = progress
        self._is_telling = False

    def told(self, corpus: str, work: Callable[[], RunReport]) -> RunReport:
        """Do the work, and tell how it ended; of work inside of work the outer one alone is told.

        Raises:
            UsageError: nothing can be told, so nothing is begun.
        """
        if self._is_telling or not self._services:
            return work()
        self._is_telling = True
        try:
            report = work()
        except Exception as error:
            self._send(error_notice(corpus, error))
            raise
        finally:
            self._is_telling = False
        self._send(run_notice(report))
        return report

    @property
    def is_wanted(self) -> bool:
        """Whether there is somebody to tell."""
        return bool(self._services)

    def stuck(self, corpus: str, batches: Sequence[Batch]) -> None:
        """Tell of batches that make no progress."""
        if batches:
            self._send(stuck_notice(corpus, batches))

    def _send(self, notice: Notice) -> None:
        """A notice that cannot be delivered is a warning: the work is not the worse for it."""
        for place, service in enumerate(self._services, 1):
            if not service.notify(title=notice.title, body=notice.body, notify_type=notice.kind):
                self._progress.say(
                    f"warning: the notice {notice.title!r} could not be delivered to notify URL number {place}"
                )

    @cached_property
    def _services(self) -> list[Apprise]:
        """What sends to each URL.

        Raises:
            UsageError: apprise is not installed, or knows no such URL.
        """
        if not self._urls:
            return []
        try:
            from apprise import Apprise, AppriseAsset
        except ImportError:
            raise UsageError("--notify needs the package apprise: pip install 'pgvector-ingest[notify]'.") from None
        # Its log names hosts and, where it is verbose, whole URLs: what matters of it we say ourselves.
        log = logging.getLogger("apprise")
        log.addHandler(logging.NullHandler())
        log.propagate = False
        asset = AppriseAsset(app_id="pgvector-ingest", app_desc="pgvector-ingest", async_mode=False)
        services = []
        for place, url in enumerate(self._urls, 1):
            service = Apprise(asset=asset)
            if not service.add(url.get_secret_value()):
                raise UsageError(
                    f"notify URL number {place} is not one that apprise knows; it is not shown: it may hold a secret. "
                    "The forms are those of apprise's documentation: mailtos://…, slack://… and so on."
                )
            services.append(service)
        return services


def run_notice(report: RunReport) -> Notice:
    """What a run that came to its end has done."""
    load, failed = report.load, max(len(report.failures), report.load.failed)  # a thousand are listed
    sentences = ["Nothing new to embed."]
    if load.batches:
        batches, price = _count(load.batches, "batch", "batches"), _dollars(report.dollars)
        sentences = [
            f"{_count(load.loaded, 'text')} embedded by {report.model} in {batches}, {report.tokens:,} tokens, {price}."
        ]
    if report.column:
        sentences.append(f"{report.column}: {load.rows_filled:,} rows filled, {report.rows:,} in all.")
    else:
        sentences.append(f"{report.embedded:,} of {report.chunks:,} chunks are searchable.")
    if not failed and report.sync.has_failed:
        left = report.sync.skipped_count + report.sync.refused_count
        sentences.append(
            f"Files, records or rows that could not be taken: {left:,}. The run's output lists them, with -v."
        )
        title = f"ingest: {report.corpus} is done, but for what could not be taken"
        return Notice("failure", title, " ".join(sentences))
    if not failed:
        return Notice("success", f"ingest: {report.corpus} is done", " ".join(sentences))
    line, purpose = remedy({failure.code for failure in report.failures}, report.corpus, report.beside)
    listing = command("ingest status", report.beside or report.corpus)
    sentences.append(f"Next: `{listing}` lists what failed; `{line}`, {purpose}.")
    title = f"ingest: {report.corpus} is done, but for {_count(failed, 'text')} that failed"
    return Notice("failure", title, " ".join(sentences))


def error_notice(corpus: str, error: Exception) -> Notice:
    """Why a run came to no end."""
    if isinstance(error, BudgetError):
        return Notice("warning", f"ingest: {corpus} was stopped by its budget", str(error))
    why = str(error)[:_MAX_ERROR] if isinstance(error, IngestError) else f"An error of ours: {type(error).__name__}."
    return Notice("failure", f"ingest: {corpus} was stopped by an error", why)


def stuck_notice(corpus: str, batches: Sequence[Batch]) -> Notice:
    """Which batches make no progress."""
    sentences = [
        f"Batch {batch.id} ({batch.provider_batch_id}, {_count(batch.request_count, 'text')}): "
        f"{batch.provider_status or 'submitted'}, nothing new for {batch.idle_s / 3600:,.1f} hours."
        for batch in batches
    ]
    line = command("ingest retry --stuck", corpus)
    sentences.append(f"Next: `{line}` cancels what is stuck and keeps what it made; the run goes on.")
    return Notice(
        "warning", f"ingest: {corpus} has {_count(len(batches), 'stuck batch', 'stuck batches')}", " ".join(sentences)
    )


def _dollars(amount: float) -> str:
    return "free" if amount == 0 else "under $0.01" if amount < 0.01 else f"about ${amount:,.2f}"


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
