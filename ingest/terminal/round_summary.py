"""What a round did and what it leaves, as people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.commands import command
from ingest.formatting import about, clean, counted, duration, some
from ingest.terminal.parts import Next, Part, Row, listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.reporting import Round, RunTotals

_SHOWN_BATCHES, _SHOWN_UNREAD = 2, 5


def round_summary(done: Round) -> Iterator[Part]:
    """The rows, from what was found to what next."""
    found = ((done.documents_new, "new"), (done.documents_changed, "changed"), (done.documents_gone, "gone"))
    if told := ", ".join(f"{count:,} {what}" for count, what in found if count):
        yield Row("documents", told)
    if unread := done.skipped + done.refused:
        yield Row("unread", counted(unread, "document"))
        yield from (listed(clean(name)) for name in done.unread[:_SHOWN_UNREAD])
    if done.sent_tokens:
        yield Row("sent", counted(done.sent_tokens, "token"))
    yield Row("loaded", counted(done.loaded, "text") if done.loaded else "nothing new")
    if done.batch_ids:
        batches = f"{counted(len(done.batch_ids), 'batch', 'batches')} ({some(done.batch_ids, _SHOWN_BATCHES)})"
        stuck = f", {len(done.stuck):,} stuck (see `ingest retry --stuck`)" if done.stuck else ""
        yield Row("in flight", batches + stuck)
    if done.rows_edited:
        yield Row("edited", f"{counted(done.rows_edited, 'row')} meanwhile: sent by a round that reads the table")
    if done.waiting_requests:
        yield Row("waiting", counted(done.waiting_requests, "text"))
    if done.failed:
        yield Row("failed", f"{counted(done.failed, 'text')} for good (see `ingest status`)")
    if not done.done:
        yield Next(command("ingest advance", done.corpus), f"in {duration(done.look_again_s)}: it is not done yet")
        return
    if done.run:
        yield Row("run", _totals(done.run))
    if done.rows is not None:
        yield Row("column", f"{counted(done.rows, 'row')} with a vector")
        return
    corpus = f"{done.corpus}: {counted(done.documents or 0, 'document')}, {counted(done.chunks or 0, 'chunk')}"
    yield Row("corpus", f"{corpus}, {done.embedded:,} with a vector")
    if done.embedded:
        yield Next(command('ingest search "your question"', done.corpus))


def _totals(run: RunTotals) -> str:
    tokens, dollars = run.billed_tokens, run.billed_dollars
    told = "billed" if tokens is not None else "by estimate"
    if tokens is None or dollars is None:
        tokens, dollars = run.estimated_tokens, run.estimated_dollars
    cost = f", {about(dollars)}" if dollars is not None else ""
    wasted = f", {run.wasted_tokens:,} of them wasted" if run.wasted_tokens else ""
    return f"{counted(run.texts, 'text')} in all its rounds: {counted(tokens, 'token')} {told}{cost}{wasted}"
