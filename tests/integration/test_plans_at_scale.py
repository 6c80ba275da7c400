"""What is done for each slice of results, and for each group of documents, finds its rows by an index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg import sql

from ingest.database.connection import connect
from ingest.database.corpus import Indexing, create_corpus
from ingest.database.statements import statement
from ingest.database.vectors import hash_array

if TYPE_CHECKING:
    from workshop import Workshop

    from ingest.database.connection import Connection

# 50,000 chunks, ten of a document. A third have vectors; each other one has a request, of a batch or in line.
FILL = """
INSERT INTO documents (uri, title, source, content_hash)
SELECT 'file:///' || n, 'title', 'source', sha256(n::text::bytea) FROM generate_series(1, 5000) n;
INSERT INTO chunks (document_id, ordinal, content, headings, token_count, context_headings, text_hash, superseded,
                    embedding)
SELECT 1 + (n - 1) / 10, n % 10, 'text ' || n, '{}', 400, 0, sha256(n::text::bytea), n % 10 = 0,
       CASE WHEN n % 3 = 0 THEN '[1,2,3,4,5,6,7,8]'::vector END
FROM generate_series(1, 50000) n;
INSERT INTO batches (key, state, model, dimensions, endpoint, shard_path, shard_sha256, request_count, token_count,
                     byte_count)
SELECT 'key ' || n, 'finished', 'model', 8, 'endpoint', 'path', '', 1000, 1, 1 FROM generate_series(1, 20) n;
INSERT INTO requests (chunk_id, text_hash, token_count, batch_id)
SELECT id, text_hash, 400, CASE WHEN id <= 20000 THEN 1 + (id - 1) / 1000 END
FROM chunks WHERE embedding IS NULL;
ANALYZE documents, chunks, requests, batches;
"""
STAGE = """
INSERT INTO staged_chunks
SELECT document_id, ordinal, content, headings, token_count, context_headings, text_hash,
       CASE WHEN ordinal > 0 THEN id END
FROM chunks WHERE document_id = ANY(%s)
"""
VECTOR = "[8,7,6,5,4,3,2,1]"
A_SLICE = list(range(20_001, 20_101))
DOCUMENTS = list(range(2_001, 2_011))
OF_A_SLICE: dict[str, dict[str, Any]] = {
    "update_embeddings": {"embeddings": [VECTOR] * 100},
    "select_batch_requests": {"batch_id": 3},
    "select_requests": {},
    "select_request_documents": {},
    "insert_ledger": {"tokens": [400] * 100, "loaded": [1] * 100, "batch_id": 3},
    "delete_requests": {},
    "delete_orphans_among": {},
    "fail_requests": {
        "codes": ["code"] * 100,
        "messages": ["message"] * 100,
        "final": [False] * 100,
        "counted": [True] * 100,
        "max_attempts": 5,
        "wait_seconds": 1.0,
    },
    "lock_documents": {},
    "retire_chunks": {},
    "assign_requests": {"batch_id": 3},
    "select_numbered_requests": {"batch_id": 3},
    "select_arrivals": {"after": 3_000, "limit": 100},
}
OF_A_GROUP: dict[str, dict[str, Any]] = {
    "find_documents": {"uris": [f"file:///{document}" for document in DOCUMENTS]},
    "touch_documents": {
        "ids": DOCUMENTS,
        "versions": ["version"] * 10,
        "sources": ["source"] * 10,
        "titles": ["title"] * 10,
    },
    "match_staged_chunks": {},
    "keep_chunks": {},
    "supersede_chunks": {},
    "delete_unsearchable_chunks": {},
    "insert_chunks": {},
    "enqueue_requests": {},
    "refuse_long_requests": {"max_tokens": 300},
    "delete_chunks": {},
    "forget_documents": {},
    "select_document_texts": {},
    "select_provided_texts": {},
    "update_token_counts": {"ids": A_SLICE, "counts": [300] * 100},
}


def test_no_table_is_read_as_a_whole_for_a_slice_or_a_group(database_url: str) -> None:
    indexing = Indexing("text-embedding-3-small", 8, "vector", 512, 0, embed_headings=True)
    with connect(database_url, "docs") as connection:
        create_corpus(connection, "docs", indexing)
        connection.execute(FILL)
        hashes = [row[0] for row in connection.execute("SELECT text_hash FROM chunks WHERE id = ANY(%s)", (A_SLICE,))]
        common = {
            "chunk_ids": A_SLICE,
            "document_ids": DOCUMENTS,
            "hashes": hashes,
            "text_hashes": hash_array(hashes),
        }
        with connection.transaction():
            connection.execute(statement("create_staged_chunks"))
            connection.execute(STAGE, (DOCUMENTS,))

            read = {
                name: read_as_a_whole(plan_of(connection, name, common | parameters))
                for name, parameters in (OF_A_SLICE | OF_A_GROUP).items()
            }

    assert {name: tables for name, tables in read.items() if tables} == {}


def test_the_first_load_after_a_large_sync_reads_no_table_as_a_whole(workshop: Workshop) -> None:
    records = "".join(f'{{"id": {number}, "text": "{number} {"word " * 300}"}}\n' for number in range(3_000))
    workshop.write("records.jsonl", records)
    with workshop.pipeline() as pipeline:
        pipeline.sync([str(workshop.folder)])
        rows = pipeline.connection.execute("SELECT text_hash FROM chunks ORDER BY id LIMIT 100")
        hashes = [row[0] for row in rows]
        plan = plan_of(
            pipeline.connection, "update_embeddings", {"text_hashes": hash_array(hashes), "embeddings": [VECTOR] * 100}
        )

    assert read_as_a_whole(plan) == []


def plan_of(connection: Connection, name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    asked = statement(name).format(type=sql.SQL("vector")) if name == "update_embeddings" else statement(name)
    row = connection.execute(sql.SQL("EXPLAIN (FORMAT JSON) {}").format(asked), parameters).fetchone()
    assert row
    plan: dict[str, Any] = row[0][0]["Plan"]
    return plan


def read_as_a_whole(plan: dict[str, Any]) -> list[str]:
    """The tables of the corpus of which a plan reads each row, or each entry of an index."""
    below = [table for part in plan.get("Plans", ()) for table in read_as_a_whole(part)]
    by_key = "Index Cond" in plan or plan["Node Type"] not in {"Seq Scan", "Index Scan", "Index Only Scan"}
    of_corpus = plan.get("Relation Name") in {"documents", "chunks", "requests"}
    return [plan["Relation Name"], *below] if of_corpus and not by_key else below
