"""A copy of a database with batches in flight: they are the first one's, and what it waits for is left to it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import openai
import psycopg
import pytest
from process_checks import eventually, waits_for
from promises import CORPUS_FLAGS, write_corpus
from psycopg import conninfo, sql
from workshop import Told

from ingest.database.connection import connect
from ingest.database.identity import Origin, this_database
from ingest.database.locks import try_batch_lock
from ingest.emulator import Fault
from ingest.errors import UsageError
from ingest.runs.opening import open_corpus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from workshop import Outcome, Workshop

FLAGS: dict[str, Any] = {**CORPUS_FLAGS, "clean": True}


@contextmanager
def copied(workshop: Workshop, server_url: str) -> Iterator[Workshop]:
    """The same, on a copy of its database."""
    name = str(conninfo.conninfo_to_dict(workshop.database_url)["dbname"])
    names = {"name": sql.Identifier(name), "copy": sql.Identifier(f"{name}_copy")}
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {copy} TEMPLATE {name}").format(**names))
        try:
            yield replace(workshop, database_url=conninfo.make_conninfo(server_url, dbname=f"{name}_copy"))
        finally:
            connection.execute(sql.SQL("DROP DATABASE {copy} WITH (FORCE)").format(**names))


def sent(workshop: Workshop, states: list[str] | None = None) -> None:
    """A corpus whose batches are in flight."""
    write_corpus(workshop)
    with workshop.pipeline(**FLAGS) as pipeline:
        pipeline.sync([str(workshop.folder)])
        assert [batch.state for batch in pipeline.submit()] == (states or ["submitted"] * 3)


def remote_files(workshop: Workshop) -> int:
    with openai.OpenAI(base_url=workshop.emulator.base_url, api_key=workshop.emulator.api_key) as client:
        return len(client.files.list().data)


def statuses(workshop: Workshop) -> list[str]:
    with openai.OpenAI(base_url=workshop.emulator.base_url, api_key=workshop.emulator.api_key) as client:
        return [batch.status for batch in client.batches.list().data]


def ended(workshop: Workshop) -> None:
    while set(statuses(workshop)) != {"completed"}:
        time.sleep(0.05)


def embedded(workshop: Workshop) -> list[tuple[Any, ...]]:
    return workshop.query("SELECT count(embedding), count(*) FROM chunks")


def test_a_copy_loads_what_was_sent_and_leaves_its_files_to_the_database_that_waits_for_them(
    workshop: Workshop, server_url: str
) -> None:
    sent(workshop)
    ended(workshop)
    told = Told()

    with copied(workshop, server_url) as copy:
        with copy.telling(told, FLAGS) as pipeline:
            report = pipeline.run([str(copy.folder)])
            cleaned = pipeline.clean()
        in_copy, left = embedded(copy), remote_files(workshop)
        with workshop.pipeline(**FLAGS) as pipeline:
            pipeline.run([str(workshop.folder)])

        assert (report.failures, in_copy, embedded(workshop)) == ([], [(11, 11)], [(11, 11)])
        assert (cleaned, left, remote_files(workshop)) == (0, 6, 0)
        assert [line for line in told.lines if "sent from another database" in line and "--yes" in line]
        assert workshop.emulator.ledger()["billed_more_than_once"] == []


def test_a_copy_cancels_and_cleans_what_was_sent_where_a_person_says_so(workshop: Workshop, server_url: str) -> None:
    workshop.emulator.set_faults(Fault("stuck_in_progress"))
    sent(workshop)

    with copied(workshop, server_url) as copy, copy.pipeline(**FLAGS, stuck_hours=0) as pipeline:
        left_alone = pipeline.cancel(), pipeline.retry_stuck(), statuses(workshop)
        asked: list[str] = []

        def permit(why: str) -> bool:
            asked.append(why)
            return len(asked) > 1

        pipeline.permit = permit
        refused = pipeline.retry_stuck()
        stuck = pipeline.retry_stuck()
        pipeline.cancel()
        cleaned = pipeline.clean()

    assert left_alone[0].waiting_again == 0
    assert left_alone[1:] == ([], ["in_progress"] * 3)
    assert (refused, len(stuck)) == ([], 3)
    assert set(statuses(workshop)) == {"cancelled"}
    assert {why.partition(" sent")[0] for why in asked} == {"3 batches were"}
    assert cleaned > 0


@pytest.mark.parametrize("state", ["ready", "uploading", "uploaded"])
def test_a_copy_sends_what_was_written_before_it_was_made_where_a_person_says_so(
    workshop: Workshop, server_url: str, state: str
) -> None:
    sent(workshop)
    ended(workshop)
    workshop.query("UPDATE batches SET state = %s, provider_batch_id = NULL WHERE id = 1 RETURNING id", state)

    with copied(workshop, server_url) as copy, copy.pipeline(**FLAGS) as pipeline:
        copy.write("own.txt", "What is written to the copy alone is not held up.")
        with pytest.raises(UsageError, match=r"1 batch was sent from another database.*run again with --yes"):
            pipeline.run([str(copy.folder)])
        before = len(statuses(workshop)), embedded(copy)
        (left,) = pipeline.status().batches
        pipeline.permit = lambda _why: True
        report = pipeline.run([str(copy.folder)])
        keys = copy.query("SELECT count(DISTINCT key) FROM batches")
        message = copy.query("SELECT message FROM batches WHERE id = 1")

    assert before == (4, [(8, 12)])
    assert "--yes" in (left.why or "")
    assert (report.failures, len(statuses(workshop)), keys) == ([], 5, [(5,)])
    assert message == [("of another database: cut anew",)]


def test_a_copy_takes_over_nothing_that_another_process_works_on(workshop: Workshop, server_url: str) -> None:
    sent(workshop)
    ended(workshop)
    workshop.query("UPDATE batches SET state = 'ready', provider_batch_id = NULL WHERE id = 1 RETURNING id")

    with (
        copied(workshop, server_url) as copy,
        copy.pipeline(**FLAGS) as pipeline,
        copy.pipeline(**FLAGS) as another,
    ):
        pipeline.permit = lambda _why: True
        open_corpus(another)
        with try_batch_lock(another.connection, "corpus", 1) as held:
            pipeline.submit()
            left = copy.query("SELECT state FROM batches ORDER BY id")
        pipeline.submit()
        taken = copy.query("SELECT state FROM batches ORDER BY id")

    assert held
    assert left == [("ready",), ("submitted",), ("submitted",)]
    assert taken == [("done",), ("submitted",), ("submitted",), ("submitted",)]


def test_a_copy_leaves_what_went_on_while_it_took_over_what_came_before(workshop: Workshop, server_url: str) -> None:
    sent(workshop)
    ended(workshop)
    workshop.query("UPDATE batches SET state = 'uploaded', provider_batch_id = NULL WHERE id < 3 RETURNING id")

    with (
        ThreadPoolExecutor() as threads,
        copied(workshop, server_url) as copy,
        copy.pipeline(**FLAGS) as pipeline,
        connect(copy.database_url, "corpus") as other,
    ):
        pipeline.permit = lambda _why: True
        with other.transaction():
            other.execute("SELECT FROM corpus.batches WHERE id = 1 FOR UPDATE")
            submitting = threads.submit(pipeline.submit)
            eventually(lambda: waits_for(copy, other) or submitting.done())
            copy.query("UPDATE batches SET state = 'creating' WHERE id = 2 RETURNING id")
        submitting.result()
        states = copy.query("SELECT state FROM batches ORDER BY id")

    assert states == [("done",), ("submitted",), ("submitted",), ("submitted",)]
    assert len(statuses(workshop)) == 4


def test_a_copy_looks_for_what_may_have_been_created_and_creates_nothing(workshop: Workshop, server_url: str) -> None:
    sent(workshop)
    ended(workshop)
    workshop.query("UPDATE batches SET state = 'creating', provider_batch_id = NULL WHERE id < 3 RETURNING id")
    workshop.query("UPDATE batches SET key = key || 'x', input_file_id = 'file-none' WHERE id = 1 RETURNING id")

    with copied(workshop, server_url) as copy, copy.pipeline(**FLAGS) as pipeline:
        with pytest.raises(UsageError, match="1 batch was sent from another database"):
            pipeline.run([str(copy.folder)])
        before = len(statuses(workshop)), embedded(copy)
        left = copy.query("SELECT state, message FROM batches WHERE state <> 'done'")
        pipeline.permit = lambda _why: True
        report = pipeline.run([str(copy.folder)])

    assert before == (3, [(7, 11)])
    assert left == [("creating", "not in the provider's list: left to the database that wrote it")]
    assert (report.failures, len(statuses(workshop))) == ([], 4)


@pytest.mark.parametrize("fault", ["expired_partial", "token_limit"])
def test_a_copy_sends_nothing_again_that_the_first_database_sends_again(
    workshop: Workshop, server_url: str, fault: str
) -> None:
    workshop.emulator.set_faults(Fault(fault, count=1))
    sent(workshop)
    while "in_progress" in statuses(workshop) or "validating" in statuses(workshop):
        time.sleep(0.05)

    with copied(workshop, server_url) as copy, copy.pipeline(**FLAGS | {"refused_wait_seconds": 0}) as pipeline:
        with suppress(UsageError):  # of what waits to be sent from there
            pipeline.run([str(copy.folder)])
        returned = pipeline.retry()
        with suppress(UsageError):
            pipeline.run([str(copy.folder)])
        before = len(statuses(workshop))
        pipeline.permit = lambda _why: True
        pipeline.retry()
        report = pipeline.run([str(copy.folder)])

    assert (returned, before) == (0, 3)
    assert (report.failures, len(statuses(workshop))) == ([], 4)


def test_a_copy_on_the_same_machine_leaves_the_files_of_the_other_alone(workshop: Workshop, server_url: str) -> None:
    workshop.emulator.set_faults(Fault("stuck_in_progress"))
    sent(workshop)
    before = sorted(workshop.data_dir.rglob("*.jsonl"))
    workshop.emulator.set_faults()
    ended(workshop)

    with copied(workshop, server_url) as copy, copy.pipeline(**FLAGS) as pipeline:
        pipeline.run([str(copy.folder)])

    assert len(before) == 3
    assert sorted(workshop.data_dir.rglob("*.jsonl")) == before


def test_what_was_sent_before_this_was_noted_counts_as_this_database_s(workshop: Workshop, server_url: str) -> None:
    sent(workshop)
    ended(workshop)
    workshop.query("UPDATE batches SET sent_from = NULL RETURNING id")

    with copied(workshop, server_url) as copy, copy.pipeline(**FLAGS) as pipeline:
        pipeline.run([str(copy.folder)])
        workshop.query("DELETE FROM requests RETURNING 1")
        workshop.query("UPDATE batches SET state = 'done', request_count = 0 RETURNING id")
        workshop.query("DELETE FROM chunks RETURNING 1")
        workshop.query("DELETE FROM documents RETURNING 1")

    assert remote_files(workshop) == 0


def test_a_database_is_known_by_its_server_and_its_oid_or_by_its_name_where_the_server_is_not_told(
    workshop: Workshop,
) -> None:
    with connect(workshop.database_url, "corpus") as connection:
        this = this_database(connection)
        known = connection.execute("SELECT system_identifier FROM pg_control_system()").fetchone()
    with connect(workshop.database_url, "corpus") as connection:
        connection.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
        connection.execute("SET ROLE pg_read_all_settings")  # one that every server has
        hidden = this_database(connection)

    assert known == (this.server,)
    assert hidden == replace(this, server=None)
    renamed = Origin(this.server, this.database, "renamed")
    untold = Origin(None, this.database, this.name)
    assert this.is_same(None)
    assert this.is_same({"server": renamed.server, "database": renamed.database, "name": renamed.name})
    assert untold.is_same({"server": this.server, "database": this.database, "name": this.name})
    assert not untold.is_same({"server": None, "database": this.database, "name": "another"})
    assert not this.is_same({"server": 1, "database": this.database, "name": this.name})


def test_on_the_command_line_yes_is_the_person_s_word(
    workshop: Workshop,
    server_url: str,
    ingest: Callable[..., Outcome],
    environment: dict[str, str],
) -> None:
    sent(workshop)
    ended(workshop)

    with copied(workshop, server_url) as copy:
        environment |= {"DATABASE_URL": copy.database_url}
        loaded = ingest("load", environment=environment)
        left = ingest("clean", environment=environment)
        cleaned = ingest("clean", "--yes", environment=environment)

    assert loaded.status == left.status == cleaned.status == 0
    assert "0 files" in left.out + left.err
    assert "3 batches were sent from another database" in left.err
    assert "6 files" in cleaned.out + cleaned.err
