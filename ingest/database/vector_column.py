"""A column that is searched, its index, and how that is to be built: as data."""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt, log1p
from typing import TYPE_CHECKING

from psycopg import sql

from ingest.database.statements import in_corpus
from ingest.errors import UsageError

if TYPE_CHECKING:
    from ingest.model import Quantization

SEARCHED_EXACTLY = 10_000
"""So many passages that pass a filter are all looked at, by no index on the vectors (benchmarks/filters.py)."""
_MAX_NAME_BYTES = 63
# pgvector's advice (README, "IVFFlat"): a thousandth of the rows up to a million, their root above.
_ROOT_FROM_ROWS = 1_000_000
# Within a tenth of what was measured on 50,000 random vectors of 1,536 dimensions, m 16, ef_construction 64.
_COMPARED = 5


@dataclass(frozen=True, slots=True)
class VectorColumn:
    """A column that is searched. `schema`: None for the corpus's own."""

    schema: str | None
    table: str
    name: str

    @property
    def table_identifier(self) -> sql.Composable:
        """The table, as SQL reads it."""
        return self.index_identifier(self.table)

    def index_name(self, suffix: str = "") -> str:
        """The name of our index on it."""
        room = _MAX_NAME_BYTES - len("_replaced")
        return f"{self.table}_{self.name}".encode()[:room].decode(errors="ignore") + suffix

    def index_identifier(self, name: str) -> sql.Composable:
        """An index on it, as SQL reads it."""
        return sql.Identifier(self.schema, name) if self.schema else in_corpus(name)


PASSAGES = VectorColumn(None, "chunks", "embedding")


@dataclass(frozen=True, slots=True)
class VectorIndex:
    """An index on a vector column, as the catalog knows it. `options`: as in `m=16`; `quantization`: what it holds.

    `rows`: how many vectors, as far as the server knows; `note`: its comment.
    """

    name: str
    is_valid: bool
    method: str
    operators: str
    options: list[str]
    condition: str | None
    quantization: Quantization = "none"
    rows: int = 0
    note: str | None = None


@dataclass(frozen=True, slots=True)
class IndexPlan:
    """Which index, for which distance, with what memory and parallel workers it is built, and how it is searched.

    `quantization`: None for the most exact that fits; `ef_search`: None for what was measured; `probes`: None for the
    root of the lists; `by`: the filter whose values have indexes of their own, too.
    """

    method: str
    distance: str
    quantization: Quantization | None
    m: int
    ef_construction: int
    lists: int | None
    memory_mb: int
    workers: int
    ef_search: int | None = None
    probes: int | None = None
    by: str | None = None

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
