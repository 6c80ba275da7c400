"""Files of records that are unchanged are not read again; whatever might be otherwise has them read."""

from __future__ import annotations

import gzip
import json
import os
import time
import zipfile
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from ingest.sources import files
from ingest.sources.files import Files
from ingest.sources.records import Fields

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from workshop import Outcome, Workshop

    from ingest.corpus import SyncReport

TEXTS = {"ants": "Ants dig.", "bees": "Bees hum.", "cows": "Cows low."}
MAIL = "From a@example.org Mon Jan  1 10:00:00 2024\nFrom: a@example.org\nSubject: {0}\nMessage-ID: <{0}>\n\n{1}\n\n"
LONG_AGO = time.time() - 3600


def as_jsonl(path: Path, texts: Mapping[str, str]) -> None:
    path.write_text("".join(json.dumps({"id": key, "text": text, "note": key}) + "\n" for key, text in texts.items()))


def as_csv(path: Path, texts: Mapping[str, str]) -> None:
    path.write_text("id,text,note\n" + "".join(f"{key},{text},{key}\n" for key, text in texts.items()))


def as_mbox(path: Path, texts: Mapping[str, str]) -> None:
    path.write_text("".join(MAIL.format(key, text) for key, text in texts.items()))


def as_parquet(path: Path, texts: Mapping[str, str]) -> None:
    columns = {"id": list(texts), "text": list(texts.values()), "note": list(texts)}
    parquet.write_table(pa.table(columns), path, compression="none")


def as_packed(path: Path, texts: Mapping[str, str]) -> None:
    as_jsonl(path, texts)
    path.write_bytes(gzip.compress(path.read_bytes(), 0, mtime=0))


WAYS = {"a.jsonl": as_jsonl, "a.csv": as_csv, "a.mbox": as_mbox, "a.parquet": as_parquet, "a.jsonl.gz": as_packed}


def put(path: Path, texts: Mapping[str, str], at: float = LONG_AGO, write: Any = as_jsonl) -> Path:
    """A file of these records that was last touched at this time."""
    write(path, texts)
    os.utime(path, (at, at))
    return path


def counts(report: SyncReport) -> tuple[int, int, int, int]:
    return report.documents_new, report.documents_changed, report.documents_gone, report.documents_unchanged


def stored(workshop: Workshop) -> list[str]:
    """What of the texts of animals stands in the corpus, in its order."""
    rows = workshop.query("SELECT content FROM chunks WHERE NOT superseded")
    return sorted(line for (content,) in rows for line in content.splitlines() if line.endswith("."))


@pytest.mark.parametrize("name", WAYS)
def test_a_file_of_the_same_size_and_time_is_not_read_again(workshop: Workshop, name: str) -> None:
    path = put(workshop.folder / name, TEXTS, write=WAYS[name])
    with workshop.pipeline() as pipeline:
        pipeline.sync([str(path)])
        put(path, TEXTS | {"bees": "Bees fly."}, write=WAYS[name])  # nobody can see that, but who reads it

        dry = pipeline.estimate([str(path)]).sync
        same = pipeline.sync([str(path)])
        put(path, TEXTS | {"bees": "Bees fly."}, LONG_AGO + 1, write=WAYS[name])
        dry_touched = pipeline.estimate([str(path)]).sync
        touched = pipeline.sync([str(path)])

    assert counts(same) == counts(dry) == (0, 0, 0, 3)
    assert counts(touched) == counts(dry_touched) == (0, 1, 0, 2)
    assert stored(workshop) == ["Ants dig.", "Bees fly.", "Cows low."]


@pytest.mark.parametrize("name", WAYS)
def test_what_was_added_edited_and_taken_out_is_found(workshop: Workshop, name: str) -> None:
    path = put(workshop.folder / name, TEXTS, write=WAYS[name])
    other = put(workshop.folder / f"b{name[1:]}", {"dogs": "Dogs bark."}, write=WAYS[name])
    with workshop.pipeline() as pipeline:
        pipeline.sync([str(workshop.folder)])
        put(path, {"ants": "Ants dig.", "bees": "Bees buzz.", "cats": "Cats nap."}, LONG_AGO + 1, write=WAYS[name])

        edited = pipeline.sync([str(workshop.folder)])
        same = pipeline.sync([str(workshop.folder)])
        other.unlink()
        removed = pipeline.sync([str(workshop.folder)])

    assert counts(edited) == (1, 1, 1, 2)
    assert counts(same) == (0, 0, 0, 4)
    assert counts(removed) == (0, 0, 1, 3)
    assert stored(workshop) == ["Ants dig.", "Bees buzz.", "Cats nap."]
    assert [uri.rpartition("/")[2] for (uri,) in workshop.query("SELECT uri FROM whole_files")] == [name]


def test_a_file_that_was_touched_just_now_may_change_within_the_clocks_step(workshop: Workshop) -> None:
    now = time.time()
    path = put(workshop.folder / "a.jsonl", TEXTS, now)
    with workshop.pipeline() as pipeline:
        pipeline.sync([str(path)])
        put(path, TEXTS | {"bees": "Bees fly."}, now)

        report = pipeline.sync([str(path)])

    assert counts(report) == (0, 1, 0, 2)
    assert stored(workshop) == ["Ants dig.", "Bees fly.", "Cows low."]


@pytest.mark.parametrize(
    ("told", "settings"),
    [
        ({"fields": Fields(text="note")}, {}),
        ({"fields": Fields(title="note")}, {}),
        ({"fields": Fields(key="note")}, {}),
        ({"fields": Fields(metadata=("note",))}, {}),
        ({"path_metadata": "{kind}.jsonl"}, {}),
        ({"modified": True}, {}),
        ({"source": "named"}, {}),
        ({}, {"chunk_tokens": 64}),
        ({}, {"attachments": True}),
        ({}, {"full": True}),
    ],
    ids=lambda each: ",".join(f"{name}={value}" for name, value in each.items()) or "-",
)
def test_a_file_is_read_again_where_it_is_read_otherwise(
    workshop: Workshop, told: dict[str, Any], settings: dict[str, Any]
) -> None:
    path = put(workshop.folder / "a.jsonl", TEXTS)
    with workshop.pipeline() as pipeline:
        pipeline.sync(Files([str(path)]))
    put(path, {"ants": "Ants dig.", "bees": "Bees fly.", "cows": "Cows low."})

    with workshop.pipeline(**settings) as pipeline:
        pipeline.sync(Files([str(path)], **told))

    expected = ["Ants dig.", "Bees fly.", "Cows low."] if told != {"fields": Fields(text="note")} else []
    assert stored(workshop) == expected


def test_another_release_reads_it_again(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(workshop.folder / "a.jsonl", TEXTS)
    with workshop.pipeline() as pipeline:
        pipeline.sync([str(path)])
        put(path, TEXTS | {"bees": "Bees fly."})
        monkeypatch.setattr(files, "_release", lambda: "another")

        report = pipeline.sync([str(path)])

    assert counts(report) == (0, 1, 0, 2)


TOLD = {
    "an unreadable line": '{"id": "ants", "text": "Ants dig."}\nno JSON\n',
    "a key twice": '{"id": "ants", "text": "Ants dig."}\n{"id": "ants", "text": "Ants dig."}\n',
    "bytes of no encoding": b'{"id": "ants", "text": "Ants dig\xff."}\n',
    "no field": '{"id": "ants", "text": "Ants dig."}\n{"id": "bees"}\n',
    "a record that is too large": '{"id": "ants", "text": "Ants dig."}\n{"id": "bees", "text": "%s"}\n'
    % ("bee " * 999),
}


@pytest.mark.parametrize("before", [{}, {"ants": "Ants dig.", "bees": "Bees hum."}], ids=["new", "known"])
@pytest.mark.parametrize("content", TOLD.values(), ids=TOLD)
def test_what_is_wrong_in_a_file_is_told_each_time(
    workshop: Workshop, content: str | bytes, before: dict[str, str]
) -> None:
    path = workshop.folder / "a.jsonl"
    with workshop.pipeline(max_document_bytes=2000) as pipeline:
        if before:
            pipeline.sync([str(put(path, before))])
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        os.utime(path, (LONG_AGO + 1, LONG_AGO + 1))

        reports = [pipeline.sync([str(path)]) for _ in range(3)]

    told = [(report.skipped, report.lossy) for report in reports]
    assert told[0] != ([], [])
    assert told[0] == told[1] == told[2]


def test_a_document_that_the_database_refuses_is_told_each_time(workshop: Workshop) -> None:
    path = put(workshop.folder / "a.jsonl", TEXTS)
    with workshop.pipeline() as pipeline:
        pipeline.create()
        pipeline.connection.execute("ALTER TABLE corpus.documents ADD CHECK (uri !~ 'bees$')")

        reports = [pipeline.sync([str(path)]) for _ in range(3)]
        pipeline.connection.execute("ALTER TABLE corpus.documents DROP CONSTRAINT documents_uri_check")
        allowed = pipeline.sync([str(path)])

    assert [report.skipped_count for report in reports] == [1, 1, 1]
    assert counts(allowed) == (1, 0, 0, 2)


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM corpus.documents WHERE uri LIKE '%#bees'",
        "UPDATE corpus.documents SET content_hash = '', source_version = NULL WHERE uri LIKE '%#bees'",
        "UPDATE corpus.documents SET source = 'another' WHERE uri LIKE '%#bees'",
        "UPDATE corpus.documents SET source_version = 'another' WHERE uri LIKE '%#bees'",
    ],
)
def test_a_file_is_read_again_whose_documents_are_not_as_they_were_left(workshop: Workshop, change: str) -> None:
    path = put(workshop.folder / "a.jsonl", TEXTS)
    with workshop.pipeline() as pipeline:
        pipeline.sync([str(path)])
        pipeline.connection.execute(change.encode())
        pipeline.connection.commit()

        pipeline.sync([str(path)])

    assert stored(workshop) == ["Ants dig.", "Bees hum.", "Cows low."]
    assert workshop.query("SELECT count(DISTINCT source), count(source_version) FROM documents") == [(1, 3)]


@pytest.mark.parametrize(
    "point", ["sync-before-commit", "sync-after-commit", "gone-before-commit", "gone-after-commit"]
)
def test_a_file_that_is_put_back_after_a_kill_is_what_the_corpus_holds(
    workshop: Workshop, ingest: Callable[..., Outcome], point: str
) -> None:
    path = put(workshop.folder / "a.jsonl", TEXTS)
    environment = {"DATABASE_URL": workshop.database_url, "INGEST_FAILPOINT": point}
    with workshop.pipeline() as pipeline:
        pipeline.sync([str(path)])
        put(path, {"ants": "Ants dig.", "bees": "Bees fly."}, LONG_AGO + 1)
        killed = ingest(
            *("sync", path, "--corpus", "corpus", "--dimensions", 64, "--provider", "openai"),
            environment=environment | {"OPENAI_API_KEY": "none", "OPENAI_BASE_URL": workshop.emulator.base_url},
        )
        put(path, TEXTS)

        pipeline.sync([str(path)])

    assert killed.status == -9
    assert stored(workshop) == ["Ants dig.", "Bees hum.", "Cows low."]


def test_what_could_not_be_told_to_be_gone_goes_as_soon_as_it_can(workshop: Workshop) -> None:
    path = put(workshop.folder / "a.jsonl", TEXTS)
    damaged = workshop.folder / "b.zip"
    with zipfile.ZipFile(damaged, "w") as archive:
        archive.writestr("one.txt", "Something.")
    given = [str(path), str(damaged)]
    with workshop.pipeline() as pipeline:
        pipeline.sync(given)
        whole = damaged.read_bytes()
        damaged.write_bytes(b"no archive")
        put(path, {"ants": "Ants dig."}, LONG_AGO + 1)

        unclear = pipeline.sync(given)
        damaged.write_bytes(whole)
        clear = pipeline.sync(given)

    assert (unclear.documents_gone, clear.documents_gone) == (0, 2)
    assert stored(workshop) == ["Ants dig.", "Something."]


def test_a_file_that_two_sources_find_is_kept_by_both(workshop: Workshop) -> None:
    path = put(workshop.folder / "a.jsonl", TEXTS)
    both = [str(workshop.folder), str(path)]
    with workshop.pipeline() as pipeline:
        reports = [pipeline.sync(both) for _ in range(3)]
        put(path, {"ants": "Ants dig.", "bees": "Bees fly."}, LONG_AGO + 1)
        edited = [pipeline.sync(both) for _ in range(2)]

    assert [report.documents_gone for report in reports] == [0, 0, 0]
    assert [report.documents_gone for report in edited] == [1, 0]
    assert stored(workshop) == ["Ants dig.", "Bees fly."]


def test_a_listing_names_each_record(workshop: Workshop) -> None:
    path = put(workshop.folder / "a.jsonl", TEXTS)
    told: list[tuple[str, str]] = []
    with workshop.pipeline() as pipeline:
        pipeline.sync([str(path)])

        pipeline.estimate([str(path)], lambda name, verdict: told.append((name, verdict)))

    assert sorted(told) == [(f"{path} {key}", "unchanged") for key in TEXTS]
