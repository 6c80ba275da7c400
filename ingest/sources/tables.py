"""Rows of a table as a source: each row a document.

They are read as they are at the moment of each look, in statements of their own: no transaction stays open while
documents are chunked and written. A row is known by its key, so what is new, changed or gone is right for each row, and
what changes between two looks is found by the next sync.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, LiteralString, TypeAlias, TypeVar
from urllib.parse import quote

import msgspec
import psycopg
from psycopg import errors, sql

from ingest.database.outages import is_of_values, words_of
from ingest.database.statements import statement
from ingest.database.table_keys import find_key
from ingest.database.tables import find_column, find_table
from ingest.errors import UsageError
from ingest.model import OverLimit, Syntax
from ingest.sources.rows import storable
from ingest.sources.source import VANISHED, Skipped, Unchanged
from ingest.sources.table_row import Row, root_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ingest.database.connection import Connection
    from ingest.database.table_keys import TableKey
    from ingest.database.tables import Column, TableName
    from ingest.sources.source import Before, Item

    Looked = TypeVar("Looked")
    _Parts: TypeAlias = dict[str, sql.Composable]

# A row's key, in its columns; its version, and its bytes; its document, where that is as it was; in the last row, how
# many there are, and these documents.
_Look: TypeAlias = tuple[Any, ...]
_FETCHED_ROWS = 1000
_FETCHED_BYTES = 4_000_000  # texts brought over in one query: the bound on memory, but for one larger text
# How often the rows of a view, or under a condition, are held against each other; few rows are alike by chance.
_FEW_ROWS, _LOOKS_AT_FEW = 1000, 8
_LISTED: LiteralString = "{key_texts}, {version}, coalesce(pg_catalog.octet_length({text}::pg_catalog.text), 0)"
_decode_look = msgspec.json.Decoder(_Look).decode
_UNSEEN: LiteralString = "{key_texts}, NULL::pg_catalog.text, 0"  # its text cannot be looked at
_NONE: LiteralString = "NULL::pg_catalog.int8"
_DOCUMENT: LiteralString = """SELECT d.id FROM {corpus}.documents d
    WHERE d.uri OPERATOR(pg_catalog.=) ({uri}) COLLATE pg_catalog."default" AND d.source OPERATOR(pg_catalog.=) {source}
      AND d.source_version OPERATOR(pg_catalog.=) ({version}) COLLATE pg_catalog."default" AND {is_plain}"""
# Other keys are not the same in a URI, or have a suffix that may decide how a text is read: these rows are looked up.
_IS_PLAIN: LiteralString = """({keys}) COLLATE pg_catalog."C" OPERATOR(pg_catalog.!~) '[^A-Za-z0-9_~-]'"""


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose rows are documents, as the user names it and its columns.

    `key`: several columns, with commas between them, are the key together; None: `id`, or the primary key where it is
    of others. `where`: a condition in SQL, the user's own. `updated_at`: a column that changes with every change of a
    row; only rows whose value is another are then looked into. `into`: a vector column of the table to be filled in
    place; then `over_limit` tells what becomes of a row over the model's token limit, None: what did so far, or it is
    refused. `source`: the name of the source. `chunk_tokens`: the most tokens in a chunk, where that is not the
    corpus's. `metadata`: columns that are kept with each document, for applications to filter by and to show.
    """

    name: str
    key: str | None = None
    text: str = "text"
    title: str | None = None
    where: str | None = None
    updated_at: str | None = None
    syntax: Syntax = Syntax.TEXT
    into: str | None = None
    over_limit: OverLimit | None = None
    source: str | None = None
    chunk_tokens: int | None = None
    metadata: tuple[str, ...] = ()


@contextmanager
def table_rows(connect: Callable[[], Connection], table: Table) -> Iterator[TableRows]:
    """The rows of a table as a source, on a connection of their own, which only reads.

    Raises:
        UsageError: there is no such table or column, or the key cannot tell the rows apart.
    """
    with connect() as connection:
        connection.execute("SET default_transaction_read_only TO on")
        connection.execute("SET timezone TO 'UTC'")  # versions are times as text: the same from any client
        connection.execute("SET datestyle TO 'ISO'")
        yield TableRows(connection, table)


class TableRows:
    """The rows of a table."""

    unit = "rows"

    def __init__(self, connection: Connection, table: Table) -> None:
        self._connection = connection
        self._table = table
        self._name: TableName = find_table(connection, table.name)
        self._key: TableKey = find_key(connection, self._name, table.key)
        self._text = self._column(table.text)
        self._title = self._column(table.title) if table.title else None
        self._updated_at = self._column(table.updated_at) if table.updated_at else None
        self._metadata = {name: self._column(name) for name in table.metadata}
        columns: tuple[object, ...] = (self._text.name, self._title and self._title.name, table.syntax)
        columns += (table.metadata,) if table.metadata else ()
        self._columns_version = sha256(repr(columns).encode()).hexdigest()[:8]
        self._look_over()

    @property
    def roots(self) -> list[str]:
        """The name of the source, and the table as a URI: what was found there before it had a name is its own."""
        root = root_of(self._name.label)
        return [self._table.source, root] if self._table.source else [root]

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

    def items(self, before: Before | None = None) -> Iterator[Row | Skipped | Unchanged]:
        """The rows with their versions, without their texts."""
        if self._keyless_count:
            null = "is null" if len(self._key.columns) == 1 else "has a null in it"
            yield Skipped(f"{self._keyless_count:,} rows of {self._name.label}", f"their {self._key.label} {null}")
        root, begin = self.roots[0], root_of(self._name.label)
        listed = self._pages if self._key.is_unique else self._spooled
        for *parts, version, size, same, _total, ids in listed(before):
            if ids:
                yield Unchanged(ids)
            if same is not None:
                continue
            key = tuple(map(str, parts))
            yield Row(
                table=self._name.label,
                root=root,
                uri="/".join((begin, *(quote(part, safe="") for part in key))),
                key=key,
                size=int(size or 0),
                version=self._told(version),
                syntax=self._table.syntax,
                is_whole=self._table.into is not None,
            )
        if not self._is_steady():
            yield Skipped(
                self._name.label,
                "it has other rows at each look, as by random(), or LIMIT without ORDER BY: none is taken for gone",
                is_folder=True,
            )

    def prepared(self, items: Sequence[Item]) -> Iterator[Item | Skipped]:
        """The rows with their texts, fetched several at a time."""
        batch: list[Row] = []
        size = 0
        for item in items:
            if not isinstance(item, Row):
                raise TypeError(f"{item} is not a row")
            if batch and (len(batch) >= _FETCHED_ROWS or size + item.size > _FETCHED_BYTES):
                yield from self._fetched(batch)
                batch, size = [], 0
            batch.append(item)
            size += item.size
        yield from self._fetched(batch)

    def withheld(self) -> None:
        """Nothing: a row that is not found is gone."""

    def _pages(self, before: Before | None) -> Iterator[_Look]:
        """The rows in the order of their key, a page in a statement: so short that nobody waits behind it."""
        condition: LiteralString = "{has_key}"
        parts: _Parts = {"limit": sql.Literal(_FETCHED_ROWS)}
        while True:

            def page(
                columns: LiteralString, condition: LiteralString = condition, parts: _Parts = parts
            ) -> list[_Look]:
                rows = self._select(columns, condition, "ORDER BY {key_order} LIMIT {limit}", **parts)
                return self._connection.execute(self._compared(rows, before)).fetchall()

            rows = self._looked(page)
            yield from rows
            if not rows or rows[-1][-2] != _FETCHED_ROWS:
                return
            key = [str(part) for part in rows[-1][: len(self._key.columns)]]
            condition, parts = "{after}", parts | {"after": self._key.after(key)}

    def _spooled(self, before: Before | None) -> Iterator[_Look]:
        """The rows as one look finds them, in a file of ours: without an index, each page would sort them all."""
        with tempfile.TemporaryFile(prefix="ingest-") as file:

            def listed(columns: LiteralString) -> None:
                file.seek(0)
                file.truncate()
                with self._connection.cursor() as cursor:
                    for row in cursor.stream(self._compared(self._select(columns, "{has_key}"), before)):
                        file.write(msgspec.json.encode(row) + b"\n")

            self._looked(listed)
            file.seek(0)
            for line in file:
                yield _decode_look(line)

    def _compared(self, rows: sql.Composed, before: Before | None) -> sql.Composed:
        """Rows beside their documents, where these are as they were."""
        names = [*(f"key {number}" for number, _ in enumerate(self._key.columns)), "version", "size"]
        *keys, version, _ = (sql.Identifier("r", name) for name in names)
        standing = sql.SQL(_NONE).format()
        if before:
            versions = [sql.Literal(f"{self._columns_version}-"), version, sql.Literal(f"/{before.fingerprint}")]
            parts = [part for key in keys for part in (sql.Literal("/"), key)]
            standing = sql.SQL(_DOCUMENT).format(
                corpus=sql.Identifier(before.corpus),
                uri=_joined([sql.Literal(root_of(self._name.label)), *parts]),
                source=sql.Literal(self.roots[0]),
                version=_joined(versions),
                is_plain=sql.SQL(_IS_PLAIN).format(keys=_joined(keys)),
            )
        return statement("compare_rows").format(
            names=sql.SQL(", ").join(map(sql.Identifier, names)), rows=rows, standing=standing
        )

    def _looked(self, look: Callable[[LiteralString], Looked]) -> Looked:
        """A look at the rows with their versions; at their keys alone, where the text of some row cannot be had."""
        try:
            return look(_LISTED)
        except psycopg.Error as error:
            if not is_of_values(error):
                raise
            return look(_UNSEEN)

    def _fetched(self, batch: Sequence[Row]) -> Iterator[Row | Skipped]:
        if not batch:
            return
        query = self._select(
            "{key_texts}, {title}::pg_catalog.text, {text}::pg_catalog.text, {metadata}, {version}",
            "{among}",
            among=self._key.among([row.key for row in batch]),
        )
        try:
            found = {row[:-4]: row[-4:] for row in self._connection.execute(query)}
        except psycopg.Error as error:
            if not is_of_values(error):
                raise
            if len(batch) == 1:
                yield Skipped(batch[0].name, f"PostgreSQL refuses it: {words_of(error)}")
                return
            middle = len(batch) // 2
            yield from self._fetched(batch[:middle])
            yield from self._fetched(batch[middle:])
            return
        for row in batch:
            if row.key not in found:
                yield Skipped(row.name, VANISHED)
                continue
            title, text, metadata, version = found[row.key]  # a version is that of the text beside it
            told = {name: storable(value) for name, value in (metadata or {}).items()}
            yield replace(row, title=title, text=text, metadata=told, version=self._told(version))

    def _is_steady(self) -> bool:
        """Whether two looks at one moment find the same rows: otherwise nobody can say which are gone."""
        if self._name.is_stored and not self._table.where:
            return True
        rows = self._select("{key_text} AS key", "{has_key}")
        differs = sql.SQL(
            "SELECT EXISTS (SELECT FROM ({rows}) one FULL JOIN ({rows}) other "
            "ON one.key OPERATOR(pg_catalog.=) other.key WHERE one.key IS NULL OR other.key IS NULL)"
        ).format(rows=rows)
        looks = _LOOKS_AT_FEW if self._row_count < _FEW_ROWS else 1
        return all(self._connection.execute(differs).fetchone() == (False,) for _ in range(looks))

    def _select(
        self, columns: LiteralString, condition: LiteralString, more: LiteralString = "", **parts: sql.Composable
    ) -> sql.Composed:
        """A query for columns of the chosen rows, in which {text}, {title} and so on are what they are."""
        where = sql.SQL("AND ({}\n)").format(sql.SQL(self._table.where)) if self._table.where else sql.SQL("")
        query = sql.SQL("SELECT " + columns + " FROM {table} WHERE " + condition + " {where} " + more)  # noqa: S608 - literals
        return query.format(
            table=self._name.identifier,
            text=self._text.identifier,
            title=self._title.identifier if self._title else sql.NULL,
            version=self._version(),
            metadata=self._kept(),
            where=where,
            **self._key.parts(self._name),
            **parts,
        )

    def _told(self, version: str | int | None) -> str | None:
        """A row's version together with that of the columns that were chosen."""
        return f"{self._columns_version}-{version}" if version else None

    def _version(self) -> sql.Composable:
        """What changes with a row: the column that the user named, else a hash, which is cheaper than the text."""
        if self._updated_at:
            return sql.SQL("{}::pg_catalog.text").format(self._updated_at.identifier)
        title = self._title.identifier if self._title else sql.NULL
        return sql.SQL(
            "pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(pg_catalog.concat("
            "{title}::pg_catalog.text, pg_catalog.chr(31), {text}::pg_catalog.text{more}), 'UTF8')), 'hex')"
        ).format(
            title=title,
            text=self._text.identifier,
            more=sql.SQL(", pg_catalog.chr(31), {}").format(self._kept()) if self._metadata else sql.SQL(""),
        )

    def _kept(self) -> sql.Composable:
        """The columns that are kept with a row, as jsonb."""
        if not self._metadata:
            return sql.NULL
        pairs = [item for name, column in self._metadata.items() for item in (sql.Literal(name), column.identifier)]
        return sql.SQL("pg_catalog.jsonb_build_object({})").format(sql.SQL(", ").join(pairs))

    def _column(self, given: str) -> Column:
        return find_column(self._connection, self._name, given)

    def _look_over(self) -> None:
        """Count the rows, and see that the condition can be read and the key tells the rows apart."""
        try:
            # Prepared, the condition cannot smuggle in another statement.
            count = self._select("pg_catalog.count(*) FILTER (WHERE {has_key}), pg_catalog.count(*)", "true")
            row = self._connection.execute(count, prepare=True).fetchone()
            self._row_count: int = row[0] if row else 0
            total: int = row[1] if row else 0
            self._keyless_count = total - self._row_count
            repeated = None
            if not self._key.is_unique:
                shared = self._select(
                    "{key_texts}",
                    "{has_key}",
                    "GROUP BY {key} HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 1 LIMIT 1",
                )
                repeated = self._connection.execute(shared).fetchone()
        except errors.InsufficientPrivilege:
            raise
        except (psycopg.ProgrammingError, psycopg.DataError, errors.ReadOnlySqlTransaction) as error:
            raise UsageError(
                f"{self._name.label} cannot be read ({error.diag.message_primary}): check --where."
            ) from error
        if repeated:
            raise UsageError(
                f"several rows of {self._name.label} have the {self._key.label} {', '.join(repeated)}: name columns "
                "with --id that are others in each row."
            )


def _joined(texts: Sequence[sql.Composable]) -> sql.Composed:
    return sql.SQL(" OPERATOR(pg_catalog.||) ").join(texts)
