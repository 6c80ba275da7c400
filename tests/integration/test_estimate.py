"""What an estimate says is what a run then does."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
import pytest
from filled_columns import ARTICLES, articles, change

from ingest.errors import UsageError
from ingest.sources.tables import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from workshop import Outcome, Workshop

    from ingest.corpus.estimate import Estimate
    from ingest.corpus.given import Given
    from ingest.reporting.run_report import RunReport

_SETTINGS = {"chunk_tokens": 64, "max_batch_requests": 7}


def sections(*names: str) -> str:
    return "\n\n".join(f"# {name}\n\n" + f"All that is to be said about {name}. " * 6 for name in names)


def estimate_and_run(workshop: Workshop, source: Given | None = None) -> tuple[Estimate, RunReport]:
    given = source or [str(workshop.folder)]
    with workshop.pipeline(**_SETTINGS) as pipeline:
        return pipeline.estimate(given), pipeline.run(given)


def agree(estimate: Estimate, report: RunReport) -> bool:
    assert estimate.sync == report.sync
    assert estimate.tokens == report.tokens
    assert estimate.dollars_batch == pytest.approx(report.dollars)
    assert (estimate.requests, estimate.batches) == (report.load.loaded, report.load.batches)
    return True


def test_an_estimate_of_a_new_corpus_agrees_with_its_run_and_writes_nothing(workshop: Workshop) -> None:
    for number in range(6):
        workshop.write(f"{number}.md", sections("ants", f"bees {number}", f"cats {number}", f"dogs {number}"))

    with workshop.pipeline(**_SETTINGS) as pipeline:
        pipeline.estimate([str(workshop.folder)])
    schemas = workshop.query("SELECT to_regnamespace('corpus')")

    assert schemas == [(None,)]
    estimate, report = estimate_and_run(workshop)
    assert agree(estimate, report)
    assert estimate.batches > 1
    assert estimate.dollars_sync == pytest.approx(2 * estimate.dollars_batch)


def test_an_estimate_of_changes_agrees_with_its_run(workshop: Workshop) -> None:
    for name in ("edited", "moved", "gone", "left"):
        workshop.write(f"{name}.md", sections(f"{name} ants", "bees", f"{name} cats"))
    estimate_and_run(workshop)
    workshop.write("edited.md", sections("edited ants", "wasps", "edited cats", "bees"))
    workshop.write("copy.md", sections("left ants", "gnats"))
    (workshop.folder / "moved.md").rename(workshop.folder / "moved away.md")
    (workshop.folder / "gone.md").unlink()

    estimate, report = estimate_and_run(workshop)

    assert agree(estimate, report)
    found = estimate.sync
    assert (found.documents_moved, found.documents_gone, found.documents_changed, found.documents_new) == (1, 1, 1, 1)


def test_an_estimate_counts_what_waits(workshop: Workshop) -> None:
    workshop.write("a.md", sections("ants", "bees"))
    with workshop.pipeline(**_SETTINGS) as pipeline:
        report = pipeline.sync([str(workshop.folder)])

        estimate = pipeline.estimate([str(workshop.folder)])

    assert (estimate.requests, estimate.tokens) == (report.chunks_new, report.tokens_to_pay)


def test_an_estimate_tells_the_waves_of_a_limit_and_the_time_by_history(workshop: Workshop) -> None:
    for number in range(6):
        workshop.write(f"{number}.md", sections("ants", f"bees {number}", f"cats {number}", f"dogs {number}"))
    with workshop.pipeline(**_SETTINGS) as pipeline:
        new = pipeline.estimate([str(workshop.folder)])
        pipeline.run([str(workshop.folder)])
        nothing = pipeline.estimate([str(workshop.folder)])
    for number in range(6):
        workshop.write(f"{number}.md", sections(f"wasps {number}", f"gnats {number}", f"flies {number}"))
    with workshop.pipeline(**_SETTINGS, max_enqueued_tokens=new.tokens // 4) as pipeline:
        limited = pipeline.estimate([str(workshop.folder)])

    assert new.forecast is not None
    assert (new.forecast.waves, new.forecast.history, new.forecast.most_s) == (1, 0, 24 * 3600)
    assert nothing.forecast is None
    assert limited.forecast is not None
    assert limited.forecast.waves > 1
    assert limited.forecast.history == new.batches
    assert limited.forecast.most_s == limited.forecast.waves * 24 * 3600


def test_an_estimate_of_a_column_adds_none(workshop: Workshop) -> None:
    with psycopg.connect(workshop.database_url) as connection:
        connection.execute(
            "CREATE TABLE articles AS SELECT n AS id, 'About ' || n AS text FROM generate_series(1, 9) n"
        )
    table = Table("articles", into="embedding")

    with workshop.pipeline(**_SETTINGS) as pipeline:
        estimate = pipeline.estimate(table)
    columns = workshop.query("SELECT count(*) FROM pg_attribute WHERE attrelid = 'articles'::regclass AND attnum > 0")

    assert columns == [(2,)]
    assert (estimate.requests, estimate.batches) == (9, 2)


def test_an_estimate_of_nothing_is_told(workshop: Workshop) -> None:
    with workshop.pipeline() as pipeline, pytest.raises(UsageError, match="no readable text"):
        pipeline.estimate([str(workshop.folder)])


def test_the_command_line_estimates(workshop: Workshop, ingest: Callable[..., Outcome]) -> None:
    workshop.write("a.md", sections("ants", "bees"))
    environment = {
        "DATABASE_URL": workshop.database_url,
        "OPENAI_BASE_URL": workshop.emulator.base_url,
        "OPENAI_API_KEY": workshop.emulator.api_key,
    }

    for_people = ingest("estimate", workshop.folder, environment=environment)
    for_programs = ingest("estimate", workshop.folder, "--json", environment=environment)

    assert (for_people.status, for_programs.status) == (0, 0)
    assert "in batches, " in for_people.out
    assert "at most 24 h a batch (no history yet)" in for_people.out
    assert for_programs.json["forecast"]["most_s"] == 24 * 3600
    assert for_programs.json["tokens"] == for_programs.json["sync"]["tokens_to_pay"] > 0


def test_an_estimate_is_of_the_way_in_which_a_run_would_send(workshop: Workshop) -> None:
    workshop.write("a.md", sections("ants", "bees"))
    given = [str(workshop.folder)]

    with workshop.pipeline(**_SETTINGS, mode="auto") as pipeline:
        estimate, report = pipeline.estimate(given), pipeline.run(given)

    assert report.mode == estimate.mode == "sync"
    assert report.dollars == pytest.approx(estimate.dollars) == pytest.approx(estimate.dollars_sync)
    assert estimate.sync == report.sync
    assert (estimate.batches, estimate.forecast) == (0, None)


def test_an_estimate_leaves_out_what_waits_for_passages_that_the_run_would_drop(workshop: Workshop) -> None:
    for name in ("edited", "gone", "moved", "left"):
        workshop.write(f"{name}.md", sections(f"{name} ants", f"{name} bees", "cats"))
    with workshop.pipeline(**_SETTINGS) as pipeline:
        pipeline.sync([str(workshop.folder)])
    workshop.write("edited.md", sections("edited ants", "wasps", "left bees"))
    (workshop.folder / "moved.md").rename(workshop.folder / "moved away.md")
    (workshop.folder / "gone.md").unlink()

    estimate, report = estimate_and_run(workshop)

    assert (estimate.requests, estimate.tokens) == (report.load.loaded, report.tokens)


def test_an_estimate_of_a_column_knows_which_texts_stand_in_it(workshop: Workshop) -> None:
    with psycopg.connect(workshop.database_url) as connection:
        connection.execute(
            "CREATE TABLE articles AS SELECT n AS id, 'About ' || n AS text FROM generate_series(1, 9) n"
        )
    table = Table("articles", into="embedding")
    with workshop.pipeline(**_SETTINGS) as pipeline:
        pipeline.run(table)
        with psycopg.connect(workshop.database_url) as connection:
            connection.execute("INSERT INTO articles VALUES (10, 'About 3'), (11, 'About 11')")
            connection.execute("INSERT INTO articles VALUES (12, repeat('far too long ', 9000))")
            connection.execute("UPDATE articles SET text = 'About 5' WHERE id = 4")

        estimate, report = pipeline.estimate(table), pipeline.run(table)

    assert (estimate.tokens, estimate.requests) == (report.tokens, report.load.loaded)


def test_an_estimate_refuses_what_a_run_refuses(workshop: Workshop) -> None:
    articles(workshop)
    change(workshop, "ALTER TABLE articles ADD title text, ADD other vector(3)")
    with workshop.pipeline() as pipeline:
        pipeline.run(ARTICLES)
        refused = [replace(ARTICLES, text="title"), replace(ARTICLES, into="other"), replace(ARTICLES, into="another")]
        refused += [replace(ARTICLES, into=None)]
        for table in refused:
            with pytest.raises(UsageError) as by_estimate:
                pipeline.estimate(table)
            with pytest.raises(UsageError) as by_run:
                pipeline.run(table)
            assert str(by_estimate.value) == str(by_run.value)

    assert workshop.query("SELECT count(*) FROM pg_attribute WHERE attname = 'another'") == [(0,)]
    with workshop.pipeline(full=True) as pipeline:
        assert pipeline.estimate(replace(ARTICLES, text="title")).sync.documents_empty == 5
