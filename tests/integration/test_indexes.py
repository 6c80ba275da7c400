"""Which index is built, and what becomes of it in a large load."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from process_checks import eventually
from search_plans import plan_of

from ingest.database import index_check
from ingest.errors import UsageError
from ingest.searcher import Searcher
from ingest.sources.tables import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from workshop import Outcome, Workshop

ARTICLES = Table("articles", text="body", into="embedding")
_ARTICLES_INDEXES = (
    "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'articles' AND indexdef LIKE '%%hnsw%%' ORDER BY 1"
)
_INDEXES = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'corpus' AND indexname LIKE 'chunks_embedding%%'"


def filled(workshop: Workshop, count: int = 12, **flags: object) -> None:
    for number in range(count):
        workshop.write(f"{number}.txt", f"All that is to be said about subject {number}.")
    with workshop.pipeline(**flags) as pipeline:
        pipeline.run([str(workshop.folder)])


@pytest.mark.parametrize(
    ("flags", "definition"),
    [
        ({}, "USING hnsw (embedding vector_cosine_ops) WITH (m='16', ef_construction='64')"),
        (
            {"distance": "l2", "hnsw_m": 8, "hnsw_ef_construction": 40},
            "USING hnsw (embedding vector_l2_ops) WITH (m='8', ef_construction='40')",
        ),
        ({"distance": "inner_product", "index_method": "ivfflat"}, "(embedding vector_ip_ops) WITH (lists='1')"),
        (
            {"index_method": "ivfflat", "ivfflat_lists": 5},
            "USING ivfflat (embedding vector_cosine_ops) WITH (lists='5')",
        ),
        (
            {"index_quantize": "halfvec", "distance": "l2"},
            "((embedding)::halfvec(64)) halfvec_l2_ops) WITH (m='16', ef_construction='64')",
        ),
        (
            {"index_quantize": "bit"},
            "((binary_quantize(embedding))::bit(64)) bit_hamming_ops) WITH (m='16', ef_construction='64')",
        ),
        (
            {"index_quantize": "bit", "index_method": "ivfflat", "ivfflat_lists": 3},
            "((binary_quantize(embedding))::bit(64)) bit_hamming_ops) WITH (lists='3')",
        ),
    ],
)
def test_the_settings_say_which_index_is_built(workshop: Workshop, flags: dict[str, object], definition: str) -> None:
    filled(workshop)

    with workshop.pipeline(**flags) as pipeline:
        pipeline.index()
        pipeline.index()  # anew, concurrently, beside the one there is
        (passage,) = pipeline.search("All that is to be said about subject 7.", 1)

        statements = pipeline.search_sql("All that is to be said about subject 7.", 1)

    ((built,),) = workshop.query(_INDEXES)
    assert built.replace("public.", "").endswith(definition)
    assert passage.uri.endswith("/7.txt")
    assert "chunks_embedding" in plan_of(workshop, statements)


@pytest.mark.parametrize("quantization", ["halfvec", "bit"])
def test_an_index_on_less_than_the_vectors_finds_what_they_all_find(workshop: Workshop, quantization: str) -> None:
    filled(workshop, 60)
    texts = [f"All that is to be said about subject {number}." for number in range(0, 60, 7)]
    with workshop.pipeline() as pipeline:
        exact = [pipeline.search(text, 3) for text in texts]

    with workshop.pipeline(index_quantize=quantization) as pipeline:
        pipeline.index()
        found = [pipeline.search(text, 3) for text in texts]

    assert [passages[0].uri for passages in found] == [passages[0].uri for passages in exact]
    assert [passages[0].score for passages in found] == [passages[0].score for passages in exact]


def test_more_dimensions_than_an_index_on_vectors_takes_are_indexed_by_halves(workshop: Workshop) -> None:
    large: dict[str, Any] = {"model": "text-embedding-3-large", "dimensions": 3072}
    filled(workshop, **large)

    with workshop.pipeline(**large) as pipeline:
        pipeline.index()
        (passage,) = pipeline.search("All that is to be said about subject 7.", 1)
    with workshop.pipeline(index_quantize="none", **large) as pipeline, pytest.raises(UsageError, match="is halfvec"):
        pipeline.index()

    ((built,),) = workshop.query(_INDEXES)
    assert "halfvec(3072)" in built
    assert passage.uri.endswith("/7.txt")


def test_a_reembedded_corpus_has_the_index_that_it_had(workshop: Workshop) -> None:
    filled(workshop)
    with workshop.pipeline(index_quantize="bit") as pipeline:
        pipeline.index()

    with workshop.pipeline(dimensions=256) as pipeline:
        pipeline.reembed()
        (passage,) = pipeline.search("All that is to be said about subject 7.", 1)

    ((built,),) = workshop.query(_INDEXES)
    assert "bit(256)" in built
    assert passage.uri.endswith("/7.txt")


def test_a_searcher_goes_by_the_index_that_was_built_meanwhile(workshop: Workshop) -> None:
    filled(workshop)
    text = "All that is to be said about subject 7."
    scans = "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'chunks_embedding'"

    # Of a dozen rows it would read all.
    url = f"{workshop.database_url} options='-c enable_seqscan=off'"
    with workshop.pipeline(database_url=url) as pipeline, Searcher(pipeline.settings, connections=1) as searcher:
        searcher.search(text, 1)
        with workshop.pipeline(index_quantize="bit") as other:
            other.index()
        before = workshop.query(scans)
        found = [searcher.search(text, 1)[0].uri for _ in range(3)]
        eventually(lambda: workshop.query(scans) > before)

    assert {uri.endswith("/7.txt") for uri in found} == {True}


@pytest.mark.parametrize("flags", [{}, {"index_quantize": "bit"}, {"index_method": "ivfflat", "ivfflat_lists": 30}])
def test_a_check_tells_what_the_index_finds_and_what_would_be_enough(
    workshop: Workshop, flags: dict[str, object]
) -> None:
    filled(workshop, 120)
    with workshop.pipeline(**flags) as pipeline:
        pipeline.index()
        looks = {"ivfflat_probes": 1} if "ivfflat_lists" in flags else {"hnsw_ef_search": 1}

    with workshop.pipeline(**flags, **looks) as pipeline:
        check = pipeline.check_index()

    assert (check.setting, check.now.effort) == (next(iter(looks)), 1)
    assert 90 <= check.asked <= 100
    assert check.now.recall < 0.5  # one neighbour or one list of thirty
    assert check.tried[-1].recall >= 0.95
    assert check.enough == next(each.effort for each in check.tried if each.recall >= 0.95)
    assert [each.recall for each in check.tried] == sorted(each.recall for each in check.tried)


def test_how_much_a_search_looks_at_is_measured_with_the_index_and_told_by_the_settings_alone_otherwise(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(workshop, 120)
    monkeypatch.setattr(index_check, "_MEASURED_FROM_ROWS", 100)
    monkeypatch.setattr(index_check, "_MEASURED_EFFORTS", (1, 60))  # one neighbour is never enough
    looked_at = "SET LOCAL hnsw.ef_search = {};"

    with workshop.pipeline() as pipeline:
        pipeline.index()
        measured = pipeline.search_sql("subject", 1, mode="vector")
    with workshop.pipeline(hnsw_ef_search=7) as pipeline:
        chosen = pipeline.search_sql("subject", 1, mode="vector")

    assert looked_at.format(60) in measured
    assert looked_at.format(7) in chosen


def test_how_much_a_search_looks_at_is_measured_again_once_there_are_twice_as_many(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(workshop, 60)
    monkeypatch.setattr(index_check, "_MEASURED_FROM_ROWS", 50)
    noted = "SELECT obj_description('chunks_embedding'::regclass)"
    notes = []

    with workshop.pipeline() as pipeline:
        pipeline.index()
        notes += workshop.query(noted)
    for count in (110, 125):
        for number in range(count):
            workshop.write(f"{number}.txt", f"All that is to be said about subject {number}.")
        with workshop.pipeline() as pipeline:
            pipeline.run([str(workshop.folder)])
        with psycopg.connect(workshop.database_url) as connection:
            connection.execute("ANALYZE corpus.chunks")
        with workshop.pipeline() as pipeline:
            pipeline.run([str(workshop.folder)])
        notes += workshop.query(noted)

    assert [note.split()[-2] for (note,) in notes] == ["60", "60", "125"]


def test_a_searcher_learns_what_was_measured_meanwhile(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(workshop, 120)
    with workshop.pipeline() as pipeline:
        pipeline.index()
    monkeypatch.setattr(index_check, "_MEASURED_FROM_ROWS", 100)
    monkeypatch.setattr(index_check, "_MEASURED_EFFORTS", (1, 160))

    with workshop.pipeline() as pipeline, Searcher(pipeline.settings, connections=1) as searcher:
        efforts = []
        for _ in range(2):
            for _ in range(3):  # the first sees another index than none, the second looks, the third goes by it
                searcher.search("subject 7", 1, mode="vector")
            efforts.append(searcher._held[2].ef_search if searcher._held else None)
            pipeline.run([str(workshop.folder)])

    assert efforts == [100, 160]


def test_what_has_no_index_cannot_be_checked(workshop: Workshop, ingest: Callable[..., Outcome]) -> None:
    filled(workshop)

    outcome = ingest("index", "--check", "--json", environment={"DATABASE_URL": workshop.database_url})

    assert outcome.status == 2
    assert "no vector index to check: `ingest index` builds one" in outcome.out


def test_a_check_is_told_in_words(workshop: Workshop, ingest: Callable[..., Outcome]) -> None:
    filled(workshop, 40)
    with workshop.pipeline() as pipeline:
        pipeline.index()

    outcome = ingest("index", "--check", environment={"DATABASE_URL": workshop.database_url})

    assert "searches find 100.0% of the ten nearest passages (40 asked of the corpus), with hnsw_ef_search = 100" in (
        " ".join(outcome.out.split())
    )


def test_progress_ends_with_all_rows_however_short_the_build(
    workshop: Workshop, ingest: Callable[..., Outcome]
) -> None:
    filled(workshop)

    outcome = ingest("index", environment={"DATABASE_URL": workshop.database_url})

    assert "indexing: 12 of 12 rows" in outcome.err


def test_a_graph_that_pgvector_refuses_is_told(workshop: Workshop) -> None:
    filled(workshop)

    with workshop.pipeline(hnsw_ef_construction=20) as pipeline, pytest.raises(UsageError, match="twice hnsw_m, 32"):
        pipeline.index()


@pytest.mark.parametrize("batch_requests", [1000, 5])
def test_a_large_load_drops_the_index_and_builds_it_after_and_a_small_one_keeps_it(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, batch_requests: int
) -> None:
    monkeypatch.setattr("ingest.database.indexes._INDEX_FROM_ROWS", 10)
    oids = "SELECT oid FROM pg_class WHERE relname = 'chunks_embedding'"
    filled(workshop)
    first = workshop.query(oids)
    workshop.write("one.txt", "One text more.")
    with workshop.pipeline() as pipeline:
        pipeline.run([str(workshop.folder)])
    after_small = workshop.query(oids)

    filled(workshop, 60, max_batch_requests=batch_requests)

    assert len(first) == 1
    assert after_small == first
    assert len(workshop.query(oids)) == 1
    assert workshop.query(oids) != first


def change(workshop: Workshop, statement: str) -> None:
    with psycopg.connect(workshop.database_url, autocommit=True) as connection:
        connection.execute(statement.encode())


def articles(workshop: Workshop, table: str = "articles") -> None:
    """A column of the user's own, filled."""
    change(workshop, f"CREATE TABLE public.{table} (id int PRIMARY KEY, body text)")
    change(workshop, f"INSERT INTO {table} SELECT n, 'About subject ' || n FROM generate_series(1, 5) n")
    with workshop.pipeline() as pipeline:
        pipeline.run(Table(table, text="body", into="embedding"))


def test_a_column_of_the_users_own_is_indexed_when_that_is_asked_for_and_only_then(workshop: Workshop) -> None:
    articles(workshop)
    between = workshop.query(_ARTICLES_INDEXES)

    with workshop.pipeline(hnsw_m=8) as pipeline:
        built = pipeline.index()
        report = pipeline.run(ARTICLES)

    assert between == []
    assert (built, report.indexed) == (True, True)
    ((name, definition),) = workshop.query(_ARTICLES_INDEXES)
    assert name == "articles_embedding"
    assert definition.endswith("USING hnsw (embedding vector_cosine_ops) WITH (m='8', ef_construction='64')")


def test_it_is_built_anew_without_making_writers_wait(workshop: Workshop) -> None:
    articles(workshop)
    with workshop.pipeline() as pipeline:
        pipeline.index()
    waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%%CREATE INDEX%%'"

    with workshop.pipeline(hnsw_m=4) as pipeline, ThreadPoolExecutor() as threads:
        with psycopg.connect(workshop.database_url) as slow:
            slow.execute("UPDATE articles SET body = 'One' WHERE id = 1")
            build = threads.submit(pipeline.index)
            eventually(lambda: workshop.query(waits) != [(0,)])
            with psycopg.connect(workshop.database_url) as writer:  # behind a plain build it would wait
                writer.execute("SET lock_timeout = '5s'")
                writer.execute("UPDATE articles SET body = 'Two' WHERE id = 2")

        assert build.result()
    ((name, definition),) = workshop.query(_ARTICLES_INDEXES)
    assert name == "articles_embedding"
    assert "m='4'" in definition


def test_an_index_that_the_user_built_is_left_alone(workshop: Workshop) -> None:
    articles(workshop)
    change(workshop, "CREATE INDEX my_own ON articles USING hnsw (embedding vector_cosine_ops)")

    with workshop.pipeline() as pipeline:
        same = pipeline.index()
    with workshop.pipeline(distance="l2") as pipeline:
        other = pipeline.index()

    assert (same, other) == (False, True)
    assert [name for name, _ in workshop.query(_ARTICLES_INDEXES)] == ["articles_embedding", "my_own"]


def test_what_a_build_that_was_killed_left_is_replaced(workshop: Workshop) -> None:
    articles(workshop)
    with workshop.pipeline() as pipeline:
        pipeline.index()
    change(workshop, "ALTER INDEX articles_embedding RENAME TO articles_embedding_building")
    invalid = "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'articles_embedding_building'::regclass"
    change(workshop, invalid)

    with workshop.pipeline() as pipeline:
        pipeline.index()

    assert [name for name, _ in workshop.query(_ARTICLES_INDEXES)] == ["articles_embedding"]


def test_nothing_of_the_users_own_is_dropped_for_its_name(workshop: Workshop) -> None:
    change(workshop, "CREATE TABLE public.chunks (v vector(3))")
    change(workshop, "CREATE INDEX chunks_embedding ON public.chunks USING hnsw (v vector_cosine_ops)")
    change(workshop, "CREATE TABLE public.articles_embedding (n int)")

    filled(workshop)
    with workshop.pipeline() as pipeline:
        pipeline.index()
    with workshop.pipeline(corpus="articles") as pipeline:
        change(workshop, "CREATE TABLE public.articles (id int PRIMARY KEY, body text)")
        change(workshop, "INSERT INTO articles VALUES (1, 'One')")
        pipeline.run(ARTICLES)
        with pytest.raises(UsageError, match="something of yours of that name"):
            pipeline.index()

    kept = "SELECT schemaname FROM pg_indexes WHERE indexname = 'chunks_embedding' ORDER BY 1"
    assert workshop.query(kept) == [("corpus",), ("public",)]


def test_a_partitioned_table_is_told_to_be_indexed_by_its_partitions(workshop: Workshop) -> None:
    change(workshop, "CREATE TABLE public.articles (id int PRIMARY KEY, body text) PARTITION BY HASH (id)")
    change(workshop, "CREATE TABLE one PARTITION OF articles FOR VALUES WITH (MODULUS 1, REMAINDER 0)")
    change(workshop, "INSERT INTO articles VALUES (1, 'One')")

    with workshop.pipeline() as pipeline:
        pipeline.run(ARTICLES)
        with pytest.raises(UsageError, match="each partition"):
            pipeline.index()


def test_the_summary_of_a_run_says_how_to_index_the_column(workshop: Workshop, ingest: Callable[..., Outcome]) -> None:
    articles(workshop)
    environment = {
        "DATABASE_URL": workshop.database_url,
        "OPENAI_BASE_URL": workshop.emulator.base_url,
        "OPENAI_API_KEY": workshop.emulator.api_key,
    }
    command = ("run", "--table", "articles", "--text", "body", "--into", "embedding")

    before = ingest(*command, environment=environment)
    built = ingest("index", environment=environment)
    after = ingest(*command, environment=environment)

    assert "ingest index to build an index on public.articles.embedding" in before.out
    assert (built.status, built.out) == (0, "the index is built\n")
    assert "ingest index" not in after.out
    assert "indexed" in after.out
