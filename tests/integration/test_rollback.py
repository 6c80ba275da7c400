"""A version that was rolled back, mirrored again: the one truth is the corpus in use, whatever both went through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reembeddings import NEW, passages_of, reembed, text

if TYPE_CHECKING:
    from workshop import Workshop

OLD: dict[str, object] = {"chunk_tokens": 64}


def run(workshop: Workshop, **flags: object) -> int:
    """A run of the corpus in use; how many texts it paid for."""
    before = workshop.emulator.ledger()["texts"]
    with workshop.pipeline(**(OLD | flags)) as pipeline:
        report = pipeline.run([str(workshop.folder)])
    assert not report.failures
    return int(workshop.emulator.ledger()["texts"] - before)


def roll_back(workshop: Workshop) -> None:
    with workshop.pipeline() as pipeline:
        pipeline.roll_back()


def written(workshop: Workshop) -> dict[str, str]:
    return {path.name: path.read_text() for path in workshop.folder.iterdir()}


def rolled_back(workshop: Workshop) -> None:
    """Two versions, of which the one that waits holds a document that the one in use has not."""
    for name in ("a.md", "b.md"):
        workshop.write(name, text(name))
    run(workshop)
    reembed(workshop)
    workshop.write("new.md", text("what came after the swap"))
    run(workshop, **NEW)
    roll_back(workshop)


def test_a_document_that_both_versions_got_by_themselves_is_what_it_is_in_the_one_in_use(workshop: Workshop) -> None:
    rolled_back(workshop)
    workshop.write("new.md", text("an edit after the rollback"))
    run(workshop)

    reembed(workshop)

    assert passages_of(workshop) == written(workshop)
    assert run(workshop, **NEW, full=True) == 0
    assert passages_of(workshop) == written(workshop)


def test_other_documents_under_the_same_ids_are_told_apart(workshop: Workshop) -> None:
    rolled_back(workshop)
    workshop.write("0.md", text("a document before it"))
    workshop.write("c.md", text("another"))
    run(workshop)

    reembed(workshop)

    assert passages_of(workshop) == written(workshop)


def test_what_was_replaced_in_the_version_that_waits_is_no_longer_so_where_it_is_in_use(workshop: Workshop) -> None:
    workshop.write("a.md", text("what stays"))
    run(workshop)
    reembed(workshop)
    workshop.write("a.md", text("an edit whose vectors never came"))
    with workshop.pipeline(**(OLD | NEW)) as pipeline:
        pipeline.sync([str(workshop.folder)])
    roll_back(workshop)
    workshop.write("a.md", text("what stays"))
    run(workshop)
    paid = workshop.emulator.ledger()["texts"]

    reembed(workshop)

    assert passages_of(workshop) == written(workshop)
    assert workshop.query("SELECT count(*) FROM chunks WHERE superseded") == [(0,)]
    assert workshop.query("SELECT count(*) FROM requests") == [(0,)]
    assert workshop.emulator.ledger()["texts"] == paid


def test_what_was_renamed_since_keeps_the_vectors_that_are_paid(workshop: Workshop) -> None:
    for name in ("a.md", "b.md"):
        workshop.write(name, text(name))
    run(workshop)
    texts = workshop.emulator.ledger()["texts"]

    reembed(workshop)
    roll_back(workshop)
    (workshop.folder / "a.md").rename(workshop.folder / "c.md")
    run(workshop)

    reembed(workshop)

    assert passages_of(workshop) == written(workshop)
    assert workshop.emulator.ledger()["texts"] == 2 * texts


def test_ids_name_the_same_passages_in_both_versions_and_none_is_given_twice(workshop: Workshop) -> None:
    rolled_back(workshop)
    names = dict(workshop.query("SELECT id, text_hash FROM corpus__next.chunks"))
    workshop.write("0.md", text("a document before it"))
    workshop.write("new.md", text("an edit after the rollback"))
    run(workshop)
    used = workshop.query("SELECT id, text_hash FROM chunks ORDER BY id")

    reembed(workshop)

    assert all(names.get(chunk_id, text_hash) == text_hash for chunk_id, text_hash in used)
    assert workshop.query("SELECT id, text_hash FROM chunks ORDER BY id") == used


def test_a_request_in_flight_keeps_its_number_where_that_is_another_texts_now(workshop: Workshop) -> None:
    """As it is in corpora of which both versions gave the same ids."""
    workshop.write("a.md", text("what stays", 4))
    run(workshop)
    reembed(workshop)
    workshop.write("b.md", text("what is in flight"))
    with workshop.pipeline(**(OLD | NEW)) as pipeline:
        pipeline.sync([str(workshop.folder)])
        pipeline.submit()
    roll_back(workshop)
    for table in ("documents", "chunks"):
        workshop.query(f"SELECT setval('{table}_id_seq', (SELECT max(id) FROM {table}))")
    workshop.write("b.md", text("what else has these ids"))
    run(workshop)
    shared = workshop.query("SELECT count(*) FROM chunks JOIN corpus__next.requests ON chunk_id = id")

    reembed(workshop)

    assert shared != [(0,)]
    assert passages_of(workshop) == written(workshop)
    assert workshop.query("SELECT count(*) FROM requests") == [(0,)]
    assert workshop.emulator.ledger()["billed_more_than_once"] == []
