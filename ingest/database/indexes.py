"""The vector index: built after the load, with the session's memory and workers set for it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
# pgvector's limits for an HNSW index (README, "HNSW").
_MAX_INDEXED_DIMENSIONS = {"vector": 2000, "halfvec": 4000}
_POLL_S = 0.5


def index_exists(connection: Connection) -> bool:
    """Whether the corpus has a valid vector index."""
    row = connection.execute(statement("find_index"), {"name": INDEX_NAME}).fetchone()
    return row == (True,)


def build_index(
    connection: Connection,
    connect: Callable[[], Connection],
    indexing: Indexing,
    progress: Progress,
    *,
    memory_mb: int,
    workers: int,
) -> None:
    """Build the HNSW index for cosine distance, or build it anew; searches go on meanwhile.

    `connect` opens a second connection, which reads the progress.

    Raises:
        UsageError: pgvector cannot index that many dimensions.
    """
    if indexing.dimensions > _MAX_INDEXED_DIMENSIONS[indexing.vector_type]:
        raise UsageError(
            f"pgvector's HNSW index takes at most {_MAX_INDEXED_DIMENSIONS['vector']:,} dimensions of type vector and "
            f"{_MAX_INDEXED_DIMENSIONS['halfvec']:,} of halfvec; the corpus has {indexing.vector_type}"
            f"({indexing.dimensions}): searches will read every row. Use --type halfvec, or fewer --dimensions."
        )
    row = connection.execute(statement("count_vectors")).fetchone()
    with progress.stage("indexing", unit="rows", total=row[0] if row else None) as bar, _watched(connect, bar):
        try:
            _build(connection, indexing, memory_mb, workers)
        except errors.DiskFull:
            # A container's /dev/shm of 64 MB is too small for a parallel build; one process needs none of it.
            _build(connection, indexing, memory_mb, 0)


def _build(connection: Connection, indexing: Indexing, memory_mb: int, workers: int) -> None:
    """Build under another name and swap, so that searches have the old index until the new one is there."""
    connection.execute(
        "SELECT set_config('maintenance_work_mem', %s, false), "
        "set_config('max_parallel_maintenance_workers', %s, false)",
        (f"{memory_mb}MB", str(workers)),
    )
    building, name = sql.Identifier(f"{INDEX_NAME}_building"), sql.Identifier(INDEX_NAME)
    operators = sql.SQL("halfvec_cosine_ops" if indexing.vector_type == "halfvec" else "vector_cosine_ops")
    connection.execute(statement("drop_index").format(name=building))
    connection.execute(statement("create_index").format(name=building, operators=operators))
    with connection.transaction():
        connection.execute(statement("drop_index").format(name=name))
        connection.execute(statement("rename_index").format(old=building, new=name))


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
