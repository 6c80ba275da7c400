"""What a sync makes of new, changed, moved and gone documents."""

from __future__ import annotations

import json
import os
from random import Random
from string import ascii_letters
from typing import TYPE_CHECKING

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from workshop import Workshop

    from ingest.corpus.sync_report import SyncReport


def sections(*names: str) -> str:
    """A Markdown document of one chunk a section."""
    return "\n\n".join(f"# {name}\n\n" + f"All that is to be said about {name}. " * 12 for name in names)


def sync(workshop: Workshop, *paths: Path, **flags: object) -> SyncReport:
    with workshop.pipeline(**{"chunk_tokens": 128, **flags}) as pipeline:
        return pipeline.sync([str(path) for path in paths or (workshop.folder,)])


def run(workshop: Workshop) -> None:
    with workshop.pipeline(chunk_tokens=128) as pipeline:
        pipeline.run([str(workshop.folder)])


def age(path: Path) -> None:
    """Make a file old enough for its time stamp to be trusted."""
    os.utime(path, (1_700_000_000, 1_700_000_000))


def test_identical_text_is_requested_once_in_the_whole_corpus(workshop: Workshop) -> None:
    workshop.write("a.md", sections("ants", "bees"))
    workshop.write("b.md", sections("bees", "cats"))

    report = sync(workshop)

    assert (report.chunks_new, report.chunks_shared) == (3, 1)
    run(workshop)
    assert workshop.query("SELECT count(*), count(embedding) FROM chunks") == [(4, 4)]
    assert workshop.emulator.ledger()["texts"] == 3


def test_an_edit_keeps_the_rows_of_the_other_chunks(workshop: Workshop) -> None:
    path = workshop.write("a.md", sections("ants", "bees", "cats"))
    run(workshop)
    before = dict(workshop.query("SELECT content, id FROM chunks"))
    path.write_text(sections("ants", "wasps", "cats"))

    report = sync(workshop)

    assert (report.documents_changed, report.chunks_kept, report.chunks_new) == (1, 2, 1)
    after = dict(workshop.query("SELECT content, id FROM chunks WHERE NOT superseded"))
    assert {text: row for text, row in before.items() if "bees" not in text}.items() <= after.items()


def test_old_chunks_stay_searchable_until_the_new_ones_have_vectors(workshop: Workshop) -> None:
    path = workshop.write("a.md", sections("ants", "bees"))
    run(workshop)
    path.write_text(sections("wasps", "gnats"))

    sync(workshop)
    between = workshop.query("SELECT content FROM chunks WHERE embedding IS NOT NULL ORDER BY ordinal")
    run(workshop)
    after = workshop.query("SELECT content, embedding IS NOT NULL FROM chunks ORDER BY ordinal")

    assert ["ants" in between[0][0], "bees" in between[1][0]] == [True, True]
    assert [("wasps" in content, "gnats" in content, searchable) for content, searchable in after] == [
        (True, False, True),
        (False, True, True),
    ]


def test_an_edit_that_is_taken_back_costs_nothing(workshop: Workshop) -> None:
    path = workshop.write("a.md", sections("ants", "bees"))
    run(workshop)
    path.write_text(sections("ants", "wasps"))
    sync(workshop)
    path.write_text(sections("ants", "bees"))

    report = sync(workshop)

    assert (report.chunks_kept, report.tokens_to_pay) == (2, 0)
    assert workshop.query("SELECT count(*) FROM requests") == [(0,)]
    assert workshop.query("SELECT count(*) FROM chunks WHERE embedding IS NOT NULL AND NOT superseded") == [(2,)]


def test_a_deleted_paragraph_is_gone_at_once(workshop: Workshop) -> None:
    path = workshop.write("a.md", sections("ants", "bees"))
    run(workshop)
    path.write_text(sections("ants"))

    sync(workshop)

    assert workshop.query("SELECT content LIKE '%%ants%%' FROM chunks") == [(True,)]


def test_a_chunk_that_moves_keeps_its_row(workshop: Workshop) -> None:
    path = workshop.write("a.md", sections("ants", "bees") + "\n\n")
    run(workshop)
    (bees,) = workshop.query("SELECT id FROM chunks WHERE content LIKE '%%bees%%'")
    path.write_text(sections("wasps", "ants", "bees") + "\n\n")

    sync(workshop)

    assert workshop.query("SELECT id, ordinal FROM chunks WHERE content LIKE '%%bees%%'") == [(bees[0], 2)]


def test_a_renamed_file_costs_nothing(workshop: Workshop) -> None:
    path = workshop.write("a.md", sections("ants", "bees"))
    run(workshop)
    path.rename(path.with_name("b.md"))

    report = sync(workshop)

    assert (report.documents_moved, report.documents_new, report.documents_gone) == (1, 0, 0)
    assert report.tokens_to_pay == 0
    assert workshop.query("SELECT count(*), count(embedding) FROM chunks") == [(2, 2)]
    assert workshop.query("SELECT uri LIKE '%%/b.md' FROM documents") == [(True,)]


def test_a_gone_file_takes_its_chunks_and_waiting_requests_along(workshop: Workshop) -> None:
    workshop.write("a.md", sections("ants"))
    gone = workshop.write("b.md", sections("bees"))
    sync(workshop)
    gone.unlink()

    report = sync(workshop)

    assert report.documents_gone == 1
    assert workshop.query("SELECT count(*) FROM chunks") == [(1,)]
    assert workshop.query("SELECT count(*) FROM requests") == [(1,)]


def test_a_vector_to_come_for_a_document_that_went_reaches_another_with_the_same_text(workshop: Workshop) -> None:
    gone = workshop.write("a.md", sections("bees"))
    workshop.write("z.md", sections("zebras"))
    with workshop.pipeline(chunk_tokens=128) as pipeline:
        pipeline.sync([str(workshop.folder)])
        pipeline.submit()
        gone.unlink()
        workshop.write("b.md", sections("ants", "bees"))
        pipeline.sync([str(workshop.folder)])
        pipeline.run([str(workshop.folder)])

    assert workshop.query("SELECT count(*), count(embedding) FROM chunks") == [(3, 3)]
    assert workshop.emulator.ledger()["texts_billed_more_than_once"] == 0
    assert workshop.emulator.ledger()["texts"] == 3


def test_documents_of_other_paths_stay(workshop: Workshop) -> None:
    workshop.write("one/a.md", sections("ants"))
    workshop.write("two/b.md", sections("bees"))
    sync(workshop, workshop.folder / "one")

    report = sync(workshop, workshop.folder / "two")

    assert (report.documents_new, report.documents_gone) == (1, 0)
    assert workshop.query("SELECT count(*) FROM documents") == [(2,)]


def test_an_unchanged_file_is_not_read_again(workshop: Workshop) -> None:
    path = workshop.write("a.md", sections("ants"))
    age(path)
    sync(workshop)
    path.write_text(sections("wasp"))  # of the same size, and with its old time again
    age(path)

    report = sync(workshop)

    assert (report.documents_unchanged, report.bytes_read) == (1, 0)
    assert sync(workshop, full=True).documents_changed == 1


def test_a_touched_file_is_read_and_found_unchanged(workshop: Workshop) -> None:
    path = workshop.write("a.md", sections("ants"))
    age(path)
    sync(workshop)
    path.touch()

    report = sync(workshop)

    assert (report.documents_unchanged, report.documents_changed) == (1, 0)


def test_another_chunk_size_chunks_everything_anew(workshop: Workshop) -> None:
    path = workshop.write("a.md", sections("ants", "bees"))
    age(path)
    sync(workshop)

    report = sync(workshop, chunk_tokens=64)

    assert report.documents_changed == 1
    assert report.chunks_new > 2


def test_hidden_binary_and_linked_files_are_skipped_with_their_reason(workshop: Workshop, tmp_path: Path) -> None:
    workshop.write("a.md", sections("ants"))
    workshop.write(".hidden.md", sections("secrets"))
    workshop.write(".git/config.md", sections("secrets"))
    (workshop.folder / "binary.md").write_bytes(b"\0\1\2\3")
    outside = tmp_path / "outside.md"
    outside.write_text(sections("secrets"))
    (workshop.folder / "link.md").symlink_to(outside)
    os.mkfifo(workshop.folder / "pipe.md")

    report = sync(workshop)

    assert report.documents_new == 1
    assert (report.skipped_hidden, report.skipped_binary, report.skipped_count) == (2, 1, 2)
    assert {skipped.name.rsplit("/", 1)[-1]: skipped.reason for skipped in report.skipped} == {
        "link.md": "a link that leads out of the given folder",
        "pipe.md": "not a regular file",
    }


def test_a_file_that_cannot_be_read_any_more_keeps_its_chunks(workshop: Workshop) -> None:
    workshop.write("a.md", sections("ants"))
    path = workshop.write("b.md", sections("bees"))
    sync(workshop)
    path.write_bytes(b"\0")

    report = sync(workshop)

    assert report.documents_gone == 0
    assert [skipped.reason for skipped in report.skipped] == ["binary; what was read before stays"]
    assert workshop.query("SELECT count(*) FROM documents") == [(2,)]


def test_odd_texts_are_taken(workshop: Workshop) -> None:
    workshop.write("empty.md", "")
    workshop.write("blank.md", " \n\t\n" * 50)
    workshop.write("special.md", "<|endoftext|> and <|fim_prefix|>")
    workshop.write("emoji.md", "👩‍👩‍👧‍👦🇯🇵" * 2000)
    workshop.write("solid.md", "x" * 300_000)
    workshop.write("日本語.md", "これは日本語の文章です。" * 500)
    (workshop.folder / "late-nul.md").write_bytes(b"word " * 4000 + b"\0 and more")
    (workshop.folder / "latin.md").write_bytes("déjà vu".encode("latin-1"))
    (workshop.folder / "utf16.md").write_text("wide words", encoding="utf-16")

    with workshop.pipeline() as pipeline:
        report = pipeline.run([str(workshop.folder)])

    assert report.sync.documents_empty == 2
    assert (report.documents, report.failures) == (9, [])
    assert report.embedded == report.chunks > 9
    joined = dict(
        workshop.query(
            "SELECT d.title, string_agg(c.content, '' ORDER BY c.ordinal) FROM chunks c "
            "JOIN documents d ON d.id = c.document_id GROUP BY d.title"
        )
    )
    assert joined["solid"] == "x" * 300_000
    assert joined["emoji"] == "👩‍👩‍👧‍👦🇯🇵" * 2000
    assert joined["utf16"] == "wide words"
    assert joined["late-nul"].endswith("word � and more")
    assert joined["special"] == "<|endoftext|> and <|fim_prefix|>"


def test_thousands_of_empty_files_are_counted_and_not_read_again(workshop: Workshop) -> None:
    for number in range(3_000):
        age(workshop.write(f"{number:04}.md", ""))
    age(workshop.write("full.md", "The only one that says something."))

    first = sync(workshop)
    second = sync(workshop)
    workshop.write("0007.md", "No longer empty.")
    (workshop.folder / "0008.md").unlink()
    third = sync(workshop)

    assert (first.documents_new, first.documents_empty, first.chunks_new) == (3_001, 3_000, 1)
    assert (len(first.empty), first.empty[0].name) == (1_000, str(workshop.folder / "0000.md"))
    assert (first.skipped_count, first.has_failed) == (0, False)
    assert (second.documents_unchanged, second.documents_empty, second.empty) == (3_001, 0, [])
    assert (third.documents_changed, third.documents_gone, third.documents_unchanged) == (1, 1, 2_999)


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_a_record_that_the_database_refuses_is_listed_and_the_rest_is_taken(workshop: Workshop, suffix: str) -> None:
    long_key = "".join(Random(7).choices(ascii_letters, k=6000))
    lines = [f"{key},All that is to be said about {key[:4]}" for key in ("ants", long_key, "bees", "cats")]
    if suffix == ".jsonl":
        lines = [json.dumps(dict(zip(("id", "text"), line.split(","), strict=True))) for line in lines]
    workshop.write(f"a{suffix}", "\n".join(["id,text"] * (suffix == ".csv") + lines))

    report = sync(workshop)
    again = sync(workshop)

    assert (report.documents_new, again.documents_unchanged, again.documents_gone) == (3, 3, 0)
    for told in (report, again):
        assert [(len(skipped.name) < 400, skipped.reason[:21]) for skipped in told.skipped] == [
            (True, "PostgreSQL refuses it")
        ]
        assert long_key[:40] in told.skipped[0].name  # what is cut depends on the folder
        assert "index row size" in told.skipped[0].reason
    run(workshop)
    assert workshop.query("SELECT count(*), count(embedding) FROM chunks") == [(3, 3)]


def test_a_document_that_a_rule_of_the_users_refuses_stays_as_it_was(workshop: Workshop) -> None:
    path = workshop.write("a.md", sections("ants"))
    workshop.write("b.md", sections("bees"))
    run(workshop)
    with psycopg.connect(workshop.database_url) as connection:
        connection.execute("ALTER TABLE corpus.documents ADD CHECK (title <> 'wasps')")
    path.write_text(f"{sections('wasps')}\n\n![a wasp](data:image/png;base64,{'iVBORw0KGgo' * 40})\n")
    workshop.write("c.md", sections("cats"))

    report = sync(workshop)

    assert (report.lossy_count, report.lossy, report.losses) == (0, [], {})
    assert (report.documents_new, report.documents_changed, report.documents_gone) == (1, 0, 0)
    (told,) = report.skipped
    assert told.reason.startswith("PostgreSQL refuses it: new row for relation")
    assert told.reason.endswith('violates check constraint "documents_title_check"; what was read before stays')
    assert workshop.query("SELECT title FROM documents ORDER BY title") == [("ants",), ("bees",), ("cats",)]


def test_a_file_over_the_limit_is_listed(workshop: Workshop) -> None:
    workshop.write("a.md", sections("ants"))
    workshop.write("big.md", "word " * 1000)

    report = sync(workshop, max_document_bytes=2000)

    assert [skipped.reason for skipped in report.skipped] == ["5,000 bytes, over max_document_bytes (2,000)"]


def test_paths_may_be_files_folders_and_globs(workshop: Workshop) -> None:
    workshop.write("a.md", sections("ants"))
    workshop.write("deep/er/b.md", sections("bees"))
    workshop.write("deep/er/c.txt", sections("cats"))

    with workshop.pipeline() as pipeline:
        report = pipeline.sync([str(workshop.folder / "a.md"), str(workshop.folder / "**/*.md")])

    assert report.documents_new == 2


def test_a_path_that_is_not_there_changes_nothing(workshop: Workshop) -> None:
    workshop.write("a.md", sections("ants"))
    sync(workshop)

    with pytest.raises(UsageError, match="no such file or folder"):
        sync(workshop, workshop.folder, workshop.folder / "nowhere")

    assert workshop.query("SELECT count(*) FROM documents") == [(1,)]


WORDS = st.lists(st.sampled_from(["ants", "bees", "cats", "dogs", "eels"]), max_size=5)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(versions=st.lists(st.dictionaries(st.sampled_from("abc"), WORDS, min_size=1), min_size=1, max_size=4))
def test_after_any_history_the_corpus_is_what_the_files_are(
    workshop: Workshop, versions: list[dict[str, list[str]]]
) -> None:
    corpus = "history"
    for files in versions:
        for old in workshop.folder.iterdir():
            old.unlink()
        for name, names in files.items():
            workshop.write(f"{name}.md", sections(*names))
        with workshop.pipeline(chunk_tokens=128, corpus=corpus) as pipeline:
            pipeline.run([str(workshop.folder)])

    stored = dict(
        workshop.query(
            "SELECT substring(uri from '([^/]*)\\.md$'), "
            "(SELECT coalesce(string_agg(content, '' ORDER BY ordinal), '') "
            "FROM history.chunks c WHERE document_id = d.id AND embedding IS NOT NULL) FROM history.documents d"
        )
    )
    assert stored == {name: sections(*names) for name, names in versions[-1].items()}
    assert workshop.query("SELECT count(*) FROM history.requests") == [(0,)]
