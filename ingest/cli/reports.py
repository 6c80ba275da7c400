"""What is known of a corpus: status, cost, report, doctor."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingest.cli.command import command

if TYPE_CHECKING:
    from ingest.pipeline import Pipeline
    from ingest.terminal.screen import Screen


@command(scope="every")
def status(
    pipeline: "Pipeline",
    screen: "Screen",
    watch: Annotated[bool, typer.Option("--watch", help="Look on until nothing moves; Ctrl-C ends it.")] = False,
) -> int:
    """What runs, what waits and why. What it has cost, when it will be done, what failed and what to do next."""
    if watch:
        try:
            found = screen.watch(pipeline.statuses())
        except KeyboardInterrupt:  # nothing was broken off; but the end was not seen
            return 130
    else:
        found = pipeline.status()
        screen.status(found)
    return 1 if found.failed_requests else 0


@command(scope="every")
def cost(
    pipeline: "Pipeline",
    screen: "Screen",
    documents: Annotated[int, typer.Option(min=0, metavar="N", help="List the N dearest documents, too.")] = 0,
) -> None:
    """What was estimated and what was billed, run by run. With -v batch by batch."""
    screen.costs(pipeline.costs(documents))


@command()
def report(
    pipeline: "Pipeline",
    screen: "Screen",
    file: Annotated[Path, typer.Argument(help="The page to write; an earlier report is replaced.", show_default=False)],
) -> None:
    """Write the last runs as one page: FILE.html. Plots, costs, failures; it loads nothing and runs no script."""
    pipeline.report(file)
    screen.done({"report": str(file)}, f"{file} is written")


@command(scope="any")
def models(pipeline: "Pipeline", screen: "Screen") -> None:  # noqa: ARG001
    """The models that are known. Whose each is, dimensions, limits, and prices in batches and at once."""
    from ingest.provider import known_models

    screen.models(known_models())


@command("provider", "deployment", "model", "dimensions", scope="every")
def doctor(
    pipeline: "Pipeline",
    screen: "Screen",
    live: Annotated[
        bool, typer.Option("--live", help="Send the provider one small batch, and look at each step of it.")
    ] = False,
    max_cost: Annotated[float, typer.Option(min=0, metavar="DOLLARS", help="What that may cost at most.")] = 0.01,
    count: Annotated[
        bool, typer.Option("--count", help="Have the provider count the tokens of 100 passages; that costs nothing.")
    ] = False,
) -> int:
    """Check settings, database, extension, provider. Says what to fix."""
    from ingest.doctor import examine

    checks = examine(pipeline)
    if count and all(check.ok for check in checks):
        from ingest.live_check import examine_counts

        checks.append(examine_counts(pipeline))
    if live and all(check.ok for check in checks):
        from ingest.live_check import examine_live

        checks += examine_live(pipeline, max_cost)
    screen.checks(checks)
    return next((check.exit_status for check in checks if not check.ok), 0)
