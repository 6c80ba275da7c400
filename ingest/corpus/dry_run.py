"""What a run does to the database first, done and undone: a right, a setting or a standby in its way is told before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import sql

from ingest.corpus.column import find_target
from ingest.database.corpus import create_corpus
from ingest.database.ownership import TABLES
from ingest.database.session import as_user
from ingest.database.statements import statement
from ingest.errors import UsageError

if TYPE_CHECKING:
    from ingest.database.connection import Connection
    from ingest.database.corpus import Indexing

# A table that a sync works with, and one with a vector in the corpus's schema, as its own tables and indexes are.
_MADE = ("create_staged_chunks", "create_rehearsal")


def rehearse(connection: Connection, corpus: str, indexing: Indexing) -> list[str]:
    """Make or open the corpus, what a sync and a load need in it, and its column; all of it is rolled back.

    Returns:
        What a run would not see or could not do later, in a few words each.

    Raises:
        UsageError: a run would be refused as it is here.
        psycopg.Error: likewise, by PostgreSQL.
    """
    vector_schema = connection.vector_schema
    try:
        with connection.transaction(force_rollback=True):
            create_corpus(connection, corpus, indexing)
            _require_own(connection, corpus)
            for name in _MADE:
                connection.execute(statement(name))
            return [*_rehearse_column(connection, indexing), *_reembedding(connection)]
    finally:
        connection.vector_schema = vector_schema  # pgvector may have come and gone


def _require_own(connection: Connection, corpus: str) -> None:
    tables = [table for made in TABLES.values() for table in made]
    found = connection.execute(statement("list_tables_of_others"), {"schema": corpus, "tables": tables}).fetchone()
    if found:
        table, owner, role = found
        raise UsageError(f"{corpus}.{table} is {owner}'s, and only its owner writes a corpus: GRANT {owner} TO {role};")


def _rehearse_column(connection: Connection, indexing: Indexing) -> list[str]:
    """Fill the column of the user's own, in no row; whether policies hide rows of his table."""
    target = find_target(connection)
    if target is None:
        return []
    obstacle, lockable = target.find_obstacle(connection)
    if obstacle:
        raise UsageError(f"{target.label} cannot be filled: {obstacle}.")
    locking = sql.SQL("FOR NO KEY UPDATE OF t SKIP LOCKED" if lockable else "")
    with as_user(connection):
        connection.execute(
            target.statement("fill_column", indexing, locking=locking),
            {"document_ids": [], "hash_prefix": target.hash_prefix, "clearing": False},
        )
        table = target.table.identifier.as_string(connection)
        hidden = connection.execute(statement("is_row_security_active"), {"table": table}).fetchone() == (True,)
    return [f"rows of {target.table.label} that its policies hide are not embedded"] if hidden else []


def _reembedding(connection: Connection) -> list[str]:
    row = connection.execute(statement("find_right_to_create")).fetchone()
    may_create, database, role = row or (True, "", "")
    return [] if may_create else [f"`ingest reembed` would need GRANT CREATE ON DATABASE {database} TO {role};"]
