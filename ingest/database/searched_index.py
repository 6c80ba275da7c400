"""The index by which the passages are searched, and what a search by it needs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isqrt
from typing import TYPE_CHECKING, NamedTuple

from ingest.database.indexes import find_indexes
from ingest.database.quantization import operator_class
from ingest.database.vector_column import PASSAGES, VectorColumn

if TYPE_CHECKING:
    from ingest.database.connection import Connection
    from ingest.database.corpus import Indexing
    from ingest.model import Quantization

# How many candidates for each passage wanted are put in order by the vectors themselves (benchmarks/quantization.py).
_CANDIDATES: dict[Quantization, int] = {"none": 1, "halfvec": 2, "bit": 10}
_MOST_CANDIDATES = 1_000  # pgvector's most of ef_search
USUAL_EFFORT = 100
"""Neighbours that a search by HNSW looks at, where nothing else was set or measured."""
_NOTE = "hnsw.ef_search = {effort}, measured by pgvector-ingest at {rows} vectors"
_NOTED = re.compile(re.escape(_NOTE).replace(r"\{effort\}", r"(\d{1,4})").replace(r"\{rows\}", r"(\d{1,18})"))
_OF_ONE_VALUE = re.compile(r'\(?"?([a-z_][a-z0-9_]*)"? = ')  # as PostgreSQL writes the condition of a part


class Noted(NamedTuple):
    """How many neighbours were found to be enough, in an index of so many vectors."""

    effort: int
    rows: int

    def __str__(self) -> str:
        return _NOTE.format(**self._asdict())


def noted_effort(note: str | None) -> Noted | None:
    """What was measured of an index, by its comment."""
    found = _NOTED.fullmatch(note or "")
    return Noted(*map(int, found.groups())) if found else None


@dataclass(frozen=True, slots=True)
class SearchedIndex:
    """What is known of the index that a search goes by. `lists`: of ivfflat; None for another, or for none at all.

    `rows`: its vectors, as far as the server knows; `ef_search`: what was measured to be enough; `by`: the filters
    whose values have indexes of their own.
    """

    quantization: Quantization = "none"
    lists: int | None = None
    rows: int = 0
    ef_search: int = USUAL_EFFORT
    by: frozenset[str] = frozenset()

    def candidates(self, limit: int) -> int:
        """How many are taken from it, for so many passages."""
        return max(limit, min(limit * _CANDIDATES[self.quantization], _MOST_CANDIDATES))

    def probes(self, asked: int | None) -> int | None:
        """How many lists are looked at: as asked, or the root of all (pgvector's README, "IVFFlat"); None: no lists."""
        return min(asked or max(1, isqrt(self.lists)), self.lists) if self.lists else None


def find_searched_index(
    connection: Connection, indexing: Indexing, distance: str, column: VectorColumn = PASSAGES
) -> SearchedIndex | None:
    """The most exact index on a column for this distance, ours or the user's own."""
    fitting = [
        index
        for index in find_indexes(connection, column)
        if index.is_valid and index.operators == operator_class(indexing.vector_type, index.quantization, distance)
    ]
    serving = [index for index in fitting if index.condition is None]
    if not serving:
        return None
    best = min(serving, key=lambda index: _CANDIDATES[index.quantization])
    options = dict(option.split("=", 1) for option in best.options)
    of_values = [_OF_ONE_VALUE.match(index.condition) for index in fitting if index.condition]
    noted = noted_effort(best.note)
    return SearchedIndex(
        best.quantization,
        int(options.get("lists", 100)) if best.method == "ivfflat" else None,
        best.rows,
        noted.effort if noted else USUAL_EFFORT,
        frozenset(found.group(1) for found in of_values if found),
    )
