"""A re-embedding killed between any two effects: readers have the old vectors or the new, and the next run ends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import psycopg
import pytest
from preloaded import KILLED, outcome, start
from process_checks import eventually
from promises import CORPUS_FLAGS, write_corpus

from ingest.emulator import Fault, hash_vectors
from ingest.sources.tables import Table

if TYPE_CHECKING:
    from workshop import Workshop

ROWS = 11
MODEL = "text-embedding-3-large"
NEW: dict[str, Any] = {**CORPUS_FLAGS, "model": MODEL, "dimensions": 16, "vector_type": "halfvec"}
POINTS = (
    "column-added",
    "sync-before-commit",
    "sync-after-commit",
    "shard-after-commit",
    "after-upload",
    "after-create",
    "after-finished",
    "load-before-commit",
    "load-after-commit:2",
    "column-before-commit",
    "column-after-commit",
    "swap-before-commit",
)


def articles(workshop: Workshop) -> None:
    """A column in use, with an index."""
    with psycopg.connect(workshop.database_url) as connection:
        connection.execute("CREATE TABLE public.articles (id int PRIMARY KEY, body text)")
        connection.execute(
            "INSERT INTO articles SELECT n, 'About subject ' || n FROM generate_series(1, %s) n", (ROWS,)
        )
    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        pipeline.run(Table("articles", text="body", into="embedding"))
        pipeline.index()


def dimensions(workshop: Workshop, table: str = "public.articles") -> list[tuple[int, int]]:
    """The lengths of the vectors that readers find, and how many of each."""
    return workshop.query(f"SELECT vector_dims(embedding::vector), count(*) FROM {table} GROUP BY 1")


def check(workshop: Workshop) -> None:
    """All rows have the vector of their text by the new model, each paid once, and an index."""
    rows = workshop.query("SELECT body, embedding::vector::text FROM public.articles ORDER BY id")
    found = np.array([[float(number) for number in vector[1:-1].split(",")] for _, vector in rows])
    ledger = workshop.emulator.ledger()
    indexes = "SELECT indexname FROM pg_indexes WHERE tablename = 'articles' AND indexdef LIKE '%%(embedding halfvec%%'"
    valid = "SELECT count(*) FROM pg_index WHERE indrelid = 'public.articles'::regclass AND NOT indisvalid"

    assert np.allclose(found, hash_vectors([body for body, _ in rows], MODEL, 16), atol=1e-3)
    assert (ledger["texts"], ledger["billed_more_than_once"]) == (2 * ROWS, [])
    assert workshop.query(indexes) == [("articles_embedding",)]
    assert workshop.query(valid) == [(0,)]


@pytest.mark.parametrize("point", POINTS)
def test_a_second_column_killed_at_any_point_is_finished_by_the_next_run(workshop: Workshop, point: str) -> None:
    articles(workshop)
    flags = workshop.flags | NEW

    first = outcome(start("reembed", flags, [], point, quiet=True))
    between = dimensions(workshop)
    second = outcome(start("reembed", flags, []))

    assert (first, second, between) == (KILLED, 0, [(8, ROWS)])
    check(workshop)


def test_a_swap_of_columns_that_was_killed_after_its_commit_is_done(workshop: Workshop) -> None:
    articles(workshop)

    killed = outcome(start("reembed", workshop.flags | NEW, [], "swap-after-commit", quiet=True))

    assert killed == KILLED
    check(workshop)
    with workshop.pipeline() as pipeline:
        pipeline.finish()
    check(workshop)


@pytest.mark.parametrize(("point", "found"), [("swap-before-commit", 8), ("swap-after-commit", 16)])
def test_a_swap_of_corpora_that_was_killed_is_whole_or_not_at_all(workshop: Workshop, point: str, found: int) -> None:
    write_corpus(workshop)
    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        pipeline.run([str(workshop.folder)])

    killed = outcome(start("reembed", workshop.flags | NEW, [], point, quiet=True))

    assert killed == KILLED
    assert dimensions(workshop, "corpus.chunks") == [(found, 11)]


def test_a_build_of_the_second_index_that_was_killed_is_done_anew(workshop: Workshop) -> None:
    articles(workshop)
    flags = workshop.flags | NEW
    building = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%%CREATE INDEX%%'"
    begun = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
    column = "SELECT count(*) FROM pg_attribute WHERE attname = 'embedding__next'"

    workshop.emulator.set_faults(Fault("stuck_in_progress"))  # until the build has something to wait for
    with psycopg.connect(workshop.database_url) as writer:
        process = start("reembed", flags, [], quiet=True)
        eventually(lambda: workshop.query(column) == [(1,)])
        writer.execute("INSERT INTO public.articles VALUES (0, 'Not committed')")
        workshop.emulator.set_faults()
        eventually(lambda: workshop.query(building) != [])
        eventually(lambda: workshop.query(begun) != [(0,)])
        process.kill()
        killed = outcome(process)
        # The server goes on building for a client that is gone; as it would not if it were stopped too.
        workshop.query(f"SELECT pg_terminate_backend(pid) FROM ({building}) AS build")
        eventually(lambda: workshop.query(building) == [])
        writer.rollback()
    second = outcome(start("reembed", flags, []))

    assert (killed, second) == (KILLED, 0)
    check(workshop)
