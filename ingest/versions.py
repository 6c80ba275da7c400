"""Two versions of a corpus side by side, each a schema: `docs` in use, `docs__next` in the making, `docs__old` kept.

Of passages the new one is a mirror of the one in use, under the same ids, with vectors of another model. A swap renames
both schemas in one transaction; that waits for no reader, and each query sees either the one or the other. The next
version of a corpus that fills a column of the user's own fills a second one; the columns are renamed with the schemas.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, LiteralString

from psycopg import errors, sql

from ingest.column import count_uncovered, find_target
from ingest.database.indexes import find_indexes, rename_index
from ingest.database.locks import corpus_lock, exclusive_books, with_short_locks
from ingest.database.statements import statement
from ingest.database.tables import TableName, find_columns
from ingest.errors import UsageError
from ingest.failpoints import reach
from ingest.ledger import carry_ledger
from ingest.model import embedded_text

if TYPE_CHECKING:
    from ingest.column import ColumnTarget
    from ingest.database.connection import Connection
    from ingest.tokens import Tokenizer

_NEXT, _OLD = "__next", "__old"
_MAX_NAME_BYTES = 63 - len(_NEXT)
_COUNTED_CHUNKS = 1000
_MIRROR: tuple[LiteralString, ...] = (
    "mirror_delete_documents",
    "mirror_documents",
    "mirror_delete_chunks",
    "mirror_moved_chunks",
    "mirror_chunks",
    "mirror_sequences",
)


def next_of(name: str) -> str:
    """What the version in the making is called: of a corpus, of a column, of an index on it.

    Raises:
        UsageError: PostgreSQL would cut the name.
    """
    if len(name.encode()) > _MAX_NAME_BYTES:
        raise UsageError(f"{name} is too long a name for a second one beside it: at most {_MAX_NAME_BYTES} bytes.")
    return name + _NEXT


def old_of(name: str) -> str:
    """What the version is called that was in use before the swap."""
    return name + _OLD


def versions_beside(connection: Connection, corpus: str) -> set[str]:
    """Which of the other versions there are."""
    names = [next_of(corpus), old_of(corpus)]
    return {row[0] for row in connection.execute(statement("list_corpora_beside"), {"schemas": names})}


def mirror(connection: Connection, corpus: str, tokenizer: Tokenizer | None, max_tokens: int) -> None:
    """Make the next version hold the documents and chunks of the one in use; enqueue the texts without vectors.

    `connection`: its search path is the next version. `tokenizer`: that of the new model, where it counts otherwise.

    Raises:
        UsageError: a chunk is over the new model's limit.
    """
    with connection.transaction():
        exclusive_books(connection, corpus)
        exclusive_books(connection, next_of(corpus))
        _mirror(connection, corpus, tokenizer, max_tokens)


def copy_indexes(connection: Connection, corpus: str) -> None:
    """Make the indexes that are the user's own on the tables of the next version too; not those on vectors.

    `connection`: its search path is the next version.
    """
    with connection.transaction():  # in it, tables of the corpus in use need no schema: nor do they in what is read
        path = sql.Identifier(corpus).as_string(connection)
        connection.execute(
            "SELECT set_config('search_path', %s || ', ' || current_setting('search_path'), true)", (path,)
        )
        wanted = connection.execute(statement("list_index_definitions"), {"schema": corpus}).fetchall()
    there = connection.execute(statement("list_index_definitions"), {"schema": next_of(corpus)}).fetchall()
    for name, definition in wanted:
        if name not in dict(there):
            connection.execute(sql.SQL(definition))


def swap(connection: Connection, corpus: str, tokenizer: Tokenizer | None, max_tokens: int) -> bool:
    """Put the next version in the place of the one in use, in one transaction.

    Returns:
        False, and nothing is swapped, where the one in use changed meanwhile: what is new is enqueued.
    """
    with corpus_lock(connection, corpus, "sync"), connection.transaction():
        exclusive_books(connection, corpus)
        exclusive_books(connection, next_of(corpus))
        _mirror(connection, corpus, tokenizer, max_tokens)
        row = connection.execute("SELECT EXISTS (SELECT FROM chunks WHERE embedding IS NULL)").fetchone()
        if row == (True,):
            return False
        _grant_alike(connection, corpus, next_of(corpus))
        _exchange(connection, corpus, None, incoming=_NEXT, outgoing=_OLD)
        reach("swap-before-commit")
    reach("swap-after-commit")
    return True


def swap_columns(connection: Connection, corpus: str, target: ColumnTarget) -> tuple[int, str | None]:
    """Put the next column and its corpus in the place of those in use, in one transaction.

    `connection`: its search path is the corpus in use; `target`: the column in use.

    Returns:
        How many rows would lose their vector by it, and a key of them: nothing is swapped where there are any.
    """

    def work() -> tuple[int, str | None]:
        exclusive_books(connection, corpus)
        exclusive_books(connection, next_of(corpus))
        count, key = count_uncovered(connection, target, next_of(target.vector_name))
        if not count:
            _grant_alike(connection, corpus, next_of(corpus))
            _grant_column_alike(connection, target)
            _exchange(connection, corpus, target, incoming=_NEXT, outgoing=_OLD)
            reach("swap-before-commit")
        return count, key

    with corpus_lock(connection, corpus, "sync"):
        uncovered = with_short_locks(connection, target.label, work)
    reach("swap-after-commit")
    return uncovered


def roll_back(connection: Connection, corpus: str) -> None:
    """Put the old version back in use; the other stands beside as the next.

    Raises:
        UsageError: there is no old version.
    """
    if old_of(corpus) not in versions_beside(connection, corpus):
        raise UsageError(f"there is no older version of the corpus {corpus} to go back to.")
    target = find_target(connection)

    def work() -> None:
        exclusive_books(connection, corpus)
        _exchange(connection, corpus, target, incoming=_OLD, outgoing=_NEXT)

    with corpus_lock(connection, corpus, "sync"):
        with_short_locks(connection, target.label if target else corpus, work)


def finish(connection: Connection, corpus: str, *, discard: bool) -> str:
    """Drop the old version, its column with it; or, with `discard`, the next one, which is not in use. Its name.

    Raises:
        UsageError: there is none, or views of yours still read from it.
    """
    name = next_of(corpus) if discard else old_of(corpus)
    beside = versions_beside(connection, corpus)
    if name not in beside:
        raise UsageError(f"there is no {name}: nothing was dropped.")
    tables = [sql.Identifier(name, row[0]) for row in connection.execute(statement("list_tables"), {"schema": name})]
    target = find_target(connection)

    def work() -> None:
        carry_ledger(connection, name, corpus)
        # Not CASCADE: what reads from it is not ours to drop.
        connection.execute(sql.SQL("DROP TABLE {}").format(sql.SQL(", ").join(tables)))
        connection.execute(sql.SQL("DROP SCHEMA {}").format(sql.Identifier(name)))
        if target:
            column = sql.Identifier(target.vector_name + (_NEXT if discard else _OLD))
            connection.execute(statement("drop_column").format(table=target.table.identifier, column=column))

    try:
        with_short_locks(connection, target.label if target else name, work)
    except errors.DependentObjectsStillExist as error:
        raise UsageError(
            f"{name} is still read: {error.diag.message_detail}. Let that read what is in use first."
        ) from error
    return name


def _mirror(connection: Connection, corpus: str, tokenizer: Tokenizer | None, max_tokens: int) -> None:
    for name in _MIRROR:
        connection.execute(statement(name).format(used=sql.Identifier(corpus)))
    if tokenizer:
        _recount(connection, tokenizer, max_tokens)
    connection.execute(statement("delete_orphan_requests"))
    connection.execute(statement("mirror_requests"))


def _recount(connection: Connection, tokenizer: Tokenizer, max_tokens: int) -> None:
    """Count the new chunks as the new model does."""
    after = 0
    while rows := connection.execute(
        statement("select_uncounted_chunks"), {"after": after, "limit": _COUNTED_CHUNKS}
    ).fetchall():
        counts = [tokenizer.count(embedded_text(headings, depth, content)) for _, content, headings, depth in rows]
        if max(counts) > max_tokens:
            raise UsageError(
                f"chunks of this corpus are over the new model's limit of {max_tokens:,} tokens (one has "
                f"{max(counts):,}): make a new --corpus from the sources, with lower --chunk-tokens."
            )
        connection.execute(statement("update_token_counts"), {"ids": [row[0] for row in rows], "counts": counts})
        after = rows[-1][0]


def _grant_alike(connection: Connection, corpus: str, other: str) -> None:
    """Who may read the one may read the other.

    Raises:
        UsageError: row security of yours guards the one only.
    """
    unguarded = connection.execute(statement("list_unguarded_tables"), {"schema": corpus, "other": other}).fetchall()
    for (table,) in unguarded:
        raise UsageError(
            f"{corpus}.{table} has row security and {other}.{table} has none, and policies are yours to write: make "
            f"those of {corpus} for {other} too, then reembed again."
        )
    for privilege, table, role in connection.execute(statement("list_grants"), {"schema": corpus}).fetchall():
        on = sql.SQL("SCHEMA {}").format(sql.Identifier(other)) if table is None else sql.Identifier(other, table)
        _grant(connection, sql.SQL(privilege), on, role)
    tables = {"schema": corpus, "tables": ["documents", "chunks"]}
    for privilege, table, column, role in connection.execute(statement("list_column_grants"), tables).fetchall():
        if column in {found.name for found in find_columns(connection, TableName(other, table))}:
            _grant(connection, _on_column(privilege, column), sql.Identifier(other, table), role)


def _grant_column_alike(connection: Connection, target: ColumnTarget) -> None:
    """Who may use the column in use, alone, may use the next one."""
    tables = {"schema": target.table_schema, "tables": [target.table_name]}
    for privilege, _, column, role in connection.execute(statement("list_column_grants"), tables).fetchall():
        if column == target.vector_name:
            _grant(connection, _on_column(privilege, next_of(column)), target.table.identifier, role)


def _on_column(privilege: str, column: str) -> sql.Composed:
    return sql.SQL("{} ({})").format(sql.SQL(privilege), sql.Identifier(column))


def _grant(connection: Connection, privilege: sql.Composable, on: sql.Composable, role: str | None) -> None:
    to = sql.SQL("PUBLIC") if role is None else sql.Identifier(role)
    connection.execute(sql.SQL("GRANT {} ON {} TO {}").format(privilege, on, to))


def _exchange(
    connection: Connection, corpus: str, target: ColumnTarget | None, *, incoming: str, outgoing: str
) -> None:
    """The version of the suffix `incoming` takes the place of the one in use, which is given the suffix `outgoing`.

    `target`: the column in use, where the corpus fills one; its indexes and those of the other change names too. What
    the one in use has cost is told by the other from then on.
    """
    carry_ledger(connection, corpus, corpus + incoming)
    if target:
        used = target.vector_name
        _rename_column(connection, corpus, target, used, used + outgoing)
        _rename_column(connection, corpus + incoming, target, used + incoming, used)
    _rename(connection, corpus, corpus + outgoing)
    _rename(connection, corpus + incoming, corpus)


def _rename_column(connection: Connection, corpus: str, target: ColumnTarget, old: str, new: str) -> None:
    """Another name for the column that `corpus` fills; its vector indexes gain or lose the same suffix."""
    column = replace(target.column, name=old)
    for index in find_indexes(connection, column):
        named = index.name + new[len(old) :] if new.startswith(old) else index.name.removesuffix(old[len(new) :])
        if named != index.name:
            rename_index(connection, column, index.name, named)
    names = {"old": sql.Identifier(old), "new": sql.Identifier(new)}
    connection.execute(statement("rename_column").format(table=target.table.identifier, **names))
    connection.execute(statement("rename_target").format(corpus=sql.Identifier(corpus)), {"name": new})


def _rename(connection: Connection, old: str, new: str) -> None:
    connection.execute(statement("rename_schema").format(old=sql.Identifier(old), new=sql.Identifier(new)))
