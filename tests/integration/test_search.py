"""Passages by their vectors, by their words, and the SQL of both."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from ingest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from workshop import Outcome, Workshop

    from ingest.pipeline import Pipeline

DOCUMENT = Path(__file__).parents[2] / "docs" / "search.md"
# The vectors of the provider are made from a hash: nearness says nothing, words do.
TEXTS = {number: f"About animal {number}: it runs and it sleeps." for number in range(60)}
TEXTS[17] = "The aardvarks of this place were running at night."


@pytest.fixture
def filled(workshop: Workshop) -> Workshop:
    for number, text in TEXTS.items():
        workshop.write(f"{number}.txt", text)
    with workshop.pipeline() as pipeline:
        pipeline.run([str(workshop.folder)])
    return workshop


def contents(pipeline: Pipeline, text: str, *, hybrid: bool = False) -> list[str]:
    return [passage.content for passage in pipeline.search(text, 3, hybrid=hybrid)]


def test_a_passage_that_holds_the_words_is_found_wherever_its_vector_lies(filled: Workshop) -> None:
    with filled.pipeline(full_text="english") as pipeline:
        by_vector = contents(pipeline, "aardvark run")
        by_both = contents(pipeline, "aardvark run", hybrid=True)

    assert TEXTS[17] not in by_vector
    assert TEXTS[17] in by_both[:2]  # the first of one list, as the nearest is of the other
    assert by_vector[0] in by_both[:2]


def test_a_passage_in_both_lists_comes_first(filled: Workshop) -> None:
    with filled.pipeline() as pipeline:
        passages = pipeline.search(TEXTS[17], 3, hybrid=True)

    assert passages[0].content == TEXTS[17]
    assert passages[0].score == pytest.approx(2 / 61)
    assert passages[1].score == pytest.approx(1 / 62)


def test_words_are_taken_as_they_stand_without_a_language(filled: Workshop) -> None:
    with filled.pipeline() as pipeline:
        stemmed = contents(pipeline, "aardvark run", hybrid=True)
        verbatim = contents(pipeline, "aardvarks running", hybrid=True)

    assert TEXTS[17] not in stemmed
    assert TEXTS[17] in verbatim


def test_an_index_is_built_for_words_and_is_used(filled: Workshop) -> None:
    with filled.pipeline(full_text="english") as pipeline:
        pipeline.index()
        pipeline.index()
        statements = pipeline.search_sql("aardvark", 3, hybrid=True)
    explained = statements.replace("EXECUTE", "EXPLAIN EXECUTE")
    with psycopg.connect(filled.database_url, autocommit=True) as connection:
        connection.execute("SET enable_seqscan = off")
        plan = rows_of(connection, explained)

    assert any("chunks_full_text" in str(line) for (line,) in plan)
    assert filled.query("SELECT relname FROM pg_class WHERE relname LIKE 'chunks_full_text%%'") == [
        ("chunks_full_text",)
    ]


def rows_of(connection: psycopg.Connection[tuple[object, ...]], statements: str) -> list[tuple[object, ...]]:
    """What the statement among them gives that gives rows."""
    found: list[tuple[object, ...]] = []
    cursor = connection.execute(statements.encode())
    while True:
        if cursor.description:
            found += cursor.fetchall()
        if not cursor.nextset():
            return found


@pytest.mark.parametrize("hybrid", [False, True])
@pytest.mark.parametrize("text", ["aardvarks running", "it's 'quoted' \\ and $1 %s {x}\nin two lines", "動物"])
def test_the_printed_sql_finds_what_the_search_finds(filled: Workshop, text: str, hybrid: bool) -> None:
    with filled.pipeline() as pipeline:
        passages = pipeline.search(text, 3, hybrid=hybrid)
        statements = pipeline.search_sql(text, 3, hybrid=hybrid)

    with psycopg.connect(filled.database_url) as connection:
        rows = rows_of(connection, statements)

    assert [row[1] for row in rows] == [passage.uri for passage in passages]
    assert [row[5] for row in rows] == [passage.content for passage in passages]


def test_a_corpus_of_halves_is_searched_likewise(workshop: Workshop) -> None:
    for number in range(3):
        workshop.write(f"{number}.txt", TEXTS[number])
    with workshop.pipeline(vector_type="halfvec") as pipeline:
        pipeline.run([str(workshop.folder)])
        nearest, *_ = pipeline.search(TEXTS[2], 3)
        statements = pipeline.search_sql(TEXTS[2], 3)

    with psycopg.connect(workshop.database_url) as connection:
        (away, uri, *_), *_ = rows_of(connection, statements)

    assert (nearest.content, nearest.uri) == (TEXTS[2], uri)
    assert nearest.score == pytest.approx(1, abs=1e-3)
    assert away == pytest.approx(0, abs=1e-3)


def test_the_documents_python_finds_what_the_search_finds(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(7):
        workshop.write(f"{number}.txt", TEXTS[number])
    with workshop.pipeline(dimensions=None) as pipeline:
        pipeline.run([str(workshop.folder)])
        passages = pipeline.search(TEXTS[2], 5)
    monkeypatch.setenv("OPENAI_API_KEY", workshop.emulator.api_key)
    monkeypatch.setenv("OPENAI_BASE_URL", workshop.emulator.base_url)
    names: dict[str, Any] = {"question": TEXTS[2], "database_url": workshop.database_url}

    *_, block = re.findall(r"^```python\n(.*?)^```", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)
    exec(block, names)

    assert [uri for uri, *_ in names["passages"]] == [passage.uri for passage in passages]
    assert {vector.dimensions() for *_, vector in names["passages"]} == {1536}


def test_sql_from_the_command_line_runs_in_psql(filled: Workshop, ingest: Callable[..., Outcome]) -> None:
    environment = {
        "DATABASE_URL": filled.database_url,
        "OPENAI_BASE_URL": filled.emulator.base_url,
        "OPENAI_API_KEY": filled.emulator.api_key,
    }

    printed = ingest("search", "--sql", "--hybrid", "aardvarks running", environment=environment)

    assert printed.status == 0
    try:
        psql = subprocess.run(
            ["psql", filled.database_url, "-qAt"], input=printed.out, capture_output=True, text=True, check=True
        )
    except FileNotFoundError:
        pytest.skip("there is no psql on this machine")
    assert TEXTS[17] in psql.stdout


def test_a_configuration_that_there_is_none_of_is_told(filled: Workshop) -> None:
    with filled.pipeline(full_text="klingon") as pipeline:
        with pytest.raises(UsageError, match="no text search configuration klingon"):
            pipeline.search("aardvark", hybrid=True)
        with pytest.raises(UsageError, match="no text search configuration klingon"):
            pipeline.index()
