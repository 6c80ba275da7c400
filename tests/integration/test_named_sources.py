"""A source that has a name: its documents are the same wherever it is, and those of before are its own."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import psycopg
import pytest

from ingest.errors import UsageError
from ingest.sources.files import Files
from ingest.sources.tables import Table

if TYPE_CHECKING:
    from pathlib import Path

    from workshop import Workshop


def uris(workshop: Workshop) -> list[str]:
    return [uri for (uri,) in workshop.query("SELECT uri FROM documents ORDER BY uri")]


def named(folder: Path, **kinds: object) -> Files:
    return Files([str(folder)], source="handbook", **kinds)  # type: ignore[arg-type]


def test_the_same_tree_in_another_folder_is_the_same_documents(workshop: Workshop, tmp_path: Path) -> None:
    workshop.write("guide.md", "# Guide\n\nAll about it.")
    workshop.write("deep/näher #1.md", "More words.")
    workshop.write("rows.jsonl", '{"id": "a/b", "text": "a row"}\n')
    with workshop.pipeline() as pipeline:
        first = pipeline.run(named(workshop.folder))
        before = workshop.query("SELECT id, uri FROM documents ORDER BY id")
        paid = workshop.emulator.ledger()["tokens"]
        moved = shutil.copytree(workshop.folder, tmp_path / "elsewhere")
        (moved / "guide.md").write_text("# Guide\n\nAll about it, and one more.")
        second = pipeline.run(named(moved))

    assert uris(workshop) == [
        "handbook/deep/n%C3%A4her%20%231.md",
        "handbook/guide.md",
        "handbook/rows.jsonl#a%2Fb",
    ]
    assert (first.sync.documents_new, second.sync.documents_changed, second.sync.documents_unchanged) == (3, 1, 2)
    assert (second.sync.documents_new, second.sync.documents_gone, second.load.loaded) == (0, 0, 1)
    assert workshop.query("SELECT id, uri FROM documents ORDER BY id") == before
    assert workshop.emulator.ledger()["tokens"] > paid
    metadata = dict(workshop.query("SELECT uri, metadata FROM documents"))
    assert metadata["handbook/deep/n%C3%A4her%20%231.md"]["path"] == "deep/näher #1.md"
    assert metadata["handbook/guide.md"]["source"] == "handbook"


def test_a_corpus_of_before_is_taken_over_without_paying(workshop: Workshop) -> None:
    for number in range(3):
        workshop.write(f"{number}.md", f"These are the words of number {number}.")
    workshop.write("rows.jsonl", '{"id": "one", "text": "a row"}\n')
    with workshop.pipeline() as pipeline:
        pipeline.run([str(workshop.folder)])
        before = workshop.query("SELECT d.id, c.id, embedding FROM documents d JOIN chunks c ON document_id = d.id")
        paid = workshop.emulator.ledger()
        (workshop.folder / "2.md").unlink()
        foretold = pipeline.estimate(named(workshop.folder))
        taken = pipeline.run(named(workshop.folder))
        again = pipeline.sync(named(workshop.folder))

    after = workshop.query("SELECT d.id, c.id, embedding FROM documents d JOIN chunks c ON document_id = d.id")
    assert (foretold.tokens, foretold.sync.documents_renamed, foretold.sync.documents_gone) == (0, 3, 1)
    assert (taken.sync.documents_renamed, taken.sync.documents_unchanged, taken.sync.documents_gone) == (3, 3, 1)
    assert (taken.sync.documents_new, taken.tokens) == (0, 0)
    assert workshop.emulator.ledger() == paid
    assert sorted(after) == sorted(row for row in before if row[0] in {one for one, *_ in after})
    assert uris(workshop) == ["handbook/0.md", "handbook/1.md", "handbook/rows.jsonl#one"]
    assert (again.documents_renamed, again.documents_unchanged) == (0, 3)


def test_what_was_found_by_both_is_one_document_in_the_end(workshop: Workshop) -> None:
    workshop.write("a.md", "words")
    with workshop.pipeline() as pipeline:
        pipeline.run(named(workshop.folder))
        pipeline.run([str(workshop.folder)])
        assert len(uris(workshop)) == 2
        pipeline.run(named(workshop.folder))

    assert uris(workshop) == ["handbook/a.md"]


def test_what_goes_from_one_source_to_another_keeps_what_was_paid(workshop: Workshop) -> None:
    workshop.write("one/a.md", "words that wander")
    workshop.write("one/b.md", "words that stay")
    workshop.write("two/c.md", "other words")
    sources = [Files([str(workshop.folder / name)], source=name) for name in ("one", "two")]
    with workshop.pipeline() as pipeline:
        pipeline.run(sources)
        paid = workshop.emulator.ledger()
        (workshop.folder / "one/a.md").rename(workshop.folder / "two/a.md")
        foretold = pipeline.estimate(sources)
        report = pipeline.run(sources)

    assert (foretold.tokens, foretold.sync.documents_moved) == (0, 1)
    assert (report.sync.documents_moved, report.sync.documents_gone, report.tokens) == (1, 0, 0)
    assert workshop.emulator.ledger() == paid
    assert uris(workshop) == ["one/b.md", "two/a.md", "two/c.md"]


def test_sources_of_one_corpus_are_looked_over_before_any_is_read(workshop: Workshop) -> None:
    workshop.write("a.md", "words")
    sources: list[Files | Table] = [
        Files([str(workshop.folder)], source="one"),
        Table("public.nothing", source="two"),
    ]
    with workshop.pipeline() as pipeline:
        with pytest.raises(UsageError, match="nothing"):
            pipeline.run(sources)
        with pytest.raises(UsageError, match="two sources of a corpus have the name one"):
            pipeline.run([sources[0], sources[0]])
        with pytest.raises(UsageError, match="2 paths"):
            pipeline.run(Files([str(workshop.folder), str(workshop.folder)], source="one"))

    assert workshop.query("SELECT count(*) FROM documents") == [(0,)]


def test_rows_of_a_table_are_told_apart_by_the_names_of_their_sources(workshop: Workshop) -> None:
    with psycopg.connect(workshop.database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE public.articles (id int PRIMARY KEY, text text)")
        connection.execute("INSERT INTO public.articles VALUES (1, 'one word'), (2, 'two words'), (3, 'three words')")
    low, high = (
        Table("public.articles", where=where, source=name) for where, name in (("id < 3", "low"), ("id > 2", "high"))
    )
    with workshop.pipeline() as pipeline:
        pipeline.run(Table("public.articles"))
        taken = pipeline.run([low, high])
        with psycopg.connect(workshop.database_url, autocommit=True) as connection:
            connection.execute("DELETE FROM public.articles WHERE id = 1")
        alone = pipeline.sync(low)

    assert (taken.sync.documents_unchanged, taken.sync.documents_gone, taken.tokens) == (3, 0, 0)
    assert alone.documents_gone == 1
    assert workshop.query("SELECT source, uri FROM documents ORDER BY uri") == [
        ("low", "postgres:///public.articles/2"),
        ("high", "postgres:///public.articles/3"),
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root can look at everything")
def test_nothing_is_gone_of_a_folder_that_can_be_listed_and_not_looked_into(workshop: Workshop) -> None:
    closed = workshop.write("closed/a.md", "words").parent
    workshop.write("b.md", "others")
    with workshop.pipeline() as pipeline:
        pipeline.sync([str(workshop.folder)])
        closed.chmod(0o600)
        try:
            report = pipeline.sync([str(workshop.folder)])
        finally:
            closed.chmod(0o700)

    assert (report.documents_gone, report.skipped_count) == (0, 1)


def test_a_document_stays_while_what_its_link_leads_to_is_away(workshop: Workshop, tmp_path: Path) -> None:
    workshop.write("b.md", "others")
    target = tmp_path / "away.md"
    target.write_text("words")
    (workshop.folder / "gone.md").write_text("to go")
    (workshop.folder / "store").mkdir()
    (workshop.folder / "store/real.md").write_text("words behind a link")
    (workshop.folder / "link.md").symlink_to(workshop.folder / "store/real.md")
    with workshop.pipeline() as pipeline:
        pipeline.sync([str(workshop.folder)])
        (workshop.folder / "store/real.md").rename(tmp_path / "real.md")
        (workshop.folder / "gone.md").unlink()
        report = pipeline.sync([str(workshop.folder)])

    assert (report.documents_gone, report.documents_withheld) == (2, 1)
    assert [kept.name for kept in report.withheld] == [str(workshop.folder / "link.md")]
