"""How well searches answer questions of yours: eval, eval init."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingest.cli.command import command

if TYPE_CHECKING:
    from ingest.pipeline import Pipeline
    from ingest.terminal.screen import Screen


@command("provider", "deployment")
def eval_(
    pipeline: "Pipeline",
    screen: "Screen",
    questions: Annotated[Path, typer.Argument(help="JSONL: questions with what answers them.", show_default=False)],
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write it as a page, too; an earlier one is replaced."),
    ] = None,
) -> None:
    """How well searches answer questions of yours: what is found, what is missed and why. With -v every miss.

    `ingest eval init` drafts questions.
    """
    screen.evaluation(pipeline.evaluate(questions, report))
    if report:
        screen.say(f"{report} is written")


@command()
def eval_init(
    pipeline: "Pipeline",
    screen: "Screen",
    file: Annotated[Path, typer.Argument(help="The file to write, a new one.")] = Path("questions.jsonl"),
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, max=10_000, help="How many at most.")] = 100,
) -> None:
    """Draft questions from headings, for a first run; then put your own in their place."""
    screen.drafted(file, pipeline.draft_questions(file, limit))
