"""Which objects of a database are ours. The books in a corpus's own schema tell it; a name alone tells nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg import sql

from ingest import commands
from ingest.database.statements import schema_versions, statement

if TYPE_CHECKING:
    from uuid import UUID

    from ingest.database.connection import Connection

# The tables that the steps of the schema made, by the number of the step.
TABLES: dict[int, tuple[str, ...]] = {
    0: ("migrations",),
    1: ("corpus", "documents", "chunks"),
    2: ("batches", "requests", "loaded_files"),
    3: ("column_target", "filled_rows"),
    4: ("learned_limits",),
    7: ("ledger", "ledger_documents"),
    11: ("unfilled_rows", "long_rows"),
    17: ("duplicates",),
    28: ("chunk_terms",),
    33: ("whole_files",),
}
# What a table was called before a step gave it the name it has.
_RENAMED: dict[str, tuple[int, str]] = {"duplicates": (23, "twins")}
_FAMILY_SINCE = 9
_VIEW_SINCE = 27
# The view of the passages.
VIEW = "passages"
# How the version in the making is called beside the one in use, and the one that was in use before.
NEXT, OLD = commands.NEXT, "__old"


@dataclass(frozen=True, slots=True)
class Books:
    """What a corpus's own schema says of it.

    `steps`: those of the schema that were applied; `tables`: that they made, and that are there; `lost`: that are not;
    `views`: ours, on them; `family`: which corpus it is a version of, None where not noted yet; `made_schemas`: made
    for versions of it.
    """

    steps: frozenset[int]
    tables: tuple[str, ...]
    lost: tuple[str, ...] = ()
    family: UUID | None = None
    made_schemas: tuple[str, ...] = ()
    views: tuple[str, ...] = ()


def has_books(connection: Connection, schema: str) -> bool:
    """Whether a schema is a corpus of ours."""
    return connection.execute(statement("find_books"), {"schema": schema}).fetchone() == (True,)


def read_books(connection: Connection, schema: str) -> Books | None:
    """The books of the corpus in a schema; None where there are none of ours."""
    if not has_books(connection, schema):
        return None
    corpus = sql.Identifier(schema)
    applied = dict(connection.execute(statement("list_migrations").format(corpus=corpus)).fetchall())
    ours = {version: name for version, name, _ in schema_versions()}
    if 1 not in applied or any(applied[version] != ours[version] for version in applied.keys() & ours.keys()):
        return None
    steps = frozenset(applied)
    made = [_name(table, steps) for step, tables in TABLES.items() if not step or step in applied for table in tables]
    present = connection.execute(statement("find_tables"), {"schema": schema, "tables": made})
    tables = tuple(name for (name,) in present)
    lost = tuple(sorted(set(made).difference(tables)))
    if _FAMILY_SINCE not in applied:
        return Books(steps, tables, lost)
    family, made_schemas = connection.execute(statement("read_family").format(corpus=corpus)).fetchone() or (None, ())
    has_view = _VIEW_SINCE in applied and connection.execute(
        statement("find_view").format(corpus=corpus), {"schema": schema}
    ).fetchone() == (True,)
    return Books(steps, tables, lost, family, tuple(made_schemas), (VIEW,) if has_view else ())


def _name(table: str, steps: frozenset[int]) -> str:
    """What a table is called in a corpus of these steps."""
    step, before = _RENAMED.get(table, (0, table))
    return table if not step or step in steps else before


def is_made_index(connection: Connection, kind: str) -> bool:
    """Whether we made the index of our name; `kind`: vector, the one there is."""
    return connection.execute(statement("is_made_index"), {"kind": kind}).fetchone() == (True,)


def note_made_index(connection: Connection, kind: str) -> None:
    """Note that the index of our name is ours, before it is made."""
    connection.execute(statement("note_made_index"), {"kind": kind})


def schema_exists(connection: Connection, schema: str) -> bool:
    """Whether there is a schema of that name, whoever's."""
    return connection.execute(statement("find_schema"), {"schema": schema}).fetchone() == (True,)


def foreign_objects(connection: Connection, schema: str, books: Books | None) -> list[str]:
    """What a schema holds besides what is ours, as the server describes it."""
    parameters = {"schema": schema, "tables": list((*books.tables, *books.views) if books else ())}
    return [name for (name,) in connection.execute(statement("list_foreign_objects"), parameters)]
