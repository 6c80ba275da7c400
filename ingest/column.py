"""Column mode: vectors into a column of the user's own table, one a row.

The corpus keeps the books. A row is a document, its text one chunk (or several, whose vectors are averaged); vectors
arrive in `chunks` as ever and go on from there into the column, in pages of one transaction each, guarded by the hash
of the text as it was sent. Nothing is put in the user's table besides the column.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, LiteralString

import msgspec
from psycopg import sql
from psycopg.types.json import Jsonb

from ingest.database.indexes import VectorColumn
from ingest.database.locks import exclusive_books, with_short_locks
from ingest.database.statements import statement
from ingest.database.tables import KEY_TYPES, TableName, find_column, find_columns, find_table
from ingest.errors import UsageError
from ingest.failpoints import reach
from ingest.sources.tables import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.chunking import Chunking
    from ingest.database.connection import Connection
    from ingest.database.corpus import Indexing

_PAGE_ROWS = 1000


@dataclass(frozen=True, slots=True)
class ColumnTarget:
    """The column that a corpus fills: the row of its table `column_target`."""

    table_schema: str
    table_name: str
    key_name: str
    key_type: str
    text_name: str
    vector_name: str
    hash_prefix: str
    source: Table | None
    """How its rows are chosen and read; None where it was not run since that is noted."""

    @property
    def table(self) -> TableName:
        """The user's table."""
        return TableName(self.table_schema, self.table_name)

    @property
    def column(self) -> VectorColumn:
        """The column, to be indexed and searched."""
        return VectorColumn(self.table_schema, self.table_name, self.vector_name)

    @property
    def label(self) -> str:
        """As people read it."""
        return f"{self.table.label}.{self.vector_name}"

    def statement(self, name: str, indexing: Indexing) -> sql.Composed:
        """A statement of ours about the user's table, to be executed with parameters."""
        return statement(name).format(
            table=_identifier(self.table_schema, self.table_name),
            column=_identifier(self.vector_name),
            key=_identifier(self.key_name),
            key_type=sql.SQL(_literal(self.key_type)),
            text=_identifier(self.text_name),
            type=_type_name(indexing),
            dimensions=sql.Literal(indexing.dimensions),
        )


@dataclass(slots=True)
class FillReport:
    """What filling a column did, in rows. `stale`: edited while their vectors were on the way, and back in line."""

    filled: int = 0
    stale: int = 0


def find_target(connection: Connection) -> ColumnTarget | None:
    """The column that this corpus fills; None where it is a corpus of passages."""
    row = connection.execute(statement("read_column_target")).fetchone()
    if row is None:
        return None
    target = ColumnTarget(*row)
    return replace(target, source=target.source and msgspec.convert(target.source, Table))


def open_target(
    connection: Connection,
    connect_plainly: Callable[[], Connection],
    indexing: Indexing,
    chunking: Chunking,
    table: Table,
) -> ColumnTarget:
    """The column, added where it is missing; the corpus is bound to it.

    `connect_plainly`: a connection with the user's own search path, by which the table's name is understood.

    Raises:
        UsageError: there is no such table or column, the column is of another type, or the corpus is another's.
    """
    if table.into is None:
        raise TypeError("a table without a column to fill")
    with connect_plainly() as plain:
        name = find_table(plain, table.name)
        key, text = find_column(plain, name, table.key), find_column(plain, name, table.text)
        vector_name = _ensure_column(plain, name, table.into, indexing)
    target = ColumnTarget(
        table_schema=name.schema,
        table_name=name.name,
        key_name=key.name,
        key_type=key.type,
        text_name=text.name,
        vector_name=vector_name,
        hash_prefix=chunking.hash_prefix(table.syntax),
        source=replace(table, name=name.identifier.as_string(connection)),
    )
    with connection.transaction():
        _require_ours(connection, target)
        row = {slot: getattr(target, slot) for slot in target.__slots__}
        row["source"] = Jsonb(msgspec.to_builtins(target.source))
        connection.execute(statement("write_column_target"), row)
        connection.execute(statement("create_arrivals_index"))
        connection.execute(statement("create_filled_index"))
        connection.execute(target.statement("forget_emptied_rows", indexing), {})
    return target


def share(connection: Connection, indexing: Indexing, target: ColumnTarget, document_ids: list[int]) -> None:
    """Give these documents the vectors of filled rows of the same text, inside a transaction of a sync."""
    parameters = {"document_ids": document_ids, "hash_prefix": target.hash_prefix}
    connection.execute(target.statement("share_filled_rows", indexing), parameters)


def fill(connection: Connection, corpus: str, indexing: Indexing, target: ColumnTarget) -> FillReport:
    """Bring the vectors that have arrived into the column; rows that were edited meanwhile go back in line."""
    report = FillReport()
    fill_column = target.statement("fill_column", indexing)
    after = -1
    while True:
        with connection.transaction():
            exclusive_books(connection, corpus)
            page = [row[0] for row in connection.execute(statement("select_arrivals"), _page(after))]
            if not page:
                return report
            after = page[-1]
            parameters = {"document_ids": page, "hash_prefix": target.hash_prefix}
            outcomes = connection.execute(fill_column, parameters).fetchall()
            filled = [document_id for document_id, was_given in outcomes if was_given]
            stale = [document_id for document_id, was_given in outcomes if not was_given]
            connection.execute(statement("note_filled_rows"), {"document_ids": filled})
            connection.execute(statement("forget_documents"), {"document_ids": stale})
            connection.execute(statement("delete_chunks"), {"document_ids": [*filled, *stale]})
            reach("column-before-commit")
        reach("column-after-commit")
        report.filled += len(filled)
        report.stale += len(stale)


def clear(connection: Connection, corpus: str, indexing: Indexing, target: ColumnTarget) -> int:
    """Take the vectors of texts that stand there no more out of the column, where none will follow; how many."""
    with connection.transaction():
        exclusive_books(connection, corpus)
        return connection.execute(target.statement("clear_rows", indexing), {}).rowcount


def count_uncovered(connection: Connection, target: ColumnTarget, fresh: str) -> tuple[int, str | None]:
    """How many rows have a text, and a vector in the target's column, but none in the column `fresh`; a key of them."""
    row = connection.execute(
        statement("count_uncovered_rows").format(
            table=target.table.identifier,
            key=sql.Identifier(target.key_name),
            text=sql.Identifier(target.text_name),
            used=sql.Identifier(target.vector_name),
            fresh=sql.Identifier(fresh),
        )
    ).fetchone()
    return (row[0], row[1]) if row else (0, None)


def _page(after: int) -> dict[str, int]:
    return {"after": after, "limit": _PAGE_ROWS}


def _ensure_column(plain: Connection, table: TableName, given: str, indexing: Indexing) -> str:
    """The column's name; it is added where it is missing."""
    wanted = f"{indexing.vector_type}({indexing.dimensions})"
    columns = {column.name: column for column in find_columns(plain, table)}
    unquoted = given[1:-1].replace('""', '"') if given.startswith('"') and given.endswith('"') else given.lower()
    name = given if given in columns else unquoted
    if name in columns:
        held = columns[name].definition.rpartition(".")[2]  # without the schema of the extension
        if held not in (wanted, indexing.vector_type):
            raise UsageError(
                f"the column {name} of {table.label} is {held}; {indexing.model} as asked for gives {wanted}: pass "
                "--type and --dimensions to match, or name another column."
            )
        return name
    added = statement("add_vector_column").format(
        table=table.identifier,
        column=sql.Identifier(name),
        type=_type_name(indexing),
        dimensions=sql.Literal(indexing.dimensions),
    )
    with_short_locks(plain, table.label, lambda: plain.execute(added))
    reach("column-added")
    return name


def _require_ours(connection: Connection, target: ColumnTarget) -> None:
    """The corpus fills this column and no other, or is new."""
    stored = find_target(connection)
    if stored is not None and stored.label != target.label:
        raise UsageError(f"this corpus fills {stored.label}, not {target.label}: name another --corpus.")
    row = connection.execute("SELECT EXISTS (SELECT FROM documents)").fetchone()
    if stored is None and row == (True,):
        raise UsageError(f"this corpus holds documents: name another --corpus to fill {target.label}.")


def _type_name(indexing: Indexing) -> sql.SQL:
    return sql.SQL("halfvec") if indexing.vector_type == "halfvec" else sql.SQL("vector")


def _identifier(*names: str) -> sql.Identifier:
    """Names in a statement with parameters, where psycopg takes a single % for a placeholder."""
    return sql.Identifier(*(name.replace("%", "%%") for name in names))


def _literal(key_type: str) -> LiteralString:
    """A type's name that stands in a statement: one of those a key may have."""
    for known in KEY_TYPES:
        if known == key_type:
            return known
    raise UsageError(f"a key of type {key_type} cannot tell rows apart: name an integer, uuid or text column by --id.")
