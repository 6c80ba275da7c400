"""What an index holds of the vectors of a column: all of them, or less by which it is smaller and built sooner.

A search by an index that holds less takes more candidates from it, and puts these in order by the vectors themselves.
pgvector's casts, operators and limits: its README, "HNSW", "Half-Precision Indexing", "Binary Quantization".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, LiteralString

from psycopg import sql

from ingest.database.statements import in_vector
from ingest.errors import UsageError

if TYPE_CHECKING:
    from ingest.database.corpus import Indexing
    from ingest.model import Quantization

# What an index holds, the most exact first; and the dimensions that pgvector indexes of each type.
_QUANTIZATIONS: tuple[Quantization, ...] = ("none", "halfvec", "bit")
_MOST_DIMENSIONS = {"vector": 2_000, "halfvec": 4_000, "bit": 64_000}
_OPERATOR_CLASSES = {"cosine": "cosine_ops", "l2": "l2_ops", "inner_product": "ip_ops"}
_OPERATORS: dict[str, LiteralString] = {"cosine": "<=>", "l2": "<->", "inner_product": "<#>"}


def index_quantization(indexing: Indexing, asked: Quantization | None) -> Quantization:
    """What an index on vectors of this type and length holds of them. `asked`: None for the most exact that fits.

    Raises:
        UsageError: pgvector cannot index so many dimensions in this way.
    """
    fits = fitting_quantization(indexing, asked or "none")
    if asked in (None, fits, indexing.vector_type):
        return fits
    raise UsageError(
        f"pgvector's indexes take at most {_MOST_DIMENSIONS['vector']:,} dimensions of type vector, "
        f"{_MOST_DIMENSIONS['halfvec']:,} of halfvec and {_MOST_DIMENSIONS['bit']:,} of bit, and the vectors are "
        f"{indexing.vector_type}({indexing.dimensions}): without index_quantize = {asked} it is {fits}."
    )


def fitting_quantization(indexing: Indexing, most: Quantization) -> Quantization:
    """The most exact that fits, of this one and those that hold less."""
    for quantization in _QUANTIZATIONS[_QUANTIZATIONS.index(most) :]:
        if indexing.dimensions <= _MOST_DIMENSIONS[_indexed_type(indexing.vector_type, quantization)]:
            return "none" if quantization == indexing.vector_type else quantization  # halves of halves: the column
    return "bit"  # no type of pgvector's has more dimensions than bits can have


def quantized(vector: sql.Composable, dimensions: int, quantization: Quantization) -> sql.Composable:
    """What an index holds of a column, and what a search compares with it of a vector: as SQL."""
    length = sql.Literal(dimensions)
    if quantization == "halfvec":
        return sql.SQL("({}::{}({}))").format(vector, in_vector("halfvec"), length)
    if quantization == "bit":
        return sql.SQL("({}({})::bit({}))").format(in_vector("binary_quantize"), vector, length)
    return vector


def operator_class(vector_type: str, quantization: Quantization, measure: str) -> str:
    """The operator class of an index. `measure`: a distance, or another class of the same one, without its type."""
    if quantization == "bit":
        return "bit_hamming_ops"  # how many signs differ comes nearest to any distance
    return f"{_indexed_type(vector_type, quantization)}_{_OPERATOR_CLASSES.get(measure, measure)}"


def distance_operator(quantization: Quantization, distance: str) -> LiteralString:
    """The operator by which such an index is searched."""
    return "<~>" if quantization == "bit" else _OPERATORS[distance]


def _indexed_type(vector_type: str, quantization: Quantization) -> str:
    return vector_type if quantization == "none" else quantization
