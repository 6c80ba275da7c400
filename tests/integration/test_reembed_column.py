"""Another model for a column of the user's own: a second one beside it, then both change names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import psycopg
import pytest
from process_checks import eventually
from reembeddings import NEW, reembed, schemas, watched

from ingest.emulator import Fault, hash_vectors
from ingest.errors import BudgetError, UnreachableError, UsageError
from ingest.sources.tables import Table

if TYPE_CHECKING:
    from workshop import Workshop


ARTICLES = Table("articles", text="body", into="embedding")
_SEEN = """
    SELECT count(*) - count(embedding),
           array_agg(DISTINCT vector_dims(embedding::vector)) FILTER (WHERE embedding IS NOT NULL)
    FROM public.articles
"""
_INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'articles' AND indexdef LIKE '%%USING hnsw%%'"
OLD_SEEN, NEW_SEEN = (0, [64]), (0, [32])


def change(workshop: Workshop, statement: str, *parameters: object) -> None:
    with psycopg.connect(workshop.database_url) as connection:
        connection.execute(statement.encode(), parameters)


def articles(workshop: Workshop, count: int = 12, table: Table = ARTICLES) -> None:
    """A column in use."""
    change(workshop, "CREATE TABLE public.articles (id int PRIMARY KEY, body text)")
    change(workshop, "INSERT INTO articles SELECT n, 'About subject ' || n FROM generate_series(1, %s) n", count)
    with workshop.pipeline() as pipeline:
        pipeline.run(table)


def columns(workshop: Workshop) -> list[str]:
    rows = workshop.query(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'public.articles'::regclass AND attnum > 0 "
        "AND NOT attisdropped ORDER BY 1"
    )
    return [name for (name,) in rows]


def seen(workshop: Workshop) -> tuple[object, ...]:
    return workshop.query(_SEEN)[0]


def each_has_the_vector_of_its_text(workshop: Workshop, model: str = "text-embedding-3-large") -> bool:
    rows = workshop.query("SELECT body, embedding::vector::text FROM public.articles WHERE embedding IS NOT NULL")
    found = np.array([[float(number) for number in vector[1:-1].split(",")] for _, vector in rows])
    return np.allclose(found, hash_vectors([body for body, _ in rows], model, found.shape[1]), atol=1e-3)


def test_readers_of_the_column_have_the_old_vectors_or_the_new_and_never_none(workshop: Workshop) -> None:
    articles(workshop, 200)

    with watched(workshop.database_url, _SEEN, "SELECT embedding FROM public.articles LIMIT 1") as log:
        report = reembed(workshop, max_batch_requests=30)
        after = len(log)
        eventually(lambda: len(log) > after + 10)

    assert set(map(str, log)) == {str(OLD_SEEN), str(NEW_SEEN)}
    assert log.index(OLD_SEEN) < log.index(NEW_SEEN)
    assert (report.column, report.rows, report.load.loaded) == ("public.articles.embedding", 200, 200)
    assert each_has_the_vector_of_its_text(workshop)
    assert columns(workshop) == ["body", "embedding", "embedding__old", "id"]


def test_after_the_swap_a_run_pays_only_for_what_changed(workshop: Workshop) -> None:
    articles(workshop)
    reembed(workshop)
    before = workshop.emulator.ledger()["texts"]
    change(workshop, "UPDATE articles SET body = 'Another matter' WHERE id = 2")

    with workshop.pipeline(**NEW) as pipeline:
        report = pipeline.run(ARTICLES)

    assert (report.load.rows_filled, workshop.emulator.ledger()["texts"]) == (1, before + 1)
    assert each_has_the_vector_of_its_text(workshop)


def test_rows_edited_and_added_meanwhile_are_in_the_new_column_too(workshop: Workshop) -> None:
    articles(workshop)
    edits = iter(
        [
            "UPDATE articles SET body = 'Edited before it was sent' WHERE id = 1",
            "UPDATE articles SET body = 'Edited after it was filled' WHERE id = 3",
        ]
    )

    def edit(_tokens: int, _dollars: float) -> bool:  # asked between reading and sending
        if statement := next(edits, None):
            change(workshop, statement)
            change(workshop, "INSERT INTO articles SELECT max(id) + 1, 'Added ' || max(id) + 1 FROM articles")
            change(workshop, "DELETE FROM articles WHERE id = 4")
            with workshop.pipeline() as other:  # the old column is kept up to date all the while
                other.run(ARTICLES)
        return True

    with workshop.pipeline(**NEW) as pipeline:
        pipeline.reembed(edit)

    assert next(edits, None) is None
    assert seen(workshop) == NEW_SEEN
    assert each_has_the_vector_of_its_text(workshop)
    assert workshop.query("SELECT count(*) FROM public.articles") == [(13,)]


def test_a_reembedding_of_a_column_that_was_stopped_goes_on_where_it_was(workshop: Workshop) -> None:
    articles(workshop)
    before = workshop.emulator.ledger()["texts"]

    with workshop.pipeline(**NEW) as pipeline, pytest.raises(BudgetError):
        pipeline.reembed(lambda _tokens, _dollars: False)
    between = seen(workshop)
    reembed(workshop)

    assert (between, seen(workshop)) == (OLD_SEEN, NEW_SEEN)
    assert workshop.emulator.ledger()["texts"] == before + 12


def test_the_old_column_can_be_put_back_until_it_is_dropped(workshop: Workshop) -> None:
    articles(workshop)
    reembed(workshop)

    with workshop.pipeline() as pipeline:
        pipeline.roll_back()
        assert (seen(workshop), schemas(workshop)) == (OLD_SEEN, {"corpus", "corpus__next"})
        assert columns(workshop) == ["body", "embedding", "embedding__next", "id"]
        assert pipeline.run(ARTICLES).tokens == 0
    before = workshop.emulator.ledger()
    assert reembed(workshop).tokens == 0  # all of it is there already
    assert (seen(workshop), workshop.emulator.ledger()) == (NEW_SEEN, before)
    with workshop.pipeline() as pipeline:
        assert pipeline.finish() == "corpus__old"
        with pytest.raises(UsageError, match="no older version"):
            pipeline.roll_back()
    assert (columns(workshop), schemas(workshop)) == (["body", "embedding", "id"], {"corpus"})
    assert seen(workshop) == NEW_SEEN


def test_a_second_column_that_is_not_in_use_can_be_discarded(workshop: Workshop) -> None:
    articles(workshop)
    with workshop.pipeline(**NEW) as pipeline, pytest.raises(BudgetError):
        pipeline.reembed(lambda _tokens, _dollars: False)
    begun = columns(workshop)

    with workshop.pipeline() as pipeline:
        assert pipeline.finish(discard=True) == "corpus__next"

    assert begun == ["body", "embedding", "embedding__next", "id"]
    assert (columns(workshop), schemas(workshop), seen(workshop)) == (["body", "embedding", "id"], {"corpus"}, OLD_SEEN)


def test_the_new_column_is_indexed_like_the_old(workshop: Workshop) -> None:
    articles(workshop)
    change(workshop, "CREATE INDEX mine ON articles USING hnsw (embedding vector_l2_ops) WHERE id > 3")
    change(workshop, "CREATE INDEX simple ON articles USING hnsw (embedding vector_ip_ops) WHERE embedding IS NOT NULL")
    with workshop.pipeline(hnsw_m=8) as pipeline:
        pipeline.index()

    report = reembed(workshop)
    with workshop.pipeline() as pipeline:
        pipeline.finish()

    assert report.indexed
    assert dict(workshop.query(_INDEXES)) == {
        "articles_embedding": "CREATE INDEX articles_embedding ON public.articles USING hnsw "
        "(embedding halfvec_cosine_ops) WITH (m='8', ef_construction='64')",
        "mine": "CREATE INDEX mine ON public.articles USING hnsw (embedding halfvec_l2_ops) WHERE (id > 3)",
        "simple": "CREATE INDEX simple ON public.articles USING hnsw (embedding halfvec_ip_ops)",
    }


def test_indexes_go_back_with_their_column(workshop: Workshop) -> None:
    articles(workshop)
    with workshop.pipeline() as pipeline:
        pipeline.index()
    before = workshop.query(_INDEXES)

    reembed(workshop)
    with workshop.pipeline() as pipeline:
        pipeline.roll_back()
        rolled_back = dict(workshop.query(_INDEXES))
        pipeline.finish(discard=True)

    assert rolled_back.keys() == {"articles_embedding", "articles_embedding__next"}
    assert workshop.query(_INDEXES) == before


def test_vectors_that_could_not_be_indexed_are_refused_before_they_are_paid(workshop: Workshop) -> None:
    articles(workshop)
    with workshop.pipeline() as pipeline:
        pipeline.index()
    before = workshop.emulator.ledger()

    with pytest.raises(UsageError, match="at most 2,000 dimensions"):
        reembed(workshop, dimensions=3000, vector_type="vector", index_quantize="none")

    assert workshop.emulator.ledger() == before


def test_who_may_read_the_old_column_may_read_the_new(workshop: Workshop) -> None:
    articles(workshop)
    role = f"reader_{workshop.query('SELECT current_database()')[0][0]}"
    change(workshop, f"CREATE ROLE {role}")
    change(workshop, f"GRANT SELECT (id, embedding) ON articles TO {role}")
    try:
        reembed(workshop)

        with psycopg.connect(workshop.database_url) as connection:
            connection.execute(f"SET ROLE {role}".encode())
            assert connection.execute(_SEEN).fetchone() == NEW_SEEN
    finally:
        change(workshop, f"DROP OWNED BY {role}")
        change(workshop, f"DROP ROLE {role}")


@pytest.mark.parametrize(
    ("reader", "said"),
    [
        ("CREATE VIEW public.short AS SELECT id, embedding FROM articles", "view public.short"),
        ("CREATE POLICY far ON articles USING (embedding IS NOT NULL)", "policy far"),
        (
            "CREATE TRIGGER told BEFORE UPDATE OF embedding ON articles FOR EACH ROW EXECUTE FUNCTION keep()",
            "trigger told",
        ),
        (
            "ALTER TABLE articles ADD COLUMN length float GENERATED ALWAYS AS (vector_norm(embedding)) STORED",
            "column length",
        ),
    ],
)
def test_what_reads_the_old_column_keeps_it_from_being_dropped(workshop: Workshop, reader: str, said: str) -> None:
    articles(workshop)
    change(workshop, "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'")
    change(workshop, reader)
    reembed(workshop)

    with workshop.pipeline() as pipeline, pytest.raises(UsageError, match=f"{said} .*depends on"):
        pipeline.finish()

    assert "embedding__old" in columns(workshop)
    assert "corpus__old" in schemas(workshop)


def test_a_table_that_is_in_use_all_the_time_is_not_swapped_but_left_as_it_was(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    articles(workshop)
    with workshop.pipeline(**NEW) as pipeline, pytest.raises(BudgetError):
        pipeline.reembed(lambda _tokens, _dollars: False)
    monkeypatch.setattr("ingest.database.locks._LOCK_PATIENCE_S", 1.0)

    with psycopg.connect(workshop.database_url) as reader:
        reader.execute(_SEEN)
        with pytest.raises(UnreachableError, match=r"public.articles.embedding was in use the whole time"):
            reembed(workshop)
        after = seen(workshop)
    reembed(workshop)

    assert (after, seen(workshop)) == (OLD_SEEN, NEW_SEEN)


@pytest.mark.own_path("a condition of the user's own runs on the path that he has")
def test_a_row_that_would_lose_its_vector_stops_the_swap(workshop: Workshop) -> None:
    articles(workshop, table=Table("articles", text="body", into="embedding", where="id > 3"))
    change(workshop, "UPDATE articles SET embedding = (SELECT embedding FROM articles WHERE id = 4) WHERE id = 2")

    with pytest.raises(UsageError, match=r"1 rows of public.articles have a vector in embedding .* \(id 2 is one\)"):
        reembed(workshop)

    assert workshop.query("SELECT count(vector_dims(embedding)) FROM public.articles") == [(10,)]


def test_a_row_that_failed_stops_the_swap_and_a_retry_goes_on(workshop: Workshop) -> None:
    articles(workshop)
    with workshop.pipeline() as pipeline:
        pipeline.index()
    workshop.emulator.set_faults(Fault("wrong_dimensions", count=1))

    failed = reembed(workshop, max_attempts=1)
    between, indexes = seen(workshop), workshop.query(_INDEXES)
    workshop.emulator.set_faults()
    with workshop.pipeline(corpus="corpus__next") as pipeline:
        assert pipeline.retry() == 1
    done = reembed(workshop)

    assert [failure.code for failure in failed.failures] == ["wrong_dimensions"]
    assert (between, len(indexes)) == (OLD_SEEN, 1)
    assert (failed.column, done.column) == ("public.articles.embedding__next", "public.articles.embedding")
    assert (done.failures, seen(workshop)) == ([], NEW_SEEN)


def test_rows_that_neither_model_takes_do_not_stop_it(workshop: Workshop) -> None:
    articles(workshop)
    change(workshop, "INSERT INTO articles VALUES (20, repeat('far too long ', 9000)), (21, '')")
    with workshop.pipeline() as pipeline:
        pipeline.run(ARTICLES)

    report = reembed(workshop)

    assert [failure.code for failure in report.failures] == ["over_limit"]
    assert seen(workshop) == (2, [32])


@pytest.mark.own_path("a condition of the user's own runs on the path that he has")
def test_strange_names_are_reembedded(workshop: Workshop) -> None:
    change(workshop, 'CREATE SCHEMA "My Schema"')
    name = '"My Schema"."100%% {odd} ""table"""'
    change(workshop, f'CREATE TABLE {name} ("The Id" text PRIMARY KEY, "te%%xt{{}}" text, "a ""b%%" int DEFAULT 1)')
    change(workshop, f"INSERT INTO {name} VALUES ('a/b c%%d', 'One'), ('', 'Two')")
    table = Table(
        name.replace("%%", "%"), key="The Id", text="te%xt{}", into='"The %Vector{}"', where='"a ""b%" % 2 = 1'
    )
    with workshop.pipeline() as pipeline:
        pipeline.run(table)
        pipeline.index()

    reembed(workshop)
    with workshop.pipeline() as pipeline:
        pipeline.finish()

    assert workshop.query(f'SELECT count("The %%Vector{{}}"::halfvec(32)) FROM {name}') == [(2,)]


def test_a_column_of_the_users_own_is_not_taken_for_the_next(workshop: Workshop) -> None:
    articles(workshop)
    change(workshop, "ALTER TABLE articles ADD COLUMN embedding__next halfvec(32)")

    with pytest.raises(UsageError, match="has a column embedding__next, and the name is needed"):
        reembed(workshop)

    assert schemas(workshop) == {"corpus"}
