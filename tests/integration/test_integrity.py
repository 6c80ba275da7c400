"""Each way in which a corpus can be broken is found by its own books, named, and fixed by a full run."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import psycopg
import pytest
from pgvector import Vector
from promises import MODEL

from ingest.corpus.integrity import check_integrity
from ingest.database.statements import statement
from ingest.database.vectors import register_vectors
from ingest.doctor import examine
from ingest.emulator import hash_vectors
from ingest.model import Chunk, chunks_hash

if TYPE_CHECKING:
    from workshop import Workshop

    from ingest.corpus.integrity import Integrity

# What is done to a corpus of two documents of several passages, and what is told of it.
DAMAGE = {
    "UPDATE documents SET chunks_hash = sha256('edited') WHERE id = 1": "not those of its",
    "UPDATE chunks SET content = content || ' ' WHERE id = 2": "not those of its",
    "DELETE FROM chunks WHERE id = 2": "not those of its",
    "UPDATE chunks SET ordinal = 7 WHERE id = 2": "not numbered from 0",
    "UPDATE chunks SET ordinal = 0 WHERE id = 2": "not numbered from 0",
    "UPDATE chunks SET content = content || 's' WHERE id = 2": "another text than the one",
    "UPDATE chunks SET headings = '{Other}' WHERE id = 2": "another text than the one",
    "UPDATE chunks SET embedding = NULL WHERE id = 2": "none was asked for",
    "UPDATE chunks SET superseded = true WHERE id = 2": "still there",
}


def section(name: str) -> str:
    return f"# {name}\n\n" + "\n\n".join(f"Sentence {number} about {name}, and no more." for number in range(12))


def run(workshop: Workshop, **flags: object) -> None:
    with workshop.pipeline(chunk_tokens=48, **flags) as pipeline:
        pipeline.run([str(workshop.folder)])


def integrity(workshop: Workshop, max_chunks: int | None = None) -> Integrity:
    with workshop.pipeline() as pipeline:
        return check_integrity(pipeline.connection, max_chunks)


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_broken_is_found_and_mended_by_a_full_run(workshop: Workshop, damage: str) -> None:
    for name in ("ants", "bees"):
        workshop.write(f"{name}.md", section(name))
    run(workshop)
    whole = integrity(workshop)
    with workshop.pipeline() as pipeline:
        pipeline.connection.execute(damage.encode())

    broken = integrity(workshop)
    run(workshop, full=True)

    assert (whole.documents, whole.broken, whole.faults) == (2, 0, [])
    assert broken.broken == 1
    assert DAMAGE[damage] in broken.faults[0]
    assert integrity(workshop) == whole


def test_passages_of_no_document_are_found_and_go_with_a_full_run(workshop: Workshop) -> None:
    path = workshop.write("ants.md", section("ants"))
    workshop.write("bees.md", section("bees"))
    run(workshop)
    with psycopg.connect(workshop.database_url) as connection:  # as another tool may that fills the tables
        connection.execute("SET session_replication_role = replica")
        connection.execute("DELETE FROM corpus.documents WHERE uri LIKE '%ants.md'")
    path.unlink()

    broken = integrity(workshop)
    run(workshop, full=True)

    assert (broken.broken, broken.documents) == (0, 1)
    assert "passages are of no document" in broken.faults[0]
    assert integrity(workshop).faults == []


def test_the_doctor_names_what_is_not_whole_and_says_what_mends_it(workshop: Workshop) -> None:
    workshop.write("ants.md", section("ants"))
    with workshop.pipeline() as pipeline:
        before = {check.name: check for check in examine(pipeline)}["integrity"]
    run(workshop)
    with workshop.pipeline() as pipeline:
        whole = {check.name: check for check in examine(pipeline)}["integrity"]
        pipeline.connection.execute(statement("delete_chunks"), {"document_ids": [1]})
        broken = {check.name: check for check in examine(pipeline)}["integrity"]
    run(workshop, full=True)

    assert (before.ok, before.finding) == (True, "nothing to look at yet")
    assert (whole.ok, whole.exit_status, whole.finding.partition(":")[0]) == (True, 0, "1 documents, 3 chunks")
    assert (broken.ok, broken.exit_status) == (False, 1)
    assert "ants.md: its passages are not those of its text" in broken.finding
    assert "--full" in broken.finding


def test_documents_are_looked_at_newest_first_as_far_as_is_asked(workshop: Workshop) -> None:
    for name in ("ants", "bees"):
        workshop.write(f"{name}.md", section(name))
    run(workshop)

    part = integrity(workshop, max_chunks=1)

    assert (part.documents, part.is_complete) == (1, False)


def test_documents_from_before_there_was_a_hash_are_told_and_proved_by_a_full_run(workshop: Workshop) -> None:
    workshop.write("ants.md", section("ants"))
    run(workshop)
    with workshop.pipeline() as pipeline:
        pipeline.connection.execute("UPDATE documents SET chunks_hash = NULL")
    paid = workshop.emulator.ledger()["texts"]

    before = integrity(workshop)
    run(workshop, full=True)

    assert (before.unproved, before.faults) == (1, [])
    assert integrity(workshop).unproved == 0
    assert workshop.emulator.ledger()["texts"] == paid


def test_the_database_makes_the_hashes_that_we_make(workshop: Workshop) -> None:
    contents = ["a", " \u3000a\x1c\u2028", "\x85\n \u00a0", "\ufeffa\u200b", "a > b\n"]
    above: list[tuple[tuple[str, ...], int]] = [((), 0), (("One", "Two > 3"), 1), (("One", ""), 2), (("One",), 3)]
    cases = [
        (Chunk(0, content, *headings, 1), f"{place}")
        for place, (content, headings) in enumerate(product(contents, above))
    ]
    with workshop.pipeline() as pipeline:
        pipeline.create()
        register_vectors(pipeline.connection)
        for chunk, uri in cases:
            vector = Vector(hash_vectors([chunk.embedded_text], MODEL, 64)[0])
            pipeline.connection.execute(
                "INSERT INTO documents (uri, title, source, content_hash, chunks_hash) VALUES (%s, '', '', 'a', %s)",
                (uri, chunks_hash([chunk])),
            )
            pipeline.connection.execute(
                "INSERT INTO chunks (document_id, ordinal, content, headings, token_count, context_headings, text_hash,"
                " embedding) VALUES ((SELECT max(id) FROM documents), 0, %s, %s, 1, %s, %s, %s)",
                (chunk.content, list(chunk.headings), chunk.context_headings, chunk.text_hash, vector),
            )

        found = check_integrity(pipeline.connection)

    assert (found.chunks, found.faults) == (len(cases), [])
