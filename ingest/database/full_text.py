"""Full text: PostgreSQL's own search by words, and the index that makes it quick."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import errors, sql

from ingest.database.locks import corpus_lock
from ingest.database.ownership import is_made_index, note_made_index
from ingest.database.statements import in_corpus, statement
from ingest.errors import UsageError

if TYPE_CHECKING:
    from ingest.database.connection import Connection

_KIND = "full_text"  # of index, in the corpus's books
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


def build_full_text_index(connection: Connection, configuration: str, *, anew: bool) -> None:
    """Build the index where there is none, or `anew` beside the one in use; searches and writes go on. One at a time.

    Raises:
        UsageError: the server has no such configuration, or something of the user's own has the name.
    """
    with corpus_lock(connection, connection.corpus or "", "index"):
        if anew or not full_text_index_exists(connection):
            _build(connection, configuration)


def _build(connection: Connection, configuration: str) -> None:
    is_ours = is_made_index(connection, _KIND)
    for name in (_INDEX, _BUILDING, _REPLACED):
        if _name_is_taken(connection, name) and not (is_ours and _find(connection, name)):
            raise UsageError(f"the full-text index needs the name {name}, and something of yours has it: rename that.")
    note_made_index(connection, _KIND)
    for leftover in (_BUILDING, _REPLACED):  # of a build that was stopped
        _drop(connection, leftover)
    try:
        connection.execute_alone(
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
    return _find(connection, _INDEX) == (True,)


def _find(connection: Connection, name: str) -> tuple[bool] | None:
    return connection.execute(statement("find_full_text_index"), {"name": name}).fetchone()


def _name_is_taken(connection: Connection, name: str) -> bool:
    identifier = in_corpus(name).as_string(connection)
    return connection.execute("SELECT to_regclass(%s)", (identifier,)).fetchone() != (None,)


def _rename(connection: Connection, old: str, new: str) -> None:
    connection.execute(statement("rename_index").format(old=in_corpus(old), new=sql.Identifier(new)))


def _drop(connection: Connection, name: str) -> None:
    connection.execute_alone(statement("drop_index").format(name=in_corpus(name)))
