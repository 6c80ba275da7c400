"""The client's side: find the server or start it, and see it stopped."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.background.files import EXCLUSIVE, SHARED, open_lock, own_folder, read_private, try_lock
from ingest.errors import IngestError, UnreachableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from ingest.background.server import Running

_POLL_S = 0.02
# A database that was killed in the middle of a load replays up to `max_wal_size` of log before it answers.
_START_TIMEOUT_S = 600.0
_STOP_TIMEOUT_S = 120.0
_LEAST_FREE_BYTES = 1 << 20  # below it, a supervisor that left no word had no room for one


@dataclass(frozen=True, slots=True)
class SharedServer:
    """What is shared.

    `serve(folder)` is a function at the top of a module, for the supervisor imports it by name; it starts the
    server from the thread that calls it, and stops it on leaving. `remedy` ends the messages for the user.
    """

    name: str
    folder: Path
    serve: Callable[[Path], AbstractContextManager[Running]]
    remedy: str

    @property
    def log(self) -> Path:
        """What the supervisor and the server have to say."""
        return self.folder / "server.log"


@contextmanager
def shared(server: SharedServer) -> Iterator[str]:
    """The address of the server, started if it is not running; the last client to leave sees it stopped.

    Raises:
        UsageError: not on this system, or the folder is not ours alone.
        UnreachableError: the server did not start.
    """
    if sys.platform == "win32":
        raise UsageError(f"{server.name} cannot be shared among processes on Windows: {server.remedy}.")
    try:
        own_folder(server.folder)
        clients = open_lock(server.folder / "clients.lock")
        try:
            # Held exclusively by whoever stops the server: wait for that, then start it anew.
            _wait_for_lock(clients, SHARED, server)
            address = _find_or_start(server)
        except BaseException:
            os.close(clients)
            raise
    except OSError as error:
        raise UnreachableError(
            f"{server.name} cannot use its folder {server.folder}: {error}. Name another folder as INGEST_DATA_DIR, "
            f"or {server.remedy}."
        ) from error
    try:
        yield address
    finally:
        try:
            _leave(server, clients)
        except FileNotFoundError:
            pass  # the folder is gone: the supervisor sees that too
        finally:
            os.close(clients)


def _find_or_start(server: SharedServer) -> str:
    """The address of the running server, or of the one we start. The caller is counted as a client."""
    start = open_lock(server.folder / "start.lock")
    try:
        _wait_for_lock(start, EXCLUSIVE, server)
        started = False
        deadline = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < deadline:
            lock = open_lock(server.folder / "server.lock")
            try:
                if try_lock(lock, EXCLUSIVE):
                    if started:
                        raise _failure(server)
                    for left_over in ("address", "failure"):
                        (server.folder / left_over).unlink(missing_ok=True)
                    _spawn_supervisor(server, lock)
                    started = True
                elif (address := read_private(server.folder / "address")) is not None:
                    return address
            finally:
                os.close(lock)
            time.sleep(_POLL_S)
    finally:
        os.close(start)
    raise UnreachableError(
        f"{server.name} did not answer within {_START_TIMEOUT_S:.0f} s: see {server.log}, or {server.remedy}."
    )


def _spawn_supervisor(server: SharedServer, lock: int) -> None:
    """Start the supervisor, which inherits the lock; it forks at once, so this waits only for that."""
    if server.log.exists():
        server.log.replace(server.log.with_name("server.log.1"))
    log = os.open(server.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    entry = f"{server.serve.__module__}:{server.serve.__qualname__}"
    # -P: a file of the current folder must not pass for a module of the standard library.
    supervisor = [sys.executable, "-P", "-m", "ingest.background.supervisor"]
    try:
        subprocess.run(
            [*supervisor, str(server.folder.absolute()), str(lock), entry],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(lock,),
            start_new_session=True,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        raise _failure(server) from error
    finally:
        os.close(log)


def _leave(server: SharedServer, clients: int) -> None:
    """Give up our place among the clients; if nobody else has one, see the server stopped."""
    address = server.folder / "address"
    deadline = time.monotonic() + _STOP_TIMEOUT_S
    while not try_lock(clients, EXCLUSIVE):
        # Others use the server, or else the supervisor was quicker than we and is stopping it.
        if address.exists() or time.monotonic() > deadline:
            return
        time.sleep(_POLL_S)
    lock = open_lock(server.folder / "server.lock")
    try:
        while not try_lock(lock, EXCLUSIVE) and time.monotonic() < deadline:
            address.unlink(missing_ok=True)
            time.sleep(_POLL_S)
    finally:
        os.close(lock)


def _failure(server: SharedServer) -> IngestError:
    """Why the supervisor we started is gone."""
    text = read_private(server.folder / "failure")
    if text is None:
        why = " (its disk is full)" if shutil.disk_usage(server.folder).free < _LEAST_FREE_BYTES else ""
        return UnreachableError(f"{server.name} did not start{why}: see {server.log}, or {server.remedy}.")
    failure = json.loads(text)
    kind = UsageError if failure["usage"] else UnreachableError
    return kind(failure["message"])


def _wait_for_lock(lock: int, how: int, server: SharedServer) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while not try_lock(lock, how):
        if time.monotonic() > deadline:
            raise UnreachableError(
                f"{server.name} is neither up nor down after {_START_TIMEOUT_S:.0f} s: "
                f"see {server.log}, or {server.remedy}."
            )
        time.sleep(_POLL_S)
