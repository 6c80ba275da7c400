"""Mode sync: what waits is answered while we wait, at full price, and every promise holds."""

from __future__ import annotations

import logging
import os
import signal
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import psycopg
import pytest
from preloaded import KILLED, outcome, start
from process_checks import eventually
from promises import CORPUS_FLAGS, check_promises, judge, write_corpus
from workshop import Workshop

from ingest.emulator import Fault, Limits, hash_vectors, running
from ingest.errors import BudgetError, UnreachableError, UsageError
from ingest.provider.answers import httpx
from ingest.sources.tables import Table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FLAGS: dict[str, Any] = {**CORPUS_FLAGS, "mode": "sync", "max_attempts": 30}
TEXTS = 11


def are_all_there(workshop: Workshop, *, failed: int = 0) -> bool:
    """Whether every text has its vector; promises about money apart."""
    rows = workshop.query("SELECT content, headings, context_headings, embedding FROM chunks ORDER BY id")
    return judge(rows) == (0, failed)


def test_everything_is_embedded_at_once_at_the_synchronous_price(workshop: Workshop) -> None:
    write_corpus(workshop, TEXTS)

    with workshop.pipeline(**FLAGS) as pipeline:
        report = pipeline.run([str(workshop.folder)])
        (run,) = pipeline.costs().runs

    check_promises(workshop)
    assert (report.mode, report.load.loaded, report.load.batches) == ("sync", TEXTS, 3)
    assert report.dollars == pytest.approx(report.tokens * 0.02 / 1e6)
    assert run.billed_dollars == pytest.approx(report.dollars)
    assert run.mode == "sync"
    assert all(bill["batch_id"] is None for bill in workshop.emulator.bills())


def test_texts_go_in_arrays_of_at_most_2048_and_300000_tokens(
    workshop: Workshop, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, httpx.__name__)
    workshop.write("many.jsonl", "\n".join(f'{{"id": {n}, "text": "Number {n}"}}' for n in range(2500)))
    for number in range(60):
        workshop.write(f"{number}.txt", f"{number} and again. " * 1_300)
    flags = FLAGS | {"max_batch_requests": 5000, "chunk_tokens": 8191, "sync_concurrency": 1}

    with workshop.pipeline(**flags) as pipeline:
        report = pipeline.run([str(workshop.folder)])

    answers = [record.getMessage() for record in caplog.records if "/embeddings" in record.getMessage()]
    assert (report.load.loaded, report.load.batches, report.failures) == (2560, 1, [])
    assert report.tokens > 300_000
    assert [answer for answer in answers if "200 OK" not in answer] == []  # the emulator refuses more
    assert len(answers) == 3


def test_an_answer_of_long_vectors_is_no_larger_for_that(workshop: Workshop, caplog: pytest.LogCaptureFixture) -> None:
    """600 vectors of 3,072 numbers in base64 are 9.8 MB and some: two calls."""
    caplog.set_level(logging.DEBUG, httpx.__name__)
    workshop.write("many.jsonl", "\n".join(f'{{"id": {n}, "text": "Number {n}"}}' for n in range(600)))
    large = {"model": "text-embedding-3-large", "dimensions": 3072, "vector_type": "halfvec"}

    with workshop.pipeline(**FLAGS | large | {"max_batch_requests": 5000}) as pipeline:
        report = pipeline.run([str(workshop.folder)])

    assert report.load.loaded == 600
    assert sum("/embeddings" in record.getMessage() for record in caplog.records) == 2


@pytest.mark.parametrize(
    ("tokens", "deadline_hours", "mode"), [(1000, None, "sync"), (5, None, "batch"), (5, 2.0, "sync"), (5, 48, "batch")]
)
def test_auto_takes_the_way_that_the_settings_say(
    workshop: Workshop, tokens: int, deadline_hours: float | None, mode: str
) -> None:
    write_corpus(workshop, TEXTS)
    flags = FLAGS | {"mode": "auto", "sync_below_tokens": tokens, "deadline_hours": deadline_hours}

    with workshop.pipeline(**flags) as pipeline:
        report = pipeline.run([str(workshop.folder)])

    assert report.mode == mode
    assert report.mode_why is not None
    assert report.dollars == pytest.approx(report.tokens * (0.02 if mode == "sync" else 0.01) / 1e6)
    assert {bill["batch_id"] is None for bill in workshop.emulator.bills()} == {mode == "sync"}
    check_promises(workshop)


def test_the_price_that_is_asked_for_is_that_of_the_way_taken(workshop: Workshop) -> None:
    write_corpus(workshop, TEXTS)
    asked: list[tuple[int, float]] = []

    def refuse(tokens: int, dollars: float) -> bool:
        asked.append((tokens, dollars))
        return False

    for mode in ("sync", "auto", "batch"):
        with workshop.pipeline(**FLAGS | {"mode": mode}) as pipeline, pytest.raises(BudgetError):
            pipeline.run([str(workshop.folder)], refuse)

    assert [dollars / tokens * 1e6 for tokens, dollars in asked] == pytest.approx([0.02, 0.02, 0.01])
    assert workshop.emulator.ledger()["texts"] == 0


def test_what_a_killed_run_was_answered_is_not_asked_for_again(workshop: Workshop) -> None:
    write_corpus(workshop, TEXTS)
    paths = [str(workshop.folder)]
    killed = outcome(start("run", workshop.flags | FLAGS, paths, "answer-written:2", quiet=True))
    asked: list[int] = []

    def approve(tokens: int, _dollars: float) -> bool:
        asked.append(tokens)
        return True

    with workshop.pipeline(**FLAGS) as pipeline:
        report = pipeline.run(paths, approve)

    assert killed == KILLED
    assert asked == [report.tokens] == [3 * 12]  # of eleven texts, two shards of four were answered
    assert report.load.loaded == TEXTS - 4  # one of them was loaded by the run that was killed
    check_promises(workshop)


def test_what_a_batch_run_left_over_is_embedded_at_once(workshop: Workshop) -> None:
    write_corpus(workshop, TEXTS)
    workshop.emulator.set_faults(Fault("error_per_request_500"))
    with workshop.pipeline(**CORPUS_FLAGS, max_attempts=1) as pipeline:
        left = pipeline.run([str(workshop.folder)])
        assert pipeline.retry() == len(left.failures) == TEXTS
    workshop.emulator.set_faults()

    with workshop.pipeline(**FLAGS) as pipeline:
        report = pipeline.run([str(workshop.folder)])
        modes = [run.mode for run in pipeline.costs().runs]

    assert (report.load.loaded, report.failures, modes) == (TEXTS, [], ["batch", "sync"])
    check_promises(workshop)


@pytest.mark.parametrize("point", ["shard-after-commit", "after-uploading", "after-uploaded", "after-create"])
def test_what_a_batch_run_had_not_created_is_embedded_at_once(workshop: Workshop, point: str) -> None:
    write_corpus(workshop, TEXTS)
    paths = [str(workshop.folder)]
    killed = outcome(start("run", workshop.flags | CORPUS_FLAGS, paths, point, quiet=True))

    with workshop.pipeline(**FLAGS) as pipeline:
        report = pipeline.run(paths)

    by_batch = 4 if point == "after-create" else 0
    assert killed == KILLED
    assert report.failures == []
    assert sum(bill["batch_id"] is not None for bill in workshop.emulator.bills()) == by_batch
    check_promises(workshop)


@pytest.mark.parametrize(
    "name",
    [
        "delay_embeddings",
        "drop_before_embeddings",
        "http_429_embeddings",
        "http_500_embeddings",
        "http_502_embeddings",
        "short_answer",
        "shuffled_answer",
        "nan_answer",
    ],
)
def test_a_fault_of_a_call_costs_nothing(workshop: Workshop, name: str) -> None:
    write_corpus(workshop, TEXTS)
    workshop.emulator.set_faults(Fault(name, count=2, seconds=0.2))

    with workshop.pipeline(**FLAGS) as pipeline:
        report = pipeline.run([str(workshop.folder)])

    assert workshop.emulator.fired()[name] == 2
    assert report.failures == []
    check_promises(workshop)


@pytest.mark.parametrize("name", ["drop_after_embeddings", "http_500_after_embeddings"])
def test_a_lost_answer_is_asked_for_again_and_paid_again(workshop: Workshop, name: str) -> None:
    write_corpus(workshop, TEXTS)
    workshop.emulator.set_faults(Fault(name, count=1))

    with workshop.pipeline(**FLAGS) as pipeline:
        report = pipeline.run([str(workshop.folder)])

    bills = workshop.emulator.ledger()
    assert report.failures == []
    assert are_all_there(workshop)
    assert (bills["texts"], bills["distinct_texts"]) == (TEXTS + 4, TEXTS)


def test_answers_that_are_always_lost_are_not_paid_for_ever(workshop: Workshop) -> None:
    write_corpus(workshop, 4)
    workshop.emulator.set_faults(Fault("drop_after_embeddings"))

    with workshop.pipeline(**FLAGS) as pipeline, pytest.raises(UnreachableError, match="3 tries"):
        pipeline.run([str(workshop.folder)])

    assert workshop.emulator.ledger()["texts"] == 3 * 4


def test_a_text_that_is_refused_fails_alone_with_the_provider_s_words(workshop: Workshop) -> None:
    write_corpus(workshop, 40)
    workshop.emulator.set_faults(Fault("refused_text", rate=0.1))

    with workshop.pipeline(**FLAGS | {"max_batch_requests": 100}) as pipeline:
        report = pipeline.run([str(workshop.folder)])

    assert 0 < len(report.failures) == workshop.emulator.fired()["refused_text"] < 20
    assert {failure.attempts for failure in report.failures} == {1}
    assert all("'$.input' is invalid" in failure.message for failure in report.failures)
    check_promises(workshop, failed=len(report.failures))


def test_an_account_without_credit_ends_the_run_with_a_clear_word(workshop: Workshop) -> None:
    write_corpus(workshop, TEXTS)
    workshop.emulator.set_faults(Fault("no_credit"))

    with workshop.pipeline(**FLAGS) as pipeline, pytest.raises(UnreachableError, match="no credit left"):
        pipeline.run([str(workshop.folder)])

    assert workshop.emulator.fired()["no_credit"] == 1


@pytest.mark.parametrize("shared_folder", [True, False], ids=["one machine", "a machine each"])
def test_runs_at_once_share_the_work(workshop: Workshop, *, shared_folder: bool) -> None:
    write_corpus(workshop, 40)

    started = []
    for number in range(3):
        flags = workshop.flags | FLAGS
        if not shared_folder:
            flags["data_dir"] = workshop.data_dir / str(number)
        started.append(start("run", flags, [str(workshop.folder)]))

    assert [outcome(process) for process in started] == [0] * 3
    check_promises(workshop)


def test_what_was_answered_on_another_machine_is_paid_again_only_when_a_person_says_so(workshop: Workshop) -> None:
    write_corpus(workshop, 4)
    here, there = (workshop.flags | FLAGS | {"data_dir": workshop.data_dir / name} for name in ("here", "there"))
    paths = [str(workshop.folder)]
    killed = outcome(start("run", there, paths, "answer-written", quiet=True))
    with psycopg.connect(workshop.database_url) as connection:
        connection.execute("UPDATE corpus.batches SET progressed_at = now() - interval '1 hour'")

    with workshop.pipeline(**here) as pipeline, pytest.raises(UsageError, match="another machine"):
        pipeline.run(paths)
    billed = workshop.emulator.ledger()["texts"]
    cancelled, again = outcome(start("cancel", here, paths)), outcome(start("run", here, paths))

    assert (killed, billed, cancelled, again) == (KILLED, 4, 0, 0)
    assert are_all_there(workshop)
    assert workshop.emulator.ledger()["texts"] == 8


def test_a_column_of_the_user_s_own_is_filled(workshop: Workshop) -> None:
    with psycopg.connect(workshop.database_url) as connection:
        connection.execute("CREATE TABLE public.articles (id int PRIMARY KEY, body text)")
        connection.execute("INSERT INTO articles SELECT n, 'About subject ' || n FROM generate_series(1, 9) n")

    with workshop.pipeline(**FLAGS) as pipeline:
        report = pipeline.run(Table("articles", text="body", into="embedding"))

    rows = workshop.query("SELECT body, embedding FROM public.articles ORDER BY id")
    vectors = np.array([vector.to_numpy() for _, vector in rows])
    expected = hash_vectors([body for body, _ in rows], "text-embedding-3-small", 8)
    assert (report.load.rows_filled, report.mode) == (9, "sync")
    np.testing.assert_allclose(vectors, expected, atol=1e-6)
    assert workshop.emulator.ledger()["texts"] == 9


def test_a_corpus_is_embedded_anew_at_once(workshop: Workshop) -> None:
    write_corpus(workshop, TEXTS)
    with workshop.pipeline(**FLAGS) as pipeline:
        pipeline.run([str(workshop.folder)])

    with workshop.pipeline(**FLAGS | {"model": "text-embedding-3-large"}) as pipeline:
        report = pipeline.reembed()
        runs = [(run.model, run.mode) for run in pipeline.costs().runs]

    assert (report.mode, report.embedded) == ("sync", TEXTS)
    assert runs == [("text-embedding-3-small", "sync"), ("text-embedding-3-large", "sync")]
    assert report.dollars == pytest.approx(report.tokens * 0.13 / 1e6)


@pytest.mark.parametrize(("texts_a_shard", "refused"), [(19, 0), (21, 1)], ids=["in time", "too much for one call"])
def test_rate_limits_that_an_answer_tells_are_kept(
    database_url: str, tmp_path: Path, texts_a_shard: int, refused: int, caplog: pytest.LogCaptureFixture
) -> None:
    """21 texts of 302 tokens, 6,000 a minute: that a first call is too large for that, no answer has told."""
    caplog.set_level(logging.DEBUG, httpx.__name__)
    (tmp_path / "files").mkdir()
    with running(tmp_path / "emulator", limits=Limits(tokens_per_minute=6_000)) as emulator:
        workshop = Workshop(database_url, emulator, tmp_path / "files", tmp_path / "data")
        for number in range(21):
            workshop.write(f"{number}.txt", f"Text {number}: " + "again " * 298)

        with workshop.pipeline(**FLAGS | {"max_batch_requests": texts_a_shard, "chunk_tokens": 512}) as pipeline:
            report = pipeline.run([str(workshop.folder)])

        answers = [record.getMessage() for record in caplog.records if "/embeddings" in record.getMessage()]
        assert 6_000 < report.tokens < 6_400
        assert [sum(status in answer for answer in answers) for status in ("200 OK", "429")] == [2, refused]
        assert workshop.emulator.ledger()["texts"] == report.load.loaded == 21


def test_the_command_line_says_which_way_it_takes_and_at_what_price(
    ingest: Callable[..., Any], workshop: Workshop
) -> None:
    write_corpus(workshop, TEXTS)
    environment = {
        "DATABASE_URL": workshop.database_url,
        "OPENAI_API_KEY": workshop.emulator.api_key,
        "OPENAI_BASE_URL": workshop.emulator.base_url,
        "INGEST_DIMENSIONS": "8",
        "INGEST_ASK_ABOVE_DOLLARS": "0.000002",
    }

    unasked = ingest("run", workshop.folder, "--mode", "auto", environment=environment)
    too_dear = ingest("run", workshop.folder, "--mode", "sync", "--max-cost", "0.000002", environment=environment)
    run = ingest("run", workshop.folder, "--mode", "auto", "--yes", "--json", environment=environment)
    cost = ingest("cost", environment=environment)

    assert (unasked.status, too_dear.status, run.status) == (4, 4, 0)  # 132 tokens: $0.0000013 in batches
    assert "132 tokens to embed: less than $0.0001" in unasked.err
    assert "mode sync: 132 tokens are no more than sync_below_tokens, 300,000" in run.err
    assert "$0.02 for 1M tokens, in batches $0.01" in run.err
    assert (run.json["mode"], run.json["load"]["loaded"]) == ("sync", TEXTS)
    assert "sync" in cost.out
    check_promises(workshop)


def test_an_interrupt_waits_for_the_calls_in_flight_and_keeps_what_they_bring(workshop: Workshop) -> None:
    write_corpus(workshop, TEXTS)
    workshop.emulator.set_faults(Fault("delay_embeddings", seconds=2.0))
    process = start("run", workshop.flags | FLAGS, [str(workshop.folder)], quiet=True)
    eventually(lambda: workshop.emulator.fired()["delay_embeddings"] == 1)
    assert process.pid is not None

    os.kill(process.pid, signal.SIGINT)
    interrupted = outcome(process)
    workshop.emulator.set_faults()
    with workshop.pipeline(**FLAGS) as pipeline:
        report = pipeline.run([str(workshop.folder)])

    assert interrupted != 0
    assert report.load.loaded == TEXTS
    assert workshop.emulator.ledger()["texts"] == TEXTS
    check_promises(workshop)


def test_an_interrupt_while_the_calls_begin_loses_nothing_that_is_paid(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_corpus(workshop, TEXTS)
    workshop.emulator.set_faults(Fault("delay_embeddings", seconds=0.5))
    begin = threading.Thread.start

    def begin_and_be_interrupted(thread: threading.Thread) -> None:
        begin(thread)
        if thread.name.startswith("asking"):
            raise KeyboardInterrupt

    with monkeypatch.context() as patched, workshop.pipeline(**FLAGS) as pipeline:
        patched.setattr(threading.Thread, "start", begin_and_be_interrupted)
        with pytest.raises(KeyboardInterrupt):
            pipeline.run([str(workshop.folder)])
    workshop.emulator.set_faults()
    with workshop.pipeline(**FLAGS) as pipeline:
        report = pipeline.run([str(workshop.folder)])

    assert report.load.loaded == TEXTS
    assert workshop.emulator.ledger()["texts"] == TEXTS
    check_promises(workshop)


def test_a_run_outlasts_a_connection_to_the_database_that_is_cut_while_it_asks(workshop: Workshop) -> None:
    write_corpus(workshop, TEXTS)
    workshop.emulator.set_faults(Fault("delay_embeddings", count=1, seconds=2.0))
    process = start("run", workshop.flags | FLAGS, [str(workshop.folder)])
    eventually(lambda: workshop.emulator.fired()["delay_embeddings"] == 1)

    with psycopg.connect(workshop.database_url, autocommit=True) as connection:
        cut = connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        ).fetchall()

    assert len(cut) >= 1
    assert outcome(process) == 0
    check_promises(workshop)
