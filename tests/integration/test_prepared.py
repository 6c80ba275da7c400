"""Each statement of `sql/queries/` against the schema as it is, with parameters of the kinds that the program sends."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from ingest.corpus.search import BM25
from ingest.database.connection import connect
from ingest.database.corpus import Indexing, create_corpus
from ingest.database.quantization import quantized
from ingest.database.statements import SQL, in_corpus, in_vector, statement

if TYPE_CHECKING:
    from pathlib import Path

    from ingest.database.connection import Connection

INDEXING = Indexing("text-embedding-3-small", 8, "vector", 512, 0, embed_headings=True)
# By names: what stands for one kind of thing has one name in all statements, but for those below.
PARAMETERS: dict[str, Any] = {
    name: value
    for value, names in (
        (
            1,
            "after batch_id before byte_count chunk_tokens completed counted dimensions enqueued_tokens examples",
        ),
        (1, "limit loaded max_attempts max_tokens most_ms most_pages most_tries overlap reported_tokens request_count"),
        (1, "billed failed id kept_days newest_id refused_count token_count tokens tries version width"),
        (1, "edited_count skipped_count"),
        (0.5, "batch grace_seconds pause_seconds share sync token_ratio wait_seconds"),
        (True, "anew clearing drop_refused embed_headings has_sides made terminal"),
        (
            "name",
            "blanks code column endpoint error_file_id family hash_prefix input_file_id key kind",
        ),
        (
            "name",
            "label message model name old_root other output_file_id provider_batch_id reason root schema",
        ),
        (
            "name",
            "shard_path source state status suffix table table_name table_schema text_name vector_name vector_type",
        ),
        ("name", "asked_for words"),
        (Jsonb({}), "faults filters home sent_from"),
        (b"hash", "sha256 shard_sha256"),
        ([1], "among chunk_ids counts document_ids ids kept long_ids new_ids released seen_ids"),
        ([True], "final held_up late refused"),
        ([b"hash"], "chunks_hashes content_hashes hashes text_hashes"),
        (
            ["1"],
            "codes file_ids keys languages made_schemas messages names new_uris prefixes sources",
        ),
        (
            ["1"],
            "states tables titles uris",
        ),
        (["1"], "key_names key_types"),
        (["{1}"], "first_lines last_lines line_marks"),
        ([Jsonb({})], "filter_values metadata"),
        (["1"], "values versions way"),
    )
    for name in names.split()
}
OTHERS: dict[str, dict[str, Any]] = {
    "read_around": {"before_count": 1, "after_count": 1},
    "forget_late": {"early": [1]},
    "fail_requests": {"counted": [True]},
    "fill_terms": {"lengths": [1], "terms": ["{8}"]},
    "write_keywords": {"language": "english"},
    "list_ledger": {"run_at": None},
    "insert_ledger": {"loaded": [1], "tokens": [1]},
    "update_embeddings": {"embeddings": ["[1,2,3,4,5,6,7,8]"]},
    "write_family": {"family": UUID(int=0)},
    "vector_of_row": {"row": "(0,1)"},
    "write_column_target": {"source": Jsonb({})},
}
NAMES: dict[str, sql.Composable] = {
    **dict.fromkeys(("used", "other", "target"), sql.Identifier("docs__next")),
    "source": sql.Identifier("docs"),
    "schema": sql.Identifier("docs__next"),
    "table": sql.Identifier("public", "articles"),
    "chunks": in_corpus("chunks"),
    "chunk_terms": in_corpus("chunk_terms"),
    "documents": in_corpus("documents"),
    **{name: sql.Identifier(name) for name in ("key", "text", "column", "fresh")},
    "row_of_d": sql.SQL("t.key = (d.metadata #>> '{key}')::int"),
    "row_of_other": sql.SQL("t.key = (other.metadata #>> '{key}')::int"),
    "row_of_documents": sql.SQL("t.key = (documents.metadata #>> '{key}')::int"),
    "row_of_ready": sql.SQL("t.key = (ready.metadata #>> '{key}')::int"),
    "type": in_vector("vector"),
    "operators": in_vector("vector_cosine_ops"),
    "operator": sql.SQL("<=>"),
    "embedding": sql.SQL("'[1,2,3,4,5,6,7,8]'"),
    **{name: sql.Literal(8) for name in ("dimensions", "candidates", "completed", "limit", "weight")},
    "locking": sql.SQL("FOR NO KEY UPDATE OF t"),
    "method": sql.Identifier("hnsw"),
    "tablespace": sql.Identifier("pg_default"),
    "wanted": sql.SQL("c.embedding IS NOT NULL"),
    "targets": sql.Identifier("content"),
    "columns": sql.Identifier("chunks", "content"),
    "found": sql.Identifier("d", "title"),
    **dict.fromkeys(("concurrently", "options", "condition"), sql.SQL("")),
    "name": sql.Identifier("made"),
    "old": sql.Identifier("old"),  # a column, or on the path
    "new": sql.Identifier("new"),
}
OTHER_NAMES: dict[str, dict[str, sql.Composable]] = {
    "count_by_value": {"column": sql.Identifier("content"), "few": sql.Literal(8)},
    "create_index": {"indexed": sql.Identifier("column")},
    "create_view": {"columns": sql.SQL("c.id, d.uri")},
    "create_filter_index": {"index": sql.Identifier("made"), "column": sql.Identifier("content")},
    "compare_rows": {
        "names": sql.SQL("key, version, size"),
        "rows": sql.SQL("SELECT a.key::text, a.text, 8 FROM public.articles a"),
        "standing": sql.SQL("SELECT d.id FROM docs.documents d WHERE d.uri = r.key AND d.source_version = r.version"),
    },
    "count_uncovered_rows": {"used": sql.Identifier("column")},
    "share_vectors_of": {"shared": sql.Identifier("used", "embedding")},
    "sample_vectors": {"percent": sql.Literal(50.0)},
    "nearest_vectors": {
        "column": sql.Identifier("t", "column"),
        "asked": sql.SQL("SELECT a.used FROM public.articles a LIMIT 1"),
        "indexed": sql.Identifier("t", "column"),
        "compared": sql.SQL("(SELECT a.used FROM public.articles a LIMIT 1)"),
        "index_operator": sql.SQL("<=>"),
    },
    "search_chunks": {"nearest": sql.SQL("SELECT 1 AS id, 0.5 AS distance")},
    "nearest_chunks_filtered": {
        "nearest": sql.SQL("SELECT 1::int8 AS id, 0.5::float8 AS distance"),
        "few": sql.Literal(8),
        "taken": sql.Literal(8),
        "filtered": sql.SQL("c.ordinal > 1"),
    },
    "search_on": {"visited": sql.Literal("20000")},
    "note_effort": {"name": in_corpus("chunks_pkey"), "note": sql.Literal("enough")},
    "passing_chunks": {"few": sql.Literal(8)},
    "nearest_chunks_quantized": {
        "indexed": quantized(sql.Identifier("c", "embedding"), 8, "bit"),
        "compared": sql.SQL("B'10101010'"),
        "index_operator": sql.SQL("<~>"),
    },
    "search_version": {
        "query": sql.SQL("SELECT 1 AS distance"),
        "corpus": in_corpus("corpus"),
        "chunks": sql.Literal("chunks"),
    },
    "match_terms": BM25
    | {"keys": sql.Literal([8]), "terms": sql.Literal([0]), "beside": sql.SQL("(SELECT 1::int8 AS id)")},
}
MATCHING = statement("match_terms").format(**NAMES, **OTHER_NAMES["match_terms"])
OTHER_NAMES |= {
    "search_chunks_words": {"matching": MATCHING},
    "search_chunks_hybrid": {"matching": MATCHING} | OTHER_NAMES["search_chunks"],
}
FIRST: dict[str, sql.Composable] = {
    "add_embedding_column": sql.SQL("; ").join(
        [statement("drop_view").format(), statement("drop_embedding_column").format()]
    ),
    "drop_embedding_column": statement("drop_view"),
    "create_view": statement("drop_view"),
    "add_vector_column": statement("drop_column").format(table=NAMES["table"], column=NAMES["column"]),
    "rename_index": statement("rename_index").format(old=in_corpus("chunks_pkey"), new=NAMES["old"]),
}
ARTICLES = """
CREATE TABLE public.articles (
    key int PRIMARY KEY, text text, "column" public.vector(8), used public.vector(8), fresh public.vector(8), old int
)
"""
NO_ROWS = b"PGCOPY\n\xff\r\n\0" + bytes(8) + b"\xff\xff"


def test_each_statement_fits_the_schema_and_what_it_is_given(database_url: str) -> None:
    refused = {}
    with connect(database_url, "docs") as connection:
        create_corpus(connection, "docs", INDEXING)
        with connect(database_url, "docs__next") as beside:
            create_corpus(beside, "docs__next", INDEXING)
        connection.execute(ARTICLES)
        connection.execute(statement("create_staged_chunks"))
        for file in sorted(SQL.glob("queries/*/*.sql")):
            try:
                ask(connection, file)
            except (psycopg.Error, KeyError) as error:
                refused[file.stem] = f"{type(error).__name__}: {error}"

    assert refused == {}


def ask(connection: Connection, file: Path) -> None:
    """Have the server plan a statement; what has no plan is done."""
    text = file.read_text()
    asked = statement(file.stem).format(**NAMES | OTHER_NAMES.get(file.stem, {}))
    known = PARAMETERS | OTHERS.get(file.stem, {})
    parameters = {name: known[name] for name in re.findall(r"%\((\w+)\)s", text)}
    if "CONCURRENTLY" in text:
        connection.execute(asked, parameters)
        return
    with connection.transaction(force_rollback=True):
        if first := FIRST.get(file.stem):
            connection.execute(first)
        if re.search(r"^COPY\b", text, re.MULTILINE):
            with connection.cursor().copy(asked) as copy:
                copy.write(NO_ROWS)
        elif re.search(r"^(SELECT|WITH|INSERT|UPDATE|DELETE)\b", text, re.MULTILINE):
            connection.execute(sql.SQL("EXPLAIN {}").format(asked), parameters)
        else:
            connection.execute(asked, parameters)
