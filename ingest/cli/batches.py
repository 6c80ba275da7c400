"""Batches one step at a time: submit, load, retry, cancel, clean, export."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingest.cli.approval import approval, ask_for_others
from ingest.cli.command import command
from ingest.cli.options import MaxCost, Sure, Yes

if TYPE_CHECKING:
    from ingest.pipeline import Pipeline
    from ingest.terminal.screen import Screen


@command("provider", "deployment", scope="every")
def submit(
    pipeline: "Pipeline",
    screen: "Screen",
    yes: Yes = False,
    max_cost: MaxCost = None,
) -> None:
    """Send what waits. As far as the limits allow; does not wait for the results."""
    pipeline.submit(approval(pipeline, screen, yes=yes, max_cost=max_cost))
    screen.status(pipeline.status())


@command("provider", "engine", scope="every")
def load(
    pipeline: "Pipeline",
    screen: "Screen",
    files: Annotated[
        list[Path] | None, typer.Argument(help="Result files fetched by hand.", show_default=False)
    ] = None,
) -> int:
    """Load finished batches, or result files fetched by hand. Each of these leaves FILE.done."""
    report = pipeline.load(files or [])
    screen.load_report(report)
    return 1 if report.failed or report.rows_unfilled else 0


@command("provider", scope="every")
def retry(
    pipeline: "Pipeline",
    screen: "Screen",
    exported: Annotated[bool, typer.Option("--exported", help="Those that were exported, instead.")] = False,
    stuck: Annotated[bool, typer.Option("--stuck", help="Those of batches that make no progress, instead.")] = False,
    yes: Sure = False,
) -> None:
    """Have texts that failed for good sent again by the next run. --stuck cancels batches; what they made is kept."""
    ask_for_others(pipeline, screen, yes=yes)
    if stuck:
        screen.stuck(pipeline.retry_stuck())
        return
    count = pipeline.retry(exported=exported)
    back = f"{count:,} texts wait again; `ingest run` sends them"
    screen.done({"requests": count}, back if count else "nothing is to be sent again: `ingest status` says what helps")


@command("provider", scope="every")
def cancel(pipeline: "Pipeline", screen: "Screen", yes: Sure = False) -> int:
    """Cancel what is in flight. What the provider has done is loaded, the rest waits."""
    ask_for_others(pipeline, screen, yes=yes)
    report = pipeline.cancel()
    screen.load_report(report)
    return 1 if report.failed else 0


@command("provider", scope="every")
def clean(pipeline: "Pipeline", screen: "Screen", yes: Sure = False) -> None:
    """Delete the files of loaded batches at the provider. They hold the corpus's text."""
    ask_for_others(pipeline, screen, yes=yes)
    count = pipeline.clean()
    screen.done({"files": count}, f"{count:,} files are deleted at the provider")


@command("provider", "deployment")
def export(
    pipeline: "Pipeline",
    screen: "Screen",
    folder: Annotated[Path, typer.Argument(help="Where the files go.", show_default=False)],
) -> None:
    """Write what waits as request files. Run them elsewhere; `ingest load FILE…` takes the results back."""
    screen.shards(pipeline.export(folder), folder)
