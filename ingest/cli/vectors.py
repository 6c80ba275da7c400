"""Vectors that are there: search, index, parquet."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ingest.cli.command import command
from ingest.errors import UsageError

if TYPE_CHECKING:
    from ingest.corpus import SearchMode
    from ingest.pipeline import Pipeline
    from ingest.terminal.screen import Screen


@command("provider", "deployment")
def search(
    pipeline: "Pipeline",
    screen: "Screen",
    text: Annotated[str, typer.Argument(help="What to look for.", show_default=False)],
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, max=1000, help="How many passages.")] = 5,
    vector: Annotated[bool, typer.Option("--vector", help="By the vector alone.")] = False,
    words: Annotated[bool, typer.Option("--words", help="By its words alone: no model is asked.")] = False,
    hybrid: Annotated[bool, typer.Option("--hybrid", hidden=True)] = False,  # noqa: ARG001 - it is what is done anyway
    filters: Annotated[
        list[str] | None,
        typer.Option("--filter", metavar="WHAT", help="tenant=acme, published>=2024-01-31; repeatable."),
    ] = None,
    context: Annotated[
        str,
        typer.Option(metavar="N|section", help="With so many passages before and after each; or with its section."),
    ] = "0",
    per_document: Annotated[int | None, typer.Option(min=1, help="Of one document no more than so many.")] = None,
    as_sql: Annotated[bool, typer.Option("--sql", help="Print the SQL instead, for psql or your program.")] = False,
) -> None:
    """The passages nearest to a text, to see that it works."""
    if vector and words:
        raise UsageError("--vector and --words leave nothing between them: give one of them, or none for both.")
    mode: SearchMode | None = "vector" if vector else "words" if words else None
    if as_sql:
        screen.sql(pipeline.search_sql(text, limit, mode=mode, filters=filters or ()))
        return
    beginning = context[:20]  # Python makes no number of some thousand digits
    around: Any = int(beginning) if beginning.isdecimal() else beginning  # what is neither is refused
    found = pipeline.search(text, limit, mode=mode, filters=filters or (), context=around, per_document=per_document)
    screen.passages(found, text, whole=around != 0, by_words=words, filtered=bool(filters))


@command(scope="every")
def index(
    pipeline: "Pipeline",
    screen: "Screen",
    check: Annotated[
        bool, typer.Option("--check", help="Build none: tell how much of the nearest the index finds.")
    ] = False,
) -> None:
    """Build the vector index, or build it anew. Searches go on meanwhile."""
    if check:
        screen.index_check(pipeline.check_index())
        return
    built = pipeline.index()
    screen.done(
        {"indexed": True, "built": built}, "the index is built" if built else "there is an index: none is built"
    )


@command()
def parquet(
    pipeline: "Pipeline",
    screen: "Screen",
    file: Annotated[Path, typer.Argument(help="The file; one that is there is replaced.", show_default=False)],
) -> None:
    """The corpus with its vectors as a Parquet file. One that you alone can read."""
    count = pipeline.parquet(file)
    screen.done({"file": str(file), "passages": count}, f"{count:,} passages are in {file}")
