"""How well searches answer questions of yours: eval, eval init."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingest.cli.approval import approval
from ingest.cli.command import command
from ingest.cli.options import MaxCost, Yes

if TYPE_CHECKING:
    from ingest.pipeline import Pipeline
    from ingest.terminal.screen import Screen


@command("provider", "deployment", "mode")
def eval_(
    pipeline: "Pipeline",
    screen: "Screen",
    questions: Annotated[Path, typer.Argument(help="JSONL: questions with what answers them.", show_default=False)],
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write it as a page, too; an earlier one is replaced."),
    ] = None,
    compare: Annotated[
        list[str] | None,
        typer.Option(metavar="SETTING", help="Other settings beside: chunk_tokens=256,1024; repeatable."),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the versions that were compared.")] = False,
    per_document: Annotated[int | None, typer.Option(min=1, help="Of one document no more than so many.")] = None,
    yes: Yes = False,
    max_cost: MaxCost = None,
) -> None:
    """How well searches answer your questions, and why not. With -v every miss.

    `ingest eval init` drafts questions. What is compared is a version beside the corpus, which shares its texts and
    vectors; what that costs is told and asked first, and in the end it is dropped.
    """
    approve = approval(pipeline, screen, yes=yes, max_cost=max_cost, above=0.0)
    found = pipeline.evaluate(
        questions, report, compared=compare or (), approve=approve, keep=keep, per_document=per_document
    )
    screen.evaluation(found)
    if report:
        screen.say(f"{report} is written")


@command()
def eval_init(
    pipeline: "Pipeline",
    screen: "Screen",
    file: Annotated[Path, typer.Argument(help="The file to write, a new one.")] = Path("questions.jsonl"),
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, max=10_000, help="How many at most.")] = 100,
) -> None:
    """Draft questions for eval from headings. Then put your own in their place."""
    screen.drafted(file, pipeline.draft_questions(file, limit))
