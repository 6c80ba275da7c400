"""What your own tests may look like: real passages, real vectors, in a real PostgreSQL."""

from __future__ import annotations

import psycopg
import pytest

from ingest import Pipeline, Settings


def test_the_handbook_is_in_the_database(handbook_url: str) -> None:
    with psycopg.connect(handbook_url) as connection:
        rows = connection.execute(
            "SELECT d.title, count(*) FROM corpus.chunks c JOIN corpus.documents d ON d.id = c.document_id"
            " WHERE c.embedding IS NOT NULL GROUP BY d.title"
        ).fetchall()

    assert {title for title, _ in rows} == {"Leave", "Travel"}


@pytest.mark.parametrize(
    ("question", "words"),
    [("How many vacation days do I get?", "thirty days"), ("How do I get back the money that I spent?", "receipts")],
)
def test_a_question_finds_its_passage(handbook_url: str, question: str, words: str) -> None:
    with Pipeline(Settings(database_url=handbook_url, provider="local")) as pipeline:
        (nearest,) = pipeline.search(question, limit=1)

    assert words in nearest.content
