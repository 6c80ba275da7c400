"""Two commands at once: a cancel stops runs, a swap is noticed, an index is built once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from preloaded import outcome, start
from process_checks import eventually, waits_for
from promises import CORPUS_FLAGS, check_promises, write_corpus
from reembeddings import NEW, reembed

from ingest.batches.records import move, read_batch, sending
from ingest.database.connection import connect
from ingest.database.statements import in_corpus, statement
from ingest.emulator import Fault
from ingest.errors import StoppedError

if TYPE_CHECKING:
    from workshop import Workshop

    from ingest.batches.records import Batch
    from ingest.database.connection import Connection

_STATES = "SELECT id, key, state, loaded_count, failed_count, provider_batch_id, message FROM batches ORDER BY id"


@pytest.fixture
def held(workshop: Workshop) -> Any:
    """A connection that holds the corpus as it is, before a swap."""
    write_corpus(workshop)
    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        pipeline.run([str(workshop.folder)])
    with closing(connect(workshop.database_url, "corpus")) as connection:
        row = connection.execute(statement("read_held")).fetchone()
        assert row
        connection.version, connection.cancels = row
        yield connection


def in_flight(workshop: Workshop) -> int:
    ((count,),) = workshop.query("SELECT count(*) FROM batches WHERE state = 'submitted'")
    return int(count)


def looking_after_batches(workshop: Workshop) -> int:
    """How many sessions have asked for batches last: they have begun, and know of the cancels until then."""
    own = "datname = current_database() AND pid <> pg_backend_pid()"
    ((count,),) = workshop.query(f"SELECT count(*) FROM pg_stat_activity WHERE {own} AND query LIKE '%%.batches%%'")
    return int(count)


def test_a_cancel_stops_the_runs_that_go_on(workshop: Workshop) -> None:
    write_corpus(workshop)
    flags = workshop.flags | CORPUS_FLAGS
    workshop.emulator.set_faults(Fault("stuck_in_progress"))
    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        pipeline.create()
        assert looking_after_batches(workshop) == 0
        runs = [start("run", flags, [str(workshop.folder)]) for _ in range(2)]
        eventually(lambda: in_flight(workshop) == 3)
        eventually(lambda: looking_after_batches(workshop) == 2)

        pipeline.cancel()

        assert [outcome(run) for run in runs] == [130, 130]
        assert pipeline.status().waiting_requests == 11
        assert workshop.query("SELECT state, count(*) FROM batches GROUP BY 1") == [("done", 3)]
        workshop.emulator.set_faults()
        assert pipeline.run([str(workshop.folder)]).failures == []
    check_promises(workshop)


def test_a_run_after_a_cancel_is_not_stopped_by_it_nor_taken_back(workshop: Workshop) -> None:
    write_corpus(workshop)
    flags = workshop.flags | CORPUS_FLAGS
    workshop.emulator.set_faults(Fault("stuck_cancelling", count=3), Fault("stuck_in_progress", count=3))
    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        pipeline.sync([str(workshop.folder)])
        pipeline.submit()
    cancel = start("cancel", flags, [])
    eventually(lambda: workshop.query("SELECT count(cancel_asked_at) FROM batches") == [(3,)])
    workshop.write("late.txt", "What was written after the cancel was given.")

    run = start("run", flags, [str(workshop.folder)])
    eventually(lambda: workshop.query("SELECT count(*) FROM chunks WHERE embedding IS NOT NULL") == [(1,)])

    assert cancel.exitcode is None
    workshop.emulator.set_faults()
    cancel.kill()
    run.kill()
    outcome(cancel)
    outcome(run)


def test_what_says_that_it_is_sent_and_a_cancel_wait_for_each_other(held: Connection, workshop: Workshop) -> None:
    with ThreadPoolExecutor() as threads, workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        with sending(held):
            cancel = threads.submit(pipeline.cancel)
            eventually(lambda: waits_for(workshop, held))
            assert not cancel.done()
        cancel.result()

    with pytest.raises(StoppedError, match="stopped by `ingest cancel`"), sending(held):
        raise AssertionError("nothing is sent after a cancel")


def test_a_run_that_waits_while_its_corpus_is_swapped_ends_and_touches_nothing_of_the_new(workshop: Workshop) -> None:
    write_corpus(workshop)
    flags = workshop.flags | CORPUS_FLAGS
    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        pipeline.run([str(workshop.folder)])
    for number in range(4):
        workshop.write(f"{number}.txt", f"This is another text of number {number}, and nothing else is.")
    workshop.emulator.set_faults(Fault("stuck_in_progress", count=1))
    run = start("run", flags, [str(workshop.folder)])
    eventually(lambda: in_flight(workshop) == 1)

    reembed(workshop, max_batch_requests=4)
    swapped = workshop.query(_STATES)

    assert outcome(run) == 130
    assert workshop.query(_STATES) == swapped
    assert {row[2] for row in swapped} == {"done"}
    assert workshop.query("SELECT count(*), count(embedding) FROM chunks") == [(11, 11)]


def test_nothing_that_is_held_of_the_version_before_a_swap_is_used_on_the_one_after(
    held: Connection, workshop: Workshop
) -> None:
    batch = read_batch(held, 1)
    reembed(workshop, max_batch_requests=4)
    before = workshop.query(_STATES)

    attempts: list[Any] = [
        lambda: move(held, batch, "ready"),
        lambda: read_batch(held, 1),
        lambda: held.execute(statement("finish_batch"), {"id": 1, "loaded": 0, "failed": 0, "message": None}),
        lambda: held.execute_alone(statement("drop_index").format(name=in_corpus("chunks_text_hash"))),
        lambda: in_a_transaction(held, batch),
        lambda: by_a_cursor_of_the_server(held),
    ]
    for attempt in attempts:
        with pytest.raises(StoppedError, match="corpus is another version now"):
            attempt()

    assert workshop.query(_STATES) == before
    with workshop.pipeline() as pipeline:
        pipeline.roll_back()
    assert read_batch(held, 1).key == batch.key  # by its old name it is the same again


def in_a_transaction(connection: Connection, batch: Batch) -> None:
    with connection.transaction():
        connection.execute("SELECT 1")
        with connection.transaction():
            move(connection, batch, "ready")


def by_a_cursor_of_the_server(connection: Connection) -> None:
    with connection.transaction(), connection.cursor(name="batches") as cursor:
        cursor.execute(statement("list_open_batches"))


def test_a_swap_waits_for_a_transaction_on_the_version_in_use_and_for_no_reader(
    held: Connection, workshop: Workshop
) -> None:
    with ThreadPoolExecutor() as threads:
        with held.transaction():
            batch = read_batch(held, 1)
            swap = threads.submit(reembed, workshop, max_batch_requests=4)
            eventually(lambda: waits_for(workshop, held))
            move(held, batch, "done")
            assert workshop.query("SELECT model FROM corpus") != [(NEW["model"],)]
        swap.result()

    assert workshop.query("SELECT model FROM corpus") == [(NEW["model"],)]


def test_an_index_is_built_by_one_at_a_time_and_all_end_well(workshop: Workshop) -> None:
    subjects = "\n".join(f'{{"id": {n}, "text": "All that is to be said about subject {n}."}}' for n in range(1_077))
    path = workshop.write("subjects.jsonl", subjects)
    flags = workshop.flags | {"dimensions": 8}

    first = [start("run", flags, [str(path)]) for _ in range(2)]
    firsts = [outcome(process) for process in first]
    together = [start(verb, flags, [str(path)]) for verb in ("index", "run", "index", "run", "index")]
    reembedding = start("reembed", flags | NEW, [])

    assert firsts == [0, 0]
    assert {outcome(process) for process in together} <= {0, 130}  # some may be in the middle when the swap comes
    assert outcome(reembedding) == 0
    found = "SELECT indexname FROM pg_indexes WHERE schemaname = 'corpus' AND indexname LIKE 'chunks_embedding%%'"
    assert workshop.query(found) == [("chunks_embedding",)]
