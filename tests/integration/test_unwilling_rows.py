"""Rows of the user's own that take no vector, that others hold, or that nobody may update."""

from __future__ import annotations

import json
from base64 import b64encode
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest
from filled_columns import ARTICLES, are_of, articles, change, vectors
from process_checks import eventually
from psycopg import conninfo

from ingest.emulator import hash_vectors
from ingest.errors import UsageError
from ingest.provider.jsonl import result_line
from ingest.sources.tables import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from workshop import Outcome, Workshop

STUBBORN = "CREATE FUNCTION public.keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {} END $$"
ON_TWO = "CREATE TRIGGER keep BEFORE UPDATE ON public.articles FOR EACH ROW WHEN (new.id = 2) EXECUTE FUNCTION keep()"
ONES = "array_fill(1, ARRAY[64])::vector"
SUBJECTS = {n: f"About subject {n}" for n in (1, 3, 4, 5)}


@contextmanager
def role_of_its_own(workshop: Workshop) -> Iterator[str]:
    """A role that owns nothing but its corpus, and the URL with it."""
    with psycopg.connect(workshop.database_url, autocommit=True) as connection:
        name = "reader_" + connection.info.dbname
        connection.execute(f"CREATE ROLE {name} LOGIN".encode())
        connection.execute(f"GRANT CREATE ON DATABASE {connection.info.dbname} TO {name}".encode())
        connection.execute(f"GRANT SELECT ON public.articles TO {name}".encode())
        try:
            # SET ROLE at the start of the session, because the embedded server knows its users by the operating system.
            yield conninfo.make_conninfo(workshop.database_url, options=f"-c role={name}")
        finally:
            connection.execute(f"DROP OWNED BY {name} CASCADE".encode())
            connection.execute(f"DROP ROLE {name}".encode())


def has_one_refused(workshop: Workshop, words: str, url: str | None = None) -> None:
    """Row 2 is refused by each of three runs, and paid once; fixed, it is filled, and nothing is paid."""
    settings = {"database_url": url} if url else {}
    with workshop.pipeline(**settings) as pipeline:
        reports = [pipeline.run(ARTICLES) for _ in range(3)]
        status = pipeline.status()

    assert workshop.emulator.ledger()["texts"] == 5
    assert [report.load.rows_edited for report in reports] == [0, 0, 0]
    for report in reports:
        (failure,) = report.failures
        assert (failure.uri, failure.code) == ("postgres:///public.articles/2", "row_refused")
        assert words in failure.message
    assert status.failed_requests == 1
    assert [(group.code, group.uris) for group in status.failed] == [("row_refused", ["postgres:///public.articles/2"])]
    assert are_of(workshop, SUBJECTS)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("RETURN NULL;", "a policy or a trigger of yours"),
        ("RETURN old;", "a policy or a trigger of yours"),
        ("RAISE EXCEPTION 'the row is closed';", "PostgreSQL refuses it: the row is closed"),
    ],
)
def test_a_row_whose_trigger_lets_it_take_no_vector_is_listed_and_paid_once(
    workshop: Workshop, body: str, words: str
) -> None:
    articles(workshop)
    change(workshop, STUBBORN.format(body))
    change(workshop, ON_TWO)

    has_one_refused(workshop, words)
    change(workshop, "DROP TRIGGER keep ON public.articles")
    with workshop.pipeline() as pipeline:
        report = pipeline.run(ARTICLES)

    assert (report.load.rows_filled, report.failures) == (1, [])
    assert workshop.emulator.ledger()["texts"] == 5
    assert are_of(workshop, SUBJECTS | {2: "About subject 2"})


def test_an_old_vector_that_a_trigger_keeps_is_not_taken_for_the_new_one(workshop: Workshop) -> None:
    articles(workshop)
    with workshop.pipeline() as pipeline:
        pipeline.run(ARTICLES)
        change(workshop, "UPDATE articles SET body = 'Another' WHERE id = 2")
        change(workshop, STUBBORN.format("new.embedding := old.embedding; RETURN new;"))
        change(workshop, ON_TWO)

        reports = [pipeline.run(ARTICLES) for _ in range(2)]

    assert [[failure.code for failure in report.failures] for report in reports] == [["row_refused"]] * 2
    assert workshop.emulator.ledger()["texts"] == 6


def test_a_row_that_a_constraint_guards_against_any_update_is_listed(workshop: Workshop) -> None:
    articles(workshop)
    change(workshop, "ALTER TABLE articles ADD CONSTRAINT numbered CHECK (body !~ '2') NOT VALID")

    has_one_refused(workshop, 'violates check constraint "numbered"')


def test_a_view_that_keeps_no_vector_is_not_believed(workshop: Workshop) -> None:
    articles(workshop)
    change(workshop, "ALTER TABLE articles ADD COLUMN embedding vector(64)")
    change(workshop, "CREATE VIEW shown AS SELECT id, body, embedding FROM articles")
    change(workshop, STUBBORN.format("RETURN new;"))
    change(workshop, "CREATE TRIGGER keep INSTEAD OF UPDATE ON shown FOR EACH ROW EXECUTE FUNCTION keep()")

    with workshop.pipeline() as pipeline:
        reports = [pipeline.run(Table("shown", text="body", into="embedding")) for _ in range(2)]

    assert [len(report.failures) for report in reports] == [5, 5]
    assert workshop.emulator.ledger()["texts"] == 5


@pytest.mark.parametrize("check", ["USING (id <> 2)", "USING (true) WITH CHECK (id <> 2)"])
def test_a_row_that_a_policy_keeps_from_updates_is_listed_and_paid_once(workshop: Workshop, check: str) -> None:
    articles(workshop)
    change(workshop, "ALTER TABLE articles ADD COLUMN embedding vector(64)")
    change(workshop, "ALTER TABLE articles ENABLE ROW LEVEL SECURITY")
    change(workshop, "CREATE POLICY all_may_see ON articles FOR SELECT USING (true)")
    change(workshop, f"CREATE POLICY most_may_change ON articles FOR UPDATE {check}")
    with role_of_its_own(workshop) as url:
        change(workshop, "GRANT UPDATE (embedding) ON articles TO PUBLIC")

        has_one_refused(workshop, "polic", url)


@pytest.mark.parametrize(
    ("statements", "table", "words"),
    [
        (["ALTER TABLE articles ADD COLUMN embedding vector(64)"], "articles", "GRANT UPDATE (embedding) ON articles"),
        (
            [
                "ALTER TABLE articles ADD COLUMN embedding vector(64)",
                "GRANT UPDATE ON articles TO PUBLIC",
                "ALTER TABLE articles ENABLE ROW LEVEL SECURITY",
                "CREATE POLICY all_may_see ON articles FOR SELECT USING (true)",
            ],
            "articles",
            "no row policy lets the role",
        ),
        (
            [
                f"ALTER TABLE articles ADD COLUMN embedding vector(64) GENERATED ALWAYS AS ({ONES}) STORED",
                "GRANT UPDATE ON articles TO PUBLIC",
            ],
            "articles",
            "generated by PostgreSQL",
        ),
        (
            [
                "ALTER TABLE articles ADD COLUMN embedding vector(64)",
                "GRANT UPDATE ON articles TO PUBLIC",
                "CREATE RULE kept AS ON UPDATE TO articles DO ALSO SELECT 1",
            ],
            "articles",
            "it has a rule ON UPDATE",
        ),
        (
            [
                "ALTER TABLE articles ADD COLUMN embedding vector(64)",
                "GRANT UPDATE ON articles TO PUBLIC",
                "CREATE RULE kept AS ON UPDATE TO articles WHERE old.id = 2 DO INSTEAD NOTHING",
            ],
            "articles",
            "it has a rule ON UPDATE",
        ),
        (
            [
                "CREATE MATERIALIZED VIEW made AS SELECT id, body, NULL::vector(64) AS embedding FROM articles",
                "GRANT ALL ON made TO PUBLIC",
            ],
            "made",
            "is a materialized view",
        ),
        (
            [
                "CREATE VIEW made AS SELECT id, body, NULL::vector(64) AS embedding FROM articles",
                "GRANT ALL ON made TO PUBLIC",
            ],
            "made",
            "has no INSTEAD OF trigger",
        ),
        (
            ["CREATE VIEW made AS SELECT id, body FROM articles", "GRANT ALL ON made TO PUBLIC"],
            "made",
            "has no column embedding, and is not a table",
        ),
    ],
    ids=["privilege", "policy", "generated", "rule also", "rule instead", "materialized", "view", "column"],
)
def test_what_the_catalog_tells_is_told_before_anything_is_paid(
    workshop: Workshop, statements: list[str], table: str, words: str
) -> None:
    articles(workshop)
    with role_of_its_own(workshop) as url:
        for statement in statements:
            change(workshop, statement)

        with workshop.pipeline(database_url=url) as pipeline, pytest.raises(UsageError) as caught:
            pipeline.run(Table(table, text="body", into="embedding"))

    assert words in str(caught.value)
    assert workshop.emulator.ledger()["texts"] == 0


def test_rows_that_others_hold_keep_nobody_waiting_and_get_their_vectors_later(workshop: Workshop) -> None:
    articles(workshop, 60)
    with workshop.pipeline() as pipeline:
        pipeline.sync(ARTICLES)
        pipeline.submit()
        with psycopg.connect(workshop.database_url) as other:
            other.execute("SELECT FROM articles WHERE id IN (7, 8) FOR UPDATE")

            held = pipeline.load()
            while not held.rows_filled:
                held = pipeline.load()
            listed = pipeline.status().failed
            other.rollback()
        report = pipeline.run(ARTICLES)

    assert held.rows_filled == 58
    assert [(group.code, group.texts) for group in listed] == [("row_locked", 2)]
    assert (report.load.rows_filled, report.failures) == (2, [])
    assert workshop.emulator.ledger()["texts"] == 60
    assert set(vectors(workshop)) == set(range(1, 61))


def test_no_row_is_locked_while_another_is_waited_for(workshop: Workshop) -> None:
    articles(workshop, 60)
    change(workshop, "ALTER TABLE articles ADD COLUMN embedding vector(64)")
    with workshop.pipeline() as pipeline, psycopg.connect(workshop.database_url) as other:
        other.execute("UPDATE articles SET body = 'Edited meanwhile' WHERE id = 7")

        report = pipeline.run(ARTICLES)
        # Had one of ours been held until then, this would have been the one to wait.
        with psycopg.connect(workshop.database_url) as application:
            application.execute("SET lock_timeout TO '1s'")
            changed = application.execute("UPDATE articles SET body = body WHERE id <> 7").rowcount
        other.commit()
        again = pipeline.run(ARTICLES)

    assert (changed, report.load.rows_filled, [failure.code for failure in report.failures]) == (59, 59, ["row_locked"])
    assert (again.load.rows_filled, again.failures) == (1, [])
    edited = {7: "Edited meanwhile"}
    assert are_of(workshop, {n: f"About subject {n}" for n in range(1, 61)} | edited)


def test_a_locked_row_is_told_from_one_that_a_policy_hides(workshop: Workshop) -> None:
    articles(workshop)
    change(workshop, "ALTER TABLE articles ADD COLUMN embedding vector(64)")
    change(workshop, "ALTER TABLE articles ENABLE ROW LEVEL SECURITY")
    change(workshop, "CREATE POLICY all_may_see ON articles FOR SELECT USING (true)")
    change(workshop, "CREATE POLICY most_may_change ON articles FOR UPDATE USING (id <> 2)")
    with role_of_its_own(workshop) as url:
        change(workshop, "GRANT UPDATE (embedding) ON articles TO PUBLIC")
        with workshop.pipeline(database_url=url) as pipeline, psycopg.connect(workshop.database_url) as other:
            other.execute("SELECT FROM articles WHERE id = 4 FOR UPDATE")

            report = pipeline.run(ARTICLES)

    told = {failure.uri[-1]: failure.code for failure in report.failures}
    assert told == {"2": "row_refused", "4": "row_locked"}


def test_by_steps_the_vector_of_an_emptied_row_goes_too(workshop: Workshop) -> None:
    articles(workshop)
    with workshop.pipeline() as pipeline:
        pipeline.run(ARTICLES)
        change(workshop, "UPDATE articles SET body = '' WHERE id = 2")

        pipeline.sync(ARTICLES)
        pipeline.submit()
        pipeline.load()

    assert set(vectors(workshop)) == {1, 3, 4, 5}


def test_a_vector_that_a_trigger_keeps_on_an_emptied_row_is_listed_until_it_goes(workshop: Workshop) -> None:
    articles(workshop)
    with workshop.pipeline() as pipeline:
        pipeline.run(ARTICLES)
        change(workshop, "UPDATE articles SET body = '' WHERE id = 2")
        change(workshop, STUBBORN.format("RETURN NULL;"))
        change(workshop, ON_TWO)
        kept = pipeline.run(ARTICLES)
        change(workshop, "DROP TRIGGER keep ON public.articles")

        gone = pipeline.run(ARTICLES)

    assert ([failure.code for failure in kept.failures], kept.load.rows_cleared) == (["row_refused"], 0)
    assert (gone.failures, gone.load.rows_cleared) == ([], 1)
    assert set(vectors(workshop)) == {1, 3, 4, 5}


def test_a_column_that_is_dropped_while_its_texts_are_in_flight_costs_nothing(workshop: Workshop) -> None:
    articles(workshop)
    with workshop.pipeline() as pipeline:
        pipeline.sync(ARTICLES)
        pipeline.submit()
        change(workshop, "ALTER TABLE articles DROP COLUMN embedding")
        with pytest.raises(UsageError, match="has no such column any more"):
            pipeline.embed()

        report = pipeline.run(ARTICLES)

    assert (report.load.rows_filled, report.failures) == (5, [])
    assert workshop.emulator.ledger()["texts"] == 5


def test_results_loaded_by_hand_reach_the_column(workshop: Workshop, tmp_path: Path) -> None:
    articles(workshop)
    with workshop.pipeline() as pipeline:
        pipeline.sync(ARTICLES)
        (shard,) = pipeline.export(tmp_path / "exported")
        lines = [json.loads(line) for line in shard.path.read_text(encoding="utf-8").splitlines()]
        embedded = hash_vectors([line["body"]["input"] for line in lines], "text-embedding-3-small", 64)
        results = tmp_path / "results.jsonl"
        with results.open("wb") as file:
            for line, vector in zip(lines, embedded, strict=True):
                base64 = b64encode(vector.astype("<f4").tobytes()).decode()
                file.write(result_line(line["custom_id"], base64, None))

        report = pipeline.load([results])

    assert report.rows_filled == 5
    assert are_of(workshop, SUBJECTS | {2: "About subject 2"})


def test_steps_end_with_the_status_of_a_run(
    workshop: Workshop, ingest: Callable[..., Outcome], environment: dict[str, str]
) -> None:
    articles(workshop)
    change(workshop, STUBBORN.format("RETURN NULL;"))
    change(workshop, ON_TWO)
    source = ("--table", "articles", "--text", "body", "--into", "embedding", "--dimensions", "64")
    with workshop.pipeline() as pipeline:
        pipeline.sync(ARTICLES)
        pipeline.submit()
        eventually(lambda: bool(pipeline.load().rows_unfilled))

    load = ingest("load", environment=environment)
    run = ingest("run", *source, environment=environment)
    change(workshop, "DROP TRIGGER keep ON public.articles")
    fixed = ingest("load", environment=environment)

    assert [outcome.status for outcome in (load, run, fixed)] == [1, 1, 0]
    assert "1 rows that do not take their vector (see `ingest status`)" in load.out
    assert are_of(workshop, SUBJECTS | {2: "About subject 2"})
