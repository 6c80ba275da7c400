"""What the tests of re-embedding share: a corpus in use, the other model, and readers that look on."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workshop import Workshop

    from ingest.reporting.run_report import RunReport

NEW = {"model": "text-embedding-3-large", "dimensions": 32, "vector_type": "halfvec"}


def filled(workshop: Workshop, **flags: object) -> None:
    """A small corpus in use."""
    for number in range(3):
        workshop.write(f"{number}.txt", f"This is document number {number}, and nothing else is.")
    with workshop.pipeline(**flags) as pipeline:
        pipeline.run([str(workshop.folder)])


def change(workshop: Workshop, *statements: str) -> None:
    """What a user does in his database."""
    with psycopg.connect(workshop.database_url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def reembed(workshop: Workshop, **flags: object) -> RunReport:
    with workshop.pipeline(**(NEW | flags)) as pipeline:
        return pipeline.reembed()


def text(subject: str, sentences: int = 16) -> str:
    """Several passages, each of its own words."""
    return "\n\n".join(f"Sentence {number} of all that is to be said about {subject}." for number in range(sentences))


def passages_of(workshop: Workshop) -> dict[str, str]:
    """The texts of the documents, as the passages that have their vectors join to them."""
    rows = workshop.query(
        "SELECT uri, string_agg(content, '' ORDER BY ordinal) FROM documents d JOIN chunks c ON c.document_id = d.id "
        "WHERE NOT superseded AND embedding IS NOT NULL GROUP BY uri"
    )
    return {uri.rpartition("/")[2]: content for uri, content in rows}


def schemas(workshop: Workshop) -> set[str]:
    return {name for (name,) in workshop.query("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'corpus%%'")}


@contextmanager
def watched(database_url: str, look: str, *more: str) -> Iterator[list[tuple[object, ...]]]:
    """What readers find that look all the time, one of them by a prepared statement; `more` must only go well."""
    log: list[tuple[object, ...]] = []
    done = threading.Event()

    def read(*, prepare: bool) -> None:
        with psycopg.connect(database_url, autocommit=True) as connection:
            while not done.is_set():
                log.extend(connection.execute(look.encode(), prepare=prepare).fetchall())
                for query in more:
                    connection.execute(query.encode(), prepare=False)

    readers = [threading.Thread(target=read, kwargs={"prepare": prepare}) for prepare in (True, False)]
    for reader in readers:
        reader.start()
    try:
        yield log
    finally:
        done.set()
        for reader in readers:
            reader.join()


def lengths(workshop: Workshop) -> list[tuple[int]]:
    """The lengths of the vectors that readers find."""
    return workshop.query("SELECT DISTINCT vector_dims(embedding::vector) FROM corpus.chunks")


@contextmanager
def roles(workshop: Workshop, *names: str) -> Iterator[list[str]]:
    """Roles of the test's own."""
    database = workshop.query("SELECT current_database()")[0][0]
    made = [f"{name}_{database}" for name in names]
    change(workshop, *(f"CREATE ROLE {role}" for role in made))
    change(workshop, *(f"GRANT USAGE ON SCHEMA corpus TO {role}" for role in made))
    try:
        yield made
    finally:
        for role in made:
            change(workshop, f"REASSIGN OWNED BY {role} TO CURRENT_USER", f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def there_and_back(workshop: Workshop, look: str) -> list[list[tuple[object, ...]]]:
    """What is found before a swap, after it, after a rollback, and when all is finished."""
    found = [workshop.query(look)]
    reembed(workshop)
    found.append(workshop.query(look))
    with workshop.pipeline() as pipeline:
        pipeline.roll_back()
        found.append(workshop.query(look))
    reembed(workshop)
    with workshop.pipeline() as pipeline:
        pipeline.finish()
    assert lengths(workshop) == [(32,)]
    return [*found, workshop.query(look)]
