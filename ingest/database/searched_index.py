"""The index by which the passages are searched, and what a search by it needs."""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt
from typing import TYPE_CHECKING

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


@dataclass(frozen=True, slots=True)
class SearchedIndex:
    """What is known of the index that a search goes by. `lists`: of ivfflat; None for another, or for none at all."""

    quantization: Quantization = "none"
    lists: int | None = None

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
    serving = [
        index
        for index in find_indexes(connection, column)
        if index.is_valid
        and index.condition is None
        and index.operators == operator_class(indexing.vector_type, index.quantization, distance)
    ]
    if not serving:
        return None
    best = min(serving, key=lambda index: _CANDIDATES[index.quantization])
    options = dict(option.split("=", 1) for option in best.options)
    return SearchedIndex(best.quantization, int(options.get("lists", 100)) if best.method == "ivfflat" else None)
