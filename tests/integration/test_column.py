"""Column mode: a vector column of the user's own table, filled in place."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from filled_columns import ARTICLES, are_of, articles, change, vectors
from workshop import Told

from ingest.emulator import Fault, hash_vectors
from ingest.errors import UsageError
from ingest.model import OverLimit
from ingest.sources.tables import Table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workshop import Outcome, Workshop


def test_a_column_is_added_and_filled_and_nothing_else_is_put_in_the_table(workshop: Workshop) -> None:
    articles(workshop)

    with workshop.pipeline() as pipeline:
        report = pipeline.run(ARTICLES)

    assert (report.load.rows_filled, report.rows, report.column) == (5, 5, "public.articles.embedding")
    assert are_of(workshop, {n: f"About subject {n}" for n in range(1, 6)})
    columns = "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attnum > 0 AND attrelid = "
    assert workshop.query(columns + "'public.articles'::regclass ORDER BY attnum") == [
        ("id", "integer"),
        ("body", "text"),
        ("embedding", "vector(64)"),
    ]
    assert workshop.query("SELECT count(*) FROM pg_index WHERE indrelid = 'public.articles'::regclass") == [(1,)]
    assert workshop.query("SELECT count(*) FROM pg_trigger WHERE tgrelid = 'public.articles'::regclass") == [(0,)]
    assert workshop.query("SELECT count(*) FROM chunks") == [(0,)]


def test_only_edited_and_new_rows_are_paid_for(workshop: Workshop) -> None:
    articles(workshop)
    with workshop.pipeline() as pipeline:
        pipeline.run(ARTICLES)
        before = workshop.emulator.ledger()["texts"]
        change(workshop, "UPDATE articles SET body = 'Another matter' WHERE id = 2")
        change(workshop, "INSERT INTO articles VALUES (6, 'A sixth')")
        change(workshop, "DELETE FROM articles WHERE id = 3")

        report = pipeline.run(ARTICLES)
        again = pipeline.run(ARTICLES)

    assert (report.load.rows_filled, again.load.rows_filled, again.tokens) == (2, 0, 0)
    assert workshop.emulator.ledger()["texts"] == before + 2
    left = {n: f"About subject {n}" for n in (1, 4, 5)}
    assert are_of(workshop, left | {2: "Another matter", 6: "A sixth"})


def test_a_text_that_another_row_has_already_is_not_paid_again(workshop: Workshop) -> None:
    articles(workshop)
    with workshop.pipeline() as pipeline:
        pipeline.run(ARTICLES)
        before = workshop.emulator.ledger()["texts"]
        change(workshop, "INSERT INTO articles SELECT n + 5, body FROM articles, generate_series(1, 3) n WHERE id = 1")

        report = pipeline.run(ARTICLES)

    assert (report.load.rows_filled, report.tokens, report.sync.chunks_shared) == (3, 0, 3)
    assert workshop.emulator.ledger()["texts"] == before
    same = dict.fromkeys((1, 6, 7, 8), "About subject 1")
    assert are_of(workshop, same | {n: f"About subject {n}" for n in range(2, 6)})


def test_no_vector_is_shared_by_a_row_whose_text_is_another_by_now(workshop: Workshop) -> None:
    articles(workshop)
    with workshop.pipeline() as pipeline:
        pipeline.run(ARTICLES)
        before = workshop.emulator.ledger()["texts"]
        change(workshop, "INSERT INTO articles SELECT 0, body FROM articles WHERE id = 2")
        change(workshop, "INSERT INTO articles SELECT 7, body FROM articles WHERE id = 3")
        # Their vectors are now such as no text here has: whoever takes one of them is found out.
        change(workshop, "UPDATE articles SET body = 'Another text' WHERE id IN (2, 3)")
        change(workshop, "UPDATE articles SET embedding = array_fill(1, ARRAY[64])::vector WHERE id IN (2, 3)")

        pipeline.run(ARTICLES)

    assert workshop.emulator.ledger()["texts"] == before + 3
    left = {n: f"About subject {n}" for n in (1, 4, 5)}
    assert are_of(workshop, left | {0: "About subject 2", 7: "About subject 3", 2: "Another text", 3: "Another text"})


def test_the_average_of_a_long_text_is_not_taken_for_the_vector_of_a_part_of_it(workshop: Workshop) -> None:
    text = long_articles(workshop)
    table = Table("articles", text="body", into="embedding", over_limit=OverLimit.AVERAGE)
    with workshop.pipeline() as pipeline:
        pipeline.sync(table)
        ((part,),) = workshop.query("SELECT content FROM chunks WHERE content LIKE 'word%%' ORDER BY id LIMIT 1")
        pipeline.run(table)
        change(workshop, "INSERT INTO articles VALUES (9, %s)", text)
        pipeline.sync(table)
        change(workshop, "INSERT INTO articles VALUES (10, %s)", part.strip())

        pipeline.run(table)

    assert np.allclose(vectors(workshop)[9], vectors(workshop)[2], atol=1e-6)
    assert np.allclose(vectors(workshop)[10], hash_vectors([part.strip()], "text-embedding-3-small", 64)[0], atol=1e-6)


def test_a_row_edited_while_its_text_is_in_flight_is_not_given_it(workshop: Workshop) -> None:
    articles(workshop)
    with workshop.pipeline() as pipeline:
        pipeline.sync(ARTICLES)
        pipeline.submit()
        change(workshop, "UPDATE articles SET body = 'Edited meanwhile' WHERE id = 2")
        change(workshop, "DELETE FROM articles WHERE id = 3")
        while not pipeline.load().rows_filled:
            pass

        first = set(vectors(workshop))
        report = pipeline.run(ARTICLES)

    assert first == {1, 4, 5}
    assert report.load.rows_filled == 1
    left = {n: f"About subject {n}" for n in (1, 4, 5)}
    assert are_of(workshop, left | {2: "Edited meanwhile"})


def test_a_run_sends_rows_again_that_are_edited_under_it(workshop: Workshop) -> None:
    articles(workshop)

    def edit(_tokens: int, _dollars: float) -> bool:  # asked between reading and sending
        change(workshop, "UPDATE articles SET body = 'Edited meanwhile' WHERE id = 2 AND body <> 'Edited meanwhile'")
        return True

    with workshop.pipeline() as pipeline:
        report = pipeline.run(ARTICLES, edit)

    assert (report.load.rows_filled, report.load.rows_edited) == (5, 1)
    assert are_of(workshop, {n: f"About subject {n}" for n in (1, 3, 4, 5)} | {2: "Edited meanwhile"})


@pytest.mark.parametrize(
    ("type_name", "keys"),
    [
        ("smallint", ["-7", "7"]),
        ("bigint", ["9223372036854775807", "-1"]),
        ("uuid", ["0b8f4c1e-6a0e-4b3c-9d2a-3f5d2f5b8a11", "1b8f4c1e-6a0e-4b3c-9d2a-3f5d2f5b8a11"]),
        ("text", ["a/b c%d'e\"f?#é日", ""]),
    ],
)
def test_keys_of_each_type_and_strange_names_are_filled(workshop: Workshop, type_name: str, keys: list[str]) -> None:
    change(workshop, 'CREATE SCHEMA "My Schema"')
    name = '"My Schema"."100% {odd} ""table"""'
    escaped = name.replace("%", "%%")
    change(workshop, f'CREATE TABLE {escaped} ("The Id" {type_name} PRIMARY KEY, "te%%xt{{}}" varchar(90))')
    for key in keys:
        change(workshop, f"INSERT INTO {escaped} VALUES (%s::text::{type_name}, 'Of ' || %s)", key, key)

    with workshop.pipeline(vector_type="halfvec") as pipeline:
        report = pipeline.run(Table(name, key="The Id", text="te%xt{}", into='"The %Vector{}"'))

    assert report.load.rows_filled == 2
    assert workshop.query(f'SELECT count("The %%Vector{{}}"::halfvec(64)) FROM {escaped}') == [(2,)]


def long_articles(workshop: Workshop) -> str:
    """Three rows, the second of which is over the model's limit; its text."""
    articles(workshop, 3)
    text = " ".join(f"word{number}" for number in range(6000))
    change(workshop, "UPDATE articles SET body = %s WHERE id = 2", text)
    return text


def test_rows_over_the_limit_are_refused_with_their_ids(workshop: Workshop) -> None:
    long_articles(workshop)

    with workshop.pipeline() as pipeline:
        report = pipeline.run(ARTICLES)
        again = pipeline.run(ARTICLES)

    for outcome in (report, again):
        (failure,) = outcome.failures
        assert (failure.uri, failure.code) == ("postgres:///public.articles/2", "over_limit")
        assert "over the limit of 8191" in failure.message
    assert set(vectors(workshop)) == {1, 3}
    assert workshop.emulator.ledger()["texts"] == 2


def test_each_row_of_a_text_over_the_limit_is_listed(workshop: Workshop) -> None:
    text = long_articles(workshop)
    change(workshop, "UPDATE articles SET body = %s WHERE id = 3", text)

    with workshop.pipeline() as pipeline:
        report = pipeline.run(ARTICLES)
        status = pipeline.status()

    listed = ["postgres:///public.articles/2", "postgres:///public.articles/3"]
    assert [failure.uri for failure in report.failures] == [failure.uri for failure in status.failures] == listed
    assert status.failed[0].uris == listed


def test_rows_over_the_limit_are_averaged_by_length_where_that_is_asked_for(workshop: Workshop) -> None:
    text = long_articles(workshop)

    with workshop.pipeline() as pipeline:
        table = Table("articles", text="body", into="embedding", over_limit=OverLimit.AVERAGE)
        pipeline.sync(table)
        parts = workshop.query(
            "SELECT c.content, c.token_count FROM chunks c JOIN documents d ON d.id = document_id "
            "WHERE d.metadata->>'key' = '2' ORDER BY ordinal"
        )
        pipeline.run(table)

    assert "".join(content for content, _ in parts) == text
    assert len(parts) > 1
    each = hash_vectors([content.strip() for content, _ in parts], "text-embedding-3-small", 64)
    average = np.average(each, axis=0, weights=[count for _, count in parts])
    assert np.allclose(vectors(workshop)[2], average / np.linalg.norm(average), atol=1e-5)
    assert set(vectors(workshop)) == {1, 2, 3}


def test_rows_over_the_limit_are_cut_with_a_warning_where_that_is_asked_for(workshop: Workshop) -> None:
    text = long_articles(workshop)

    with workshop.pipeline() as pipeline:
        table = Table("articles", text="body", into="embedding", over_limit=OverLimit.CUT)
        report = pipeline.sync(table)
        (sent,) = workshop.query("SELECT content FROM chunks WHERE content LIKE 'word%%'")
        pipeline.run(table)

    assert [(skipped.name, skipped.reason) for skipped in report.cut] == [
        ("public.articles 2", "cut: more than 8,191 tokens")
    ]
    assert text.startswith(sent[0])
    assert np.allclose(
        vectors(workshop)[2], hash_vectors([sent[0].strip()], "text-embedding-3-small", 64)[0], atol=1e-6
    )


@pytest.mark.parametrize(("when_refused", "kept"), [("keep", {2, 3, 4, 5}), ("drop", {3, 4, 5})])
def test_a_row_that_was_emptied_loses_its_vector_and_one_that_is_refused_where_that_is_wanted(
    workshop: Workshop, when_refused: str, kept: set[int]
) -> None:
    articles(workshop)
    with workshop.pipeline(when_refused=when_refused) as pipeline:
        pipeline.run(ARTICLES)
        change(workshop, "UPDATE articles SET body = '' WHERE id = 1")
        change(workshop, "UPDATE articles SET body = repeat('far too long ', 9000) WHERE id = 2")

        report = pipeline.run(ARTICLES)

    assert report.load.rows_cleared == 5 - len(kept)
    assert [(failure.uri, failure.old_kept) for failure in report.failures] == [
        ("postgres:///public.articles/2", when_refused == "keep")
    ]
    assert set(vectors(workshop)) == kept


def test_a_column_that_was_dropped_or_emptied_is_filled_again(workshop: Workshop) -> None:
    articles(workshop)
    with workshop.pipeline() as pipeline:
        pipeline.run(ARTICLES)
        change(workshop, "UPDATE articles SET embedding = NULL WHERE id = 2")
        assert pipeline.run(ARTICLES).load.rows_filled == 1
        change(workshop, "ALTER TABLE articles DROP COLUMN embedding")

        report = pipeline.run(ARTICLES)

    assert report.load.rows_filled == 5
    assert are_of(workshop, {n: f"About subject {n}" for n in range(1, 6)})


def test_what_does_not_fit_is_told_with_both_sides(workshop: Workshop) -> None:
    articles(workshop)
    change(workshop, "ALTER TABLE articles ADD COLUMN embedding halfvec(32)")

    with workshop.pipeline() as pipeline, pytest.raises(UsageError) as caught:
        pipeline.run(ARTICLES)

    assert "is halfvec(32); text-embedding-3-small as asked for gives vector(64)" in str(caught.value)


def test_a_corpus_fills_one_column_or_holds_passages(workshop: Workshop) -> None:
    articles(workshop)
    workshop.write("a.md", "# A file")
    with workshop.pipeline() as pipeline:
        pipeline.run(ARTICLES)
        with pytest.raises(UsageError, match=r"fills public.articles.embedding, not public.articles.other"):
            pipeline.run(Table("articles", text="body", into="other"))
        with pytest.raises(UsageError, match=r"fills public.articles.embedding: name another"):
            pipeline.run([str(workshop.folder)])
    with workshop.pipeline(corpus="files") as pipeline:
        pipeline.run([str(workshop.folder)])
        with pytest.raises(UsageError, match="holds documents"):
            pipeline.run(ARTICLES)


def test_the_command_line_fills_a_column(workshop: Workshop, ingest: Callable[..., Outcome]) -> None:
    long_articles(workshop)
    environment = {
        "DATABASE_URL": workshop.database_url,
        "OPENAI_BASE_URL": workshop.emulator.base_url,
        "OPENAI_API_KEY": workshop.emulator.api_key,
    }
    table = ("run", "--table", "public.articles", "--text", "body", "--into", "embedding", "--dimensions", "64")

    refused = ingest(*table, environment=environment)
    cut = ingest(*table, "--over-limit", "cut", environment=environment)

    assert (refused.status, cut.status) == (1, 0)
    assert "articles/2" in refused.out
    assert "over_limit" in refused.out
    assert "public.articles.embedding: " in cut.out
    assert "cut: more than" in cut.out


def test_a_table_that_is_filled_by_runs_killed_twice_ends_like_one_filled_straight(
    workshop: Workshop, tmp_path: Path
) -> None:
    articles(workshop, 1500)
    change(workshop, "CREATE TABLE straight (LIKE articles INCLUDING ALL)")
    change(workshop, "INSERT INTO straight SELECT * FROM articles")
    environment = {
        "DATABASE_URL": workshop.database_url,
        "OPENAI_BASE_URL": workshop.emulator.base_url,
        "OPENAI_API_KEY": workshop.emulator.api_key,
        "INGEST_DATA_DIR": str(tmp_path / "killed"),
        "INGEST_MAX_BATCH_REQUESTS": "100",
        "INGEST_POLL_SECONDS": "0.2",
    }
    command = "run --table articles --text body --into embedding --dimensions 64 --quiet".split()

    def run_until(filled: int) -> None:
        # Of the fifteen batches some do not end: the run is there until it is killed.
        workshop.emulator.set_faults(Fault("stuck_in_progress", after=filled // 100 + 3))
        process = subprocess.Popen([sys.executable, "-m", "ingest", *command], env=os.environ | environment)
        try:
            while process.poll() is None:
                if workshop.query("SELECT to_regclass('filled_rows') IS NOT NULL") == [(True,)]:
                    ((count,),) = workshop.query("SELECT count(*) FROM filled_rows")
                    if count >= filled:
                        return
                time.sleep(0.02)
            pytest.fail("the run ended before it was killed")
        finally:
            process.kill()
            process.wait()

    run_until(1)
    run_until(600)
    workshop.emulator.set_faults()
    subprocess.run([sys.executable, "-m", "ingest", *command], env=os.environ | environment, check=True)
    with workshop.pipeline(corpus="straight_corpus", data_dir=tmp_path / "straight") as pipeline:
        pipeline.run(Table("straight", text="body", into="embedding"))

    killed, straight = vectors(workshop), vectors(workshop, "public.straight")
    assert len(killed) == 1500
    assert all(np.array_equal(killed[key], straight[key]) for key in straight)


LONG_ROWS = {how: Table("articles", text="body", into="embedding", over_limit=how) for how in (None, *OverLimit)}


def paid(workshop: Workshop, table: Table) -> tuple[int, int]:
    """What a run with this table has embedded, and what an estimate told before it, in texts."""
    before = workshop.emulator.ledger()["texts"]
    with workshop.pipeline() as pipeline:
        told = pipeline.estimate(table).requests
        pipeline.run(table)
    return workshop.emulator.ledger()["texts"] - before, told


def test_another_over_limit_touches_rows_over_the_limit_alone_and_is_kept(workshop: Workshop) -> None:
    long_articles(workshop)
    change(workshop, "INSERT INTO articles SELECT n, 'About subject ' || n FROM generate_series(4, 40) n")

    assert paid(workshop, LONG_ROWS[None]) == (39, 39)
    assert paid(workshop, LONG_ROWS[OverLimit.REFUSE]) == (0, 0)
    parts, told = paid(workshop, LONG_ROWS[OverLimit.AVERAGE])
    average = vectors(workshop)[2]
    assert (1 < parts < 10, told) == (True, parts)
    assert paid(workshop, LONG_ROWS[None]) == (0, 0)
    assert paid(workshop, LONG_ROWS[OverLimit.CUT]) == (1, 1)
    assert not np.allclose(vectors(workshop)[2], average)
    assert paid(workshop, LONG_ROWS[None]) == (0, 0)
    assert paid(workshop, LONG_ROWS[OverLimit.REFUSE]) == (0, 0)
    with workshop.pipeline() as pipeline:
        (failure,) = pipeline.run(LONG_ROWS[None]).failures
    assert (failure.code, failure.old_kept) == ("over_limit", True)
    assert set(vectors(workshop)) == set(range(1, 41))


def test_a_corpus_that_was_filled_before_over_limit_was_kept_pays_nothing_again(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    long_articles(workshop)
    monkeypatch.setattr("ingest.corpus.planning._WHOLE", "average")  # as the fingerprint was
    paid(workshop, LONG_ROWS[OverLimit.AVERAGE])
    monkeypatch.undo()
    change(workshop, "UPDATE corpus.column_target SET source = NULL")
    change(workshop, "DROP TABLE corpus.long_rows, corpus.unfilled_rows")
    change(workshop, "DELETE FROM corpus.migrations WHERE version = 11")
    with workshop.pipeline() as pipeline:
        pipeline.retry()  # brings the schema up to date

    assert paid(workshop, LONG_ROWS[None]) == (0, 0)
    assert paid(workshop, LONG_ROWS[OverLimit.CUT]) == (1, 1)


def test_rows_over_the_limit_are_told_as_what_they_are(workshop: Workshop, ingest: Callable[..., Outcome]) -> None:
    text = long_articles(workshop)
    change(workshop, "INSERT INTO articles VALUES (4, %s)", text)
    environment = {
        "DATABASE_URL": workshop.database_url,
        "OPENAI_BASE_URL": workshop.emulator.base_url,
        "OPENAI_API_KEY": workshop.emulator.api_key,
    }
    with workshop.pipeline() as pipeline:
        told = pipeline.estimate(ARTICLES).sync
        report = pipeline.run(ARTICLES)
        again = pipeline.run(ARTICLES)

    for found in (told, report.sync):
        assert (found.refused_count, found.chunks_new, found.chunks_shared) == (2, 2, 0)
    assert again.sync.tokens_in_corpus == report.sync.tokens_in_corpus == report.tokens
    status = ingest("status", environment=environment)
    retry = ingest("retry", environment=environment)
    run = ingest(
        *("run", "--table", "articles", "--text", "body", "--into", "embedding", "--dimensions", "64"),
        environment=environment,
    )
    for outcome in (status, run):
        assert "--over-limit average" in outcome.out
        assert "ingest retry" not in outcome.out
    assert "nothing is to be sent again" in retry.out


def test_another_column_of_text_is_asked_about(workshop: Workshop) -> None:
    articles(workshop)
    change(workshop, "ALTER TABLE articles ADD COLUMN title text, ADD COLUMN number int UNIQUE")
    change(workshop, "UPDATE articles SET title = 'Title ' || id, number = -id")
    with workshop.pipeline() as pipeline:
        pipeline.run(ARTICLES)
    before = workshop.emulator.ledger()["texts"]

    with workshop.pipeline() as pipeline:
        with pytest.raises(UsageError, match=r"was filled with --text body, .* add --full"):
            pipeline.run(Table("articles", text="title", into="embedding"))
        with pytest.raises(UsageError, match="was filled with --id id"):
            pipeline.run(Table("articles", key="number", text="body", into="embedding"))
    unpaid = workshop.emulator.ledger()["texts"]
    with workshop.pipeline(full=True) as pipeline:
        pipeline.run(Table("articles", text="title", into="embedding"))

    assert (unpaid, workshop.emulator.ledger()["texts"]) == (before, before + 5)
    assert are_of(workshop, {n: f"Title {n}" for n in range(1, 6)})


def test_a_table_that_its_owner_renamed_is_followed_and_nothing_is_paid_again(workshop: Workshop) -> None:
    articles(workshop)
    with workshop.pipeline() as pipeline:
        pipeline.run(ARTICLES)
    change(workshop, "CREATE SCHEMA blog")
    change(workshop, "ALTER TABLE public.articles SET SCHEMA blog")
    change(workshop, "ALTER TABLE blog.articles RENAME TO posts")
    change(workshop, "UPDATE blog.posts SET body = 'Another matter' WHERE id = 2")
    change(workshop, "DELETE FROM blog.posts WHERE id = 3")
    before = workshop.emulator.ledger()["texts"]
    told = Told()

    with workshop.telling(told, {}) as pipeline:
        assert pipeline.status().column == "blog.posts.embedding"
        pipeline.load()  # what looks at the column finds it before any sync
        with pytest.raises(UsageError, match=r"public\.articles is blog\.posts now.*--table blog\.posts --text body"):
            pipeline.run(ARTICLES)
        estimate = pipeline.estimate(replace(ARTICLES, name="blog.posts"))
        report = pipeline.run(replace(ARTICLES, name="blog.posts"))
        again = pipeline.run(replace(ARTICLES, name="blog.posts"))

    assert (report.load.rows_filled, report.sync.documents_gone, report.sync.documents_changed) == (1, 1, 1)
    assert (estimate.tokens, again.tokens) == (report.tokens, 0)
    assert workshop.emulator.ledger()["texts"] == before + 1
    assert told.lines.count("the table public.articles is blog.posts now: the corpus goes on with it") == 1
    texts = {n: f"About subject {n}" for n in (1, 4, 5)} | {2: "Another matter"}
    assert vectors(workshop, "blog.posts").keys() == texts.keys()
    assert workshop.query("SELECT uri, metadata->>'table' FROM documents WHERE metadata->>'key' = '1'") == [
        ("postgres:///blog.posts/1", "blog.posts")
    ]


def test_a_renamed_table_is_reembedded_and_rolled_back(workshop: Workshop) -> None:
    articles(workshop)
    with workshop.pipeline() as pipeline:
        pipeline.run(ARTICLES)
        change(workshop, "ALTER TABLE articles RENAME TO posts")
    with workshop.pipeline(dimensions=32) as pipeline:
        pipeline.reembed()
    change(workshop, "ALTER TABLE posts RENAME TO notes")
    with workshop.pipeline() as pipeline:
        pipeline.roll_back()
        before = workshop.emulator.ledger()["texts"]
        report = pipeline.run(replace(ARTICLES, name="notes"))

    assert (report.tokens, report.sync.documents_unchanged) == (0, 5)
    assert workshop.emulator.ledger()["texts"] == before


def test_a_new_table_of_the_old_name_is_the_one_that_is_filled(workshop: Workshop) -> None:
    articles(workshop)
    with workshop.pipeline() as pipeline:
        pipeline.run(ARTICLES)
        change(workshop, "ALTER TABLE articles RENAME TO articles_before")
        change(workshop, "CREATE TABLE articles (LIKE articles_before)")
        change(workshop, "INSERT INTO articles SELECT * FROM articles_before WHERE id > 2")

        report = pipeline.run(ARTICLES)

    assert (report.tokens, report.sync.documents_gone, report.sync.documents_unchanged) == (0, 2, 3)


def test_a_table_that_is_gone_and_was_never_noted_is_told_with_the_way_that_is_free(workshop: Workshop) -> None:
    articles(workshop)
    with workshop.pipeline(corpus="docs") as pipeline:
        pipeline.run(ARTICLES)
        change(workshop, "UPDATE docs.column_target SET table_oid = NULL")
        change(workshop, "ALTER TABLE articles RENAME TO posts")

        with pytest.raises(UsageError, match=r"give it its name back .* `ingest run --corpus docs --table public\.art"):
            pipeline.run(replace(ARTICLES, name="posts"))

        change(workshop, "ALTER TABLE posts RENAME TO articles")
        assert pipeline.run(ARTICLES).tokens == 0
        change(workshop, "ALTER TABLE articles RENAME TO posts")
        assert pipeline.run(replace(ARTICLES, name="posts")).tokens == 0
