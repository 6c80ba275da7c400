"""What an application finds while a corpus changes under it, and what reuse costs."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workshop import Workshop

    from ingest.corpus.sync_report import SyncReport

_SEARCHABLE = """
    SELECT d.title, array_agg(c.content ORDER BY c.id) FILTER (WHERE c.embedding IS NOT NULL)
    FROM corpus.documents d LEFT JOIN corpus.chunks c ON c.document_id = d.id GROUP BY d.id
"""


def sections(title: str, version: int, count: int = 6) -> str:
    """A document of a chunk a section, each of which tells its version."""
    body = "\n\n".join(
        f"## Part {part}\n\n" + f"Version <{version}> of part {part} of {title}. " * 12 for part in range(count)
    )
    return f"# {title}\n\n{body}"


def versions(contents: list[str]) -> dict[str, int]:
    """How many of the searchable passages are of each version."""
    found: dict[str, int] = {}
    for content in contents:
        version = content.partition("<")[2].partition(">")[0]
        found[version] = found.get(version, 0) + 1
    return found


@contextmanager
def watched(database_url: str) -> Iterator[list[dict[str, list[str]]]]:
    """What a reader finds that asks all the time: title to searchable passages, once an observation."""
    log: list[dict[str, list[str]]] = []
    done = threading.Event()

    def read() -> None:
        with psycopg.connect(database_url, autocommit=True) as connection:
            while not done.is_set():
                log.append({title: contents or [] for title, contents in connection.execute(_SEARCHABLE)})

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield log
    finally:
        done.set()
        reader.join()


def test_a_reader_always_finds_a_whole_version_of_each_document(workshop: Workshop) -> None:
    titles = [f"Document {number}" for number in range(5)]
    settings = {"chunk_tokens": 192, "max_batch_requests": 4}  # so that a document's vectors come in several loads

    def write(version: int) -> None:
        for title in titles:
            workshop.write(f"{title}.md", sections(title, version))

    write(0)
    with workshop.pipeline(**settings) as pipeline:
        whole = pipeline.run([str(workshop.folder)]).chunks // len(titles)
        with watched(workshop.database_url) as log:
            for version in (1, 2, 3):
                write(version)
                pipeline.run([str(workshop.folder)])

    seen = {title: [versions(found[title]) for found in log if title in found] for title in titles}
    assert all(set(found) == set(titles) for found in log)
    assert all(max(counts.values(), default=0) >= whole for found in seen.values() for counts in found)
    assert any(len(counts) == 2 for found in seen.values() for counts in found), "no observation during an update"
    final = workshop.query("SELECT content FROM chunks")
    assert versions([content for (content,) in final]) == {"3": whole * len(titles)}


def test_moving_all_files_makes_no_request(workshop: Workshop) -> None:
    for number in range(20):
        workshop.write(f"old/{number}.md", sections(f"Document {number}", 1, 3))
    with workshop.pipeline() as pipeline:
        pipeline.run([str(workshop.folder)])
    before = workshop.emulator.ledger()
    vectors = workshop.query("SELECT content, embedding::text FROM chunks ORDER BY 1")
    (workshop.folder / "old").rename(workshop.folder / "new")

    with workshop.pipeline() as pipeline:
        report = pipeline.run([str(workshop.folder)])

    assert (report.sync.documents_moved, report.sync.documents_new, report.sync.documents_gone) == (20, 0, 0)
    assert workshop.emulator.ledger() == before
    assert workshop.query("SELECT content, embedding::text FROM chunks ORDER BY 1") == vectors
    assert workshop.query("SELECT count(*) FROM documents WHERE uri LIKE '%%/new/%%'") == [(20,)]


def test_a_corpus_that_repeats_half_its_paragraphs_pays_for_each_once(workshop: Workshop) -> None:
    for number in range(20):
        shared = [sections("Boilerplate", part, 1) for part in range(4)]
        own = [sections(f"Document {number}", part, 1) for part in range(4)]
        workshop.write(f"{number}.md", "\n\n".join(part for pair in zip(shared, own, strict=True) for part in pair))

    with workshop.pipeline(chunk_tokens=256, embed_headings=False) as pipeline:
        report = pipeline.run([str(workshop.folder)])

    ((chunks, texts, embedded),) = workshop.query(
        "SELECT count(*), count(DISTINCT text_hash), count(embedding) FROM chunks"
    )
    assert texts < 0.6 * chunks
    assert embedded == chunks
    assert workshop.emulator.ledger()["texts"] == texts
    assert (report.sync.chunks_new, report.sync.chunks_shared) == (texts, chunks - texts)


def _run(workshop: Workshop) -> SyncReport:
    with workshop.pipeline(chunk_tokens=192) as pipeline:
        return pipeline.run([str(workshop.folder)]).sync


def test_a_report_tells_what_reuse_saves(workshop: Workshop) -> None:
    path = workshop.write("a.md", sections("Ants", 1, 8))
    _run(workshop)
    path.write_text(sections("Ants", 1, 8) + "\n\nOne more thing.")
    os.utime(path, (1_700_000_000, 1_700_000_000))

    report = _run(workshop)

    assert 0 < report.tokens_to_pay < report.tokens_in_corpus / 4
    assert report.dollars_to_pay == report.tokens_to_pay * 0.01 / 1e6
    assert report.dollars_saved == (report.tokens_in_corpus - report.tokens_to_pay) * 0.01 / 1e6
