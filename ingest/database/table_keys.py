"""Keys of tables of the user's own: the columns that tell their rows apart, one or several."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, LiteralString

from psycopg import sql

from ingest.database.statements import statement
from ingest.database.tables import Column, find_column, find_columns
from ingest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.database.connection import Connection
    from ingest.database.tables import TableName

# Types whose values tell rows apart, and are the same as text and back; and as no search path can change their meaning.
KEY_TYPES: dict[str, LiteralString] = {
    "smallint": "pg_catalog.int2",
    "integer": "pg_catalog.int4",
    "bigint": "pg_catalog.int8",
    "numeric": "pg_catalog.numeric",
    "uuid": "pg_catalog.uuid",
    "text": "pg_catalog.text",
    "character varying": "pg_catalog.varchar",
    "character": "pg_catalog.bpchar",
    "boolean": "pg_catalog.bool",
    "date": "pg_catalog.date",
    "timestamp without time zone": "pg_catalog.timestamp",
    "timestamp with time zone": "pg_catalog.timestamptz",
}
_DEFAULT = "id"
_NAME = re.compile(r"\s*+(\"(?:[^\"]|\"\")*+\"|[^,\"]++)\s*+(?:,|\Z)")


@dataclass(frozen=True, slots=True)
class TableKey:
    """The columns that are the key of a table together, in their order.

    `is_unique`: no two rows have the same, for sure, and an index has them in this order.
    """

    columns: tuple[Column, ...]
    is_unique: bool

    @property
    def names(self) -> list[str]:
        """The names of its columns."""
        return [column.name for column in self.columns]

    @property
    def types(self) -> list[str]:
        """Their types, as PostgreSQL writes them."""
        return [column.type for column in self.columns]

    @property
    def label(self) -> str:
        """As people read it."""
        return ", ".join(self.names)

    def parts(self, table: TableName) -> dict[str, sql.Composable]:
        """What a query for rows of the table is made of."""
        one = sql.SQL("{}::pg_catalog.text").format(self.columns[0].identifier)
        qualified = [sql.SQL("{}.{}").format(table.identifier, column.identifier) for column in self.columns]
        texts = self._each("{}::pg_catalog.text")
        return {
            "key": self._each("{}"),
            "key_texts": texts,
            "key_text": one
            if len(self.columns) == 1
            else sql.SQL("pg_catalog.jsonb_build_array({})::pg_catalog.text").format(texts),
            "key_order": sql.SQL(", ").join(qualified),
            "has_key": self._each("{} IS NOT NULL", " AND "),
        }

    def after(self, key: Sequence[str]) -> sql.Composed:
        """The condition of rows that come after this key."""
        values = [_cast(value, column) for value, column in zip(key, self.columns, strict=True)]
        return sql.SQL("ROW({}) OPERATOR(pg_catalog.>) ROW({})").format(self._each("{}"), sql.SQL(", ").join(values))

    def among(self, keys: Sequence[Sequence[str]]) -> sql.Composed:
        """The condition of rows that have one of these keys."""
        columns = zip(*keys, strict=True)
        arrays = [_cast(list(values), column, "[]") for values, column in zip(columns, self.columns, strict=True)]
        if len(arrays) == 1:
            return sql.SQL("{} OPERATOR(pg_catalog.=) ANY({})").format(self.columns[0].identifier, arrays[0])
        wanted = [sql.Identifier("wanted key", f"column {number}") for number, _ in enumerate(self.columns)]
        return sql.SQL("EXISTS (SELECT FROM ROWS FROM ({}) AS {} ({}) WHERE {})").format(
            sql.SQL(", ").join(sql.SQL("pg_catalog.unnest({})").format(array) for array in arrays),
            sql.Identifier("wanted key"),
            sql.SQL(", ").join(sql.Identifier(f"column {number}") for number, _ in enumerate(self.columns)),
            sql.SQL(" AND ").join(
                sql.SQL("{} OPERATOR(pg_catalog.=) {}").format(column.identifier, value)
                for column, value in zip(self.columns, wanted, strict=True)
            ),
        )

    def _each(self, form: LiteralString, between: LiteralString = ", ") -> sql.Composed:
        return sql.SQL(between).join(sql.SQL(form).format(column.identifier) for column in self.columns)


def find_key(connection: Connection, table: TableName, given: str | None) -> TableKey:
    """The key by the names of its columns, with commas between them, each quoted as in SQL where it needs to be.

    None: the column `id`, where there is one that is not a part of the primary key alone; else the primary key.

    Raises:
        UsageError: there is no such column, or it is of a type that cannot tell rows apart.
    """
    rows = connection.execute(statement("list_keys"), {"schema": table.schema, "name": table.name}).fetchall()
    orders = [list(names) for _, names in rows]
    primary = next((names for is_primary, names in rows if is_primary), None)
    there = [column.name for column in find_columns(connection, table)]
    if given is None:
        is_part = primary is not None and _DEFAULT in primary and [_DEFAULT] not in orders
        names = primary if primary and (_DEFAULT not in there or is_part) else [_DEFAULT]
    else:
        names = [given] if given in there else _names(given)
    columns = {column.name: column for name in names for column in [find_column(connection, table, name)]}
    if wrong := next((column for column in columns.values() if column.type not in KEY_TYPES), None):
        raise UsageError(
            f"the column {wrong.name} of {table.label} is of type {wrong.type}: a key is made of numbers, uuids, "
            "texts, dates and times. Name other columns with --id."
        )
    return TableKey(tuple(columns.values()), list(columns) in orders)


def _names(given: str) -> list[str]:
    """The names in a list of them."""
    names, at = [], 0
    while at < len(given):
        found = _NAME.match(given, at)
        if found is None:
            return [given]
        names.append(found[1].strip())
        at = found.end()
    return names or [given]


def _cast(value: str | list[str], column: Column, dimensions: LiteralString = "") -> sql.Composed:
    return sql.SQL("CAST({} AS {})").format(sql.Literal(value), sql.SQL(KEY_TYPES[column.type] + dimensions))
