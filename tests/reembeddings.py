"""What the tests of re-embedding share: the other model, and readers that look on."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workshop import Workshop

    from ingest.report import RunReport

NEW = {"model": "text-embedding-3-large", "dimensions": 32, "vector_type": "halfvec"}


def reembed(workshop: Workshop, **flags: object) -> RunReport:
    with workshop.pipeline(**(NEW | flags)) as pipeline:
        return pipeline.reembed()


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
