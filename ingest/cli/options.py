"""The options that several commands have: settings, what is read, how it is told."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ingest.model import OverLimit, Syntax

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Spend without asking.")]
Sure = Annotated[
    bool, typer.Option("--yes", "-y", help="Do it to batches of another database, too, of which this one is a copy.")
]
MaxCost = Annotated[float | None, typer.Option(help="Refuse to spend more, in US dollars.", show_default=False)]

# The settings that can be given as flags: the field of `Settings`, and the option.
SETTINGS: dict[str, Any] = {
    "corpus": Annotated[str | None, typer.Option(help="The corpus: a schema of the database.", show_default="corpus")],
    "database_url": Annotated[
        str | None, typer.Option(help="PostgreSQL; default: DATABASE_URL, else an embedded server.")
    ],
    "provider": Annotated[str | None, typer.Option(help="openai, azure, …, local; default: openai with a key.")],
    "deployment": Annotated[str | None, typer.Option(help="The provider's own name of the model.")],
    "model": Annotated[str | None, typer.Option(help="The embedding model of a new corpus.")],
    "dimensions": Annotated[int | None, typer.Option(help="The length of the vectors of a new corpus.")],
    "vector_type": Annotated[str | None, typer.Option("--type", help="vector or halfvec, for a new corpus.")],
    "chunk_tokens": Annotated[int | None, typer.Option(help="The most tokens in a chunk; default 512.")],
    "full": Annotated[
        bool | None, typer.Option("--full", help="Read all again, also what is unchanged by size and time.")
    ],
    "allow_unreadable": Annotated[
        bool | None, typer.Option("--allow-unreadable", help="End with 0 although something could not be read.")
    ],
    "engine": Annotated[str | None, typer.Option(help="local, or ray: a cluster.", show_default="local")],
    "mode": Annotated[
        str | None,
        typer.Option(
            help="batch, sync (at once, at twice the price) or auto (see docs/money.md).", show_default="batch"
        ),
    ],
    "overlap": Annotated[int | None, typer.Option(help="Tokens repeated from the chunk before; default 0.")],
    "embed_headings": Annotated[
        bool | None, typer.Option(help="Whether the headings above a passage are embedded with it; default: they are.")
    ],
    "log_format": Annotated[
        str | None, typer.Option(help="text, or json: an object a line on standard error.", show_default="text")
    ],
    "metrics_port": Annotated[int | None, typer.Option(help="Serve Prometheus metrics there, on loopback.")],
    "notify": Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="Tell by apprise how it ended, and of stuck batches; repeatable."),
    ],
}
OUTPUT: dict[str, Any] = {
    "config": Annotated[Path | None, typer.Option(help="Settings; default: ingest.toml, where there is one.")],
    "as_json": Annotated[bool, typer.Option("--json", help="One JSON object on standard output, nothing else there.")],
    "verbose": Annotated[bool, typer.Option("-v", "--verbose", help="List everything.")],
    "quiet": Annotated[bool, typer.Option("-q", "--quiet", help="No progress.")],
}
# What is read: paths, or a table; and the columns of the table, or the fields of records.
SOURCE: dict[str, Any] = {
    "paths": Annotated[
        list[str] | None,
        typer.Argument(
            help="Files, folders, globs, archives; https://, s3://, crawl+, feed+, git+ URLs; -: JSONL.",
            show_default=False,
        ),
    ],
    "table": Annotated[str | None, typer.Option(help="Rows of this table as documents, in place of files.")],
    "key": Annotated[
        str | None,
        typer.Option(
            "--id",
            help="The column, or the field of JSONL, CSV and Parquet, that is the key; several: tenant,doc_no.",
            show_default="id, or the primary key",
        ),
    ],
    "text": Annotated[str, typer.Option("--text", help="The column, or the field, of the text.")],
    "title": Annotated[str | None, typer.Option(help="The column, or the field, of the titles.")],
    "metadata": Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="Columns, or fields, kept with each document: author,published."),
    ],
    "where": Annotated[str | None, typer.Option(help="Which rows: a condition in SQL.")],
    "updated_at": Annotated[str | None, typer.Option(help="A column that changes with its row: others are not read.")],
    "syntax": Annotated[Syntax, typer.Option(help="How that text is written.")],
    "into": Annotated[str | None, typer.Option(help="Fill this vector column of the table itself, one vector a row.")],
    "over_limit": Annotated[
        OverLimit | None,
        typer.Option(
            help="With --into: what becomes of a row over the model's token limit, from now on.", show_default="refuse"
        ),
    ],
    "path_metadata": Annotated[
        str | None,
        typer.Option(metavar="PATTERN", help="Fields that stand in the paths of files: {tenant}/{year}/*.md."),
    ],
    "modified": Annotated[bool, typer.Option("--modified", help="Keep the time of each file in its metadata.")],
    "exclude": Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="What below folders is not read, as in .gitignore; repeatable."),
    ],
    "include": Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="What is read although it would be left out; repeatable."),
    ],
}
SOURCE_DEFAULTS = {"text": "text", "modified": False, "syntax": Syntax.TEXT}
EVERYWHERE = ("corpus", "database_url", "log_format")
INDEXING = (
    "provider",
    "deployment",
    "model",
    "dimensions",
    "vector_type",
    "chunk_tokens",
    "overlap",
    "embed_headings",
)
