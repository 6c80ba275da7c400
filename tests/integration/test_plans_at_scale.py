"""What is done for each slice of results, and for each group of documents, finds its rows by an index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from psycopg import sql

from ingest.corpus.column import ColumnTarget
from ingest.database.connection import connect
from ingest.database.corpus import Indexing, create_corpus
from ingest.database.statements import in_vector, statement
from ingest.database.vectors import hash_array

if TYPE_CHECKING:
    from collections.abc import Container

    from workshop import Workshop

    from ingest.database.connection import Connection

# 50,000 chunks, ten of a document. A third have vectors; each other one has a request, of a batch or waiting.
FILL = """
INSERT INTO documents (uri, title, source, content_hash)
SELECT 'file:///' || n, 'title', 'source', sha256(n::text::bytea) FROM generate_series(1, 5000) n;
INSERT INTO chunks (document_id, ordinal, content, headings, token_count, context_headings, text_hash, superseded,
                    embedding)
SELECT 1 + (n - 1) / 10, n % 10, 'text ' || n, '{}', 400, 0, sha256(n::text::bytea), n % 10 = 0,
       CASE WHEN n % 3 = 0 THEN '[1,2,3,4,5,6,7,8]'::public.vector END
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
SELECT document_id, ordinal, content, headings, token_count, context_headings, table_header, text_hash,
       first_page, last_page, CASE WHEN ordinal > 0 THEN id END
FROM chunks WHERE document_id = ANY(%s)
"""
VECTOR = "[8,7,6,5,4,3,2,1]"
A_SLICE = list(range(20_001, 20_101))
DOCUMENTS = list(range(2_001, 2_011))
OF_A_SLICE: dict[str, dict[str, Any]] = {
    "update_embeddings": {"embeddings": [VECTOR] * 100},
    "select_batch_requests": {"batch_id": 3},
    "select_requests": {},
    "insert_ledger": {"tokens": [400] * 100, "loaded": [1] * 100, "batch_id": 3},
    "delete_requests": {},
    "delete_orphans_among": {},
    "fail_requests": {
        "codes": ["code"] * 100,
        "messages": ["message"] * 100,
        "final": [False] * 100,
        "counted": [True] * 100,
        "refused": [False] * 100,
        "held_up": [False] * 100,
        "late": [False] * 100,
        "max_attempts": 5,
        "wait_seconds": 1.0,
    },
    "lock_documents": {},
    "retire_chunks": {},
    "assign_requests": {"batch_id": 3},
    "select_arrivals": {"after": 3_000, "limit": 100},
    # Of a shard.
    "select_shard_requests": {"batch_id": 3},
    "select_waiting_requests": {},
    "select_late_requests": {"batch_id": 3},
    "forget_late": {"batch_id": 3, "early": A_SLICE[:3]},
    "dissolve_batch": {"id": 3, "message": "message"},
}
OF_A_GROUP: dict[str, dict[str, Any]] = {
    "find_documents": {"uris": [f"file:///{document}" for document in DOCUMENTS]},
    "touch_documents": {
        "ids": DOCUMENTS,
        "versions": ["version"] * 10,
        "sources": ["source"] * 10,
        "titles": ["title"] * 10,
        "metadata": ["{}"] * 10,
    },
    "match_staged_chunks": {},
    "keep_chunks": {},
    "supersede_chunks": {},
    "delete_unsearchable_chunks": {},
    "insert_chunks": {},
    "insert_terms": {},
    "fill_terms": {"ids": A_SLICE, "lengths": [1] * 100, "terms": ["{8}"] * 100},
    "enqueue_requests": {},
    "refuse_long_requests": {"max_tokens": 300},
    "delete_chunks": {},
    "forget_documents": {},
    "select_document_texts": {},
    "select_provided_texts": {},
    "check_documents": {"before": 2_011, "limit": 10, "blanks": " "},
    "update_token_counts": {"ids": A_SLICE, "counts": [300] * 100},
    "select_uncounted_chunks": {"after": 20_000, "limit": 100},
    # Of a version that is compared.
    "list_kept_documents": {"after": 2_000, "limit": 100},
    "select_passages_of_documents": {},
    "share_vectors_of": {},
}
PARTS: dict[str, dict[str, sql.Composable]] = {
    "update_embeddings": {"type": in_vector("vector")},
    "share_vectors_of": {"used": sql.Identifier("docs"), "shared": sql.Identifier("used", "embedding")},
}
# 40,000 rows of the user's own: half of them filled, and of the other half the vectors are there.
FILL_COLUMN = """
CREATE TABLE public.articles (id int PRIMARY KEY, body text, embedding public.vector(8));
INSERT INTO public.articles
SELECT n, 'text ' || n, CASE WHEN n <= 20000 THEN '[1,2,3,4,5,6,7,8]'::public.vector END
FROM generate_series(1, 40000) n;
INSERT INTO documents (uri, title, source, content_hash, metadata)
SELECT 'table:' || n, 'title', 'source', sha256(('prefixtext ' || n)::bytea), jsonb_build_object('key', n::text)
FROM generate_series(1, 40000) n;
INSERT INTO chunks (document_id, ordinal, content, headings, token_count, context_headings, text_hash, embedding)
SELECT n, 0, 'text ' || n, '{}', 400, 0, sha256(n::text::bytea), '[1,2,3,4,5,6,7,8]'
FROM generate_series(20001, 40000) n;
INSERT INTO filled_rows (document_id, content_hash, token_count)
SELECT id, content_hash, 400 FROM documents WHERE id <= 20000;
ANALYZE public.articles, documents, chunks, filled_rows;
"""
# The same with a key of two columns.
OF_TENANTS = """
ALTER TABLE public.articles ADD tenant text NOT NULL DEFAULT 'acme', DROP CONSTRAINT articles_pkey;
ALTER TABLE public.articles ADD PRIMARY KEY (tenant, id);
UPDATE documents SET metadata = jsonb_build_object('key', jsonb_build_array('acme', metadata->>'key'));
ANALYZE public.articles, documents;
"""
ROWS = list(range(20_001, 20_051))
OF_A_PAGE: dict[str, dict[str, Any]] = {
    "fill_column": {"clearing": False},
    "note_filled_rows": {},
    "note_long_rows": {"long_ids": ROWS[:3]},
    "note_unfilled_rows": {"code": "code", "reason": "reason"},
    "forget_filled_rows": {},
    "forget_documents": {},
    "delete_chunks": {},
    "select_lost_rows": {"after": -1, "among": ROWS, "limit": 50, "drop_refused": True},
    "select_standing_texts": {},
    "share_filled_rows": {},
}


@pytest.mark.broken_books("rows in great number, made of nothing")
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


@pytest.mark.broken_books("rows in great number, made of nothing")
@pytest.mark.parametrize("names", [["id"], ["tenant", "id"]])
def test_no_table_is_read_as_a_whole_for_a_page_of_rows(database_url: str, names: list[str]) -> None:
    indexing = Indexing("text-embedding-3-small", 8, "vector", 512, 0, embed_headings=True)
    types = ["text", "integer"][-len(names) :]
    target = ColumnTarget("public", "articles", names, types, "body", "embedding", "prefix", None)
    with connect(database_url, "docs") as connection:
        create_corpus(connection, "docs", indexing)
        connection.execute(FILL_COLUMN)
        if len(names) > 1:
            connection.execute(OF_TENANTS)
        connection.execute(statement("create_filled_index"))
        hashes = [row[0] for row in connection.execute("SELECT content_hash FROM documents WHERE id < 50")]
        common = {"document_ids": ROWS, "content_hashes": hashes, "hash_prefix": "prefix"}
        locking = sql.SQL("FOR NO KEY UPDATE OF t SKIP LOCKED")

        large = {"articles", "documents", "chunks", "filled_rows"}
        key, last = (", ".join(parts[-len(names) :]) for parts in (["tenant", "id"], ["'acme'", "20000"]))
        page = f"SELECT id::text, body, 8 FROM public.articles WHERE ({key}) > ({last}) ORDER BY {key} LIMIT 1000"
        compared = statement("compare_rows").format(
            names=sql.SQL("key, version, size"),
            rows=sql.SQL(page),
            standing=sql.SQL("SELECT d.id FROM documents d WHERE d.uri = 'table:' || r.key AND d.title = r.version"),
        )
        read = {
            name: read_as_a_whole(
                plan(connection, target.statement(name, indexing, locking=locking), common | parameters), large
            )
            for name, parameters in OF_A_PAGE.items()
        }
        read["compare_rows"] = read_as_a_whole(plan(connection, compared, {}), large)

    assert {name: tables for name, tables in read.items() if tables} == {}


def plan_of(connection: Connection, name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    asked = statement(name).format(**PARTS[name]) if name in PARTS else statement(name)
    return plan(connection, asked, parameters)


def plan(connection: Connection, asked: sql.Composable, parameters: dict[str, Any]) -> dict[str, Any]:
    row = connection.execute(sql.SQL("EXPLAIN (FORMAT JSON) {}").format(asked), parameters).fetchone()
    assert row
    found: dict[str, Any] = row[0][0]["Plan"]
    return found


def read_as_a_whole(plan: dict[str, Any], large: Container[str] = ("documents", "chunks", "requests")) -> list[str]:
    """The large tables of which a plan reads each row, or each entry of an index."""
    below = [table for part in plan.get("Plans", ()) for table in read_as_a_whole(part, large)]
    by_key = "Index Cond" in plan or plan["Node Type"] not in {"Seq Scan", "Index Scan", "Index Only Scan"}
    return [plan["Relation Name"], *below] if plan.get("Relation Name") in large and not by_key else below
