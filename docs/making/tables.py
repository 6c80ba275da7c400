"""The tables of a corpus, as all steps of its schema leave them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from docs.making.markdown import table
from ingest.database.statements import SQL

if TYPE_CHECKING:
    from collections.abc import Iterable


SCHEMA = SQL / "schema"
INTRODUCTION = """\
# Tables

A corpus is one schema: `--corpus docs` makes the schema `docs`. Its table `migrations` lists the steps that made it;
the first command of a newer version applies those it lacks.

## Yours to read

These columns are public: they only grow. The view
[`passages`](../ecosystem.md#the-view-passages) has those of both tables."""

# What of the tables is public, and what it means.
PUBLIC_TABLES = {
    "documents": {
        "id": "never used again once the document is gone",
        "uri": "where it comes from: `file://…`, `https://…`, `s3://…`, `postgres:///table/key`, or a record's own key",
        "title": "the document's own, else its first heading, else its name",
        "metadata": "of a file its size, of a page its address, of a row its table and key",
    },
    "chunks": {
        "id": "the record ID",
        "document_id": "`documents.id`",
        "ordinal": "the place in the document, from 0",
        "content": "the passage; it never changes, an edit makes a new chunk",
        "headings": "the headings above it, the outermost first",
        "token_count": "of what is embedded: the passage, and headings above it",
        "embedding": "null until the vector has come",
    },
}
# What the schema's own comments say of several tables at once.
TABLES = {
    "corpus": "How the corpus is indexed, and the run that sends now: one row.",
    "batches": "The [life of each batch](../reliability.md#the-life-of-a-batch), from its file of requests on.",
    "requests": "The texts that wait, are in flight, or have failed.",
}


@dataclass(frozen=True)
class Column:
    """A column as the schema has it."""

    name: str
    type: str
    comment: str


def tables() -> str:
    """The tables of a corpus."""
    found = tables_of_schema()
    found["chunks"][1].append(Column("embedding", "vector(n)` or `halfvec(n)", ""))  # added when its type is known
    parts = [
        INTRODUCTION,
    ]
    for name, public in PUBLIC_TABLES.items():
        types_ = {column.name: column.type for column in found[name][1]}
        parts += [f"### {name}", _column_table(Column(each, types_[each], public[each]) for each in public)]
    parts += [
        "## The tool's own",
        "To look at, not to write to. All of these may change with a version.",
    ]
    for name, (comment, columns) in found.items():
        own = [column for column in columns if column.name not in PUBLIC_TABLES.get(name, ())]
        parts += [f"### {name}, the rest" if name in PUBLIC_TABLES else f"### {name}"]
        parts += [TABLES.get(name, comment)] if name not in PUBLIC_TABLES else []
        parts += [_column_table(own)]
    return "\n\n".join(parts)


def tables_of_schema() -> dict[str, tuple[str, list[Column]]]:
    """The tables, with what is said above them and their columns, as all steps of the schema leave them."""
    found: dict[str, tuple[str, list[Column]]] = {}
    for file in sorted(SCHEMA.glob("*.sql")):
        above: list[str] = []
        columns: list[Column] | None = None
        said: list[str] = []  # above the next column
        for line in file.read_text().splitlines():
            if renamed := re.match(r"ALTER TABLE (\w+) RENAME (?:TO|COLUMN (\w+) TO) (\w+);", line):
                _rename(found, *renamed.groups())
            elif said_here := re.fullmatch(r"\s*-- (.*)", line):
                (above if columns is None else said).append(said_here[1])
            elif begun := re.match(r"(CREATE|ALTER) TABLE (\w+)( \(|$)", line):
                comment = " ".join(above) if begun[1] == "CREATE" else ""
                columns = found.setdefault(begun[2], (comment, []))[1]
            elif columns is not None and (column := _column(line)):
                columns.append(Column(column.name, column.type, " ".join([*said, column.comment]).strip()))
                said = []
            if line.rstrip().partition(" --")[0].rstrip().endswith(";") or not line:
                above, columns = [], None
    return found


def _rename(found: dict[str, tuple[str, list[Column]]], table_name: str, column_name: str | None, to: str) -> None:
    """Give a table, or a column of it, its new name, in the place it has."""
    if column_name is None:
        renamed = {to if name == table_name else name: what for name, what in found.items()}
        found.clear()
        found.update(renamed)
        return
    columns = found[table_name][1]
    columns[:] = [Column(to, each.type, each.comment) if each.name == column_name else each for each in columns]


def _column(line: str) -> Column | None:
    """A column of a line of the schema's; None where it is none."""
    words, _, comment = line.partition("-- ")
    words = re.sub(r"^ADD COLUMN (IF NOT EXISTS )?", "", words.strip()).rstrip(",; ")
    if not re.match(r"[a-z_0-9]+ +[a-z]", words):
        return None
    name, rest = words.split(maxsplit=1)
    type_ = re.split(r" (?:NOT|NULL|DEFAULT|PRIMARY|UNIQUE|CHECK|REFERENCES|GENERATED)\b", rest)[0].strip()
    return Column(name, type_, comment)


def _column_table(columns: Iterable[Column]) -> str:
    return table(
        ("column", "type", "meaning"), ((f"`{each.name}`", f"`{each.type}`", each.comment) for each in columns)
    )
