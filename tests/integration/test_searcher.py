"""Search for applications: many threads, tasks of an event loop, and what happens to the corpus meanwhile."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Event
from typing import TYPE_CHECKING

import psycopg
import pytest
from process_checks import eventually

from ingest import AsyncSearcher, Searcher, Settings, UnreachableError, UsageError
from ingest.emulator import Fault
from ingest.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workshop import Workshop

    from ingest.corpus import SearchMode

QUESTIONS = [f"What is to be said about subject {number}?" for number in range(12)]
MODES: tuple[SearchMode | None, ...] = (None, "words")


@pytest.fixture
def filled(workshop: Workshop) -> Workshop:
    for number in range(30):
        workshop.write(f"{number}.txt", f"All that is to be said about subject {number}.")
    with workshop.pipeline() as pipeline:
        pipeline.run([str(workshop.folder)])
    return workshop


def settings(workshop: Workshop) -> Settings:
    """Those of an application, which says nothing of the model: that is the corpus's own."""
    return load_settings({name: value for name, value in workshop.flags.items() if name != "dimensions"})


@pytest.fixture
def searcher(filled: Workshop) -> Iterator[Searcher]:
    with Searcher(settings(filled), connections=4) as searcher:
        yield searcher


def test_threads_find_what_one_finds(filled: Workshop, searcher: Searcher) -> None:
    with filled.pipeline() as pipeline:
        expected = [pipeline.search(question, mode=mode) for mode in MODES for question in QUESTIONS]

    with ThreadPoolExecutor(16) as threads:
        plain = [list(threads.map(searcher.search, QUESTIONS)) for _ in range(5)]
        words = list(threads.map(lambda question: searcher.search(question, mode="words"), QUESTIONS))

    assert all(found == expected[: len(QUESTIONS)] for found in plain)
    assert words == expected[len(QUESTIONS) :]


def test_tasks_find_the_same_while_the_loop_goes_on(filled: Workshop) -> None:
    with filled.pipeline() as pipeline:
        expected = [pipeline.search(question) for question in QUESTIONS]

    async def ask() -> list[object]:
        async with AsyncSearcher(settings(filled), connections=4) as searcher:
            with closing(psycopg.connect(filled.database_url)) as holder:
                holder.execute("LOCK TABLE corpus.chunks IN ACCESS EXCLUSIVE MODE")
                asked = [asyncio.create_task(searcher.search(question)) for question in QUESTIONS]
                for _ in range(10):  # in which the loop does other work
                    await asyncio.sleep(0.01)
                assert not any(task.done() for task in asked)
            return list(await asyncio.gather(*asked))

    assert asyncio.run(ask()) == expected


@pytest.mark.parametrize("dimensions", [32, 64])
def test_a_corpus_that_is_swapped_is_searched_by_its_new_model(
    filled: Workshop, searcher: Searcher, dimensions: int
) -> None:
    before = searcher.search(QUESTIONS[0])
    new = {"dimensions": dimensions, "model": "text-embedding-3-large"}

    with filled.pipeline(**new) as pipeline:
        pipeline.reembed()
        expected = pipeline.search(QUESTIONS[0])

    assert searcher.search(QUESTIONS[0]) == expected != before


def test_connections_that_were_lost_are_replaced(filled: Workshop) -> None:
    others = "pid <> pg_backend_pid() AND datname = current_database()"
    waiting = "SELECT count(*) = 8 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    with Searcher(settings(filled), connections=8, timeout_seconds=60) as searcher:
        expected = searcher.search(QUESTIONS[0])
        with closing(psycopg.connect(filled.database_url)) as holder, ThreadPoolExecutor(8) as threads:
            holder.execute("LOCK TABLE corpus.chunks IN ACCESS EXCLUSIVE MODE")
            asked = [threads.submit(searcher.search, QUESTIONS[0]) for _ in range(8)]
            eventually(lambda: filled.query(waiting) == [(True,)])
            holder.rollback()
            assert all(each.result() == expected for each in asked)

        filled.query(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")

        assert searcher.search(QUESTIONS[0]) == expected


def test_a_question_that_was_asked_before_is_not_embedded_again(filled: Workshop, searcher: Searcher) -> None:
    for question in QUESTIONS[:3] * 4:
        searcher.search(question)
    filled.emulator.set_faults(Fault("http_500_embeddings"))

    assert searcher.search(QUESTIONS[1])


def test_where_all_connections_are_at_work_one_line_says_so(filled: Workshop) -> None:
    with Searcher(settings(filled), connections=1, timeout_seconds=5) as searcher:
        searcher.search(QUESTIONS[0])
        with closing(psycopg.connect(filled.database_url)) as holder, ThreadPoolExecutor(3) as threads:
            holder.execute("LOCK TABLE corpus.chunks IN ACCESS EXCLUSIVE MODE")
            asked = [threads.submit(searcher.search, QUESTIONS[0]) for _ in range(3)]
            refusals = [str(each.exception()) for each in asked]
        again = searcher.search(QUESTIONS[0])

    assert all(isinstance(each.exception(), UnreachableError) for each in asked)
    assert any("took more than 5 s" in refusal for refusal in refusals)
    assert any("all 1 were at work" in refusal for refusal in refusals)
    assert again


def test_one_that_was_closed_does_not_open_itself_again(filled: Workshop) -> None:
    others = "pid <> pg_backend_pid() AND application_name = 'pgvector-ingest'"
    searcher = Searcher(settings(filled))
    (passage,) = searcher.search(QUESTIONS[0], 1)
    searcher.close()

    for ask in (lambda: searcher.search(QUESTIONS[1]), lambda: searcher.read(passage.id), searcher.filters):
        with pytest.raises(UsageError, match="was closed"):
            ask()
    eventually(lambda: filled.query(f"SELECT count(*) FROM pg_stat_activity WHERE {others}") == [(0,)])

    searcher.open()
    assert searcher.search(QUESTIONS[0], 1) == [passage]
    searcher.close()


def test_it_only_reads(searcher: Searcher) -> None:
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction), searcher._opened().connection() as connection:
        connection.execute("DELETE FROM corpus.chunks")


def test_a_document_is_read_on_around_a_passage(workshop: Workshop) -> None:
    text = "\n\n".join(f"Sentence {n} of all that is to be said, by which it becomes longer." for n in range(40))
    workshop.write("a.txt", text)
    with workshop.pipeline(chunk_tokens=32, overlap=12) as pipeline:
        pipeline.run([str(workshop.folder)])

    with Searcher(settings(workshop)) as searcher:
        (found,) = searcher.search("Sentence 20 of all that is to be said, by which it becomes longer.", 1)
        whole = searcher.read(found.id, 1000, 1000)
        around = searcher.read(found.id)
        with pytest.raises(UsageError, match="no passage 123456"):
            searcher.read(123456)

    assert whole.content == text
    assert (whole.first, whole.last) == (0, whole.passages - 1)
    assert (around.first, around.last) == (found.ordinal - 1, found.ordinal + 1)
    assert around.content in text
    assert found.content in around.content


@pytest.mark.parametrize(
    ("text", "corpus", "said"),
    [
        (" ", "corpus", "give some words"),
        ("cats", "other", "no corpus"),
        ("word " * 9000, "corpus", r"the question has 9,00\d tokens, and text-embedding-3-small takes 8,191 at most"),
        ("a\udcff", "corpus", "bytes that are no text"),
    ],
)
def test_what_cannot_be_searched_is_refused(filled: Workshop, text: str, corpus: str, said: str) -> None:
    with pytest.raises(UsageError, match=said), Searcher(settings(filled).saying(corpus=corpus)) as searcher:
        searcher.search(text)


def test_a_searcher_that_found_no_corpus_leaves_nothing_open_and_opens_once_there_is_one(workshop: Workshop) -> None:
    searcher = Searcher(settings(workshop))
    with pytest.raises(UsageError, match="no corpus"):
        searcher.open()
    assert workshop.query("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgvector-ingest'") == [(0,)]

    workshop.write("a.txt", "Cats sleep most of the day.")
    with workshop.pipeline() as pipeline:
        pipeline.run([str(workshop.folder)])

    with searcher:
        assert [passage.content for passage in searcher.search("cats")] == ["Cats sleep most of the day."]


def test_a_pipeline_that_is_at_work_on_another_thread_says_so(filled: Workshop) -> None:
    filled.write("new.txt", "Something new.")
    is_asked, goes_on = Event(), Event()

    def approve(*_: object) -> bool:
        is_asked.set()
        return goes_on.wait(60)

    with filled.pipeline() as pipeline, ThreadPoolExecutor(1) as threads:
        run = threads.submit(pipeline.run, [str(filled.folder)], approve)
        eventually(is_asked.is_set)
        with pytest.raises(UsageError, match="another thread"):
            pipeline.search("subject")
        goes_on.set()
        report = run.result()

        assert report.failures == []
        assert pipeline.search("subject")
