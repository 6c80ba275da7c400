"""From documents to vectors: run, sync, estimate, reembed."""

from typing import TYPE_CHECKING, Annotated

import typer

from ingest.cli.approval import approval
from ingest.cli.command import command
from ingest.cli.ending import NOT_DONE
from ingest.cli.options import INDEXING, MaxCost, Yes

if TYPE_CHECKING:
    from ingest.corpus import Given, SyncReport
    from ingest.pipeline import Pipeline
    from ingest.terminal.screen import Screen


@command(*INDEXING, "full", "allow_unreadable", "engine", "mode", "notify", "metrics_port", reads=True, scope="every")
def run(
    pipeline: "Pipeline",
    screen: "Screen",
    source: "Given",
    yes: Yes = False,
    max_cost: MaxCost = None,
) -> int:
    """Everything: sync, submit, wait, load, index. Resumable: run it again after any stop.

    Without a path or a table it reads what ingest.toml declares. What is left out is told by `ingest sync --help`.
    """
    report = pipeline.run(source, approval(pipeline, screen, yes=yes, max_cost=max_cost))
    screen.run_report(report)
    return _status(pipeline, report.sync, failures=bool(report.failures))


@command(*INDEXING, "full", "allow_unreadable", "engine", "mode", reads=True, needs_source=False, scope="every")
def advance(
    pipeline: "Pipeline",
    screen: "Screen",
    source: "Given | None" = None,
    yes: Yes = False,
    max_cost: MaxCost = None,
) -> int:
    """One round of a run, without waiting. Exit status 5: not done yet, so the same command again, a while later.

    It reads, loads what has ended, sends what fits, and ends: for cron and schedulers, where nobody is to wait for a
    day. Without a path or a table it reads what ingest.toml declares, or nothing. --max-cost is of all rounds.
    """
    done = pipeline.advance(source, approval(pipeline, screen, yes=yes, max_cost=max_cost), max_dollars=max_cost)
    screen.round(done)
    if not done.done:
        return NOT_DONE
    unread = done.skipped and not pipeline.settings.allow_unreadable
    return 1 if done.failed or unread or done.refused else 0


@command(*INDEXING, "full", "allow_unreadable", "engine", reads=True, scope="every")
def sync(
    pipeline: "Pipeline",
    screen: "Screen",
    source: "Given",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write nothing; with -v list what would be read, and what not and why.")
    ] = False,
) -> int:
    """Read, chunk, bring the database up to date; nothing is sent. Prints what is new, changed, gone, shared.

    Left out are hidden files, what .gitignore names in a Git work tree, node_modules, vendor and the like, virtual
    environments, lock files and minified files; .ingestignore, --exclude and --include say otherwise.
    """
    if dry_run:
        looked_at: list[tuple[str, str]] = []
        look = (lambda name, what: looked_at.append((name, what))) if screen.verbose else None
        report = pipeline.estimate(source, look).sync
        screen.dry_run(report, looked_at)
        return _status(pipeline, report)
    report = pipeline.sync(source)
    screen.sync_report(report)
    return _status(pipeline, report)


@command(*INDEXING, "full", "engine", "mode", reads=True, scope="every")
def estimate(pipeline: "Pipeline", screen: "Screen", source: "Given") -> None:
    """What a run would find, send and cost, without writing."""
    screen.estimate(pipeline.estimate(source))


@command("provider", "deployment", "model", "dimensions", "vector_type", "mode", "notify", "metrics_port")
def reembed(
    pipeline: "Pipeline",
    screen: "Screen",
    yes: Yes = False,
    max_cost: MaxCost = None,
    rollback: Annotated[bool, typer.Option("--rollback", help="Put the old version back in use.")] = False,
    finish: Annotated[bool, typer.Option("--finish", help="Drop the old version.")] = False,
    discard: Annotated[bool, typer.Option("--discard", help="Drop the new version, which is not in use.")] = False,
) -> int:
    """Embed the corpus by another model, then swap. Searches go on all the while."""
    if rollback:
        pipeline.roll_back()
        screen.done({"rolled_back": True}, "the old version is back in use; `ingest reembed --discard` drops the other")
        return 0
    if finish or discard:
        dropped = pipeline.finish(discard=discard)
        screen.done({"dropped": dropped}, f"{dropped} is dropped")
        return 0
    report = pipeline.reembed(approval(pipeline, screen, yes=yes, max_cost=max_cost))
    screen.run_report(report)
    return _status(pipeline, report.sync, failures=bool(report.failures))


def _status(pipeline: "Pipeline", sync: "SyncReport", *, failures: bool = False) -> int:
    """1 where something that was asked for is not in the corpus: a night that ends with 0 is not looked at."""
    unread = sync.skipped_count and not pipeline.settings.allow_unreadable
    return 1 if failures or unread or sync.refused_count else 0
