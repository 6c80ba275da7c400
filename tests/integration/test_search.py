"""Passages by their vectors, by their words, and the SQL of both."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from ingest.corpus.search import Search, by_its_index
from ingest.database.connection import connect
from ingest.database.corpus import Indexing

if TYPE_CHECKING:
    from collections.abc import Callable

    from workshop import Outcome, Workshop

    from ingest.corpus import SearchMode
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


def contents(pipeline: Pipeline, text: str, mode: SearchMode | None = None) -> list[str]:
    return [passage.content for passage in pipeline.search(text, 3, mode=mode)]


def test_a_passage_that_has_the_words_is_found_wherever_its_vector_lies(filled: Workshop) -> None:
    with filled.pipeline() as pipeline:
        by_vector = contents(pipeline, "aardvark run", "vector")
        by_words = contents(pipeline, "aardvark run", "words")
        by_both = contents(pipeline, "aardvark run")

    assert TEXTS[17] not in by_vector
    assert by_words[0] == by_both[0] == TEXTS[17]  # by their stems


def test_the_scores_of_both_sides_are_told(filled: Workshop) -> None:
    with filled.pipeline(words_weight=0.25) as pipeline:
        best, other, *_ = pipeline.search(TEXTS[17], 3)
        by_words, *_ = pipeline.search(TEXTS[17], 3, mode="words")
        near, *_ = pipeline.search(TEXTS[17], 3, mode="vector")

    assert best.content == TEXTS[17]
    assert best.similarity == pytest.approx(1)
    assert best.words == by_words.words == by_words.score
    assert other.words is not None
    assert 0 <= other.words < by_words.score
    assert 0.75 < best.score < 1
    assert near.similarity is None is near.words


def test_no_model_is_asked_for_words_alone(filled: Workshop) -> None:
    with filled.pipeline(base_url="http://127.0.0.1:9/v1") as pipeline:
        found = contents(pipeline, "aardvarks", "words")

    assert found == [TEXTS[17]]


def rows_of(connection: psycopg.Connection[tuple[object, ...]], statements: str) -> list[tuple[object, ...]]:
    """What the statement among them gives that gives rows."""
    found: list[tuple[object, ...]] = []
    cursor = connection.execute(statements.encode())
    while True:
        if cursor.description:
            found += cursor.fetchall()
        if not cursor.nextset():
            return found


@pytest.mark.parametrize("mode", [None, "vector", "words"])
@pytest.mark.parametrize("text", ["aardvarks running", "it's 'quoted' \\ and $1 %s {x}\nin two lines", "動物"])
def test_the_printed_sql_finds_what_the_search_finds(filled: Workshop, text: str, mode: SearchMode | None) -> None:
    with filled.pipeline() as pipeline:
        passages = pipeline.search(text, 3, mode=mode)
        statements = pipeline.search_sql(text, 3, mode=mode)

    with psycopg.connect(filled.database_url) as connection:
        rows = rows_of(connection, statements)

    assert [row[1] for row in rows] == [passage.uri for passage in passages]
    assert [row[5] for row in rows] == [passage.content for passage in passages]


def test_a_corpus_of_halves_is_searched_likewise(workshop: Workshop) -> None:
    for number in range(3):
        workshop.write(f"{number}.txt", TEXTS[number])
    with workshop.pipeline(vector_type="halfvec") as pipeline:
        pipeline.run([str(workshop.folder)])
        nearest, *_ = pipeline.search(TEXTS[2], 3, mode="vector")
        statements = pipeline.search_sql(TEXTS[2], 3, mode="vector")

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
        passages = pipeline.search(TEXTS[2], 5, mode="vector")
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

    printed = ingest("search", "--sql", "aardvarks running", environment=environment)

    assert printed.status == 0
    try:
        psql = subprocess.run(
            ["psql", filled.database_url, "-qAt"], input=printed.out, capture_output=True, text=True, check=True
        )
    except FileNotFoundError:
        pytest.skip("there is no psql on this machine")
    assert TEXTS[17] in psql.stdout


def test_by_words_alone_no_vector_index_is_looked_for(filled: Workshop) -> None:
    indexing = Indexing("text-embedding-3-small", 64, "vector", 512, 0, embed_headings=True)
    with connect(filled.database_url, "corpus") as connection:
        pass

    words = Search(5, mode="words")
    assert by_its_index(connection, indexing, words) is words
    with pytest.raises(psycopg.OperationalError, match="closed"):
        by_its_index(connection, indexing, Search(5, mode="hybrid"))
