"""The vector index: built after the load, with the session's memory and workers set for it.

A load into an indexed column pays for each vector's place in the graph, one by one; a build of the whole is several
times faster a vector, in parallel (`benchmarks/indexes.py`). So a large load drops the index and builds it after.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from math import isqrt
from typing import TYPE_CHECKING, LiteralString

import psycopg
from psycopg import errors, sql

from ingest.database.statements import statement
from ingest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.database.connection import Connection
    from ingest.database.corpus import Indexing
    from ingest.progress import Bar, Progress

INDEX_NAME = "chunks_embedding"
# pgvector's limits for both of its indexes (README, "HNSW", "IVFFlat").
_MAX_INDEXED_DIMENSIONS = {"vector": 2000, "halfvec": 4000}
_OPERATOR_CLASSES: dict[tuple[str, str], LiteralString] = {
    ("vector", "cosine"): "vector_cosine_ops",
    ("vector", "l2"): "vector_l2_ops",
    ("vector", "inner_product"): "vector_ip_ops",
    ("halfvec", "cosine"): "halfvec_cosine_ops",
    ("halfvec", "l2"): "halfvec_l2_ops",
    ("halfvec", "inner_product"): "halfvec_ip_ops",
}
# pgvector's advice (README, "IVFFlat"): a thousandth of the rows up to a million, their root above.
_ROOT_FROM_ROWS = 1_000_000
_POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class IndexPlan:
    """Which index, for which distance, with what memory and parallel workers it is built."""

    method: str
    distance: str
    m: int
    ef_construction: int
    lists: int | None
    memory_mb: int
    workers: int

    def options(self, rows: int) -> dict[str, int]:
        """The storage parameters for a column of so many vectors.

        Raises:
            UsageError: pgvector refuses them.
        """
        if self.method == "ivfflat":
            return {"lists": self.lists or max(1, rows // 1000 if rows <= _ROOT_FROM_ROWS else isqrt(rows))}
        if self.ef_construction < 2 * self.m:
            raise UsageError(
                f"hnsw_ef_construction is {self.ef_construction}: pgvector wants at least twice hnsw_m, {2 * self.m}."
            )
        return {"m": self.m, "ef_construction": self.ef_construction}


def index_exists(connection: Connection) -> bool:
    """Whether the corpus has a valid vector index."""
    row = connection.execute(statement("find_index"), {"name": INDEX_NAME}).fetchone()
    return row == (True,)


def drop_index(connection: Connection) -> None:
    """Drop the vector index before a large load; searches read every row until it is built again."""
    connection.execute(statement("drop_index").format(name=sql.Identifier(INDEX_NAME)))


def build_index(
    connection: Connection, connect: Callable[[], Connection], indexing: Indexing, plan: IndexPlan, progress: Progress
) -> None:
    """Build the vector index, or build it anew; searches go on meanwhile, and writes where there was an index.

    `connect` opens a second connection, which reads the progress.

    Raises:
        UsageError: pgvector cannot index that many dimensions.
    """
    if indexing.dimensions > _MAX_INDEXED_DIMENSIONS[indexing.vector_type]:
        raise UsageError(
            f"pgvector's indexes take at most {_MAX_INDEXED_DIMENSIONS['vector']:,} dimensions of type vector and "
            f"{_MAX_INDEXED_DIMENSIONS['halfvec']:,} of halfvec; the corpus has {indexing.vector_type}"
            f"({indexing.dimensions}): searches will read every row. `ingest reembed` with --type halfvec, or "
            "with fewer --dimensions, makes a corpus that can be indexed."
        )
    row = connection.execute(statement("count_vectors")).fetchone()
    rows = row[0] if row else 0
    with progress.stage("indexing", unit="rows", total=rows) as bar, _watched(connect, bar):
        try:
            _build(connection, indexing, plan, rows, plan.workers)
        except errors.DiskFull:
            # A container's /dev/shm of 64 MB is too small for a parallel build; one process needs none of it.
            _build(connection, indexing, plan, rows, 0)


def _build(connection: Connection, indexing: Indexing, plan: IndexPlan, rows: int, workers: int) -> None:
    """Build under another name and swap, so that searches have the old index until the new one is there.

    A column that has an index is a live one: the new one is built concurrently, which takes longer and stops no
    write. Renaming waits for no reader, and dropping concurrently makes none wait.
    """
    connection.execute(
        "SELECT set_config('maintenance_work_mem', %s, false), "
        "set_config('max_parallel_maintenance_workers', %s, false)",
        (f"{plan.memory_mb}MB", str(workers)),
    )
    name, building, replaced = (sql.Identifier(f"{INDEX_NAME}{suffix}") for suffix in ("", "_building", "_replaced"))
    is_live = index_exists(connection)
    options = [sql.SQL("{} = {}").format(sql.Identifier(key), value) for key, value in plan.options(rows).items()]
    connection.execute(statement("drop_index").format(name=building))  # of a build that was stopped
    connection.execute(statement("drop_index").format(name=replaced))
    connection.execute(
        statement("create_index").format(
            concurrently=sql.SQL("CONCURRENTLY" if is_live else ""),
            name=building,
            method=sql.SQL("ivfflat" if plan.method == "ivfflat" else "hnsw"),
            operators=sql.SQL(_OPERATOR_CLASSES[indexing.vector_type, plan.distance]),
            options=sql.SQL(", ").join(options),
        )
    )
    with connection.transaction():
        if is_live:
            connection.execute(statement("rename_index").format(old=name, new=replaced))
        else:
            connection.execute(statement("drop_index").format(name=name))  # invalid, or none
        connection.execute(statement("rename_index").format(old=building, new=name))
    if is_live:
        connection.execute(statement("drop_index_concurrently").format(name=replaced))


@dataclass
class _watched:  # noqa: N801 - a with statement's verb
    """Shows the progress of an index build on another connection while the block runs."""

    connect: Callable[[], Connection]
    bar: Bar

    def __enter__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        try:
            with self.connect() as connection:
                while not self._stop.wait(_POLL_S):
                    row = connection.execute(statement("read_index_progress")).fetchone()
                    if row:
                        phase, done = row
                        self.bar.update(done, note=phase.removeprefix("building index: "))
        except psycopg.Error:
            return  # no progress is shown; the build itself tells what is wrong
