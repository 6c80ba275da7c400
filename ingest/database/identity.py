"""Which database a connection is to: noted with what is sent from it, as a copy of it has the same books."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import psycopg
from psycopg.types.json import Jsonb

from ingest.database.statements import statement

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest.database.connection import Connection

# As `batches` has it.
SentFrom: TypeAlias = "Mapping[str, Any] | None"


@dataclass(frozen=True, slots=True)
class Origin:
    """A database: its server's system identifier (None: not ours to read), its oid, its name.

    `timeline`: another one since a standby was promoted, which may lack the last commits. None: not to be read.
    """

    server: int | None
    database: int
    name: str
    timeline: str | None = None

    @property
    def label(self) -> str:
        """It, as part of the name of a folder."""
        return f"{self.server or self.name}-{self.database}"

    def is_same(self, other: SentFrom) -> bool:
        """Whether what is noted is this database; what is not noted is. It may have been renamed."""
        if other is None:
            return True
        if self.server is None or other["server"] is None:  # an oid alone may be the same on another server
            return (self.database, self.name) == (other["database"], other["name"])
        return (self.server, self.database) == (other["server"], other["database"])


def this_database(connection: Connection) -> Origin:
    """The database of a connection; asked for once."""
    if connection.origin is None:
        ((database, name, may_read),) = connection.execute(statement("read_database")).fetchall()
        row = connection.execute(statement("read_system_identifier")).fetchone() if may_read else None
        connection.origin = Origin(row[0] if row else None, database, name, _timeline(connection))
    return connection.origin


def _timeline(connection: Connection) -> str | None:
    try:
        with connection.transaction():
            row = connection.execute(statement("read_timeline")).fetchone()
    except psycopg.DatabaseError:  # servers with a log of their own have no such function
        return None
    return row[0] if row else None


def noted_origin(connection: Connection) -> Jsonb:
    """The database of a connection, to be noted with what is sent from it."""
    return Jsonb(asdict(this_database(connection)))
