"""Trouble with PostgreSQL in the middle of a run: waited out where that helps, else told, and resumable."""

from __future__ import annotations

import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from outlasting import has_batch
from process_checks import eventually, waits_for
from promises import CORPUS_FLAGS, check_promises, write_corpus
from psycopg import conninfo, sql
from reembeddings import change, filled, reembed
from workshop import Told

from ingest.database.embedded import embedded_server
from ingest.database.locks import corpus_lock
from ingest.database.refusals import FullError
from ingest.database.session import SETTINGS
from ingest.emulator import Fault
from ingest.errors import IngestError, UnreachableError
from ingest.sources.tables import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workshop import Workshop

    from ingest.pipeline import Pipeline
    from ingest.reporting.run_report import RunReport

VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'corpus.chunks_embedding'::regclass"
FLAGS: dict[str, Any] = {**CORPUS_FLAGS, "clean": True, "database_wait_seconds": 5}
CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = %s"


def run(workshop: Workshop) -> RunReport:
    with workshop.pipeline(**FLAGS) as pipeline:
        return pipeline.run([str(workshop.folder)])


def name_of(database_url: str) -> str:
    return str(conninfo.conninfo_to_dict(database_url)["dbname"])


@contextmanager
def cutting_connections(workshop: Workshop, server_url: str, times: int) -> Iterator[list[int]]:
    """Cut the connections to the workshop's database now and then, so often; how many were cut each time."""
    stop = threading.Event()
    cut: list[int] = []

    def work() -> None:
        with psycopg.connect(server_url, autocommit=True) as connection:
            while len(cut) < times and not stop.wait(0.3):
                if count := connection.execute(CUT, (name_of(workshop.database_url),)).rowcount:
                    cut.append(count)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield cut
    finally:
        stop.set()
        thread.join()


def test_a_run_outlasts_connections_that_are_cut(workshop: Workshop, server_url: str) -> None:
    write_corpus(workshop, 30)
    workshop.emulator.set_faults(Fault("delay", seconds=0.05), Fault("drop_after_create", count=2))

    with cutting_connections(workshop, server_url, 4) as cut:
        report = run(workshop)

    assert cut
    assert report.failures == []
    check_promises(workshop)


def test_a_run_outlasts_a_connection_that_is_cut_before_it_begins(workshop: Workshop, server_url: str) -> None:
    write_corpus(workshop)

    with workshop.pipeline(**CORPUS_FLAGS) as pipeline, psycopg.connect(server_url, autocommit=True) as connection:
        pipeline.connection.execute("SELECT 1")
        connection.execute(CUT, (name_of(workshop.database_url),))
        report = pipeline.run([str(workshop.folder)])

    assert report.failures == []
    check_promises(workshop)


def test_a_server_that_is_away_for_a_while_is_waited_for(workshop: Workshop, server_url: str) -> None:
    write_corpus(workshop, 30)
    database = sql.Identifier(name_of(workshop.database_url))
    allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    workshop.emulator.set_faults(Fault("stuck_in_progress"))

    with psycopg.connect(server_url, autocommit=True) as connection:

        def restart() -> None:
            eventually(lambda: has_batch(workshop, "submitted"))
            connection.execute(allow.format(database, sql.SQL("false")))
            connection.execute(CUT, (name_of(workshop.database_url),))
            workshop.emulator.set_faults()
            connection.execute(allow.format(database, sql.SQL("true")))

        restarting = threading.Thread(target=restart)
        restarting.start()
        report = run(workshop)
        restarting.join()

    assert report.failures == []
    check_promises(workshop)


def test_a_server_that_stays_away_ends_the_run_resumable(workshop: Workshop, server_url: str) -> None:
    write_corpus(workshop)
    database = sql.Identifier(name_of(workshop.database_url))
    workshop.emulator.set_faults(Fault("stuck_in_progress"))

    with psycopg.connect(server_url, autocommit=True) as connection:

        def shut() -> None:
            eventually(lambda: has_batch(workshop, "submitted"))
            connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(database))
            connection.execute(CUT, (name_of(workshop.database_url),))

        shutting = threading.Thread(target=shut)
        shutting.start()
        with (
            workshop.pipeline(**FLAGS | {"database_wait_seconds": 1}) as pipeline,
            pytest.raises(UnreachableError, match="run the same command again"),
        ):
            pipeline.run([str(workshop.folder)])
        shutting.join()
        connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(database))
    workshop.emulator.set_faults()
    report = run(workshop)

    assert report.failures == []
    check_promises(workshop)


@pytest.mark.parametrize("setting", ["lock_timeout", "statement_timeout"])
def test_a_lock_that_is_held_for_a_while_is_waited_out(workshop: Workshop, setting: str) -> None:
    write_corpus(workshop)
    with workshop.pipeline(**FLAGS) as pipeline:
        pipeline.sync([str(workshop.folder)])
    with psycopg.connect(workshop.database_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET {} = '300ms'").format(
                sql.Identifier(name_of(workshop.database_url)), sql.Identifier(setting)
            )
        )
    with psycopg.connect(workshop.database_url) as holder:
        holder.execute("LOCK TABLE corpus.chunks IN SHARE ROW EXCLUSIVE MODE")
        timer = threading.Timer(1.0, holder.rollback)
        timer.start()

        report = run(workshop)
        timer.join()

    assert report.failures == []
    check_promises(workshop)


def test_a_lock_that_is_never_released_ends_the_run_resumable(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_corpus(workshop)
    with workshop.pipeline(**FLAGS) as pipeline:
        pipeline.sync([str(workshop.folder)])
    monkeypatch.setitem(SETTINGS, "lock_timeout", "20ms")
    with psycopg.connect(workshop.database_url) as holder:
        holder.execute("LOCK TABLE corpus.chunks IN SHARE ROW EXCLUSIVE MODE")

        with workshop.pipeline(**FLAGS) as pipeline, pytest.raises(UnreachableError, match="lock"):
            pipeline.run([str(workshop.folder)])
    report = run(workshop)

    assert report.failures == []
    check_promises(workshop)


@pytest.mark.parametrize(
    ("told", "alter", "fix"),
    [
        (
            "the database ingest_test_",
            "ALTER TABLE corpus.chunks RENAME embedding TO e",
            "ALTER TABLE corpus.chunks RENAME e TO embedding",
        ),
        (
            "the database ingest_test_",
            "DROP VIEW corpus.passages; ALTER TABLE corpus.chunks ALTER embedding TYPE vector(9)",
            "DROP VIEW IF EXISTS corpus.passages; ALTER TABLE corpus.chunks ALTER embedding TYPE vector(8)",
        ),
        ("rename it back", "ALTER TABLE corpus.requests RENAME TO r", "ALTER TABLE corpus.r RENAME TO requests"),
    ],
)
def test_a_table_altered_under_us_ends_the_run_resumable(workshop: Workshop, told: str, alter: str, fix: str) -> None:
    write_corpus(workshop)
    with workshop.pipeline(**FLAGS) as pipeline:
        pipeline.sync([str(workshop.folder)])
        pipeline.submit()
        with psycopg.connect(workshop.database_url) as connection:
            connection.execute(alter.encode())

        with pytest.raises(IngestError) as error:
            pipeline.run([str(workshop.folder)])
    with psycopg.connect(workshop.database_url) as connection:
        connection.execute(fix.encode())
    report = run(workshop)

    assert told in str(error.value)
    assert report.failures == []
    check_promises(workshop)


def test_an_interrupt_in_the_middle_of_a_statement_is_no_outage(workshop: Workshop) -> None:
    workshop.write("a.txt", "Some text.")
    begun = []

    def interrupted(pipeline: Pipeline) -> None:
        begun.append(pipeline.connection)
        with corpus_lock(pipeline.connection, pipeline.corpus, "test"):
            pipeline.connection.pgconn.send_query(b"SELECT 1")  # its answer is not taken, nor is it cancelled
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), workshop.pipeline() as pipeline:  # noqa: PT012 - raised on the way out too
        pipeline.sync([str(workshop.folder)])
        pipeline.lasting(lambda: interrupted(pipeline))

    assert len(begun) == 1  # and not begun again


def take_connections(url: str, held: ExitStack) -> None:
    while True:
        held.enter_context(closing(psycopg.connect(url)))


@contextmanager
def full_server(free: int) -> Iterator[tuple[str, ExitStack]]:
    """A server of which others have all connections but so many; closing the stack, these let go of theirs."""
    with tempfile.TemporaryDirectory(prefix="ingest-tests-") as folder, ExitStack() as others:
        Path(folder).chmod(0o711)
        url = others.enter_context(embedded_server(Path(folder), durable=False))
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE articles (id int PRIMARY KEY, body text, embedding public.vector(8))")
            connection.execute("INSERT INTO articles SELECT n, 'Article number ' || n FROM generate_series(1, 9) n")
        kept = [others.enter_context(closing(psycopg.connect(url))) for _ in range(free)]
        held = others.enter_context(ExitStack())
        witness = held.enter_context(closing(psycopg.connect(url, autocommit=True)))
        with pytest.raises(psycopg.OperationalError, match="too many clients"):
            take_connections(url, held)
        for connection in kept:  # and is gone, as it need not be when its client has ended
            witness.execute("SELECT pg_terminate_backend(%s, 60000)", (connection.info.backend_pid,))
        yield url, held


def the_next_connection(url: str) -> psycopg.Connection[Any]:
    """One, as soon as another is gone: a server's process may outlive its client's end."""
    found: list[psycopg.Connection[Any]] = []

    def has_come() -> bool:
        with suppress(psycopg.OperationalError):
            found.append(psycopg.connect(url))
        return bool(found)

    eventually(has_come)
    return found[0]


class MakingRoom(Told):
    """Others end their connections as soon as it is said that theirs are waited for."""

    def __init__(self, others: ExitStack) -> None:
        super().__init__()
        self._others = others

    def say(self, message: str) -> None:
        super().say(message)
        self._others.close()


WAITING = "The database has no connection left for us: waiting until others end theirs."


@pytest.mark.parametrize(("source", "free"), [("files", 0), ("table", 1), ("column", 1)])
def test_a_full_connection_table_is_said_and_waited_for(workshop: Workshop, source: str, free: int) -> None:
    write_corpus(workshop)
    into = "embedding" if source == "column" else None
    given = [str(workshop.folder)] if source == "files" else Table("public.articles", text="body", into=into)
    with full_server(free) as (url, others):
        told, flags = MakingRoom(others), FLAGS | {"database_url": url}
        with workshop.pipeline(**flags | {"database_wait_seconds": 0}) as pipeline, pytest.raises(FullError):
            pipeline.run(given)
        with workshop.telling(told, flags) as pipeline:
            report = pipeline.run(given)

    assert told.lines[0] == WAITING
    assert report.load.loaded == workshop.emulator.ledger()["texts"] > 0


def test_an_index_is_built_without_a_connection_for_its_progress(workshop: Workshop) -> None:
    write_corpus(workshop)
    with full_server(2) as (url, others):
        told = MakingRoom(others)
        with workshop.telling(told, FLAGS | {"database_url": url}) as pipeline:
            pipeline.run([str(workshop.folder)])
            with closing(the_next_connection(url)):
                pipeline.index()
            ((is_there,),) = pipeline.connection.execute("SELECT count(*) FROM pg_indexes WHERE indexdef ~ 'hnsw'")

    assert told.lines == []
    assert is_there


@contextmanager
def in_the_way_of_an_index(workshop: Workshop, table: str) -> Iterator[psycopg.Connection[Any]]:
    """A transaction that writes the table: an index build waits for it."""
    with psycopg.connect(workshop.database_url) as writer:
        writer.execute(sql.SQL("LOCK TABLE {} IN ROW EXCLUSIVE MODE").format(sql.Identifier(*table.split("."))))
        yield writer


def index(workshop: Workshop) -> bool:
    with workshop.pipeline() as pipeline:
        return pipeline.index()


def cut_who_waits(workshop: Workshop, writer: psycopg.Connection[Any]) -> None:
    """Cut the connection that waits for this one, whose transaction then ends."""
    eventually(lambda: waits_for(workshop, writer))
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))"
    assert workshop.query(cut, writer.info.backend_pid) == [(True,)]
    writer.commit()


def test_an_index_is_built_anew_after_a_connection_that_is_cut(workshop: Workshop) -> None:
    filled(workshop)
    with ThreadPoolExecutor() as threads, in_the_way_of_an_index(workshop, "corpus.chunks") as writer:
        building = threads.submit(index, workshop)
        cut_who_waits(workshop, writer)
        assert building.result()

    assert workshop.query(VALID) == [(True,)]


def test_the_index_of_a_next_version_is_built_anew_after_a_connection_that_is_cut(workshop: Workshop) -> None:
    filled(workshop)
    index(workshop)
    workshop.emulator.set_faults(Fault("delay", seconds=60))
    with ThreadPoolExecutor() as threads:
        building = threads.submit(reembed, workshop)
        eventually(lambda: workshop.query("SELECT to_regclass('corpus__next.chunks') IS NOT NULL") == [(True,)])
        with in_the_way_of_an_index(workshop, "corpus__next.chunks") as writer:
            workshop.emulator.set_faults()
            cut_who_waits(workshop, writer)
            assert building.result().indexed

    assert workshop.query(VALID) == [(True,)]


def test_an_index_is_built_anew_where_others_were_in_its_way_and_it_in_theirs(workshop: Workshop) -> None:
    """Of a deadlock PostgreSQL ends the one that has waited for its `deadlock_timeout` first: that is the build."""
    filled(workshop)
    name = sql.Identifier(name_of(workshop.database_url))
    change(workshop, sql.SQL("ALTER DATABASE {} SET deadlock_timeout TO '5s'").format(name).as_string())
    with ThreadPoolExecutor() as threads, in_the_way_of_an_index(workshop, "corpus.chunks") as writer:
        building = threads.submit(index, workshop)
        writer.execute("SET deadlock_timeout TO '1min'")
        eventually(lambda: waits_for(workshop, writer))
        writer.execute("LOCK TABLE corpus.chunks IN SHARE UPDATE EXCLUSIVE MODE")
        writer.commit()
        assert building.result()

    deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    eventually(lambda: workshop.query(deadlocks) == [(1,)])
