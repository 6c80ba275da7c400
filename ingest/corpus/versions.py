"""Two versions of a corpus side by side, mirrored, swapped, dropped.

Of passages the new one is a mirror of the one in use, under the same ids, with vectors of another model. A swap moves
the tables of both, those that are ours and no other, in one transaction: each query sees either the one or the other.
The next version of a corpus that fills a column of the user's own fills a second one; the columns change names too.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, LiteralString

from psycopg import errors, sql

from ingest.batches import carry_ledger
from ingest.corpus.column import count_uncovered, find_target
from ingest.corpus.filters import alike_filters, mirror_filters
from ingest.corpus.keywords import mirror_keywords
from ingest.corpus.version_schemas import (
    make_schema,
    next_of,
    old_of,
    tables_of,
    unmake_schema,
    version_beside,
    views_of,
)
from ingest.database.attachments import attachments, qualified, readers, require_movable
from ingest.database.indexes import find_indexes, renaming
from ingest.database.locks import (
    change_alone,
    corpus_lock,
    exclude_all,
    exclusive_books,
    hold_definitions,
    with_short_locks,
)
from ingest.database.ownership import NEXT, OLD, foreign_objects
from ingest.database.passages_view import drop_view
from ingest.database.session import on_path
from ingest.database.statements import statement
from ingest.errors import UsageError
from ingest.failpoints import reach
from ingest.formatting import some
from ingest.model import embedded_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ingest.chunker import Tokenizer
    from ingest.corpus.column import ColumnTarget
    from ingest.database.connection import Connection

_PUBLIC = ("documents", "chunks")
_COUNTED_CHUNKS = 1000
_MIRROR: tuple[LiteralString, ...] = (
    "mirror_free_uris",
    "mirror_documents",
    "mirror_chunks",
    "mirror_delete_chunks",
    "mirror_delete_documents",
)


def mirror(
    connection: Connection,
    corpus: str,
    version: str,
    tokenizer: Tokenizer | None,
    max_tokens: int,
    share: Callable[[None], None] = lambda _documents: None,
) -> None:
    """Make another version hold the documents and chunks of the one in use; enqueue the texts without vectors.

    `connection`: its search path is that version. `tokenizer`: that of its model, where it counts otherwise. `share`
    gives all its documents (None) vectors that stand elsewhere, before texts are enqueued.

    Raises:
        UsageError: a chunk is over the new model's limit.
    """
    with connection.transaction():
        exclusive_books(connection, corpus)
        exclusive_books(connection, version)
        _mirror(connection, corpus, version, tokenizer, max_tokens, share)


def copy_indexes(connection: Connection, corpus: str) -> None:
    """Make the indexes that are the user's own on the tables of the next version too; not those on vectors.

    `connection`: its search path is the next version.
    """
    # On that path, tables of the corpus in use need no schema: nor do they in what is read.
    with connection.transaction(), on_path(connection, corpus, "pg_catalog", next_of(corpus), "pg_temp"):
        wanted = connection.execute(statement("list_index_definitions"), {"schema": corpus}).fetchall()
    there = connection.execute(statement("list_index_definitions"), {"schema": next_of(corpus)}).fetchall()
    for name, definition in wanted:
        if name not in dict(there):
            with connection.transaction(), on_path(connection, next_of(corpus)):
                connection.execute(sql.SQL(definition))


def swap(
    connection: Connection, corpus: str, tokenizer: Tokenizer | None, max_tokens: int, say: Callable[[str], None]
) -> bool:
    """Put the next version in the place of the one in use, in one transaction.

    Returns:
        False, and nothing is swapped, where the one in use changed meanwhile: what is new is enqueued.
    """
    turns = count()

    def work() -> bool:
        exclusive_books(connection, corpus)
        exclusive_books(connection, next_of(corpus))
        _mirror(connection, corpus, next_of(corpus), tokenizer, max_tokens)
        row = connection.execute(statement("has_waiting_chunks")).fetchone()
        if row == (True,):
            return False
        _exchange(connection, corpus, None, next(turns), incoming=NEXT, outgoing=OLD)
        reach("swap-before-commit")
        return True

    with corpus_lock(connection, corpus, "sync"):
        if not with_short_locks(connection, corpus, work, _locked(connection, corpus, next_of(corpus)), say):
            return False
    reach("swap-after-commit")
    _tell(connection, corpus, say)
    return True


def swap_columns(
    connection: Connection, corpus: str, target: ColumnTarget, say: Callable[[str], None]
) -> tuple[int, str | None]:
    """Put the next column and its corpus in the place of those in use, in one transaction.

    `connection`: its corpus is the one in use; `target`: the column in use.

    Returns:
        How many rows would lose their vector by it, and a key of them: nothing is swapped where there are any.
    """
    turns = count()

    def work() -> tuple[int, str | None]:
        exclusive_books(connection, corpus)
        exclusive_books(connection, next_of(corpus))
        uncovered, key = count_uncovered(connection, target, next_of(target.vector_name))
        if not uncovered:
            _grant_column_alike(connection, target)
            _exchange(connection, corpus, target, next(turns), incoming=NEXT, outgoing=OLD)
            reach("swap-before-commit")
        return uncovered, key

    with corpus_lock(connection, corpus, "sync"):
        locked = _locked(connection, corpus, next_of(corpus), target=target)
        uncovered = with_short_locks(connection, target.label, work, locked, say)
    reach("swap-after-commit")
    if not uncovered[0]:
        _tell(connection, corpus, say)
    return uncovered


def roll_back(connection: Connection, corpus: str, say: Callable[[str], None]) -> None:
    """Put the old version back in use; the other stands beside as the next.

    Raises:
        UsageError: there is no old version, or what is the user's own could not be carried over to it.
    """
    if not version_beside(connection, corpus, old_of(corpus)):
        raise UsageError(f"there is no older version of the corpus {corpus} to go back to.")
    target = find_target(connection)
    turns = count()

    def work() -> None:
        exclusive_books(connection, corpus)
        alike_filters(connection, old_of(corpus), corpus)
        _exchange(connection, corpus, target, next(turns), incoming=OLD, outgoing=NEXT)

    with corpus_lock(connection, corpus, "sync"):
        locked = _locked(connection, corpus, old_of(corpus), target=target)
        with_short_locks(connection, target.label if target else corpus, work, locked, say)


def finish(connection: Connection, corpus: str, say: Callable[[str], None], *, discard: bool) -> str:
    """Drop the old version, its column with it; or, with `discard`, the next one, which is not in use. Its name.

    Raises:
        UsageError: there is none, or views of yours still read from it.
    """
    name = next_of(corpus) if discard else old_of(corpus)
    if not version_beside(connection, corpus, name):
        raise UsageError(f"there is no {name}: nothing was dropped.")
    target, used = find_target(connection, name), find_target(connection)

    def work() -> None:
        exclusive_books(connection, corpus)
        version_beside(connection, corpus, name)
        exclude_all(connection, name)
        carry_ledger(connection, name, corpus)
        locked = _locked(connection, name, target=target)
        hold_definitions(connection, locked)
        tables = [sql.Identifier(name, table) for table in tables_of(connection, name)]
        # Not CASCADE: what reads from it is not ours to drop.
        changes = [sql.SQL("DROP TABLE {}").format(sql.SQL(", ").join(tables))]
        changes += unmake_schema(connection, corpus, name)
        views = [sql.SQL("DROP VIEW {}").format(sql.Identifier(name, view)) for view in views_of(connection, name)]
        # Which column is ours, its own books tell; never the one in use. The table may be gone.
        if target and used and target.label != used.label and _find_kind(connection, target):
            column = sql.Identifier(target.vector_name)
            changes.append(statement("drop_column").format(table=target.table.identifier, column=column))
        change_alone(connection, locked, changes, views)

    try:
        locked = _locked(connection, name, target=target)
        with_short_locks(connection, target.label if target else name, work, locked, say)
    except errors.DependentObjectsStillExist as error:
        read_by = (error.diag.message_detail or "").replace("\n", "; ")
        raise UsageError(f"{name} is still read: {read_by}. Let that read what is in use first.") from error
    if left := foreign_objects(connection, name, None):
        say(f"the schema {name} stays, with what is not ours: {some(left)}")
    return name


def _mirror(
    connection: Connection,
    corpus: str,
    version: str,
    tokenizer: Tokenizer | None,
    max_tokens: int,
    share: Callable[[None], None] = lambda _documents: None,
) -> None:
    alike_filters(connection, version, corpus)
    for name in _MIRROR:
        connection.execute(statement(name).format(used=sql.Identifier(corpus)))
    mirror_filters(connection)
    mirror_keywords(connection, corpus)
    if tokenizer:
        _recount(connection, tokenizer, max_tokens)
    share(None)
    connection.execute(statement("delete_orphan_requests"))
    connection.execute(statement("mirror_requests").format(used=sql.Identifier(corpus)))
    _carry_sequences(connection, corpus, version)


def _carry_sequences(connection: Connection, source: str, target: str) -> None:
    names = {"source": sql.Identifier(source), "target": sql.Identifier(target)}
    connection.execute(statement("carry_sequences").format(**names))


def _recount(connection: Connection, tokenizer: Tokenizer, max_tokens: int) -> None:
    """Count the new chunks as the new model does."""
    after = 0
    while rows := connection.execute(
        statement("select_uncounted_chunks"), {"after": after, "limit": _COUNTED_CHUNKS}
    ).fetchall():
        counts = [
            tokenizer.count(embedded_text(headings, depth, content, table_header))
            for _, content, headings, depth, table_header in rows
        ]
        if max(counts) > max_tokens:
            raise UsageError(
                f"chunks of this corpus are over the new model's limit of {max_tokens:,} tokens (one has "
                f"{max(counts):,}): make a new --corpus from the sources, with lower --chunk-tokens. Nothing was "
                "sent; `ingest reembed --discard` drops what was begun."
            )
        connection.execute(statement("update_token_counts"), {"ids": [row[0] for row in rows], "counts": counts})
        after = rows[-1][0]


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
    connection: Connection, corpus: str, target: ColumnTarget | None, turn: int, *, incoming: str, outgoing: str
) -> None:
    """The version of the suffix `incoming` takes the place of the one in use, which is given the suffix `outgoing`.

    Our tables change schemas, by name, and nothing else does. `target`: the column in use, where the corpus fills one;
    its indexes and those of the other change names too. What the one in use has cost is told by the other from then on.

    `turn`: how often it was tried. Who reads two tables in another order than we lock them would keep us out for ever:
    each turn has the other order.
    """
    fresh, kept = corpus + incoming, corpus + outgoing
    if not version_beside(connection, corpus, fresh) or version_beside(connection, corpus, kept):
        raise UsageError(f"the versions of {corpus} were changed meanwhile: look at its status, then decide anew.")
    exclude_all(connection, corpus, fresh)
    carry_ledger(connection, corpus, fresh)
    _carry_sequences(connection, corpus, fresh)
    locked = _locked(connection, corpus, fresh, target=target, turn=turn)
    hold_definitions(connection, locked)
    ours, theirs = tables_of(connection, corpus), tables_of(connection, fresh)
    if not views_of(connection, corpus):  # its name may be somebody else's here
        drop_view(connection, fresh)
    views = views_of(connection, corpus)
    require_movable(connection, corpus, fresh, [*ours, *views])
    make_schema(connection, corpus, kept)
    changes: list[sql.Composable] = []
    if target:
        used = target.vector_name
        changes += _rename_column(connection, corpus, target, used, used + outgoing)
        changes += _rename_column(connection, fresh, target, used + incoming, used)
    changes += [*_moves(ours, corpus, kept), *_moves(theirs, fresh, corpus)]
    changes += attachments(connection, corpus, fresh, [*ours, *views])
    changes += unmake_schema(connection, corpus, fresh)
    try:
        with qualified(connection):
            views_first = [*_moves(views, corpus, kept), *_moves(views_of(connection, fresh), fresh, corpus)]
            change_alone(connection, locked, changes, views_first)
    except (errors.DuplicateTable, errors.DuplicateObject) as error:
        raise UsageError(
            f"the tables of {corpus} and {fresh} cannot change places: {error.diag.message_primary}. Rename that one, "
            "which is yours, then run the same command again; what was paid stays."
        ) from error


def _locked(
    connection: Connection, *versions: str, target: ColumnTarget | None = None, turn: int = 0
) -> list[sql.Identifier]:
    """The tables that are locked, in that order: last those that others use, for the shortest time.

    A table of another server cannot be locked.
    """
    public = _PUBLIC[:: -1 if turn % 2 else 1]
    books = [(version, table) for version in versions for table in tables_of(connection, version)]
    names = [name for name in books if name[1] not in public]
    names += [(version, table) for version in reversed(versions) for table in public]
    users = [target.table.identifier] if target and _find_kind(connection, target) in {"r", "p"} else []
    return [*(sql.Identifier(*name) for name in names), *users]


def _find_kind(connection: Connection, target: ColumnTarget) -> str | None:
    """What the user's table is, as in pg_class; None where it is gone."""
    name = target.table.identifier.as_string(connection)
    row = connection.execute(statement("find_table"), {"name": name}).fetchone()
    return row[2] if row else None


def _moves(tables: Sequence[str], schema: str, other: str) -> list[sql.Composed]:
    names = [{"table": sql.Identifier(schema, table), "schema": sql.Identifier(other)} for table in tables]
    return [statement("move_table").format(**each) for each in names]


def _tell(connection: Connection, corpus: str, say: Callable[[str], None]) -> None:
    """Tell what the swap has left with the old version."""
    old = old_of(corpus)
    if names := readers(connection, old, [*tables_of(connection, old), *views_of(connection, old)]):
        say(f"{names}: reads the old version on, now {old}, until you make it anew")


def _rename_column(connection: Connection, corpus: str, target: ColumnTarget, old: str, new: str) -> list[sql.Composed]:
    """What renames the column that `corpus` fills; its vector indexes gain or lose the same suffix. It is noted."""
    column = replace(target.column, name=old)
    changes = []
    for index in find_indexes(connection, column):
        named = index.name + new[len(old) :] if new.startswith(old) else index.name.removesuffix(old[len(new) :])
        if named != index.name:
            changes.append(renaming(column, index.name, named))
    connection.execute(statement("rename_target").format(corpus=sql.Identifier(corpus)), {"name": new})
    names = {"old": sql.Identifier(old), "new": sql.Identifier(new)}
    return [*changes, statement("rename_column").format(table=target.table.identifier, **names)]
