"""What a run, a sync, an estimate or a load did, as people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.batches import expected, remedy
from ingest.commands import command
from ingest.formatting import about, clean, counted, display_path, dollars, duration, other_count
from ingest.model import LossKind
from ingest.terminal.parts import Next, Part, Row, listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingest.batches import LoadReport
    from ingest.corpus import Estimate, SyncReport
    from ingest.reporting import Failure, RunReport

_SHOWN_FAILURES = 10
_SHOWN_SKIPPED = 5
_WITHHELD = (
    "that would not be read now, or cannot be looked at (-v names them): `ingest remove` takes out what is to go, and "
    "so does a line in .ingestignore"
)
_LOSSES = {  # one, and many
    LossKind.BYTES_GUESSED: ("encoding guessed", "encodings guessed"),
    LossKind.PAGES_WITHOUT_TEXT: ("page without text", "pages without text"),
    LossKind.PARTS_LEFT_OUT: ("part left out", "parts left out"),
}


def run_summary(report: RunReport, *, verbose: bool) -> Iterator[Part]:
    """A run: what, how much, at what price, what next."""
    if report.sync.has_read:
        yield from _found(report.sync)
        yield from _passed_over(report.sync, verbose=verbose)
    if report.resumed:
        yield Row("resumed", f"{counted(report.resumed, 'text')} that an earlier run left to be embedded")
    load = report.load
    by = f"by {report.model} ({_provider(report.provider)})"
    how = "at once" if report.mode == "sync" else f"in {counted(load.batches, 'batch', 'batches')}"
    yield Row("embedded", f"{counted(load.loaded, 'text')} {how} {by}" if load.batches else "nothing new")
    yield from _of_these(load)
    yield Row("cost", _price(report))
    if report.mode and report.mode != "batch":
        yield Row("mode", f"{report.mode}: {report.mode_why}")
    if report.column:
        yield Row("column", _column(report))
    yield Row("took", ", ".join(f"{name} {duration(took)}" for name, took in report.seconds.items()))
    if not report.column:
        yield Row(
            "corpus",
            f"{report.corpus}: {counted(report.documents, 'document')}, {counted(report.chunks, 'chunk')}, "
            f"{report.embedded:,} with a {report.vector_type}({report.dimensions}) of {report.model}"
            + (", indexed" if report.indexed else ""),
        )
    yield from _failures(report.failures, verbose=verbose)
    if report.failures:
        yield Next(*remedy({failure.code for failure in report.failures}, report.corpus, report.beside))
    elif report.column and not report.indexed:
        yield Next(command("ingest index", report.corpus), f"to build an index on {report.column}")
    elif report.embedded:
        yield Next(command('ingest search "your question"', report.corpus))


def sync_summary(report: SyncReport, *, verbose: bool) -> Iterator[Part]:
    """What a sync found."""
    yield from _found(report)
    yield Row("to pay", _to_pay(report))
    yield from _passed_over(report, verbose=verbose)


def estimate_summary(estimate: Estimate, *, verbose: bool) -> Iterator[Part]:
    """What a run would send and cost."""
    yield from sync_summary(estimate.sync, verbose=verbose)
    texts = counted(estimate.requests, "text")
    if estimate.mode == "sync":
        prices = f"{about(estimate.dollars_sync)} at once, {dollars(estimate.dollars_batch)} in batches"
        yield Row("to send", f"{texts} at once")
    else:
        prices = f"{about(estimate.dollars_batch)} in batches, {dollars(estimate.dollars_sync)} without"
        yield Row("to send", f"{texts} in {counted(estimate.batches, 'batch', 'batches')}")
    yield Row("cost", f"{estimate.tokens:,} tokens to {estimate.model}: {prices}")
    if said := other_count(estimate.token_ratio):
        yield Row("counted", f"{said}: dollars are computed from its count")
    elif not estimate.tokens_are_exact:
        yield Row("counted", "by our tokenizer, as the model's own is not known: the first bill tells the difference")
    if estimate.forecast:
        yield Row("hours", expected(estimate.forecast))


def load_summary(report: LoadReport) -> Iterator[Part]:
    """What loading did."""
    yield Row("loaded", f"{counted(report.loaded, 'vector')} from {counted(report.files, 'file')}")
    yield from _of_these(report)


def _found(report: SyncReport) -> Iterator[Part]:
    documents = (
        (report.documents_new, "new"),
        (report.documents_changed, "changed"),
        (report.documents_moved, "moved"),
        (report.documents_gone, "gone"),
        (report.documents_unchanged, "unchanged"),
        (report.documents_renamed, "of these under a new URI, as their source has a name now"),
    )
    chunks = ((report.chunks_new, "new"), (report.chunks_kept, "kept"), (report.chunks_shared, "shared"))
    yield Row("documents", _counts(documents) or "none")
    yield Row("chunks", _counts(chunks) or "none new")


def _passed_over(report: SyncReport, *, verbose: bool) -> Iterator[Part]:
    if report.losses:
        said = ", ".join(counted(count, *_LOSSES[LossKind(kind)]) for kind, count in report.losses.items())
        yield Row("lost", f"{said} (in {counted(report.lossy_count, 'document')}; -v names them)")
    if report.documents_empty:
        yield Row("empty", f"{counted(report.documents_empty, 'document')} without text")
    skipped = (
        (report.skipped_count, ""),
        (report.skipped_hidden, "hidden"),
        (report.skipped_binary, "binary"),
        (report.skipped_vanished, "gone while they were read"),
        (report.skipped_ignored, "ignored"),
        (
            report.skipped_vendored,
            "folder of vendored code" if report.skipped_vendored == 1 else "folders of vendored code",
        ),
        (report.skipped_lock_files, "lock file" if report.skipped_lock_files == 1 else "lock files"),
        (report.skipped_minified, "minified"),
        (
            report.skipped_archives,
            "archive (name it to read it)" if report.skipped_archives == 1 else "archives (name them to read them)",
        ),
        (report.skipped_dead_links, "dead link" if report.skipped_dead_links == 1 else "dead links"),
    )
    if report.documents_withheld:
        yield Row("kept", f"{counted(report.documents_withheld, 'document')} {_WITHHELD}")
    if counts := _counts(skipped):
        yield Row("skipped", counts)
    if report.refused_count:
        refused = f"{counted(report.refused_count, 'row')} over the model's limit, not embedded (see --over-limit)"
        yield Row("refused", refused)
    if report.cut_count:
        yield Row("cut", f"{report.cut_count:,} rows over the model's limit")
    named, count = [*report.cut, *report.skipped], report.cut_count + report.skipped_count
    if verbose:
        named = [*named, *report.lossy, *report.empty, *report.withheld]
        count += report.lossy_count + report.documents_empty + report.documents_withheld
    else:
        named = named[:_SHOWN_SKIPPED]
    for each in named:
        yield listed(f"{clean(each.name)}: {clean(each.reason)}")
    if more := count - len(named):
        yield listed(f"… and {more:,} more{'' if verbose else ' (-v)'}")


def _failures(failures: Sequence[Failure], *, verbose: bool) -> Iterator[Part]:
    for failure in failures if verbose else failures[:_SHOWN_FAILURES]:
        where = f"{clean(display_path(failure.uri))} #{failure.ordinal}"
        kept = " (its text of before is still found)" if failure.old_kept else ""
        yield Row("failed", f"{where}: {clean(failure.code)}: {clean(failure.message)}{kept}", style="red")
    if len(failures) > _SHOWN_FAILURES and not verbose:
        yield listed(f"… and {len(failures) - _SHOWN_FAILURES:,} more (-v)")


def _of_these(report: LoadReport) -> Iterator[Part]:
    counts = (
        (report.failed, "failed for good"),
        (report.waiting_again, "waiting again"),
        (report.repeated, "repeated lines"),
        (report.unknown, "lines for other texts, or loaded already"),
        (report.malformed, "lines that are no results"),
        (report.rows_unfilled, "rows that do not take their vector (see `ingest status`)"),
    )
    if found := _counts(counts):
        yield Row("of these", found)


def _counts(counts: Sequence[tuple[int, str]]) -> str:
    return ", ".join(f"{count:,} {what}".rstrip() for count, what in counts if count)


def _provider(name: str) -> str:
    return "on this machine, no key given" if name == "local" else name


def _to_pay(report: SyncReport) -> str:
    """The tokens that are new, of those in the corpus, and what reuse saves."""
    tokens = f"{report.tokens_to_pay:,} of {report.tokens_in_corpus:,} tokens"
    if not (report.dollars_to_pay or report.dollars_saved):
        return tokens
    return f"{tokens}: {about(report.dollars_to_pay)}; {dollars(report.dollars_saved)} saved by reuse"


def _price(report: RunReport) -> str:
    """What was sent, at what price; and what was not paid for, as its vectors are there already."""
    if report.load.loaded and not report.tokens:
        return "nothing more: what was loaded was sent before"
    price = f"{about(report.dollars)} at {report.mode or 'batch'} prices" if report.dollars else "nothing"
    saved = 0.0 if report.resumed else report.sync.dollars_saved
    return f"{price} for {report.tokens:,} tokens" + (f"; {dollars(saved)} saved by reuse" if saved else "")


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
