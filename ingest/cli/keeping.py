"""What there is in the database, and what is taken out of it: list, remove, drop."""

from typing import TYPE_CHECKING, Annotated

import typer

from ingest.cli.approval import ask_for_others
from ingest.cli.command import command
from ingest.errors import UsageError
from ingest.formatting import counted

if TYPE_CHECKING:
    from ingest.pipeline import Pipeline
    from ingest.terminal.screen import Screen

_Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]
_UNASKED = "a person says yes, or --yes does."


@command(scope="any")
def list_(pipeline: "Pipeline", screen: "Screen") -> None:
    """The corpora of the database. Their sources, documents, size, and when they changed; with --corpus one."""
    one = pipeline.corpus if "corpus" in pipeline.settings.outright else None
    screen.corpora(pipeline.corpora(one))


@command()
def remove(
    pipeline: "Pipeline",
    screen: "Screen",
    what: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE|URI",
            help="A source, by its name or path; a document, by its URI or path; all below FOLDER/.",
            show_default=False,
        ),
    ],
    yes: _Yes = False,
) -> None:
    """Take a source or documents out of a corpus. With their vectors; asks first."""

    def confirm(documents: int, tokens: int) -> bool:
        paid = f"{counted(documents, 'document')} with {tokens:,} tokens that were paid for"
        return yes or screen.confirm(f"Remove {paid} from {pipeline.corpus}?")

    removed = pipeline.remove(what, confirm)
    if not removed:
        raise UsageError(f"nothing was removed: {_UNASKED}")
    screen.done({"removed": removed}, f"removed: {counted(removed, 'document')}")
    screen.say("a run that reads them pays for them again: take them out of ingest.toml, too, if they stand there")


@command(scope="any")
def drop(
    pipeline: "Pipeline",
    screen: "Screen",
    name: Annotated[str, typer.Argument(metavar="CORPUS", help="The corpus.", show_default=False)],
    yes: _Yes = False,
) -> None:
    """Drop a corpus. Its files at the provider, its shard files, its tables and schema, nothing else; asks first."""
    ask_for_others(pipeline, screen, yes=yes)
    screen.corpus = name
    with type(pipeline)(pipeline.settings.saying(corpus=name), screen) as other:
        other.permit = pipeline.permit
        if not other.drop(lambda question: yes or screen.confirm(question)):
            raise UsageError(f"nothing was dropped: {_UNASKED}")
    screen.done({"dropped": name}, f"the corpus {name} is dropped")
    if (cache := pipeline.settings.data_dir / "sources").is_dir():
        screen.say(f"what sites and Git repositories sent stays in {cache}, for other corpora: it may be deleted")
