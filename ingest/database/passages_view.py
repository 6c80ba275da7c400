"""The view `passages` of a corpus: each searchable passage with its document, for whoever reads by SQL.

The reader's own rights and policies hold, which PostgreSQL can since 15: before, there is no such view. Nor is there
one where something else has its name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, LiteralString

from psycopg import errors, sql

from ingest.database.attachments import attachments
from ingest.database.ownership import VIEW, read_books
from ingest.database.statements import statement
from ingest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.database.connection import Connection

_INVOKER_SINCE = 150_000
# Public: they only grow. The filters come after them.
_COLUMNS: dict[str, LiteralString] = {
    "id": "c.id",
    "document_id": "c.document_id",
    "uri": "d.uri",
    "title": "d.title",
    "headings": "c.headings",
    "ordinal": "c.ordinal",
    "content": "c.content",
    "token_count": "c.token_count",
    "first_page": "c.first_page",
    "last_page": "c.last_page",
    "first_line": "CASE WHEN NOT c.superseded THEN d.first_lines[c.ordinal + 1] END",
    "last_line": "CASE WHEN NOT c.superseded THEN d.last_lines[c.ordinal + 1] END",
    "metadata": "d.metadata",
    "embedding": "c.embedding",
}


def make_view(connection: Connection, corpus: str, own: Sequence[sql.Composable] = ()) -> None:
    """Make the view of a corpus, or give it the columns that it should have.

    `own`: what was on it when it was dropped, as statements.
    """
    names = {"corpus": sql.Identifier(corpus)}
    row = connection.execute(statement("read_view").format(**names), {"schema": corpus}).fetchone()
    if row is None:  # of no model yet
        return
    is_taken, there, filters, server_version = row
    is_ours = is_taken and _is_ours(connection, corpus)
    wanted = [*_COLUMNS, *(name for name in filters if name not in _COLUMNS)]
    if server_version < _INVOKER_SINCE or (is_taken and not is_ours) or set(there) == set(wanted):
        return
    if not set(there) <= set(wanted):
        own, there = drop_view(connection, corpus), []
    # A view can be given more columns, behind those that it has; else what reads it would stop us.
    columns = [*there, *(name for name in wanted if name not in there)]
    connection.execute(statement("create_view").format(**names, columns=sql.SQL(", ").join(map(_column, columns))))
    connection.execute(statement("note_made_view").format(**names), {"made": True})
    for each in own:
        connection.execute(each)


def _column(name: str) -> sql.Composed:
    value = sql.SQL(_COLUMNS[name]) if name in _COLUMNS else sql.Identifier("c", name)
    return sql.SQL("{} AS {}").format(value, sql.Identifier(name))


def drop_view(connection: Connection, corpus: str) -> list[sql.SQL]:
    """Drop the view of a corpus, where there is one of ours. What the user had put on it, as statements.

    Raises:
        UsageError: something of the user's reads from it.
    """
    if not _is_ours(connection, corpus):
        return []
    own = attachments(connection, corpus, corpus, [VIEW])
    names = {"corpus": sql.Identifier(corpus)}
    try:
        connection.execute(statement("drop_view").format(**names))
    except errors.DependentObjectsStillExist as error:
        read_by = (error.diag.message_detail or "").replace("\n", "; ")
        raise UsageError(
            f"the view {corpus}.{VIEW} has to be made anew, as a column of it goes, and is still read: {read_by}. "
            "Drop that first, and make it again afterwards. Nothing was changed."
        ) from error
    connection.execute(statement("note_made_view").format(**names), {"made": False})
    return own


def _is_ours(connection: Connection, corpus: str) -> bool:
    books = read_books(connection, corpus)
    return bool(books and books.views)
