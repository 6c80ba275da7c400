"""What is the user's own on a corpus's tables, grants, policies, triggers: carried over, or a reason not to swap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import sql

from ingest.database.session import on_path
from ingest.database.statements import statement
from ingest.errors import UsageError
from ingest.formatting import some

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from ingest.database.connection import Connection


def qualified(connection: Connection) -> AbstractContextManager[None]:
    """In the block, inside a transaction, every name has its schema, in what the server writes and in what it reads."""
    return on_path(connection, "pg_catalog", "pg_temp")


def require_movable(connection: Connection, corpus: str, other: str, tables: Sequence[str]) -> None:
    """See that another version can take the place of the one in use, with all that is the user's own on its tables.

    Raises:
        UsageError: something of it cannot be carried over.
    """
    with qualified(connection):
        rows = connection.execute(statement("list_obstacles"), _parameters(corpus, other, tables))
        if obstacles := [name for (name,) in rows]:
            raise UsageError(
                f"{other} cannot take the place of {corpus} and keep what is yours there: {'; '.join(obstacles)}. "
                "Then run the same command again; what was paid stays."
            )


def place_alike(connection: Connection, corpus: str, other: str, tables: Sequence[str]) -> None:
    """Put the tables of another version, while they are empty, into the tablespaces of those in use."""
    placed = connection.execute(statement("list_tablespaces"), _parameters(corpus, other, tables)).fetchall()
    for table, tablespace in placed:
        names = {"table": sql.Identifier(other, table), "tablespace": sql.Identifier(tablespace)}
        connection.execute(statement("set_tablespace").format(**names))


def attachments(connection: Connection, corpus: str, other: str, tables: Sequence[str]) -> list[sql.SQL]:
    """What gives the tables of the other version the owner, grants, comments, settings, policies and triggers of these.

    To be executed `qualified`, once those have taken the names of these.
    """
    with qualified(connection):
        made = connection.execute(statement("list_attachments"), _parameters(corpus, other, tables)).fetchall()
    return [sql.SQL(definition) for (definition,) in made]


def readers(connection: Connection, schema: str, tables: Sequence[str]) -> str:
    """The user's views and functions that read tables of ours; "" where there are none."""
    rows = connection.execute(statement("list_readers"), {"schema": schema, "tables": list(tables)})
    return some([name for (name,) in rows])


def _parameters(corpus: str, other: str, tables: Sequence[str]) -> dict[str, object]:
    return {"schema": corpus, "other": other, "tables": list(tables)}
