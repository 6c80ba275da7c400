"""A large table filled in place: once straight, once killed twice on the way; both must end the same.

    python -m benchmarks.column [ROWS]

Vectors are made from a hash of the text, so that what is measured is ours and PostgreSQL's.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg

from ingest.database.embedded import embedded_server

_TABLES = ("straight", "killed")
_DIMENSIONS = 64
_COMPARED = "SELECT count(*), count(embedding), md5(string_agg(embedding::text, ',' ORDER BY id)) FROM {}"


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory(prefix="ingest-column-") as folder:
        Path(folder).chmod(0o711)
        with (
            embedded_server(Path(folder) / "postgresql", durable=False) as url,
            psycopg.connect(url, autocommit=True) as connection,
        ):
            for name in _TABLES:
                connection.execute(f"CREATE TABLE {name} (id bigint PRIMARY KEY, body text)".encode())
                connection.execute(
                    f"INSERT INTO {name} SELECT n, 'Row ' || n || ': ' || repeat('all there is to say about it. ', 20) "
                    f"FROM generate_series(1, {rows}) n".encode()
                )
            environment = {**os.environ, "DATABASE_URL": url, "INGEST_DATA_DIR": folder}
            took = _straight(environment)
            print(f"straight: {rows:,} rows in {took:.1f} s, {rows / took:,.0f} rows/s")
            for number, least in enumerate((rows // 4, rows // 2), 1):
                filled = _killed(connection, environment, least)
                print(f"kill {number}: at {filled:,} rows filled")
            subprocess.run(_command("killed"), env=environment, check=True)
            straight, killed = (connection.execute(_COMPARED.format(name).encode()).fetchone() for name in _TABLES)
            print(f"straight {straight}\nkilled   {killed}\n{'EQUAL' if straight == killed else 'DIFFERENT'}")
            before = time.perf_counter()
            subprocess.run(_command("killed"), env=environment, check=True)
            print(f"nothing changed: {time.perf_counter() - before:.1f} s")
            if straight != killed:
                raise SystemExit(1)


def _command(table: str) -> list[str]:
    flags = f"--text body --into embedding --corpus of_{table} --provider local --model hash --dimensions {_DIMENSIONS}"
    return [sys.executable, "-m", "ingest", "run", "--table", table, *flags.split(), "--quiet"]


def _straight(environment: dict[str, str]) -> float:
    before = time.perf_counter()
    subprocess.run(_command("straight"), env=environment, check=True)
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
    main()
