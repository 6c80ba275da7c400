"""The vector index: built after the load, with the session's memory and workers set for it.

A load into an indexed column pays for each vector's place in the graph, one by one; a build of the whole is several
times faster a vector, in parallel (`benchmarks/indexes.py`). So a large load drops the index and builds it after.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from math import isqrt, log1p
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

# pgvector's limits for both of its indexes (README, "HNSW", "IVFFlat").
_MAX_INDEXED_DIMENSIONS = {"vector": 2000, "halfvec": 4000}
_OPERATOR_CLASSES: dict[tuple[str, str], str] = {
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
# Within a tenth of what was measured on 50,000 random vectors of 1,536 dimensions, m 16, ef_construction 64.
_COMPARED = 5
# Below this many vectors an exact search takes milliseconds and needs no index.
_INDEX_FROM_ROWS = 1000
_MAX_NAME_BYTES = 63


@dataclass(frozen=True, slots=True)
class VectorColumn:
    """A column that is searched. `schema`: None for the corpus's own, which the search path finds."""

    schema: str | None
    table: str
    name: str

    @property
    def table_identifier(self) -> sql.Identifier:
        """The table, as SQL reads it."""
        return sql.Identifier(self.schema, self.table) if self.schema else sql.Identifier(self.table)

    def index_name(self, suffix: str = "") -> str:
        """The name of our index on it."""
        room = _MAX_NAME_BYTES - len("_replaced")
        return f"{self.table}_{self.name}".encode()[:room].decode(errors="ignore") + suffix

    def index_identifier(self, name: str) -> sql.Identifier:
        """An index on it, as SQL reads it."""
        return sql.Identifier(self.schema, name) if self.schema else sql.Identifier(name)


PASSAGES = VectorColumn(None, "chunks", "embedding")


@dataclass(frozen=True, slots=True)
class VectorIndex:
    """An index on a vector column, as the catalog knows it. `options`: as in `m=16`."""

    name: str
    is_valid: bool
    method: str
    operators: str
    options: list[str]
    condition: str | None


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

    def work(self, rows: int) -> float:
        """What it takes to put so many rows in, held against the same for more of them.

        In HNSW the first rows are compared with nearly all that are there, later ones with no more than about so many:
        of 50,000 the first tenth takes a 25th of the time.
        """
        if self.method != "hnsw":
            return rows
        compared = _COMPARED * self.m * self.ef_construction
        return rows - compared * log1p(rows / compared)


def find_indexes(connection: Connection, column: VectorColumn) -> list[VectorIndex]:
    """All vector indexes on a column, the user's own too."""
    table = column.table_identifier.as_string(connection)
    rows = connection.execute(statement("find_indexes"), {"table": table, "column": column.name})
    return [VectorIndex(*row) for row in rows]


def index_exists(connection: Connection, column: VectorColumn = PASSAGES) -> bool:
    """Whether the column has a valid index of ours."""
    return any(index.is_valid and index.name == column.index_name() for index in find_indexes(connection, column))


def own_index(connection: Connection, column: VectorColumn, indexing: Indexing, plan: IndexPlan) -> str | None:
    """The name of an index of the user's own that serves what ours would."""
    operators = _OPERATOR_CLASSES[indexing.vector_type, plan.distance]
    for index in find_indexes(connection, column):
        serves = index.is_valid and index.operators == operators and index.condition is None
        if serves and index.name != column.index_name():
            return index.name
    return None


def defer_index(connection: Connection, above: float, progress: Progress) -> None:
    """Drop the index before a load that is large beside what is there: it is built after.

    `above`: a load of more than this many times the vectors that are there. Until then searches read every row.
    """
    (row,) = connection.execute(statement("count_arriving"))
    arriving, embedded = row
    if arriving >= _INDEX_FROM_ROWS and arriving > above * embedded and index_exists(connection):
        progress.say(f"{arriving:,} vectors beside {embedded:,}: the index is built anew after them")
        _drop(connection, PASSAGES, PASSAGES.index_name())


def index_if_worth_it(
    connection: Connection, connect: Callable[[], Connection], indexing: Indexing, plan: IndexPlan, progress: Progress
) -> bool:
    """Build the corpus's index where it has none, and so many vectors that one pays; whether there is one now."""
    if index_exists(connection):
        return True
    if _count(connection, PASSAGES) < _INDEX_FROM_ROWS:
        return False
    build_index(connection, connect, indexing, plan, progress)
    return True


def require_indexable(indexing: Indexing) -> None:
    """See that pgvector can index that many dimensions.

    Raises:
        UsageError: it cannot.
    """
    if indexing.dimensions > _MAX_INDEXED_DIMENSIONS[indexing.vector_type]:
        raise UsageError(
            f"pgvector's indexes take at most {_MAX_INDEXED_DIMENSIONS['vector']:,} dimensions of type vector and "
            f"{_MAX_INDEXED_DIMENSIONS['halfvec']:,} of halfvec, not {indexing.vector_type}({indexing.dimensions}): "
            "take --type halfvec or fewer --dimensions; for a corpus that holds vectors, by `ingest reembed`."
        )


def build_index(
    connection: Connection,
    connect: Callable[[], Connection],
    indexing: Indexing,
    plan: IndexPlan,
    progress: Progress,
    column: VectorColumn = PASSAGES,
) -> None:
    """Build the vector index, or build it anew; searches go on meanwhile, and writes where the column is live.

    `connect` opens a second connection, which reads the progress.

    Raises:
        UsageError: pgvector cannot index that many dimensions, or the table is one that cannot be indexed as a whole.
    """
    require_indexable(indexing)
    if column.schema and column.index_name() not in {index.name for index in find_indexes(connection, column)}:
        _require_free_name(connection, column)
    rows = _count(connection, column)
    with progress.stage("indexing", unit="rows", total=rows) as bar, _watched(connect, column, bar, plan, rows):
        try:
            _build(connection, column, indexing, plan, rows)
        except (errors.WrongObjectType, errors.FeatureNotSupported) as error:
            raise UsageError(
                f"{column.table} cannot be indexed from here ({error.diag.message_primary}): a view has no index, and "
                "of a partitioned table each partition is indexed by CREATE INDEX CONCURRENTLY."
            ) from error


def _build(connection: Connection, column: VectorColumn, indexing: Indexing, plan: IndexPlan, rows: int) -> None:
    """Build under another name and swap, so that searches have the old index until the new one is there.

    A column that has an index is a live one, as is one of the user's own table: the new index is built concurrently,
    which takes longer and stops no write. Renaming waits for no reader, and dropping concurrently makes none wait.
    """
    name, building, replaced = (column.index_name(suffix) for suffix in ("", "_building", "_replaced"))
    present = {index.name: index.is_valid for index in find_indexes(connection, column)}
    has_index = present.get(name, False)
    is_live = has_index or column.schema is not None
    options = [f"{key}={value}" for key, value in plan.options(rows).items()]
    operators = _OPERATOR_CLASSES[indexing.vector_type, plan.distance]
    index = VectorIndex(building, True, plan.method, operators, options, condition=None)
    for leftover in (building, replaced) if has_index else (building, replaced, name):
        if leftover in present:  # of a build that was stopped
            _drop(connection, column, leftover, concurrently=is_live)
    _create(connection, column, index, plan, concurrently=is_live)
    with connection.transaction():
        if has_index:
            rename_index(connection, column, name, replaced)
        rename_index(connection, column, building, name)
    if has_index:
        _drop(connection, column, replaced, concurrently=True)


def build_alike(
    connection: Connection,
    connect: Callable[[], Connection],
    indexing: Indexing,
    plan: IndexPlan,
    progress: Progress,
    used: VectorColumn,
    fresh: VectorColumn,
    named: Callable[[str], str],
) -> None:
    """Index the column `fresh` as the column `used` is, but for the type of the vectors.

    `plan`: with what memory and workers; `named`: what an index on the fresh column is called, after that on the other.
    On the user's own table, which is live, it is built concurrently.
    """
    is_live = fresh.schema is not None
    present = {index.name: index.is_valid for index in find_indexes(connection, fresh)}
    for index in find_indexes(connection, used):
        name = named(index.name)
        if not index.is_valid or present.get(name):
            continue
        if index.condition and used.name in index.condition:  # it would go with that column
            progress.say(f"the index {index.name} has a condition on {used.name} itself: it is not built anew")
            continue
        if name in present:  # of a build that was stopped
            _drop(connection, fresh, name, concurrently=is_live)
        operators = f"{indexing.vector_type}_{index.operators.partition('_')[2]}"
        rows = _count(connection, fresh)
        with (
            progress.stage("indexing", unit="rows", total=rows) as bar,
            _watched(connect, fresh, bar, replace(plan, method=index.method), rows),
        ):
            _create(connection, fresh, replace(index, name=name, operators=operators), plan, concurrently=is_live)


def _create(
    connection: Connection, column: VectorColumn, index: VectorIndex, plan: IndexPlan, *, concurrently: bool
) -> None:
    """Create an index, with the memory and the workers of the plan."""
    pairs = [option.partition("=") for option in index.options]
    options = [sql.SQL("{} = {}").format(sql.Identifier(key), sql.Literal(value)) for key, _, value in pairs]
    create = statement("create_index").format(
        concurrently=sql.SQL("CONCURRENTLY" if concurrently else ""),
        name=sql.Identifier(index.name),
        table=column.table_identifier,
        method=sql.Identifier(index.method),
        column=sql.Identifier(column.name),
        operators=sql.Identifier(index.operators),
        options=sql.SQL("WITH ({})").format(sql.SQL(", ").join(options)) if options else sql.SQL(""),
        condition=sql.SQL("WHERE {}").format(sql.SQL(index.condition)) if index.condition else sql.SQL(""),
    )
    setting = (
        "SELECT set_config('maintenance_work_mem', %s, false), "
        "set_config('max_parallel_maintenance_workers', %s, false)"
    )
    connection.execute(setting, (f"{plan.memory_mb}MB", str(plan.workers)))
    try:
        connection.execute(create)
    except errors.DiskFull:
        # A container's /dev/shm of 64 MB is too small for a parallel build; one process needs none of it.
        connection.execute(setting, (f"{plan.memory_mb}MB", "0"))
        _drop(connection, column, index.name, concurrently=concurrently)  # it is there, and invalid, if concurrent
        connection.execute(create)


def _require_free_name(connection: Connection, column: VectorColumn) -> None:
    identifier = column.index_identifier(column.index_name()).as_string(connection)
    if connection.execute("SELECT to_regclass(%s)", (identifier,)).fetchone() != (None,):
        raise UsageError(
            f"the index on {column.name} is to be named {identifier}, and there is something else of that name: rename "
            "that, or build the index yourself."
        )


def rename_index(connection: Connection, column: VectorColumn, old: str, new: str) -> None:
    """Give an index another name; no reader waits for that."""
    connection.execute(statement("rename_index").format(old=column.index_identifier(old), new=sql.Identifier(new)))


def _drop(connection: Connection, column: VectorColumn, name: str, *, concurrently: bool = False) -> None:
    connection.execute(
        statement("drop_index").format(
            concurrently=sql.SQL("CONCURRENTLY" if concurrently else ""), name=column.index_identifier(name)
        )
    )


def _count(connection: Connection, column: VectorColumn) -> int:
    query = statement("count_vectors").format(table=column.table_identifier, column=sql.Identifier(column.name))
    row = connection.execute(query).fetchone()
    return row[0] if row else 0


@dataclass
class _watched:  # noqa: N801 - a with statement's verb
    """Shows the progress of an index build on another connection while the block runs.

    The bar moves by the work, so that the time left is right; the rows that are in stand beside it.
    """

    connect: Callable[[], Connection]
    column: VectorColumn
    bar: Bar
    plan: IndexPlan
    rows: int

    def __enter__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def __exit__(self, error: type[BaseException] | None, *rest: object) -> None:
        self._stop.set()
        self._thread.join()
        if error is None:  # the last look was before the end
            self.bar.update(self.rows)

    def _watch(self) -> None:
        try:
            with self.connect() as connection:
                table = {"table": self.column.table_identifier.as_string(connection)}
                while not self._stop.wait(_POLL_S):
                    row = connection.execute(statement("read_index_progress"), table).fetchone()
                    if row and self.rows:
                        phase, done = row
                        share = self.plan.work(done) / self.plan.work(self.rows)
                        note = f"{phase.removeprefix('building index: ')}, {done:,} rows in"
                        self.bar.update(round(self.rows * min(share, 1)), note=note)
        except psycopg.Error:
            return  # no progress is shown; the build itself tells what is wrong
