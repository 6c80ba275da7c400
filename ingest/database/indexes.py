"""The vector index: built after the load, with the session's memory and workers set for it.

A load into an indexed column pays for each vector's place in the graph, one by one; a build of the whole is several
times faster a vector, in parallel (`benchmarks/indexes.py`). So a large load drops the index and builds it after.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from psycopg import errors, sql

from ingest.database.index_parts import Part, find_parts, is_part
from ingest.database.index_progress import watched_build
from ingest.database.locks import corpus_lock, try_corpus_lock
from ingest.database.ownership import is_made_index, note_made_index
from ingest.database.quantization import fitting_quantization, index_quantization, operator_class, quantized
from ingest.database.statements import in_vector, statement
from ingest.database.vector_column import PASSAGES, IndexPlan, VectorColumn, VectorIndex
from ingest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.database.connection import Connection
    from ingest.database.corpus import Indexing
    from ingest.model import Quantization
    from ingest.telemetry import Progress

# Below this many vectors an exact search takes milliseconds and needs no index.
_INDEX_FROM_ROWS = 1000
_KIND = "vector"  # of index, in the corpus's books
_DROP_WAIT_S = 10


def find_indexes(connection: Connection, column: VectorColumn) -> list[VectorIndex]:
    """All vector indexes on a column, the user's own too."""
    table = column.table_identifier.as_string(connection)
    rows = connection.execute(statement("find_indexes"), {"table": table, "column": column.name})
    return [VectorIndex(*row) for row in rows]


def index_exists(connection: Connection, column: VectorColumn = PASSAGES) -> bool:
    """Whether the column has a valid index of ours."""
    found = any(index.is_valid and index.name == column.index_name() for index in find_indexes(connection, column))
    return found and is_made_index(connection, _KIND)


def own_index(connection: Connection, column: VectorColumn, indexing: Indexing, plan: IndexPlan) -> str | None:
    """The name of an index of the user's own that serves what ours would."""
    quantization = index_quantization(indexing, plan.quantization)
    operators = operator_class(indexing.vector_type, quantization, plan.distance)
    ours = column.index_name() if is_made_index(connection, _KIND) else None
    for index in find_indexes(connection, column):
        alike = (index.operators, index.quantization) == (operators, quantization)
        serves = index.is_valid and alike and index.condition is None
        if serves and index.name != ours:
            return index.name
    return None


def defer_index(connection: Connection, above: float, progress: Progress) -> bool:
    """Drop the index before a load that is large beside what is there: it is built after. Whether that is settled.

    `above`: a load of more than this many times the vectors that are there. Until then searches read every row. No
    reader waits for it; it waits for those that read, and where they do not end soon, the load goes on with the
    index in its way, until the next time.
    """
    name = PASSAGES.index_name()
    present = {
        index.name: index.is_valid
        for index in find_indexes(connection, PASSAGES)
        if index.name == name or is_part(index.name)
    }
    (row,) = connection.execute(statement("count_arriving"))
    arriving, embedded = row
    is_large = arriving >= _INDEX_FROM_ROWS and arriving > above * embedded
    if not present or (all(present.values()) and not is_large) or not is_made_index(connection, _KIND):
        return True
    with try_corpus_lock(connection, "index") as held:
        if not held:  # somebody builds one
            return True
        progress.say(f"{arriving:,} vectors beside {embedded:,}: the index is built anew after them")
        try:
            for each in present:
                _drop(connection, PASSAGES, each, _DROP_WAIT_S)
        except errors.LockNotAvailable:
            progress.say("transactions that stay open read the passages: until they end a load takes longer")
            return False
    return True


def index_if_worth_it(
    connection: Connection, connect: Callable[[], Connection], indexing: Indexing, plan: IndexPlan, progress: Progress
) -> bool:
    """Build the corpus's index where it has none, and so many vectors that one pays; whether there is one now.

    Those of the values of `plan.by` are built, and dropped, as the passages are now.
    """
    parts = find_parts(connection, plan.by, progress)
    if index_exists(connection) and _has_parts(connection, parts):
        return True
    if _count(connection, PASSAGES) < _INDEX_FROM_ROWS:
        return False
    if taken := _taken_name(connection, PASSAGES):
        progress.say(f"no vector index is built: {taken} is something of yours, and the name is needed")
        return False
    with corpus_lock(connection, connection.corpus or "", "index"):
        if not index_exists(connection):  # nor did another build it while we waited
            _build_watched(connection, connect, indexing, plan, progress, PASSAGES)
        _settle_parts(connection, indexing, plan, progress, parts)
    return True


def build_index(
    connection: Connection,
    connect: Callable[[], Connection],
    indexing: Indexing,
    plan: IndexPlan,
    progress: Progress,
    column: VectorColumn = PASSAGES,
) -> None:
    """Build the vector index, or build it anew; searches and writes go on meanwhile. One at a time of a corpus.

    `connect` opens a second connection, which reads the progress.

    Raises:
        UsageError: pgvector cannot index that many dimensions, or the table is one that cannot be indexed as a whole.
    """
    with corpus_lock(connection, connection.corpus or "", "index"):
        _build_watched(connection, connect, indexing, plan, progress, column)
        if column == PASSAGES:
            parts = find_parts(connection, plan.by, progress)
            _settle_parts(connection, indexing, plan, progress, parts, anew=True)


def _has_parts(connection: Connection, parts: list[Part]) -> bool:
    """Whether these have their indexes, and no others."""
    present = {index.name: index.is_valid for index in find_indexes(connection, PASSAGES) if is_part(index.name)}
    return present == {PASSAGES.index_name(part.suffix): True for part in parts}


def _settle_parts(
    connection: Connection,
    indexing: Indexing,
    plan: IndexPlan,
    progress: Progress,
    parts: list[Part],
    *,
    anew: bool = False,
) -> None:
    """Build the indexes of parts that have none, or all of them `anew`; drop those of values that are few by now."""
    wanted = {PASSAGES.index_name(part.suffix): part for part in parts}
    for index in find_indexes(connection, PASSAGES):
        if is_part(index.name) and (index.name not in wanted or not index.is_valid):
            _drop(connection, PASSAGES, index.name)
        elif not anew:
            wanted.pop(index.name, None)
    if not wanted:
        return
    quantization = index_quantization(indexing, plan.quantization)
    with progress.stage(f"indexing by {plan.by}", unit="values", total=len(wanted)) as bar:
        for done, part in enumerate(wanted.values(), 1):
            _build(connection, PASSAGES, indexing, plan, quantization, part)
            bar.update(done)


def _build_watched(
    connection: Connection,
    connect: Callable[[], Connection],
    indexing: Indexing,
    plan: IndexPlan,
    progress: Progress,
    column: VectorColumn,
) -> None:
    quantization = index_quantization(indexing, plan.quantization)
    if taken := _taken_name(connection, column):
        raise UsageError(
            f"the index on {column.name} needs the name {taken}, and there is something of yours of that name: rename "
            "that, or build the index yourself."
        )
    note_made_index(connection, _KIND)
    rows = _count(connection, column)
    with progress.stage("indexing", unit="rows", total=rows) as bar, watched_build(connect, column, bar, plan, rows):
        try:
            _build(connection, column, indexing, plan, quantization, Part(rows))
        except (errors.WrongObjectType, errors.FeatureNotSupported) as error:
            raise UsageError(
                f"{column.table} cannot be indexed from here ({error.diag.message_primary}): a view has no index, and "
                "of a partitioned table each partition is indexed by CREATE INDEX CONCURRENTLY."
            ) from error


def _build(
    connection: Connection,
    column: VectorColumn,
    indexing: Indexing,
    plan: IndexPlan,
    quantization: Quantization,
    part: Part,
) -> None:
    """Build under another name and swap, so that searches have the old index until the new one is there.

    It is built concurrently, which takes longer and stops no write. Renaming waits for no reader, and dropping
    concurrently makes none wait.
    """
    name, building, replaced = (column.index_name(part.suffix + passing) for passing in ("", "_building", "_replaced"))
    present = {index.name: index.is_valid for index in find_indexes(connection, column)}
    has_index = present.get(name, False)
    options = [f"{key}={value}" for key, value in plan.options(part.rows).items()]
    operators = operator_class(indexing.vector_type, quantization, plan.distance)
    index = VectorIndex(building, True, plan.method, operators, options, part.condition, quantization)
    for leftover in (building, replaced) if has_index else (building, replaced, name):
        if leftover in present:  # of a build that was stopped
            _drop(connection, column, leftover)
    _create(connection, column, indexing, index, plan, concurrently=True)
    with connection.transaction():
        if has_index:
            connection.execute(renaming(column, name, replaced))
        connection.execute(renaming(column, building, name))
    if has_index:
        _drop(connection, column, replaced)


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
    """Index the column `fresh` as the column `used` is, but for the type of the vectors, and what then fits.

    `plan`: with what memory and workers; `named`: what an index on the fresh column is called, after that on the other.
    On the user's own table, which is live, it is built concurrently.
    """
    is_live = fresh.schema is not None
    present = {index.name: index for index in find_indexes(connection, fresh)}
    passing: set[str] = set()
    if is_made_index(connection, _KIND):  # of one that is built anew just now
        passing = {used.index_name("_building"), used.index_name("_replaced")}
    for index in find_indexes(connection, used):
        fits = fitting_quantization(indexing, index.quantization)
        operators = operator_class(indexing.vector_type, fits, index.operators.partition("_")[2])
        wanted = replace(index, name=named(index.name), operators=operators, quantization=fits)
        there = present.get(wanted.name)
        is_alike = there and (is_live or _kind(there) == _kind(wanted))
        if not index.is_valid or (there and there.is_valid and is_alike) or index.name in passing:
            continue
        if index.condition and used.name in index.condition:  # it would go with that column
            progress.say(f"the index {index.name} has a condition on {used.name} itself: it is not built anew")
            continue
        if there:  # of a build that was stopped, or as a run builds it, where the user's own has our name
            _drop(connection, fresh, wanted.name)
        rows = _count(connection, fresh)
        with (
            progress.stage("indexing", unit="rows", total=rows) as bar,
            watched_build(connect, fresh, bar, replace(plan, method=index.method), rows),
        ):
            _create(connection, fresh, indexing, wanted, plan, concurrently=is_live)


def _kind(index: VectorIndex) -> tuple[str, str, str]:
    return index.method, index.operators, index.quantization


def _create(
    connection: Connection,
    column: VectorColumn,
    indexing: Indexing,
    index: VectorIndex,
    plan: IndexPlan,
    *,
    concurrently: bool,
) -> None:
    """Create an index, with the memory and the workers of the plan."""
    pairs = [option.partition("=") for option in index.options]
    options = [sql.SQL("{} = {}").format(sql.Identifier(key), sql.Literal(value)) for key, _, value in pairs]
    create = statement("create_index").format(
        concurrently=sql.SQL("CONCURRENTLY" if concurrently else ""),
        name=sql.Identifier(index.name),
        table=column.table_identifier,
        method=sql.Identifier(index.method),
        indexed=quantized(sql.Identifier(column.name), indexing.dimensions, index.quantization),
        operators=in_vector(index.operators),
        options=sql.SQL("WITH ({})").format(sql.SQL(", ").join(options)) if options else sql.SQL(""),
        condition=sql.SQL("WHERE {}").format(sql.SQL(index.condition)) if index.condition else sql.SQL(""),
    )
    setting = (
        "SELECT set_config('maintenance_work_mem', %s, false), "
        "set_config('max_parallel_maintenance_workers', %s, false)"
    )
    connection.execute(setting, (f"{plan.memory_mb}MB", str(plan.workers)))
    execute = connection.execute_alone if concurrently else connection.execute
    try:
        execute(create)
    except errors.DiskFull:
        # A container's /dev/shm of 64 MB is too small for a parallel build; one process needs none of it.
        connection.execute(setting, (f"{plan.memory_mb}MB", "0"))
        _drop(connection, column, index.name)  # it is there, and invalid, if concurrent
        execute(create)


def _taken_name(connection: Connection, column: VectorColumn) -> str | None:
    """A name that our index needs, and that something else has."""
    ours = {index.name for index in find_indexes(connection, column)} if is_made_index(connection, _KIND) else set()
    for name in (column.index_name(suffix) for suffix in ("", "_building", "_replaced")):
        identifier = column.index_identifier(name).as_string(connection)
        if name not in ours and connection.execute("SELECT to_regclass(%s)", (identifier,)).fetchone() != (None,):
            return identifier
    return None


def renaming(column: VectorColumn, old: str, new: str) -> sql.Composed:
    """What gives an index another name; no reader waits for that."""
    return statement("rename_index").format(old=column.index_identifier(old), new=sql.Identifier(new))


def _drop(connection: Connection, column: VectorColumn, name: str, wait_s: float = 0) -> None:
    connection.execute_alone(statement("drop_index").format(name=column.index_identifier(name)), wait_s)


def _count(connection: Connection, column: VectorColumn) -> int:
    query = statement("count_vectors").format(table=column.table_identifier, column=sql.Identifier(column.name))
    row = connection.execute(query).fetchone()
    return row[0] if row else 0
