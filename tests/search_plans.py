"""How the server goes through a search."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from workshop import Workshop


def plan_of(workshop: Workshop, statements: str) -> str:
    """How the server would go through the printed search, if it could not read all rows."""
    explained = statements.replace("EXECUTE passages", "EXPLAIN EXECUTE passages")
    lines: list[str] = []
    with psycopg.connect(workshop.database_url, autocommit=True) as connection:
        connection.execute("SET enable_seqscan = off")
        cursor = connection.execute(explained.encode())
        while True:
            lines += [row[0] for row in cursor.fetchall()] if cursor.description else []
            if not cursor.nextset():
                return "\n".join(lines)
