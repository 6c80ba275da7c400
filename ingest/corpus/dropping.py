"""A corpus taken out of its database: its tables, and its schema where nothing else is in it. Nothing of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import errors, sql

from ingest.corpus.column import find_target
from ingest.corpus.version_schemas import old_of, tables_of, views_of
from ingest.database.locks import (
    change_alone,
    corpus_lock,
    exclude_all,
    exclusive_books,
    hold_definitions,
    with_short_locks,
)
from ingest.database.ownership import NEXT, foreign_objects, read_books, schema_exists
from ingest.errors import UsageError
from ingest.formatting import some

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.database.connection import Connection


def droppable_version(connection: Connection, corpus: str) -> str | None:
    """The older version of a corpus that goes with it; None where there is none.

    Raises:
        UsageError: a version of it is in the making, or one has a column of the user's own.
    """
    used = read_books(connection, corpus)
    beside = [
        name
        for name in (corpus + NEXT, old_of(corpus))
        if used and used.family and (books := read_books(connection, name)) and books.family == used.family
    ]
    if corpus + NEXT in beside:
        raise UsageError(
            f"{corpus}{NEXT}, a version of the corpus {corpus}, stands beside it: `ingest reembed --discard` drops "
            "that first. Nothing was dropped."
        )
    if beside and find_target(connection):
        raise UsageError(
            f"{beside[0]} is kept with a column of its own: `ingest reembed --finish` drops both first. Nothing was "
            "dropped."
        )
    return next(iter(beside), None)


def drop_corpus(connection: Connection, corpus: str, say: Callable[[str], None]) -> None:
    """Drop the tables of a corpus and of its older version, and their schemas where they hold nothing else.

    Raises:
        UsageError: something that is not ours still reads from them.
    """
    with corpus_lock(connection, corpus, "sync"):
        beside = droppable_version(connection, corpus)
        used = read_books(connection, corpus)
        schemas = [corpus, *([beside] if beside else [])]
        locked = [sql.Identifier(schema, table) for schema in schemas for table in tables_of(connection, schema)]
        views = [
            sql.SQL("DROP VIEW {}").format(sql.Identifier(schema, view))
            for schema in schemas
            for view in views_of(connection, schema)
        ]
        made = {corpus, *(used.made_schemas if used else ())}

        def work() -> None:
            exclusive_books(connection, corpus)
            exclude_all(connection, *schemas)
            hold_definitions(connection, locked)
            # Not CASCADE: what reads from them is not ours to drop.
            change_alone(connection, locked, [sql.SQL("DROP TABLE {}").format(sql.SQL(", ").join(locked))], views)

        try:
            with_short_locks(connection, corpus, work, locked, say)
        except errors.DependentObjectsStillExist as error:
            read_by = (error.diag.message_detail or "").replace("\n", "; ")
            raise UsageError(f"{corpus} is still read: {read_by}. Drop that first. Nothing was dropped.") from error
        for schema in schemas:
            _drop_schema(connection, schema, say, is_made=schema in made)


def _drop_schema(connection: Connection, schema: str, say: Callable[[str], None], *, is_made: bool) -> None:
    """Drop a schema that holds nothing any more; else it is said why it stays."""
    why = f"it holds {some(left)}" if (left := foreign_objects(connection, schema, None)) else ""
    if is_made and not why:
        try:
            connection.execute_alone(sql.SQL("DROP SCHEMA {}").format(sql.Identifier(schema)))
        except errors.InsufficientPrivilege:
            why = "it is another role's"
        except errors.DependentObjectsStillExist as error:
            why = (error.diag.message_detail or "").replace("\n", "; ")
    if schema_exists(connection, schema):
        say(f"the schema {schema} stays: {why or 'it was there before'}")
