"""The status tells what runs, what waits and why, what it has cost, when it will be done and what failed."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import psycopg
import pytest
from filled_columns import articles
from process_checks import eventually, take_interrupts
from promises import CORPUS_FLAGS, write_corpus

from ingest.database.statements import statement
from ingest.emulator import Fault
from ingest.errors import IngestError, UnreachableError
from ingest.reporting.status import next_step
from ingest.sources.tables import Table
from ingest.terminal.parts import Row
from ingest.terminal.status_table import glance, line

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workshop import Outcome, Workshop

    from ingest.pipeline import Pipeline
    from ingest.reporting.status import Status


def submitted(workshop: Workshop, pipeline: Pipeline) -> Status:
    """The status of eleven texts, submitted as far as they may be."""
    write_corpus(workshop)
    pipeline.sync([str(workshop.folder)])
    pipeline.submit()
    return pipeline.status()


def states(status: Status) -> list[str]:
    return [batch.state for batch in status.batches]


def whys(status: Status) -> list[str | None]:
    return [batch.why for batch in status.batches]


def test_what_is_not_sent_yet_says_so(workshop: Workshop) -> None:
    write_corpus(workshop)

    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        pipeline.sync([str(workshop.folder)])
        status = pipeline.status()

    assert (status.waiting_requests, status.waiting_why) == (11, "sent by the next run")
    assert status.forecast is not None
    assert (status.forecast.waves, status.forecast.history, status.forecast.most_s) == (1, 0, 24 * 3600)
    assert next_step(status)[0] == "ingest run PATH…"
    assert status.cost is None


def test_a_batch_that_has_no_room_says_what_takes_it(workshop: Workshop) -> None:
    workshop.emulator.set_faults(Fault("stuck_in_progress"))

    with workshop.pipeline(**CORPUS_FLAGS, max_enqueued_tokens=70) as pipeline:
        status = submitted(workshop, pipeline)

    first, second, *_ = status.batches
    assert (first.state, first.why) == ("submitted", None)
    assert second.why == f"token budget full: {first.tokens} of 70 are in flight"
    assert status.forecast is not None
    assert status.forecast.waves == len(status.batches) - 1
    assert status.forecast.most_s > status.forecast.waves * 24 * 3600


def test_batches_of_the_last_hour_are_a_reason_to_wait(workshop: Workshop) -> None:
    with workshop.pipeline(**CORPUS_FLAGS, max_batches_per_hour=1) as pipeline:
        status = submitted(workshop, pipeline)

    assert whys(status)[1:] == ["batches of the last hour: 1 of 1"] * 2


def test_a_batch_that_was_refused_says_when_it_is_tried_again(workshop: Workshop) -> None:
    workshop.emulator.set_faults(Fault("token_limit", count=1))

    with workshop.pipeline(**CORPUS_FLAGS | {"refused_wait_seconds": 60}) as pipeline:
        submitted(workshop, pipeline)
        eventually(
            lambda: bool(pipeline.load()) and any(batch.state == "uploaded" for batch in pipeline.status().batches)
        )
        (batch,) = pipeline.status().batches

    assert batch.why is not None
    assert batch.why.startswith("refused 1 time because the queue was full: tried again in ")
    assert "token_limit_exceeded" in str(batch.message)


def test_texts_that_failed_for_a_while_say_when_they_go_again(workshop: Workshop) -> None:
    workshop.emulator.set_faults(Fault("error_per_request_500", count=1))

    with workshop.pipeline(**CORPUS_FLAGS, retry_wait_seconds=600) as pipeline:
        submitted(workshop, pipeline)
        eventually(lambda: bool(pipeline.load()) and not pipeline.status().batches)
        status = pipeline.status()

    assert status.waiting_requests == 1
    assert status.waiting_why is not None
    assert status.waiting_why.startswith("1 text failed for a while, at most 1 attempt so far: sent again in ")


def test_a_batch_of_another_provider_and_an_exported_one_say_so(workshop: Workshop, tmp_path: Path) -> None:
    workshop.emulator.set_faults(Fault("stuck_in_progress"))
    with workshop.pipeline(**CORPUS_FLAGS, max_enqueued_tokens=70) as pipeline:
        submitted(workshop, pipeline)
        workshop.write("exported.txt", "This goes by hand.")
        pipeline.sync([str(workshop.folder)])
        pipeline.export(tmp_path / "export")

    with workshop.pipeline(**CORPUS_FLAGS, base_url="http://127.0.0.1:9/v1/") as pipeline:
        status = pipeline.status()

    assert whys(status)[0] == f"at {workshop.emulator.base_url}; these settings are for http://127.0.0.1:9/v1"
    assert whys(status)[-1] == "exported: its results are loaded by hand"
    assert status.exported_requests == 1


def test_a_stuck_batch_says_so_and_what_to_do(workshop: Workshop) -> None:
    workshop.emulator.set_faults(Fault("stuck_in_progress"))

    with workshop.pipeline(**CORPUS_FLAGS, stuck_hours=0) as pipeline:
        status = submitted(workshop, pipeline)

    assert whys(status) == ["stuck: nothing new for 0 h"] * 3
    assert next_step(status)[0] == "ingest retry --stuck"


def test_what_is_over_is_told_by_its_history_and_its_cost(workshop: Workshop) -> None:
    write_corpus(workshop)
    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        pipeline.run([str(workshop.folder)])
        done = pipeline.status()
        workshop.write("more.txt", "This is one document more.")
        pipeline.sync([str(workshop.folder)])
        more = pipeline.status()

    assert done.forecast is None
    assert done.cost is not None
    assert done.cost.billed_tokens == workshop.emulator.ledger()["tokens"]
    assert more.forecast is not None
    assert more.forecast.history == 3
    assert more.forecast.typical_s is not None


def test_a_large_corpus_is_told_by_estimate(workshop: Workshop) -> None:
    write_corpus(workshop)
    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        pipeline.run([str(workshop.folder)])
        pipeline.connection.execute("ANALYZE chunks")

        counted = pipeline.connection.execute(statement("count_corpus_quickly"), {"most_pages": 1}).fetchone()
        estimated = pipeline.connection.execute(statement("count_corpus_quickly"), {"most_pages": 0}).fetchone()

    assert counted == (11, 11, 11)
    assert estimated == (11, 11, None)


def test_failures_stand_in_groups_of_the_same_words(workshop: Workshop) -> None:
    write_corpus(workshop)
    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        pipeline.sync([str(workshop.folder)])
        pipeline.connection.execute(
            "UPDATE requests SET failed = true, error_code = CASE WHEN chunk_id <= 9 THEN 'too_long' ELSE 'odd' END,"
            " error_message = CASE WHEN chunk_id <= 9 THEN format('%s tokens are too many', chunk_id) ELSE 'no' END"
        )
        status = pipeline.status()

    long, odd = status.failed
    assert (long.code, long.texts, len(long.uris), long.message) == ("too_long", 9, 3, "1 tokens are too many")
    assert (odd.code, odd.texts, len(odd.uris), odd.message) == ("odd", 2, 2, "no")
    assert next_step(status)[0] == "ingest retry && ingest run …"
    assert "11 texts failed" in line(status)


def test_a_column_is_told_by_its_rows_and_its_own_index(
    workshop: Workshop, ingest: Callable[..., Outcome], environment: dict[str, str]
) -> None:
    with psycopg.connect(workshop.database_url) as connection:
        connection.execute(
            "CREATE TABLE articles AS SELECT n AS id, 'About ' || n AS text FROM generate_series(1, 9) n"
        )
    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        pipeline.run(Table("articles", into="embedding"))
        before = pipeline.status()
        without = ingest("status", environment=environment)
        pipeline.index()
        after = pipeline.status()
    indexed = ingest("status", environment=environment)

    assert (before.column, before.rows, before.indexed, after.indexed) == ("public.articles.embedding", 9, False, True)
    assert "public.articles.embedding: 9 of 9 rows filled, no index yet (`ingest index`)" in without.out
    assert "searchable" not in without.out
    assert "9 of 9 rows filled, indexed" in indexed.out


def test_a_watch_elsewhere_than_on_a_terminal_ends_when_all_is_done_with_one_object(
    workshop: Workshop, environment: dict[str, str]
) -> None:
    workshop.emulator.set_faults(Fault("stuck_in_progress"))
    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        submitted(workshop, pipeline)
        command = [sys.executable, "-m", "ingest", "status", "--watch", "--json"]
        with subprocess.Popen(
            command, env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as watch:
            assert watch.stderr
            assert watch.stdout
            first = watch.stderr.readline()
            workshop.emulator.set_faults()
            pipeline.run([str(workshop.folder)])
            out, err = watch.communicate(timeout=60)

    assert first.startswith("3 batches: 0 of 11 texts")
    assert "nothing is in flight: 11 of 11 chunks are searchable" in err
    assert watch.returncode == 0
    assert out.count("\n") == 1
    assert '"embedded":11' in out


def test_a_watch_on_a_terminal_is_drawn_anew_and_ends_at_ctrl_c(
    workshop: Workshop, environment: dict[str, str]
) -> None:
    workshop.emulator.set_faults(Fault("stuck_in_progress"))
    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        submitted(workshop, pipeline)
    here, there = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "ingest", "status", "--watch"],
        env=os.environ | environment | {"TERM": "xterm", "COLUMNS": "120", "LINES": "40"},
        stdin=there,
        stdout=there,
        stderr=there,
        preexec_fn=take_interrupts,  # noqa: PLW1509 - no thread holds a lock here
    ) as watch:
        os.close(there)
        seen = read_until(here, b"\x1b[1A", times=8)  # back up over the lines of the picture before
        watch.send_signal(signal.SIGINT)
        seen += read_to_the_end(here)
    os.close(here)

    assert watch.returncode == 130
    assert seen.count(b"in flight") >= 2
    assert seen.rstrip().endswith(b"\x1b[?25h")  # the cursor is back
    assert b"Traceback" not in seen
    assert b"error" not in seen


def read_until(terminal: int, wanted: bytes, *, times: int) -> bytes:
    seen = b""
    while seen.count(wanted) < times:
        seen += os.read(terminal, 4096)
    return seen


def read_to_the_end(terminal: int) -> bytes:
    seen = b""
    try:
        while part := os.read(terminal, 4096):
            seen += part
    except OSError:  # so Linux tells that nobody writes there any more
        pass
    return seen


@pytest.mark.parametrize(
    ("fault", "key", "told"),
    [
        (Fault("no_credit_batch"), None, ["billing_hard_limit_reached", "check the account's credit"]),
        (None, "sk-mistyped", ["refuses the key (401)", "Check OPENAI_API_KEY"]),
    ],
)
def test_a_refused_account_is_told_until_a_run_succeeds(
    workshop: Workshop, fault: Fault | None, key: str | None, told: list[str]
) -> None:
    write_corpus(workshop)
    workshop.emulator.set_faults(*[fault] if fault else [])

    with workshop.pipeline(**CORPUS_FLAGS | ({"api_key": key} if key else {})) as pipeline:
        with pytest.raises(IngestError) as error:
            pipeline.run([str(workshop.folder)])
        status = pipeline.status()
    workshop.emulator.set_faults()
    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        pipeline.sync([str(workshop.folder)])
        kept = pipeline.status().refusal
        pipeline.run([str(workshop.folder)])
        after = pipeline.status().refusal

    assert status.refusal is not None
    assert status.refusal.words == str(error.value)
    assert all(words in status.refusal.words for words in told)
    (row,) = [part for part in glance(status, verbose=False) if isinstance(part, Row) and part.name == "refused"]
    assert status.refusal.words in row.value
    assert (kept, after) == (status.refusal, None)


def test_what_a_batch_ran_into_is_kept_without_its_advice(workshop: Workshop) -> None:
    workshop.emulator.set_faults(Fault("broken_batch", count=1))

    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        submitted(workshop, pipeline)
        with pytest.raises(UnreachableError) as error:
            pipeline.run([str(workshop.folder)])
        (batch,) = pipeline.status().batches

    assert "answers 500" in str(batch.message)
    assert "Nothing is lost" not in str(batch.message)
    assert str(error.value).count("Nothing is lost") == str(error.value).count("run the same command again") == 1


def test_the_next_step_of_a_column_names_its_table_as_it_was_read(workshop: Workshop) -> None:
    articles(workshop)
    table = Table("articles", text="body", where="id < 4", into="embedding")
    with workshop.pipeline(corpus="filled") as pipeline:
        pipeline.sync(table)
        line, _ = next_step(pipeline.status())

    assert line == ("ingest run --corpus filled --table public.articles --text body --where 'id < 4' --into embedding")
