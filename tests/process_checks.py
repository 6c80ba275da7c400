"""What the tests of shared servers ask about real processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import psutil
import psycopg

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from workshop import Workshop


def take_interrupts() -> None:
    """In a child before it becomes its program: Ctrl-C reaches it, though whoever started the tests ignores it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def serving(*arguments: str, folder: Path, environment: Mapping[str, str], secret: str) -> Iterator[str]:
    """A server of `ingest`, as a process of its own: its address. It ends as by Ctrl-C, and tells no secret."""
    with subprocess.Popen(
        [sys.executable, "-m", "ingest", *arguments, "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env={**os.environ, **environment},
    ) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.terminate()
            _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert secret not in err
    assert "Traceback" not in err


@contextmanager
def reserved_port() -> Iterator[int]:
    """A port of loopback where nobody listens, and that the system gives to no other; a server of ours may take it."""
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: with both, two may have it
        held.bind(("127.0.0.1", 0))
        yield int(held.getsockname()[1])


def processes_in(base: Path) -> list[psutil.Process]:
    """Supervisors and servers at work on a folder: it is in their command line, or they live below it."""
    return [
        process
        for process in psutil.process_iter(["cwd", "cmdline", "status"])
        if process.info["status"] != psutil.STATUS_ZOMBIE
        and (
            str(process.info["cwd"]).startswith(f"{base}/")
            or ("-P" in (line := process.info["cmdline"] or []) and str(base) in str(line))
        )
    ]


def postmaster(data: Path) -> psutil.Process:
    """The server at work on a PostgreSQL data folder."""
    return psutil.Process(int((data / "postmaster.pid").read_text().splitlines()[0]))


def accepts(url: str) -> bool:
    """Whether a PostgreSQL server takes connections."""
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


def is_gone(process: psutil.Process) -> bool:
    """Whether the process has ended, be it collected by its parent or not."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def kill(*processes: psutil.Process) -> None:
    """Kill each of them that has not gone yet: some end with one that was killed before."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def eventually(holds: Callable[[], bool]) -> None:
    """Wait, within a bound, until it holds."""
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.02)


def waits_for(workshop: Workshop, connection: psycopg.Connection[Any]) -> bool:
    """Whether another connection waits for a lock that this one has."""
    blocked = "SELECT count(*) FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))"
    return workshop.query(blocked, connection.info.backend_pid) != [(0,)]
