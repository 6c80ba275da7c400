"""A PostgreSQL server that dies in the middle of a run, or whose disk is full."""

from __future__ import annotations

import shutil
import signal
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from outlasting import FLAGS, has_batch, running
from process_checks import accepts, eventually, is_gone, postmaster, processes_in
from promises import check_promises, write_corpus
from workshop import Workshop

from ingest.database.connection import connect
from ingest.database.embedded import embedded_server
from ingest.emulator import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.emulator import RunningEmulator


@pytest.fixture
def server() -> Iterator[Path]:
    """The folder of a server of the test's own, which `nobody` can reach."""
    base = Path(tempfile.mkdtemp(prefix="ingest-test-"))
    base.chmod(0o755)
    yield base / "postgresql"
    eventually(lambda: not processes_in(base))
    shutil.rmtree(base)


@pytest.fixture
def workshop(server: Path, emulator: RunningEmulator, tmp_path: Path) -> Iterator[Workshop]:
    """A workshop whose server may die: what it has committed is on the disk."""
    files = tmp_path / "files"
    files.mkdir()
    with embedded_server(server) as url:
        yield Workshop(url, emulator, files, tmp_path / "data")


def restart(server: Path, url: str) -> None:
    """Stop the server as `pg_ctl stop -m immediate` does; its supervisor starts it again."""
    process = postmaster(server / "data")
    process.send_signal(signal.SIGQUIT)
    eventually(lambda: is_gone(process) and accepts(url))


@pytest.mark.parametrize(
    ("state", "fault"),
    [
        ("uploading", Fault("delay_upload", seconds=50)),
        ("creating", Fault("delay_create", seconds=50)),
        ("submitted", Fault("stuck_in_progress")),
    ],
    ids=["while a file is sent", "while a batch is created", "while batches are in flight"],
)
def test_a_run_outlasts_a_server_that_dies(workshop: Workshop, server: Path, state: str, fault: Fault) -> None:
    write_corpus(workshop)
    workshop.emulator.set_faults(fault)

    with running(workshop) as reports:
        # The intent is committed before the call: the call itself is waited for, too.
        eventually(lambda: has_batch(workshop, state) and workshop.emulator.fired()[fault.name] > 0)
        restart(server, workshop.database_url)

    assert reports[0].failures == []
    check_promises(workshop)


def test_a_run_outlasts_a_server_that_dies_while_vectors_are_loaded(workshop: Workshop, server: Path) -> None:
    write_corpus(workshop)
    with workshop.pipeline(**FLAGS) as pipeline:
        pipeline.sync([str(workshop.folder)])
        pipeline.submit()

    with closing(psycopg.connect(workshop.database_url)) as holder:
        holder.execute("LOCK TABLE corpus.chunks IN SHARE ROW EXCLUSIVE MODE")
        with running(workshop) as reports:
            eventually(lambda: "chunks SET embedding" in waiting_statement(workshop))
            restart(server, workshop.database_url)

    assert reports[0].failures == []
    check_promises(workshop)


def test_what_a_lost_server_was_read_by_is_closed(workshop: Workshop) -> None:
    """psycopg leaves it open, and warns when it is collected, which the tests take for an error."""
    write_corpus(workshop)
    with workshop.pipeline(**FLAGS) as pipeline:
        pipeline.sync([str(workshop.folder)])
    with closing(connect(workshop.database_url, "corpus")) as connection, connection.transaction():
        rows = connection.cursor(name="chunks")
        rows.execute("SELECT id FROM chunks")
        workshop.query("SELECT pg_terminate_backend(%s)", connection.info.backend_pid)

        with pytest.raises(psycopg.OperationalError):
            rows.close()

        assert rows.closed


def waiting_statement(workshop: Workshop) -> str:
    """What waits for a lock, in the middle of a transaction."""
    rows = workshop.query("SELECT query FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    return "".join(row[0] for row in rows)
