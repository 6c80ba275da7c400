"""How many of the nearest vectors a search by an index finds: seen on vectors of the column itself.

`ingest index --check` holds it against an exact search, which reads all vectors once for each that is asked for. What
is measured after a build is held against a search by the index that looks much further: of a million vectors it found
.998 of the ten nearest, in 0.08 s each.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from psycopg import sql

from ingest.database.indexes import find_indexes
from ingest.database.ownership import is_made_index
from ingest.database.quantization import distance_operator, quantized
from ingest.database.searched_index import Noted, find_searched_index, noted_effort
from ingest.database.statements import statement
from ingest.database.vector_column import PASSAGES
from ingest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.database.connection import Connection
    from ingest.database.corpus import Indexing
    from ingest.database.searched_index import SearchedIndex
    from ingest.database.vector_column import IndexPlan, VectorColumn
    from ingest.telemetry import Progress

_NEAREST = 10  # recall@10, without the vector itself
_ASKED = 100  # vectors: recall to a hundredth or two
_SPARE = 2  # a sample by chance may be smaller than it should be
_ENOUGH = 0.95
_EF_SEARCH: tuple[int, ...] = (20, 40, 100, 200, 400, 1000)
_MEASURED_FROM_ROWS = 50_000  # below, the usual effort finds more than that
_MEASURED_EFFORTS = (100, 150, 200, 300, 400, 600, 1000)
_AIMED = 0.97  # of the column's own vectors, which are found more easily than questions
_GROWN = 2  # times as many vectors: it is measured anew
_FAR = 3_000  # candidates of the search that others are held against
_VISITED = 50_000  # neighbours that it looks at, at most
_PROBES: tuple[int, ...] = (1, 2, 5, 10, 20, 50, 100, 200)


@dataclass(frozen=True, slots=True)
class Effort:
    """How much of the ten nearest was found, where the index looked at so many neighbours, or lists."""

    effort: int
    recall: float


@dataclass(frozen=True, slots=True)
class IndexCheck:
    """What was found by an index.

    `setting`: what says how much it looks at; `now`: with that as searches have it; `asked`: how many vectors were
    looked for; `enough`: the least that finds 95 % of the ten nearest, None where nothing that was tried does.
    """

    setting: str
    asked: int
    now: Effort
    tried: tuple[Effort, ...]

    @property
    def enough(self) -> int | None:
        """The least effort that finds 95 %."""
        return next((each.effort for each in self.tried if each.recall >= _ENOUGH), None)


def check_index(
    connection: Connection, column: VectorColumn, indexing: Indexing, plan: IndexPlan, progress: Progress
) -> IndexCheck:
    """Hold what the column's index finds against an exact search. Each vector in a transaction of its own.

    Raises:
        UsageError: there is no such index, or no vector.
    """
    index = find_searched_index(connection, indexing, plan.distance, column)
    rows = _sample(connection, column)
    if index is None or not rows:
        raise UsageError("there is no vector index to check: `ingest index` builds one, once there are vectors.")
    setting, now, efforts = "hnsw_ef_search", plan.ef_search or index.ef_search, _EF_SEARCH
    if probes := index.probes(plan.probes):
        setting, now, efforts = "ivfflat_probes", probes, tuple(n for n in _PROBES if n <= (index.lists or 1))
    efforts = tuple(sorted({*efforts, now}))
    tried = _tried(connection, column, indexing, plan.distance, index, None, efforts, rows, progress)
    return IndexCheck(setting, len(rows), next(each for each in tried if each.effort == now), tried)


def measure_index(connection: Connection, indexing: Indexing, plan: IndexPlan, progress: Progress) -> None:
    """Note with the passages' HNSW index, if it is ours, how much a search by it has to look at.

    Where that is noted already, once more when it has grown. Nothing where the settings say it.
    """
    name = PASSAGES.index_name()
    built = next((each for each in find_indexes(connection, PASSAGES) if each.is_valid and each.name == name), None)
    if built is None or built.method != "hnsw" or plan.ef_search or not is_made_index(connection, "vector"):
        return
    noted = noted_effort(built.note)
    index = find_searched_index(connection, indexing, plan.distance)
    if built.rows < (_GROWN * noted.rows if noted else _MEASURED_FROM_ROWS) or index is None:
        return
    rows = _sample(connection, PASSAGES)
    efforts = _MEASURED_EFFORTS
    far = replace(index, ef_search=efforts[-1])
    tried = _tried(connection, PASSAGES, indexing, plan.distance, index, far, efforts, rows, progress)
    found = next((each for each in tried if each.recall >= _AIMED), tried[-1])
    progress.say(f"searches look at {found.effort:,} neighbours, and find {found.recall:.1%} of the ten nearest")
    if found.recall < _ENOUGH:
        progress.say("that is all that pgvector can: build the index with more (hnsw_m, hnsw_ef_construction)")
    note = sql.Literal(str(Noted(found.effort, built.rows)))
    connection.execute(statement("note_effort").format(name=PASSAGES.index_identifier(name), note=note))


def _tried(
    connection: Connection,
    column: VectorColumn,
    indexing: Indexing,
    distance: str,
    index: SearchedIndex,
    held_against: SearchedIndex | None,
    efforts: Sequence[int],
    rows: Sequence[str],
    progress: Progress,
) -> tuple[Effort, ...]:
    """What is found with each effort. `held_against`: the index, where it looks further; None: an exact search."""
    found = dict.fromkeys(efforts, 0)
    possible = 0
    with progress.stage("checking", unit="vectors", total=len(rows)) as bar:
        for row in rows:
            with connection.transaction():
                if held_against:
                    _look_at(connection, held_against, held_against.ef_search)
                    connection.execute(statement("search_on").format(visited=sql.Literal(str(_VISITED))))
                best = _nearest(connection, column, indexing, distance, held_against, row, _FAR)
                possible += len(best)
            with connection.transaction():
                for effort in efforts:
                    _look_at(connection, index, effort)
                    found[effort] += len(best & _nearest(connection, column, indexing, distance, index, row))
            bar.advance(1)
    return tuple(Effort(effort, found[effort] / max(possible, 1)) for effort in efforts)


def _sample(connection: Connection, column: VectorColumn) -> Sequence[str]:
    table = column.table_identifier
    name = sql.Identifier(column.name)
    count = connection.execute(statement("count_vectors").format(table=table, column=name)).fetchone()
    percent = min(100.0, 100 * _SPARE * _ASKED / max(count[0] if count else 0, 1))
    query = statement("sample_vectors").format(table=table, column=name, percent=sql.Literal(percent))
    return [row for (row,) in connection.execute(query, {"limit": _ASKED})]


def _look_at(connection: Connection, index: SearchedIndex, effort: int) -> None:
    """Have the next search go by the index, however few rows there are."""
    setting = "ivfflat.probes" if index.lists else "hnsw.ef_search"
    connection.execute(
        "SELECT set_config(%s, %s, true), set_config('enable_seqscan', 'off', true), "
        "set_config('enable_indexscan', 'on', true)",
        (setting, str(effort)),
    )


def _nearest(
    connection: Connection,
    column: VectorColumn,
    indexing: Indexing,
    distance: str,
    index: SearchedIndex | None,
    row: str,
    candidates: int = 0,
) -> set[str]:
    """The rows nearest to that of a vector, without itself; without an index by reading all.

    `candidates`: how many of the index are put in order, if more than it takes for so many.
    """
    if index is None:
        connection.execute("SELECT set_config('enable_indexscan', 'off', true)")
    quantization = index.quantization if index else "none"
    name, limit = sql.Identifier("t", column.name), _NEAREST + 1
    asked = statement("vector_of_row").format(table=column.table_identifier, column=sql.Identifier(column.name))
    query = statement("nearest_vectors").format(
        table=column.table_identifier,
        column=name,
        asked=asked,
        operator=sql.SQL(distance_operator("none", distance)),
        indexed=quantized(name, indexing.dimensions, quantization),
        compared=quantized(sql.SQL("({})").format(asked), indexing.dimensions, quantization),
        index_operator=sql.SQL(distance_operator(quantization, distance)),
        candidates=sql.Literal(max(index.candidates(limit), candidates) if index else limit),
        limit=sql.Literal(limit),
    )
    # Planned anew each time: a plan that is kept would not see what was set for this one.
    return {found for (found,) in connection.execute(query, {"row": row}, prepare=False)} - {row}
