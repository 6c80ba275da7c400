"""Nobody waits behind us: whatever we do, an application's own statements go on. The server itself says when one waits.

Each session of the application has a `lock_timeout` of a second: a statement that waits for longer fails. A quarter of
one is the longest that we wait for a lock; readers that stay for three seconds are what we could wait for.
"""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
from process_checks import eventually
from reembeddings import NEW

from ingest.sources.tables import Table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workshop import Workshop

_SEARCH = """
    SELECT d.uri, c.content FROM corpus.chunks c JOIN corpus.documents d ON d.id = c.document_id
    WHERE c.embedding IS NOT NULL ORDER BY c.embedding::text LIMIT 3
"""
# What an application does with a table of its own, whose vectors we bring.
_APPLICATION = (
    "UPDATE articles SET likes = likes + 1 WHERE id = 1 + (random() * 200)::int",
    "INSERT INTO articles (body) VALUES ('Some words of a new article, ' || random())",
    "DELETE FROM articles WHERE id = (SELECT max(id) FROM articles WHERE id > 400)",
    "SELECT id, body FROM articles ORDER BY embedding::text NULLS LAST LIMIT 3",
    "BEGIN; SELECT count(*) FROM articles; SELECT pg_sleep(3); SELECT count(*) FROM articles; COMMIT",
)


@contextmanager
def application(database_url: str, *statements: str) -> Iterator[None]:
    """An application that executes each of these all the time, on a connection each; none waits for long."""
    done = threading.Event()

    def live(statement: str) -> int:
        count = 0
        with psycopg.connect(database_url, autocommit=True, options="-c lock_timeout=1s") as connection:
            while not done.wait(2 if "pg_sleep" in statement else 0.02):  # a while in which nobody reads for long
                connection.execute(statement.encode())
                count += 1
        return count

    with ThreadPoolExecutor(len(statements)) as threads:
        lives = [threads.submit(live, statement) for statement in statements]
        try:
            yield
        finally:
            done.set()
        assert all(each.result() for each in lives)  # raises what one of them was refused


def subjects(workshop: Workshop, first: int, last: int) -> None:
    lines = (f'{{"id": {n}, "text": "All that is to be said about subject {n}."}}\n' for n in range(first, last))
    workshop.write("subjects.jsonl", "".join(lines))


def test_searches_go_on_through_runs_a_reembed_swaps_and_index_builds(workshop: Workshop) -> None:
    subjects(workshop, 0, 1100)
    given = [str(workshop.folder)]
    with workshop.pipeline(dimensions=16) as pipeline:
        pipeline.create()
        with application(workshop.database_url, _SEARCH, f"BEGIN; {_SEARCH}; SELECT pg_sleep(3); {_SEARCH}; COMMIT"):
            pipeline.run(given)
            subjects(workshop, 1000, 2400)
            pipeline.run(given)  # so large beside what there is that the index goes, and comes anew
            pipeline.index()
            with workshop.pipeline(**NEW) as other:
                other.reembed()
                other.roll_back()
                other.finish(discard=True)

    assert workshop.query("SELECT dimensions, (SELECT count(embedding) FROM chunks) FROM corpus") == [(16, 1400)]


def test_an_application_goes_on_through_the_fill_of_its_column_an_index_a_reembed_and_swaps(
    workshop: Workshop,
) -> None:
    table = Table("articles", text="body", into="embedding")
    with psycopg.connect(workshop.database_url) as connection:
        connection.execute(
            "CREATE TABLE articles (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text, likes int DEFAULT 0);"
            "INSERT INTO articles (body) SELECT 'Article number ' || n FROM generate_series(1, 400) n"
        )
    with workshop.pipeline(dimensions=16) as pipeline:
        pipeline.run(table)  # by which the column is there
        with psycopg.connect(workshop.database_url) as connection:
            connection.execute("UPDATE articles SET body = body || ', anew'")
        with application(workshop.database_url, *_APPLICATION):
            pipeline.run(table)
            pipeline.index()
            with workshop.pipeline(**NEW) as other:
                other.reembed()
                other.roll_back()
                other.finish(discard=True)

    articles = "SELECT count(*) FILTER (WHERE embedding IS NULL) FROM articles WHERE id <= 400"
    assert workshop.query(articles) == [(0,)]


def test_what_is_done_while_tables_are_locked_goes_to_the_server_as_one_message(
    workshop: Workshop, tmp_path: Path
) -> None:
    """Each answer that is waited for in between would be waited for by readers, too: long, where a machine is busy."""
    workshop.write("a.txt", "A document.")
    with workshop.pipeline(dimensions=16) as pipeline:
        pipeline.run([str(workshop.folder)])
    with workshop.pipeline(**NEW) as pipeline:
        pipeline.reembed()

    messages = tmp_path / "messages"
    with workshop.pipeline() as pipeline, messages.open("w") as file:
        pipeline.connection.pgconn.trace(file.fileno())
        pipeline.roll_back()
        pipeline.connection.pgconn.untrace()

    sent = re.findall(r"\tF\t\d+\t(?:Query|Parse)\t(.*?)\n(?=\d{4}-)", messages.read_text(), re.DOTALL)
    (locked,) = (number for number, query in enumerate(sent) if "ACCESS EXCLUSIVE MODE" in query)
    ended = next(number for number, query in enumerate(sent) if number > locked and "COMMIT" in query)
    assert "SET SCHEMA" in sent[locked]
    # psycopg's own, after an ALTER, and the search path that is put back.
    assert [query for query in sent[locked + 1 : ended] if not re.search("DEALLOCATE|set_config", query)] == []


def test_a_large_load_drops_the_index_behind_nobody_s_back_who_reads_for_long(workshop: Workshop) -> None:
    subjects(workshop, 0, 1100)
    given = [str(workshop.folder)]
    with workshop.pipeline(dimensions=16) as pipeline:
        pipeline.run(given)
    subjects(workshop, 0, 2400)

    with (
        psycopg.connect(workshop.database_url) as reader,
        ThreadPoolExecutor() as threads,
        workshop.pipeline(dimensions=16) as pipeline,
        application(workshop.database_url, _SEARCH),
    ):
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")  # as pg_dump
        reader.execute("SELECT count(*) FROM corpus.chunks")
        run = threads.submit(pipeline.run, given)
        eventually(lambda: workshop.query("SELECT count(embedding) FROM chunks") == [(2400,)])
        reader.rollback()
        report = run.result()

    assert report.indexed
    assert workshop.query("SELECT indisvalid FROM pg_index WHERE indexrelid = 'chunks_embedding'::regclass") == [
        (True,)
    ]
