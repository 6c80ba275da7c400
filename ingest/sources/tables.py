"""Rows of a table as a source: each row a document."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, LiteralString
from urllib.parse import quote

import psycopg
from psycopg import errors, sql

from ingest.database.connection import connect
from ingest.database.tables import KEY_TYPES, find_column, find_table
from ingest.errors import UsageError
from ingest.model import Document, OverLimit, Syntax
from ingest.sources.source import Skipped
from ingest.sources.text import UnreadableError, title_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ingest.database.connection import Connection
    from ingest.database.tables import Column, TableName
    from ingest.sources.source import Item

_FETCHED_ROWS = 1000
_FETCHED_BYTES = 4_000_000  # texts brought over in one query: the bound on memory, but for one larger text


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose rows are documents, as the user names it and its columns.

    `where`: a condition in SQL, the user's own. `updated_at`: a column that changes with every change of a row; only
    rows whose value is another are then looked into. `into`: a vector column of the table to be filled in place; then
    `over_limit` tells what becomes of a row over the model's token limit.
    """

    name: str
    key: str = "id"
    text: str = "text"
    title: str | None = None
    where: str | None = None
    updated_at: str | None = None
    syntax: Syntax = Syntax.TEXT
    into: str | None = None
    over_limit: OverLimit = OverLimit.REFUSE


@dataclass(frozen=True, slots=True)
class Row:
    """A row that may become a document; what stands in it is brought over by `TableRows.prepared`."""

    table: str
    root: str
    key: str
    size: int
    version: str | None
    syntax: Syntax
    title: str | None = None
    text: str | None = None

    @property
    def uri(self) -> str:
        """The document's identity: its table and its key."""
        return f"{self.root}/{quote(self.key, safe='')}"

    @property
    def name(self) -> str:
        """The table and the key, as people read them."""
        return f"{self.table} {self.key}"

    def read(self, max_bytes: int) -> Document:
        """The row as a document.

        Raises:
            UnreadableError: it is too large.
        """
        if self.size > max_bytes:
            raise UnreadableError(f"{self.size:,} bytes, over max_document_bytes ({max_bytes:,})")
        text = self.text or ""
        return Document(
            uri=self.uri,
            title=self.title or title_of(text, self.syntax) or self.key,
            text=text,
            syntax=self.syntax,
            metadata={"table": self.table, "key": self.key},
        )


@contextmanager
def table_rows(database_url: str, table: Table) -> Iterator[TableRows]:
    """The rows of a table as a source, on a connection of their own, all as they are at one moment.

    Raises:
        UsageError: there is no such table or column, or the key cannot tell the rows apart.
    """
    with connect(database_url, None) as connection, connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        connection.execute("SET LOCAL timezone TO 'UTC'")  # versions are times as text: the same from any client
        connection.execute("SET LOCAL datestyle TO 'ISO'")
        yield TableRows(connection, table)


class TableRows:
    """The rows of a table."""

    unit = "rows"

    def __init__(self, connection: Connection, table: Table) -> None:
        self._connection = connection
        self._table = table
        self._name: TableName = find_table(connection, table.name)
        self._key = self._column(table.key)
        self._text = self._column(table.text)
        self._title = self._column(table.title) if table.title else None
        self._updated_at = self._column(table.updated_at) if table.updated_at else None
        if self._key.type not in KEY_TYPES:
            raise UsageError(
                f"the column {self._key.name} of {self._name.label} is of type {self._key.type}: a key is an integer, "
                "a uuid or text. Name another column with --id."
            )
        self._look_over()

    @property
    def roots(self) -> list[str]:
        """The table as a URI."""
        return [f"postgres:///{quote(self._name.label, safe='.')}"]

    @property
    def description(self) -> str:
        """The table, as people read it."""
        return f"the table {self._name.label}"

    @property
    def is_far(self) -> bool:
        """No: the rows that are read have been brought over."""
        return False

    def count(self, is_stopped: Callable[[], bool]) -> int | None:  # noqa: ARG002 - it is known already
        """How many rows have a key."""
        return self._row_count

    def items(self) -> Iterator[Row | Skipped]:
        """The rows with their versions, without their texts."""
        if self._keyless_count:
            yield Skipped(f"{self._keyless_count:,} rows of {self._name.label}", f"their {self._key.name} is null")
        (root,) = self.roots
        columns = (self._text.name, self._title and self._title.name, self._table.syntax)
        columns_version = sha256(repr(columns).encode()).hexdigest()[:8]
        statement = self._select("{key}::text, {version}, coalesce(octet_length({text}::text), 0)", "{key} IS NOT NULL")
        with self._connection.cursor(name="source_rows") as rows:
            rows.itersize = _FETCHED_ROWS
            rows.execute(statement)
            for key, version, size in rows:
                yield Row(
                    table=self._name.label,
                    root=root,
                    key=key,
                    size=size,
                    version=version and f"{columns_version}-{version}",
                    syntax=self._table.syntax,
                )

    def prepared(self, items: Sequence[Item]) -> Iterator[Item]:
        """The rows with their texts, fetched several at a time."""
        batch: list[Row] = []
        size = 0
        for item in items:
            if not isinstance(item, Row):
                raise TypeError(f"{item} is no row")
            if batch and (len(batch) >= _FETCHED_ROWS or size + item.size > _FETCHED_BYTES):
                yield from self._fetched(batch)
                batch, size = [], 0
            batch.append(item)
            size += item.size
        yield from self._fetched(batch)

    def _fetched(self, batch: Sequence[Row]) -> Iterator[Row]:
        if not batch:
            return
        keys = sql.SQL("CAST({} AS {}[])").format(
            sql.Literal([row.key for row in batch]),
            sql.SQL(self._key.type),  # one of ours
        )
        statement = self._select("{key}::text, {title}::text, {text}::text", "{key} = ANY({keys})", keys=keys)
        found = {key: (title, text) for key, title, text in self._connection.execute(statement)}
        for row in batch:
            title, text = found[row.key]
            yield replace(row, title=title, text=text)

    def _select(
        self, columns: LiteralString, condition: LiteralString, more: LiteralString = "", **parts: sql.Composable
    ) -> sql.Composed:
        """A query for columns of the chosen rows, in which {key}, {text} and so on are what they are."""
        where = sql.SQL("AND ({}\n)").format(sql.SQL(self._table.where)) if self._table.where else sql.SQL("")
        statement = sql.SQL("SELECT " + columns + " FROM {table} WHERE " + condition + " {where} " + more)  # noqa: S608 - literals
        return statement.format(
            table=self._name.identifier,
            key=self._key.identifier,
            text=self._text.identifier,
            title=self._title.identifier if self._title else sql.NULL,
            version=self._version(),
            where=where,
            **parts,
        )

    def _version(self) -> sql.Composable:
        """What changes with a row: the column that the user named, else a hash, which is cheaper than the text."""
        if self._updated_at:
            return sql.SQL("{}::text").format(self._updated_at.identifier)
        title = sql.SQL("coalesce({}::text, '')").format(self._title.identifier) if self._title else sql.SQL("''")
        return sql.SQL(
            "encode(sha256(convert_to({title} || chr(31) || coalesce({text}::text, ''), 'UTF8')), 'hex')"
        ).format(title=title, text=self._text.identifier)

    def _column(self, given: str) -> Column:
        return find_column(self._connection, self._name, given)

    def _look_over(self) -> None:
        """Count the rows, and see that the condition can be read and the key tells the rows apart."""
        try:
            # Prepared, the condition cannot smuggle in another statement.
            count = self._select("count({key}), count(*)", "true")
            row = self._connection.execute(count, prepare=True).fetchone()
            self._row_count: int = row[0] if row else 0
            total: int = row[1] if row else 0
            self._keyless_count = total - self._row_count
            twins = None
            if not self._key.unique:
                shared = self._select("{key}::text", "{key} IS NOT NULL", "GROUP BY {key} HAVING count(*) > 1 LIMIT 1")
                twins = self._connection.execute(shared).fetchone()
        except errors.InsufficientPrivilege:
            raise
        except (psycopg.ProgrammingError, psycopg.DataError, errors.ReadOnlySqlTransaction) as error:
            raise UsageError(
                f"{self._name.label} cannot be read ({error.diag.message_primary}): check --where."
            ) from error
        if twins:
            raise UsageError(
                f"several rows of {self._name.label} have the {self._key.name} {twins[0]}: name a column with --id "
                "that is another in each row."
            )
