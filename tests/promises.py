"""The promises, asked of the database, the disk and the provider's ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import psycopg
from psycopg import sql

from ingest.corpus.column import find_target
from ingest.corpus.integrity import check_integrity
from ingest.database.connection import connect
from ingest.database.corpus import find_indexing
from ingest.database.vectors import register_vectors
from ingest.emulator import hash_vectors
from ingest.keywords import make_terms
from ingest.model import embedded_text
from ingest.provider import MODELS
from ingest.sources.encoded import without_encoded

if TYPE_CHECKING:
    from workshop import Workshop

    from ingest.database.connection import Connection
    from ingest.database.corpus import Indexing

MODEL = "text-embedding-3-small"
PASSAGES = "SELECT content, headings, context_headings, embedding, table_header FROM chunks ORDER BY id"
"""The rows that `judge` reads."""
REAL_MODELS = {"all-MiniLM-L6-v2", "use-multilingual-v3"}
# What a vendor calls the side of a document, and the length of which shorter vectors are the beginnings.
SIDES = {
    "gemini-embedding-001": ("RETRIEVAL_DOCUMENT", 3_072),
    "voyage-4-lite": ("document", 256),
    "cohere.embed-english-v3": ("search_document", 1_024),
    "cohere.embed-v4:0": ("search_document", 1_536),
}
# The rows of a column that have the vector of the text that stands there; not those over the limit, which is of a part.
FILLED_ROWS = """
    SELECT {text}::text, ARRAY[]::text[], 0, {column}
    FROM filled_rows f JOIN documents d ON d.id = f.document_id JOIN {table} t ON {key} = d.metadata -> 'key'
    WHERE sha256(convert_to({prefix} || {text}::text, 'UTF8')) = f.content_hash AND {column} IS NOT NULL
      AND NOT EXISTS (SELECT FROM long_rows WHERE document_id = d.id)
"""
# Three shards of a few small texts; short grace times.
CORPUS_FLAGS: dict[str, Any] = {
    "dimensions": 8,
    "max_batch_requests": 4,
    "chunk_tokens": 32,
    "list_lag_seconds": 0.5,
    "refused_wait_seconds": 0.2,
    "poll_seconds": 0.1,
}


def write_corpus(workshop: Workshop, documents: int = 11) -> None:
    """Documents of one chunk each, no two alike."""
    for number in range(documents):
        workshop.write(f"{number}.txt", f"This is document number {number}, and nothing else is.")


def check_promises(workshop: Workshop, *, failed: int = 0) -> None:
    """Nothing is lost but what is listed, no vector is on a wrong text, nothing was paid twice, nothing lies about."""
    rows = workshop.query(PASSAGES)
    ((model, dimensions),) = workshop.query("SELECT model, dimensions FROM corpus")
    wrong, missing = judge(rows, dimensions, model)
    ledger = workshop.emulator.ledger()

    assert (wrong, missing) == (0, failed)
    assert ledger["billed_more_than_once"] == []
    assert ledger["texts"] == len({text_of(row) for row in rows}) - failed
    billed = workshop.query("SELECT sum(estimated_tokens)::bigint, sum(billed_tokens)::bigint FROM ledger")
    assert billed[0][1] == ledger["tokens"]
    assert billed[0][0] == ledger["tokens"] or not MODELS[model].is_counted
    assert workshop.query("SELECT count(*), count(*) FILTER (WHERE failed) FROM requests") == [(failed, failed)]
    assert workshop.query("SELECT count(*) FROM batches WHERE state <> 'done'") == [(0,)]
    assert sorted(path.name for path in workshop.data_dir.rglob("*.jsonl*")) == []
    kept = workshop.query("SELECT t.terms FROM chunks c LEFT JOIN chunk_terms t ON t.chunk_id = c.id ORDER BY c.id")
    assert [terms for (terms,) in kept] == [list(make_terms(text_of(row), "english").keys) for row in rows]


def judge(rows: list[tuple[Any, ...]], dimensions: int = 8, model: str = MODEL) -> tuple[int, int]:
    """How many vectors are not those of their texts, and how many are missing; rows as `check_promises` reads them."""
    stored = [row for row in rows if row[3] is not None]
    if not stored:
        return 0, len(rows)
    expected = document_vectors([text_of(row) for row in stored], model, dimensions)
    actual = np.array([row[3].to_numpy() for row in stored])
    wrong = int((~np.isclose(actual, expected, atol=1e-3).all(axis=1)).sum())
    return wrong, len(rows) - len(stored)


def document_vectors(texts: list[str], model: str, dimensions: int) -> np.ndarray:
    """What the emulator makes of texts as documents, of unit length. (len(texts), d)."""
    if model in SIDES:
        side, whole = SIDES[model]
        beginnings = hash_vectors(texts, model, whole, side)[:, :dimensions]
        shortened: np.ndarray = beginnings / np.linalg.norm(beginnings, axis=1, keepdims=True)
        return shortened
    return hash_vectors(texts, model, dimensions)


def check_corpora(database_url: str, *, made_up_vectors: bool = False) -> None:
    """Each corpus of the database is whole by its own books, and each vector, unless made up, is that of its text."""
    with psycopg.connect(database_url, options="-c search_path=pg_catalog") as plain:
        tables = "SELECT schemaname FROM pg_tables WHERE tablename = 'migrations'"
        schemas = [schema for (schema,) in plain.execute(tables)]
    for schema in schemas:
        with connect(database_url, schema) as connection:
            indexing = find_indexing(connection)
            if indexing is None:
                continue
            found = check_integrity(connection)
            wrong = 0 if made_up_vectors else _wrong_vectors(connection, indexing)

        assert found.faults == [], f"{schema} is not whole: {found.faults}"
        assert wrong == 0, f"{schema} has vectors of other texts"


def _wrong_vectors(connection: Connection, indexing: Indexing) -> int:
    """How many vectors, of passages or in a column, are not those of their texts; real models are not asked again."""
    if indexing.model in REAL_MODELS:
        return 0
    register_vectors(connection)
    rows = connection.execute(
        "SELECT content, headings, context_headings, embedding, table_header FROM chunks"
    ).fetchall()
    if target := find_target(connection):
        filled = sql.SQL(FILLED_ROWS).format(
            text=sql.Identifier("t", target.text_name),
            column=sql.Identifier("t", target.vector_name),
            table=target.table.identifier,
            key=sql.SQL("to_jsonb({})" if len(target.key_names) == 1 else "jsonb_build_array({})").format(
                sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier("t", name)) for name in target.key_names)
            ),
            prefix=sql.Literal(target.hash_prefix),
        )
        rows += [(without_encoded(text)[0], *row) for text, *row in connection.execute(filled).fetchall()]
    return judge(rows, indexing.dimensions, indexing.model)[0]


def text_of(row: tuple[Any, ...]) -> str:
    """The text that was sent for a chunk."""
    content, headings, depth, _, *header = row
    return embedded_text(headings, depth, content, *header)
