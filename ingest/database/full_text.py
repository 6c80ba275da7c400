"""Full text: PostgreSQL's own search by words, and the index that makes it quick."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import errors, sql

from ingest.database.statements import statement
from ingest.errors import UsageError

if TYPE_CHECKING:
    from ingest.database.connection import Connection

_INDEX, _BUILDING, _REPLACED = "chunks_full_text", "chunks_full_text_building", "chunks_full_text_replaced"


def configuration_literal(configuration: str) -> sql.Composed:
    """A text search configuration, as SQL reads it: a constant, without which no index is used."""
    return sql.SQL("{}::regconfig").format(sql.Literal(configuration))


def no_such_configuration(configuration: str | None) -> UsageError:
    """What to say where the server does not know the configuration."""
    return UsageError(
        f"the database has no text search configuration {configuration}: set full_text to one of those that "
        "psql lists by \\dF, english or simple for example."
    )


def build_full_text_index(connection: Connection, configuration: str) -> None:
    """Build the index, or build it anew beside the one in use; searches and writes go on.

    Raises:
        UsageError: the server has no such configuration.
    """
    for leftover in (_BUILDING, _REPLACED):  # of a build that was stopped
        _drop(connection, leftover)
    try:
        connection.execute(
            statement("create_full_text_index").format(
                name=sql.Identifier(_BUILDING), configuration=configuration_literal(configuration)
            )
        )
    except errors.UndefinedObject as error:
        raise no_such_configuration(configuration) from error
    with connection.transaction():
        if full_text_index_exists(connection):
            _rename(connection, _INDEX, _REPLACED)
        _rename(connection, _BUILDING, _INDEX)
    _drop(connection, _REPLACED)


def full_text_index_exists(connection: Connection) -> bool:
    """Whether the passages have the index."""
    row = connection.execute(statement("find_full_text_index"), {"name": _INDEX}).fetchone()
    return row is not None


def _rename(connection: Connection, old: str, new: str) -> None:
    connection.execute(statement("rename_index").format(old=sql.Identifier(old), new=sql.Identifier(new)))


def _drop(connection: Connection, name: str) -> None:
    index = {"concurrently": sql.SQL("CONCURRENTLY"), "name": sql.Identifier(name)}
    connection.execute(statement("drop_index").format(**index))
