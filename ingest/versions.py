"""Two versions of a corpus side by side, each a schema: `docs` in use, `docs__next` in the making, `docs__old` kept.

The new one is a mirror of the one in use, under the same ids, with vectors of another model. A swap renames both
schemas in one transaction; that waits for no reader, and each query sees either the one or the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, LiteralString

from psycopg import errors, sql

from ingest.database.locks import corpus_lock, exclusive_books
from ingest.database.statements import statement
from ingest.errors import UsageError
from ingest.model import embedded_text

if TYPE_CHECKING:
    from ingest.database.connection import Connection
    from ingest.tokens import Tokenizer

_COUNTED_CHUNKS = 1000
_MIRROR: tuple[LiteralString, ...] = (
    "mirror_delete_documents",
    "mirror_documents",
    "mirror_delete_chunks",
    "mirror_moved_chunks",
    "mirror_chunks",
    "mirror_sequences",
)


def next_of(corpus: str) -> str:
    """The name of the version in the making."""
    return f"{corpus}__next"


def old_of(corpus: str) -> str:
    """The name of the version that was in use before the swap."""
    return f"{corpus}__old"


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
        _rename(connection, corpus, old_of(corpus))
        _rename(connection, next_of(corpus), corpus)
    return True


def roll_back(connection: Connection, corpus: str) -> None:
    """Put the old version back in use; the other stands beside as the next.

    Raises:
        UsageError: there is no old version.
    """
    if old_of(corpus) not in versions_beside(connection, corpus):
        raise UsageError(f"there is no older version of the corpus {corpus} to go back to.")
    with corpus_lock(connection, corpus, "sync"), connection.transaction():
        exclusive_books(connection, corpus)
        _rename(connection, corpus, next_of(corpus))
        _rename(connection, old_of(corpus), corpus)


def finish(connection: Connection, corpus: str, *, discard: bool) -> str:
    """Drop the old version; or, with `discard`, the next one, which is not in use. Its name.

    Raises:
        UsageError: there is none, or views of yours still read from it.
    """
    name = next_of(corpus) if discard else old_of(corpus)
    beside = versions_beside(connection, corpus)
    if name not in beside:
        raise UsageError(f"there is no {name}: nothing was dropped.")
    tables = [sql.Identifier(name, row[0]) for row in connection.execute(statement("list_tables"), {"schema": name})]
    try:
        with connection.transaction():
            # Not CASCADE: what reads from it is not ours to drop.
            connection.execute(sql.SQL("DROP TABLE {}").format(sql.SQL(", ").join(tables)))
            connection.execute(sql.SQL("DROP SCHEMA {}").format(sql.Identifier(name)))
    except errors.DependentObjectsStillExist as error:
        raise UsageError(f"{name} is still read: {error.diag.message_detail}. Let that read {corpus} first.") from error
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
        counts = tokenizer.count_batch(
            [embedded_text(headings, depth, content) for _, content, headings, depth in rows]
        )
        if max(counts) > max_tokens:
            raise UsageError(
                f"chunks of this corpus are over the new model's limit of {max_tokens:,} tokens (one has "
                f"{max(counts):,}): make a new --corpus from the sources, with lower --chunk-tokens."
            )
        connection.execute(statement("update_token_counts"), {"ids": [row[0] for row in rows], "counts": counts})
        after = rows[-1][0]


def _grant_alike(connection: Connection, corpus: str, other: str) -> None:
    """Who may read the one may read the other."""
    rows = connection.execute(statement("list_grants"), {"schema": corpus}).fetchall()
    for privilege, table, role in rows:
        on = sql.SQL("SCHEMA {}").format(sql.Identifier(other)) if table is None else sql.Identifier(other, table)
        to = sql.SQL("PUBLIC") if role is None else sql.Identifier(role)
        connection.execute(sql.SQL("GRANT {} ON {} TO {}").format(sql.SQL(privilege), on, to))


def _rename(connection: Connection, old: str, new: str) -> None:
    connection.execute(statement("rename_schema").format(old=sql.Identifier(old), new=sql.Identifier(new)))
