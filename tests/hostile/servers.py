"""PostgreSQL servers of the tests' own, as the worlds need them: with roles, replicas and a log that can be decoded."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from process_checks import accepts, eventually

from ingest.background import stop_process
from ingest.database import cluster

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

OWNER = "postgres"
_SETTINGS = """\
listen_addresses = ''
unix_socket_directories = '{folder}'
wal_level = logical
max_wal_senders = 4
max_replication_slots = 4
wal_keep_size = '64MB'
shared_buffers = '32MB'
timezone = 'UTC'
log_timezone = 'UTC'
jit = off
dynamic_shared_memory_type = mmap
fsync = {fsync}
full_page_writes = {fsync}
"""


@dataclass
class Server:
    """A server on a folder of its own, which has its data, its socket and its log; `process`: None while it is down."""

    folder: Path
    binaries: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        """PostgreSQL's own."""
        return self.folder / "data"

    def url(self, database: str = "postgres", role: str = OWNER) -> str:
        """For this role, who needs no password: only we can reach the socket."""
        return f"postgresql://{role}@/{database}?host={quote(str(self.folder), safe='')}&port=5432"

    def make(self, *, durable: bool) -> None:
        """Make its data folder."""
        self.run("initdb", "-D", self.data, "-U", OWNER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        with (self.data / "postgresql.conf").open("a") as settings:
            settings.write(_SETTINGS.format(folder=self.folder, fsync="on" if durable else "off"))

    def copy_to(self, folder: Path) -> Server:
        """A standby of this server, whose folder this makes; it is not started."""
        standby = Server(_reachable(folder), self.binaries)
        self.run("pg_basebackup", "-D", standby.data, "-d", self.url(), "-R", "-c", "fast", "-X", "stream", "--no-sync")
        with (standby.data / "postgresql.conf").open("a") as settings:
            settings.write(f"unix_socket_directories = '{folder}'\n")
        return standby

    def start(self) -> None:
        """Start it, and wait until it answers."""
        account = cluster.server_account()
        self.process = account.start([self.binaries / "postgres", "-D", self.data], signal.SIGINT)
        eventually(lambda: accepts(self.url()))

    def stop(self) -> None:
        """Stop it, whatever its clients do."""
        if self.process:
            stop_process(self.process, (signal.SIGINT, 20.0), (signal.SIGQUIT, 10.0))
            self.process = None

    def crash(self) -> None:
        """Stop it as `pg_ctl stop -m immediate` does: what it had not written is lost."""
        if self.process:
            stop_process(self.process, (signal.SIGQUIT, 20.0))
            self.process = None

    def run(self, program: str, *arguments: str | Path) -> None:
        """Run one of PostgreSQL's programs, as the server's user."""
        process = cluster.server_account().start([self.binaries / program, *arguments], signal.SIGTERM, piped=True)
        _, errors = process.communicate()
        assert process.returncode == 0, errors.decode()


@contextmanager
def server(*, binaries: Path | None = None, durable: bool = False) -> Iterator[Server]:
    """A server that runs; with the binaries of the embedded one, unless others are given."""
    with folder() as base:
        account = cluster.server_account()
        made = Server(_reachable(base / "s"), binaries or cluster.reachable_binaries(base, account))
        made.make(durable=durable)
        made.start()
        try:
            yield made
        finally:
            made.stop()


@contextmanager
def folder() -> Iterator[Path]:
    """A folder that the server's user can reach, and whose name is short enough for a socket."""
    base = Path(tempfile.mkdtemp(prefix="ingest-", dir="/tmp"))
    base.chmod(0o711)
    try:
        yield base
    finally:
        shutil.rmtree(base, ignore_errors=True)


def _reachable(folder: Path) -> Path:
    """The folder, made for the server's user alone."""
    account = cluster.server_account()
    folder.mkdir()
    folder.chmod(0o700)
    os.chown(folder, account.uid, account.gid)
    return folder
