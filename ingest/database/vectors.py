"""Vectors, and arrays of other things, on their way to the database and back.

One on its own is pgvector's `Vector` or `HalfVector`, by the adapters of the package `pgvector`. Those of a load are
an array in PostgreSQL's binary form, built by numpy in one piece: that takes 0.7 µs of the processor a vector of 1,536
dimensions; a list of the package's objects takes 5.1, 7 times as long (5 to 10), and twice the memory.

An array is: int32 dimensions (1), int32 has-nulls flag, int32 element oid, int32 length, int32 lower bound (1),
then for each element int32 byte length and its bytes (PostgreSQL, `array_send`). pgvector's `vector` is int16
dimensions, int16 0, big-endian float4s (`vector_send`); `halfvec` the same with float2s (`halfvec_send`).
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

from psycopg.adapt import Dumper
from psycopg.pq import Format
from psycopg.types import TypeInfo

from ingest.database.statements import statement

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from pgvector import HalfVector, Vector
    from psycopg.abc import Buffer

    from ingest.database.connection import Connection

_BYTEA_OID, _INT8_OID, _INT4_OID, _TEXT_OID, _JSONB_OID = 17, 20, 23, 25, 3802
_HEADER_BYTES = 20
_NULL = b"\xff\xff\xff\xff"  # the length of an element that is null
_JSONB_VERSION = b"\x01"  # before each (PostgreSQL, `jsonb_send`)


class BinaryArray(bytearray):
    """An array parameter in PostgreSQL's binary form; the statement casts it to its type."""


class _BinaryArrayDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: BinaryArray) -> Buffer:
        return obj


def register_arrays(connection: Connection) -> None:
    """Let `BinaryArray` be a parameter on this connection."""
    connection.adapters.register_dumper(BinaryArray, _BinaryArrayDumper)


def id_array(ids: Sequence[int] | np.ndarray) -> BinaryArray:
    """Ids as a bigint[]."""
    array, elements = _array(_INT8_OID, len(ids), [("value", ">i8")])
    elements["value"] = ids
    return array


def key_array(keys: Sequence[int]) -> BinaryArray:
    """Keys of terms as an int[]."""
    array, elements = _array(_INT4_OID, len(keys), [("value", ">i4")])
    elements["value"] = keys
    return array


def hash_array(hashes: Sequence[bytes]) -> BinaryArray:
    """Hashes of 32 bytes as a bytea[]."""
    import numpy as np

    array, elements = _array(_BYTEA_OID, len(hashes), [("value", "V32")])
    elements["value"] = np.frombuffer(b"".join(hashes), "V32")
    return array


def text_array(texts: Sequence[str | None]) -> BinaryArray:
    """Texts as a text[]: 0.15 µs of the processor for an address of a row, 1.0 to 1.4 by psycopg's own lists."""
    return _joined_array(_TEXT_OID, [None if text is None else text.encode() for text in texts])


def jsonb_array(values: Sequence[object]) -> BinaryArray:
    """What JSON can say as a jsonb[]."""
    return _joined_array(_JSONB_OID, [_JSONB_VERSION + json.dumps(value).encode() for value in values])


def vector_array(vectors: np.ndarray, vector_type: str, type_oid: int) -> BinaryArray:
    """Vectors as a vector[] or halfvec[], whose oid differs by database. vectors: (n, d) float32."""
    count, dimensions = vectors.shape
    floats = ">f2" if vector_type == "halfvec" else ">f4"
    array, elements = _array(
        type_oid, count, [("dimensions", ">i2"), ("unused", ">i2"), ("floats", floats, (dimensions,))]
    )
    elements["dimensions"] = dimensions
    elements["floats"] = vectors
    return array


def one_vector(vector: np.ndarray, vector_type: str) -> Vector | HalfVector:
    """A vector on its own, as a column of this type has it."""
    # Versions before 0.4, which langchain-postgres asks for, have the types in these two places alone.
    from pgvector.psycopg.halfvec import HalfVector  # type: ignore[attr-defined]
    from pgvector.psycopg.vector import Vector  # type: ignore[attr-defined]

    return (HalfVector if vector_type == "halfvec" else Vector)(vector)


def vector_types(connection: Connection) -> dict[str, TypeInfo]:
    """What `vector`, `halfvec` and `sparsevec` are in this database."""
    rows = connection.execute(statement("list_vector_types")).fetchall()
    return {name: TypeInfo(name, oid, array_oid) for name, oid, array_oid in rows}


def register_vectors(connection: Connection) -> None:
    """Let vectors be parameters and results on this connection, as pgvector's Python types.

    `pgvector.psycopg.register_vector` looks on the search path, which need not have them, once for each type.
    """
    from pgvector.psycopg.halfvec import register_halfvec_info
    from pgvector.psycopg.sparsevec import register_sparsevec_info
    from pgvector.psycopg.vector import register_vector_info

    registering = {
        "vector": register_vector_info,
        "halfvec": register_halfvec_info,
        "sparsevec": register_sparsevec_info,
    }
    for name, info in vector_types(connection).items():
        registering[name](connection, info)


def _joined_array(element_oid: int, elements: Sequence[bytes | None]) -> BinaryArray:
    """An array of elements of various lengths."""
    parts = [struct.pack(">5i", 1, None in elements, element_oid, len(elements), 1)]
    for element in elements:
        parts += (_NULL,) if element is None else (len(element).to_bytes(4), element)
    return BinaryArray(b"".join(parts))


def _array(element_oid: int, count: int, fields: list[Any]) -> tuple[BinaryArray, np.ndarray]:
    """An array, and its elements, to be filled in where they are: each copy of so much would tell."""
    import numpy as np

    element = np.dtype([("bytes", ">i4"), *fields])
    array = BinaryArray(_HEADER_BYTES + count * element.itemsize)
    np.frombuffer(array, ">i4", count=5)[:] = 1, 0, element_oid, count, 1
    elements = np.frombuffer(array, element, offset=_HEADER_BYTES)
    elements["bytes"] = element.itemsize - 4
    return array, elements
