"""A standby, to read from; one that takes the primary's place in the middle of a run; and a server that crashes."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import psycopg
import pytest
from hostile import servers
from hostile.servers import OWNER
from outlasting import FLAGS, has_batch, running
from process_checks import eventually
from promises import check_promises, write_corpus
from workshop import Workshop

from ingest.emulator import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hostile.servers import Server
    from workshop import Outcome

    from ingest.emulator import RunningEmulator


@pytest.fixture
def durable() -> Iterator[Server]:
    """A server of the test's own: what it says is on the disk is there."""
    with servers.server(durable=True) as running:
        with psycopg.connect(running.url(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE one")
        yield running


@pytest.fixture
def late_standby(durable: Server) -> Iterator[Server]:
    """A physical standby of it, for which no commit waits."""
    copy = durable.copy_to(durable.folder.with_name("b"))
    copy.start()
    yield copy
    copy.stop()


@pytest.fixture
def standby(durable: Server, late_standby: Server) -> Server:
    """A physical standby of it, which has each commit before it is told."""
    with psycopg.connect(durable.url(), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET synchronous_standby_names TO '*'")
        connection.execute("ALTER SYSTEM SET synchronous_commit TO 'remote_apply'")
        connection.execute("SELECT pg_reload_conf()")
    return late_standby


def workshop_on(url: str, emulator: RunningEmulator, base: Path) -> Workshop:
    (base / "files").mkdir()
    workshop = Workshop(url, emulator, base / "files", base / "data")
    write_corpus(workshop)
    return workshop


def url_of(*servers: Server) -> str:
    """Whichever of them takes writes."""
    hosts = ",".join(quote(str(server.folder), safe="") for server in servers)
    ports = ",".join("5432" for _ in servers)
    return f"postgresql://{OWNER}@/one?host={hosts}&port={ports}&target_session_attrs=read-write"


def promote(standby: Server) -> None:
    with psycopg.connect(standby.url(), autocommit=True) as connection:
        # Told before: it waits for no standby of its own.
        connection.execute("ALTER SYSTEM SET synchronous_standby_names TO ''")
        connection.execute("SELECT pg_promote()")


def cut_off(standby: Server) -> None:
    """From now on it gets nothing from its primary."""
    with psycopg.connect(standby.url(), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET primary_conninfo TO ''")
        connection.execute("SELECT pg_reload_conf()")
        look = "SELECT count(*) FROM pg_stat_wal_receiver"
        eventually(lambda: connection.execute(look).fetchone() == (0,))


def read_by(standby: Server, emulator: RunningEmulator) -> dict[str, str]:
    """The environment of a program that has the standby for its database."""
    return {
        "OPENAI_API_KEY": emulator.api_key,
        "OPENAI_BASE_URL": emulator.base_url,
        "DATABASE_URL": standby.url("one"),
    }


def test_a_standby_answers_what_only_reads(
    durable: Server, standby: Server, emulator: RunningEmulator, ingest: Callable[..., Outcome], tmp_path: Path
) -> None:
    workshop = workshop_on(durable.url("one"), emulator, tmp_path)
    environment = read_by(standby, emulator)
    none_yet = ingest("status", environment=environment)
    with workshop.pipeline(**FLAGS) as pipeline:
        pipeline.run([str(workshop.folder)])
    with psycopg.connect(durable.url("one"), autocommit=True) as connection:
        connection.execute("CREATE TABLE articles AS SELECT 1 AS id, 'An article' AS body")
        connection.execute("ALTER TABLE articles ADD PRIMARY KEY (id)")
    text = (workshop.folder / "1.txt").read_text()
    workshop.write("1.txt", "Another edition.")
    (workshop.folder / "2.txt").unlink()

    commands: tuple[tuple[str, ...], ...] = (
        ("estimate", str(workshop.folder)),
        ("estimate", "--table", "articles", "--text", "body"),
        ("search", text, "-n", "1"),
        ("search", text, "-n", "1", "--hybrid"),
        ("search", text, "--sql"),
        ("status",),
        ("cost", "--documents", "3"),
        ("report", "report.html"),
        ("parquet", "corpus.parquet"),
    )
    outcomes = {command: ingest(*command, environment=environment) for command in commands}

    assert (none_yet.status, len(none_yet.err.splitlines())) == (2, 1)
    assert {command: outcome.status for command, outcome in outcomes.items()} == dict.fromkeys(commands, 0)
    assert "1 changed" in outcomes[commands[0]].out
    assert "1 gone" in outcomes[commands[0]].out
    assert text in outcomes[commands[2]].out
    assert text in outcomes[commands[3]].out
    assert "11 searchable" in outcomes[("status",)].out


def test_a_standby_refuses_what_writes_with_one_line(
    durable: Server, standby: Server, emulator: RunningEmulator, ingest: Callable[..., Outcome], tmp_path: Path
) -> None:
    workshop = workshop_on(durable.url("one"), emulator, tmp_path)
    environment = read_by(standby, emulator)
    with workshop.pipeline(**FLAGS) as pipeline:
        pipeline.run([str(workshop.folder)])

    doctor = ingest("doctor", environment=environment)
    commands: tuple[tuple[object, ...], ...] = (
        ("run", workshop.folder),
        ("index",),
        ("reembed", "--model", "hash"),
    )
    outcomes = {command: ingest(*command, environment=environment) for command in commands}

    assert doctor.status == 2
    assert "standby" in doctor.out
    for command, outcome in outcomes.items():
        assert (command, outcome.status, len(outcome.err.splitlines())) == (command, 2, 1), outcome.err
        assert "target_session_attrs=read-write" in outcome.err


@pytest.mark.parametrize(
    ("state", "fault"),
    [
        ("uploading", Fault("delay_upload", seconds=50)),
        ("creating", Fault("delay_create", seconds=50)),
        ("submitted", Fault("stuck_in_progress")),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_a_run_outlasts_a_failover(
    state: str, fault: Fault, durable: Server, standby: Server, emulator: RunningEmulator, tmp_path: Path
) -> None:
    url = url_of(durable, standby)
    workshop = workshop_on(url, emulator, tmp_path)
    emulator.set_faults(fault)

    with running(workshop) as reports:
        eventually(lambda: has_batch(workshop, state) and emulator.fired()[fault.name] > 0)
        durable.crash()
        promote(standby)
        emulator.set_faults()

    assert [report.failures for report in reports] == [[]]
    check_promises(workshop)


@pytest.mark.parametrize(
    ("state", "fault"),
    [("uploading", Fault("delay_upload", seconds=50)), ("creating", Fault("delay_create", seconds=50))],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_a_batch_that_went_on_after_what_the_new_primary_knows_is_found_again(
    state: str, fault: Fault, durable: Server, late_standby: Server, emulator: RunningEmulator, tmp_path: Path
) -> None:
    workshop = workshop_on(url_of(durable, late_standby), emulator, tmp_path)
    emulator.set_faults(fault, Fault("stuck_in_progress"))

    with running(workshop, max_batch_requests=50) as reports:
        eventually(lambda: has_batch(workshop, state, late_standby.url("one")))
        cut_off(late_standby)
        emulator.set_faults(Fault("stuck_in_progress"))
        eventually(lambda: has_batch(workshop, "submitted"))
        durable.crash()
        lost = not has_batch(workshop, "submitted", late_standby.url("one"))  # before the run finds it there
        promote(late_standby)
        emulator.set_faults()

    assert lost
    assert [report.failures for report in reports] == [[]]
    check_promises(workshop)


def test_vectors_that_were_loaded_after_what_the_new_primary_knows_are_loaded_again(
    durable: Server, late_standby: Server, emulator: RunningEmulator, tmp_path: Path
) -> None:
    workshop = workshop_on(url_of(durable, late_standby), emulator, tmp_path)
    emulator.set_faults(Fault("stuck_in_progress"))
    with running(workshop, clean=False):
        eventually(lambda: has_batch(workshop, "submitted", late_standby.url("one"), 3))
        cut_off(late_standby)
    loaded = workshop.query("SELECT count(embedding) FROM chunks")
    durable.crash()
    promote(late_standby)
    lost = workshop.query("SELECT count(embedding) FROM chunks")

    with running(workshop, clean=False) as reports:
        pass

    assert (loaded, lost) == ([(11,)], [(0,)])
    assert [report.failures for report in reports] == [[]]
    check_promises(workshop)


def test_what_a_crashed_server_was_told_is_there_though_its_commits_are_not_waited_for_by_default(
    durable: Server, emulator: RunningEmulator, tmp_path: Path
) -> None:
    with psycopg.connect(durable.url(), autocommit=True) as connection:
        connection.execute("ALTER DATABASE one SET synchronous_commit TO off")
        # What is not waited for is not written for long.
        connection.execute("ALTER SYSTEM SET wal_writer_delay TO '10s'")
        connection.execute("ALTER SYSTEM SET wal_writer_flush_after TO '1GB'")
        connection.execute("SELECT pg_reload_conf()")
    workshop = workshop_on(durable.url("one"), emulator, tmp_path)
    emulator.set_faults(Fault("delay_create", seconds=50))

    with running(workshop) as reports:
        eventually(lambda: has_batch(workshop, "creating"))
        durable.crash()
        durable.start()
        emulator.set_faults()

    assert [report.failures for report in reports] == [[]]
    check_promises(workshop)
