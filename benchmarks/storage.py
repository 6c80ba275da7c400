"""What a load costs the server, by how vectors and texts are stored: `python -m benchmarks.storage`.

Rows a second of processor time of the server's process, which another's work does not lengthen: so only with the
embedded server. Beside it what the load leaves: log, disk, updates that found room beside the row (HOT), dead rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import psutil
from psycopg import sql

from benchmarks import load
from benchmarks.servers import database
from benchmarks.tables import ROUNDS, Table, compared, show
from ingest.database.connection import connect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingest.database.connection import Connection

VERSIONS = load.VERSIONS
_FORMS = {
    "as it is: EXTERNAL, fillfactor 45": "",
    "fillfactor 70": "ALTER TABLE chunks SET (fillfactor = 70)",
    "fillfactor 100": "ALTER TABLE chunks SET (fillfactor = 100)",
    "vectors MAIN": "ALTER TABLE chunks ALTER embedding SET STORAGE MAIN",
    "vectors PLAIN": "ALTER TABLE chunks ALTER embedding SET STORAGE PLAIN",
    "vectors PLAIN, one row a page": "ALTER TABLE chunks ALTER embedding SET STORAGE PLAIN, SET (fillfactor = 10)",
    "texts out of line too": "ALTER TABLE chunks ALTER content SET STORAGE EXTERNAL, SET (toast_tuple_target = 128)",
    "the log's pages compressed": "SET wal_compression = pglz",
}
_LIMIT = "COPY, empty table"
_LEFT = """
SELECT pg_table_size('chunks') / 1e3, 100.0 * n_tup_hot_upd / n_tup_upd, n_dead_tup
FROM pg_stat_user_tables WHERE relid = 'chunks'::regclass
"""


def one(url: str, form: str, vectors: np.ndarray, folder: Path) -> tuple[float, tuple[str, ...]]:
    """Rows a second of the server's processor time, and the cells of what the load leaves."""
    with connect(url, load.CORPUS) as connection:
        requests = load.fill(connection, _FORMS.get(form, ""))
        path = load.result_file(folder, requests, vectors)
        began, log = _seconds(connection), _log_position(connection)
        if form == _LIMIT:
            load.copy_limit(connection, [row for row, _ in requests], vectors, path)
        else:
            load.ours(connection, [], vectors, path)
        rate = load.ROWS / (_seconds(connection) - began)
        logged = (_log_position(connection) - log) / load.ROWS / 1e3
        if form == _LIMIT:
            return rate, (f"{logged:.1f} kB", "", "", "")
        connection.execute("SELECT pg_stat_force_next_flush()")
        kilobytes, hot, dead = connection.execute(_LEFT).fetchone() or (0, 0, 0)
        connection.execute("VACUUM chunks")
        return rate, (f"{logged:.1f} kB", f"{float(kilobytes) / load.ROWS:.1f} kB", f"{hot:.0f} %", f"{dead:,}")


def _seconds(connection: Connection) -> float:
    times = psutil.Process(connection.info.backend_pid).cpu_times()
    return float(times.user + times.system)


def _log_position(connection: Connection) -> float:
    row = connection.execute("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn").fetchone()
    return float(row[0]) if row else 0.0


def tables() -> Iterator[Table]:
    vectors = np.random.default_rng(0).standard_normal((load.ROWS, load.DIMENSIONS), dtype=np.float32)
    rates: dict[str, list[float]] = {form: [] for form in (*_FORMS, _LIMIT)}
    left: dict[str, tuple[str, ...]] = {}
    with database() as (url, folder):
        for _ in range(ROUNDS):
            for form, found in rates.items():
                rate, left[form] = one(url, form, vectors, folder)
                found.append(rate)
        with connect(url, load.CORPUS) as connection:
            connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(load.CORPUS)))
    heads = ("log a vector", "table a vector", "HOT", "dead rows")
    more = {head: {form: cells[place] for form, cells in left.items()} for place, head in enumerate(heads)}
    title = f"{load.ROWS:,} vectors of {load.DIMENSIONS:,} dimensions into rows of 2 kB"
    yield compared(title, "rows a second of the server's processor", rates, more)


if __name__ == "__main__":
    show(tables())
