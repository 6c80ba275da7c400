"""Rows of a table as documents."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import psycopg
import pytest

from ingest.database.connection import connect
from ingest.errors import UsageError
from ingest.model import Syntax
from ingest.sources import tables
from ingest.sources.source import VANISHED, Before, Skipped, Unchanged
from ingest.sources.table_row import Row
from ingest.sources.tables import Table, table_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from workshop import Outcome, Workshop

    from ingest.corpus import SyncReport

ARTICLES = Table("public.articles", key="id", text="body", title="title")


def change(workshop: Workshop, statement: str, *parameters: object) -> None:
    with psycopg.connect(workshop.database_url) as connection:
        connection.execute(statement.encode(), parameters)


def articles(workshop: Workshop, count: int = 3) -> None:
    change(
        workshop, "CREATE TABLE public.articles (id integer PRIMARY KEY, title text, body text, updated_at timestamptz)"
    )
    change(
        workshop,
        "INSERT INTO public.articles SELECT n, 'Article ' || n, 'All that is to be said about subject ' || n, now() "
        "FROM generate_series(1, %s) n",
        count,
    )


def test_rows_become_searchable_documents(workshop: Workshop) -> None:
    articles(workshop)

    with workshop.pipeline() as pipeline:
        report = pipeline.run(ARTICLES)
        passages = pipeline.search("All that is to be said about subject 2", 1)

    assert (report.documents, report.embedded) == (3, 3)
    assert (passages[0].uri, passages[0].title) == ("postgres:///public.articles/2", "Article 2")
    assert workshop.query("SELECT metadata FROM documents WHERE title = 'Article 1'") == [
        ({"table": "public.articles", "key": "1"},)
    ]


@pytest.mark.parametrize("updated_at", [None, "updated_at"])
def test_new_changed_and_deleted_rows_are_found(workshop: Workshop, updated_at: str | None) -> None:
    articles(workshop, 4)
    table = Table("articles", text="body", updated_at=updated_at)
    with workshop.pipeline() as pipeline:
        pipeline.run(table)
    change(workshop, "DELETE FROM articles WHERE id = 1")
    change(workshop, "UPDATE articles SET body = 'Quite another matter', updated_at = clock_timestamp() WHERE id = 2")
    change(workshop, "INSERT INTO articles VALUES (5, 'Article 5', 'Something new', now())")

    with workshop.pipeline() as pipeline:
        report = pipeline.run(table).sync

    counts = report.documents_new, report.documents_changed, report.documents_gone, report.documents_unchanged
    assert counts == (1, 1, 1, 2)
    assert workshop.query("SELECT uri, content FROM documents d JOIN chunks c ON d.id = document_id ORDER BY 1") == [
        ("postgres:///public.articles/2", "Quite another matter"),
        ("postgres:///public.articles/3", "All that is to be said about subject 3"),
        ("postgres:///public.articles/4", "All that is to be said about subject 4"),
        ("postgres:///public.articles/5", "Something new"),
    ]


def test_a_row_whose_time_stamp_stays_is_not_looked_into(workshop: Workshop) -> None:
    articles(workshop)
    table = Table("articles", text="body", updated_at="updated_at")
    with workshop.pipeline() as pipeline:
        pipeline.sync(table)
    change(workshop, "UPDATE articles SET body = 'Quite another matter' WHERE id = 2")

    with workshop.pipeline() as pipeline:
        report = pipeline.sync(table)

    assert report.documents_unchanged == 3


def test_unchanged_rows_send_nothing(workshop: Workshop) -> None:
    articles(workshop)
    with workshop.pipeline() as pipeline:
        pipeline.run(ARTICLES)
    before = workshop.emulator.ledger()

    with workshop.pipeline() as pipeline:
        report = pipeline.run(ARTICLES)

    assert (report.sync.documents_unchanged, report.tokens) == (3, 0)
    assert workshop.emulator.ledger() == before


@pytest.mark.parametrize(
    ("type_name", "key"),
    [
        ("smallint", "-7"),
        ("bigint", "9223372036854775807"),
        ("uuid", "0b8f4c1e-6a0e-4b3c-9d2a-3f5d2f5b8a11"),
        ("text", "a/b c%d'e\"f?#é日"),
        ("varchar(40)", "  spaced  "),
    ],
)
def test_keys_of_each_type_name_their_documents(workshop: Workshop, type_name: str, key: str) -> None:
    change(workshop, f"CREATE TABLE keyed (key {type_name} PRIMARY KEY, text text)")
    change(workshop, f"INSERT INTO keyed VALUES (%s::text::{type_name}, 'Something to say')", key)

    with workshop.pipeline() as pipeline:
        report = pipeline.sync(Table("keyed", key="key"))
        again = pipeline.sync(Table("keyed", key="key"))

    assert (report.documents_new, again.documents_unchanged) == (1, 1)
    assert workshop.query("SELECT metadata->>'key' FROM documents") == [(key,)]


@pytest.mark.own_path("a condition of the user's own runs on the path that he has")
def test_names_may_be_quoted_and_strange(workshop: Workshop) -> None:
    change(workshop, 'CREATE SCHEMA "My Schema"')
    change(workshop, 'CREATE TABLE "My Schema"."100%% {odd} ""table""" ("The Id" int PRIMARY KEY, "te%%xt{}" text)')
    change(workshop, 'INSERT INTO "My Schema"."100%% {odd} ""table""" VALUES (1, \'Something\'), (2, \'100%%\')')

    with workshop.pipeline() as pipeline:
        table = Table(
            '"My Schema"."100% {odd} ""table"""', key='"The Id"', text="te%xt{}", where="\"te%xt{}\" LIKE 'S%'"
        )
        report = pipeline.run(table)

    assert report.embedded == 1
    assert workshop.query("SELECT uri FROM documents") == [
        ("postgres:///My%20Schema.100%25%20%7Bodd%7D%20%22table%22/1",)
    ]


@pytest.mark.own_path("a condition of the user's own runs on the path that he has")
def test_a_condition_chooses_the_rows(workshop: Workshop) -> None:
    articles(workshop)

    with workshop.pipeline() as pipeline:
        pipeline.sync(Table("articles", text="body", where="id > 1 -- or so"))
        assert workshop.query("SELECT count(*) FROM documents") == [(2,)]
        pipeline.sync(Table("articles", text="body", where="id > 2 OR id < 2"))

    assert workshop.query("SELECT metadata->>'key' FROM documents ORDER BY 1") == [("1",), ("3",)]


def test_a_view_may_be_the_table_and_null_keys_are_told(workshop: Workshop) -> None:
    articles(workshop)
    change(workshop, "CREATE VIEW recent AS SELECT nullif(id, 1) AS id, body AS text FROM articles")

    with workshop.pipeline() as pipeline:
        report = pipeline.sync(Table("recent"))

    assert report.documents_new == 2
    assert [(skipped.name, skipped.reason) for skipped in report.skipped] == [
        ("1 rows of public.recent", "their id is null")
    ]


def test_an_emptied_text_leaves_no_passage(workshop: Workshop) -> None:
    articles(workshop)
    with workshop.pipeline() as pipeline:
        pipeline.run(ARTICLES)
        change(workshop, "UPDATE articles SET body = NULL WHERE id = 2")

        report = pipeline.run(ARTICLES)

    assert report.sync.documents_empty == 1
    assert workshop.query("SELECT count(*) FROM chunks") == [(2,)]


def differing(rows: str) -> str:
    """A query that finds nothing where each row has its document, with its text, and no document is left over."""
    return (
        "SELECT key, text, content FROM (SELECT metadata->>'key' AS key, content FROM documents d "
        f"JOIN chunks c ON d.id = document_id AND NOT superseded) d FULL JOIN ({rows}) r USING (key) "
        "WHERE text IS DISTINCT FROM content"
    )


# Those that are not the same in a URI, that end as the name of a file, and a few that are looked up in SQL.
KEYS = ["plain", "a/b", "a b", "é日", "100%", "guide.pdf", "notes.md", "-", "~", "", "A", "a", "x.y", "'", '"', "\\"]


@pytest.mark.parametrize("fetched", [1, 3, 1000])
@pytest.mark.parametrize(
    ("made", "key"),
    [
        ("key text PRIMARY KEY", "key"),
        ("key text NOT NULL", "key"),  # no index: all in one look
        ('key varchar(20) COLLATE "C" PRIMARY KEY', "key"),
        ("tenant int DEFAULT 7, key text, PRIMARY KEY (tenant, key)", "tenant,key"),
    ],
)
def test_of_many_rows_those_are_found_that_changed(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, made: str, key: str, fetched: int
) -> None:
    monkeypatch.setattr(tables, "_FETCHED_ROWS", fetched)
    change(workshop, f"CREATE TABLE odd ({made}, text text, note text)")
    change(workshop, "INSERT INTO odd (key, text) SELECT k, 'About ' || k FROM unnest(%s::text[]) k", KEYS)
    table = Table("odd", key=key)
    rows = 'SELECT key::text COLLATE "default" AS key, text FROM odd'
    if "," in key:
        rows = "SELECT jsonb_build_array('7', key)::text AS key, text FROM odd"
    with workshop.pipeline() as pipeline:
        pipeline.sync(table)
        same = pipeline.sync(table)
        change(workshop, "UPDATE odd SET text = 'Now ' || key WHERE key IN ('plain', 'a/b', 'notes.md', 'a')")
        change(workshop, "DELETE FROM odd WHERE key IN ('-', 'x.y')")
        change(workshop, "INSERT INTO odd (key, text) VALUES ('b', 'New'), ('a%%20b', 'About a b')")
        dry = pipeline.estimate(table).sync
        edited = pipeline.sync(table)
        again = pipeline.sync(table)

    assert counts(same) == (0, 0, 0, len(KEYS))
    assert counts(edited) == counts(dry) == (2, 4, 2, len(KEYS) - 6)
    assert counts(again) == (0, 0, 0, len(KEYS))
    assert workshop.query(differing(rows)) == []


def counts(report: SyncReport) -> tuple[int, int, int, int]:
    return report.documents_new, report.documents_changed, report.documents_gone, report.documents_unchanged


def test_rows_that_are_as_they_were_are_not_handed_over(workshop: Workshop) -> None:
    articles(workshop, 2500)
    with workshop.pipeline() as pipeline:
        pipeline.sync(ARTICLES)
    change(workshop, "UPDATE articles SET title = 'Another' WHERE id IN (1, 1000, 1001, 2500)")
    ((version,),) = workshop.query("SELECT source_version FROM documents WHERE metadata->>'key' = '7'")
    before = Before("corpus", version.partition("/")[2], {})

    with table_rows(partial(connect, workshop.database_url, None), ARTICLES) as rows:
        items = list(rows.items(before))

    assert [item.key for item in items if isinstance(item, Row)] == [("1",), ("1000",), ("1001",), ("2500",)]
    unchanged = {number for item in items if isinstance(item, Unchanged) for number in item.ids}
    others = "SELECT id FROM documents WHERE metadata->>'key' NOT IN ('1', '1000', '1001', '2500')"
    assert unchanged == {number for (number,) in workshop.query(others)}


@pytest.mark.parametrize(
    ("table", "settings"),
    [
        (replace(ARTICLES, title=None), {}),
        (replace(ARTICLES, metadata=("updated_at",)), {}),
        (replace(ARTICLES, syntax=Syntax.MARKDOWN), {}),
        (replace(ARTICLES, text="title"), {}),
        (ARTICLES, {"chunk_tokens": 64}),
        (ARTICLES, {"full": True}),
    ],
    ids=["title", "metadata", "syntax", "text", "chunks", "full"],
)
def test_rows_are_read_again_where_they_are_read_otherwise(
    workshop: Workshop, table: Table, settings: dict[str, object]
) -> None:
    articles(workshop)
    with workshop.pipeline() as pipeline:
        pipeline.sync(ARTICLES)
    change(workshop, "UPDATE corpus.documents SET metadata = metadata - 'table'")

    with workshop.pipeline(**settings) as pipeline:
        report = pipeline.sync(table)

    assert (report.documents_changed + report.documents_unchanged, report.documents_gone) == (3, 0)
    assert workshop.query("SELECT count(*) FROM documents WHERE metadata ? 'table'") == [(3,)]


def test_a_listing_names_each_row(workshop: Workshop) -> None:
    articles(workshop)
    told: list[tuple[str, str]] = []
    with workshop.pipeline() as pipeline:
        pipeline.sync(ARTICLES)
        change(workshop, "UPDATE articles SET body = 'Another' WHERE id = 2")

        pipeline.estimate(ARTICLES, lambda name, verdict: told.append((name, verdict)))

    assert sorted(told) == [
        ("public.articles 1", "unchanged"),
        ("public.articles 2", "changed"),
        ("public.articles 3", "unchanged"),
    ]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (Table("nowhere"), "no table nowhere"),
        (Table("a.b.c.d"), "is not the name of a table"),
        (Table('"unclosed'), 'no table "unclosed'),
        (Table("articles", text="nothing"), "no column nothing; it has id, title, body"),
        (Table("articles", key="body", text="title"), "several rows of public.articles have the body same"),
        (Table("articles", text="body", where="nonsense ="), "check --where"),
        (Table("articles", text="body", where="id = 'x'"), "check --where"),
        (Table("articles", text="body", where="true); DROP TABLE articles; SELECT (true"), "check --where"),
        (Table("articles", text="body", where="false"), "no readable text in the table public.articles"),
    ],
)
def test_what_cannot_be_read_is_told(workshop: Workshop, table: Table, words: str) -> None:
    articles(workshop)
    change(workshop, "UPDATE articles SET body = 'same'")

    with workshop.pipeline() as pipeline, pytest.raises(UsageError) as caught:
        pipeline.sync(table)

    assert words in str(caught.value)
    assert workshop.query("SELECT count(*) FROM public.articles") == [(3,)]


def test_many_large_rows_arrive_whole_and_the_largest_is_told(workshop: Workshop) -> None:
    change(workshop, "CREATE TABLE large (id int PRIMARY KEY, text text)")
    change(workshop, "INSERT INTO large SELECT n, repeat('word' || n || ' ', 200000) FROM generate_series(1, 4) n")
    change(workshop, "INSERT INTO large SELECT 5, repeat('word', 1000000)")

    with workshop.pipeline(max_document_bytes=2_000_000) as pipeline:
        report = pipeline.sync(Table("large"))

    assert [skipped.name for skipped in report.skipped] == ["public.large 5"]
    whole = workshop.query(
        "SELECT string_agg(content, '' ORDER BY ordinal) = (SELECT text FROM large WHERE id::text = metadata->>'key') "
        "FROM chunks JOIN documents d ON d.id = document_id GROUP BY d.id"
    )
    assert whole == [(True,)] * 4


@pytest.mark.parametrize("key", ["PRIMARY KEY", "NOT NULL"])
def test_no_transaction_stays_open_and_nobody_waits_while_rows_are_read(workshop: Workshop, key: str) -> None:
    change(workshop, f"CREATE TABLE large (id int {key}, text text)")
    change(workshop, "INSERT INTO large SELECT n, 'Subject ' || n FROM generate_series(1, 2500) n")

    with table_rows(partial(connect, workshop.database_url, None), Table("large")) as rows:
        items = (item for item in rows.items() if isinstance(item, Row))
        first = [next(items) for _ in range(1200)]
        change(workshop, "SET lock_timeout TO '1s'; ALTER TABLE large ADD COLUMN more int")
        fetched = [item for item in rows.prepared(first) if isinstance(item, Row)]
        change(workshop, "SET lock_timeout TO '1s'; ALTER TABLE large DROP COLUMN more")
        is_open = workshop.query(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL "
            "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        rest = list(items)

    assert is_open == [(0,)]
    assert len(fetched) == 1200
    assert {int(item.key[0]) for item in [*fetched, *rest]} == set(range(1, 2501))


def test_rows_that_come_go_and_change_between_two_pages_are_each_what_they_are(workshop: Workshop) -> None:
    change(workshop, "CREATE TABLE large (id int PRIMARY KEY, text text)")
    change(workshop, "INSERT INTO large SELECT n, 'Subject ' || n FROM generate_series(1, 2500) n")
    with workshop.pipeline() as pipeline:
        pipeline.sync(Table("large"))

        with table_rows(partial(connect, workshop.database_url, None), Table("large")) as rows:
            items = (item for item in rows.items() if isinstance(item, Row))
            seen = [next(items)]
            change(workshop, "DELETE FROM large WHERE id IN (1, 2, 1500)")
            change(workshop, "INSERT INTO large VALUES (0, 'Before'), (3000, 'After')")
            change(workshop, "UPDATE large SET text = 'Edited' WHERE id = 3")
            seen += list(items)
            fetched = list(rows.prepared(seen))
        report = pipeline.sync(Table("large"))

    kept = {item.key[0]: item for item in fetched if isinstance(item, Row)}
    assert {int(key) for key in kept} == set(range(3, 2501)) - {1500} | {3000}
    assert {item.name for item in fetched if isinstance(item, Skipped)} == {"public.large 1", "public.large 2"}
    assert {item.reason for item in fetched if isinstance(item, Skipped)} == {VANISHED}
    # What is remembered of a row is the version of the text that was read, not of the one that was listed.
    assert (kept["3"].text, kept["3"].version != seen[2].version) == ("Edited", True)
    counts = report.documents_new, report.documents_changed, report.documents_gone, report.documents_unchanged
    assert counts == (2, 1, 3, 2496)


@pytest.mark.own_path("a condition of the user's own runs on the path that he has")
@pytest.mark.parametrize(
    "table",
    [
        Table("articles", text="body", where="random() < 0.5"),
        Table("few", text="body"),
    ],
    ids=["condition", "view"],
)
def test_where_each_look_finds_other_rows_none_is_taken_for_gone(workshop: Workshop, table: Table) -> None:
    articles(workshop, 40)
    change(workshop, "CREATE VIEW few AS SELECT * FROM articles ORDER BY random() LIMIT 20")
    with workshop.pipeline() as pipeline:
        pipeline.sync(Table(table.name, text="body"))
        change(workshop, "UPDATE articles SET body = 'Another ' || id")

        reports = [pipeline.sync(table) for _ in range(3)]

    assert [report.documents_gone for report in reports] == [0, 0, 0]
    assert all("none is taken for gone" in report.skipped[-1].reason for report in reports)
    assert all(report.skipped_vanished for report in reports)


@pytest.mark.own_path("a condition of the user's own runs on the path that he has")
def test_a_view_in_a_random_order_is_read_like_a_table(workshop: Workshop) -> None:
    articles(workshop, 20)
    change(workshop, "CREATE VIEW shuffled AS SELECT * FROM articles ORDER BY random()")
    table = Table("shuffled", text="body", where="id > 0")
    with workshop.pipeline() as pipeline:
        first = pipeline.sync(table)
        change(workshop, "DELETE FROM articles WHERE id = 7")

        second = pipeline.sync(table)

    assert (first.documents_new, first.skipped_count) == (20, 0)
    assert (second.documents_unchanged, second.documents_gone, second.skipped_count) == (19, 1, 0)


@pytest.mark.parametrize("key", ["", "id + 0 AS "])
def test_a_row_whose_text_cannot_be_had_is_listed_and_the_rest_is_read(workshop: Workshop, key: str) -> None:
    articles(workshop)
    change(workshop, f"CREATE VIEW ratios AS SELECT {key}id, 'One in ' || 10 / (id - 2) AS text FROM articles")

    with workshop.pipeline() as pipeline:
        report = pipeline.sync(Table("ratios"))
        change(workshop, "CREATE OR REPLACE VIEW ratios AS SELECT id, 'One in ' || id AS text FROM articles")
        fixed = pipeline.sync(Table("ratios"))

    assert (report.documents_new, fixed.documents_new, fixed.documents_gone) == (2, 1, 0)
    assert [(skipped.name, skipped.reason) for skipped in report.skipped] == [
        ("public.ratios 2", "PostgreSQL refuses it: division by zero")
    ]


@pytest.mark.own_path("a condition of the user's own runs on the path that he has")
def test_the_command_line_reads_a_table(workshop: Workshop, ingest: Callable[..., Outcome]) -> None:
    articles(workshop)

    outcome = ingest(
        *("sync", "--table", "articles", "--text", "body", "--title", "title", "--where", "id < 3", "--json"),
        environment={"DATABASE_URL": workshop.database_url},
    )
    neither = ingest("sync", environment={"DATABASE_URL": workshop.database_url})

    assert (outcome.status, outcome.json["documents_new"]) == (0, 2)
    assert (neither.status, "either paths, or a --table" in neither.err) == (2, True)


def test_chosen_columns_are_kept_with_each_row_and_change_for_nothing(workshop: Workshop) -> None:
    articles(workshop, 2)
    change(workshop, "ALTER TABLE public.articles ADD author text DEFAULT 'Ana', ADD tags text[], ADD price numeric")
    table = Table("articles", text="body", metadata=("author", "tags", "price", "updated_at"))
    with workshop.pipeline() as pipeline:
        plain = pipeline.run(Table("articles", text="body"))
        first = pipeline.sync(table)
        change(workshop, "UPDATE public.articles SET author = 'Bo', tags = '{a,b}', price = 1.50 WHERE id = 1")
        second = pipeline.sync(table)
        third = pipeline.sync(table)

    assert plain.embedded == 2
    assert [(report.documents_unchanged, report.tokens_to_pay) for report in (first, second, third)] == [(2, 0)] * 3
    kept = workshop.query("SELECT metadata - 'updated_at' FROM documents ORDER BY uri")
    assert kept == [
        ({"author": "Bo", "tags": ["a", "b"], "price": 1.5, "table": "public.articles", "key": "1"},),
        ({"author": "Ana", "tags": None, "price": None, "table": "public.articles", "key": "2"},),
    ]
