"""Tables of the user's own: their names and columns, as the catalog knows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg import errors, sql

from ingest.database.statements import statement
from ingest.errors import UsageError

if TYPE_CHECKING:
    from ingest.database.connection import Connection


@dataclass(frozen=True, slots=True)
class TableName:
    """A table that exists. `kind`: as in pg_class."""

    schema: str
    name: str
    kind: str = "r"

    @property
    def is_stored(self) -> bool:
        """Whether its rows stand in it: those of a view, or of another server, are made at each look."""
        return self.kind in {"r", "p", "m"}

    @property
    def label(self) -> str:
        """As people read it."""
        return f"{self.schema}.{self.name}"

    @property
    def identifier(self) -> sql.Identifier:
        """As SQL reads it."""
        return sql.Identifier(self.schema, self.name)


@dataclass(frozen=True, slots=True)
class Column:
    """A column that exists.

    `type`: as PostgreSQL writes it, a domain's as that it is made of; `definition`: with its length.
    """

    name: str
    type: str
    definition: str
    not_null: bool

    @property
    def identifier(self) -> sql.Identifier:
        """As SQL reads it."""
        return sql.Identifier(self.name)


def find_table(connection: Connection, given: str) -> TableName:
    """The table or view of that name, which may be quoted and qualified as in SQL.

    Raises:
        UsageError: there is none.
    """
    try:
        row = connection.execute(statement("find_table"), {"name": given}).fetchone()
    except (errors.InvalidName, errors.SyntaxError, errors.FeatureNotSupported) as error:
        raise UsageError(f"{given!r} is not the name of a table: write it as in SQL, schema.table.") from error
    if row is None:
        raise UsageError(f"there is no table {given} in this database: name it as in SQL, schema.table.")
    return TableName(*row)


def find_column(connection: Connection, table: TableName, given: str) -> Column:
    """The column of that name, which may be quoted as in SQL.

    Raises:
        UsageError: there is none.
    """
    columns = {column.name: column for column in find_columns(connection, table)}
    unquoted = given[1:-1].replace('""', '"') if given.startswith('"') and given.endswith('"') else given.lower()
    found = columns.get(given) or columns.get(unquoted)
    if found is None:
        raise UsageError(f"{table.label} has no column {given}; it has {', '.join(columns)}.")
    return found


def find_columns(connection: Connection, table: TableName) -> list[Column]:
    """The columns of a table, in their order."""
    rows = connection.execute(statement("list_columns"), {"schema": table.schema, "name": table.name})
    return [Column(*row) for row in rows]
