"""The supervisor's side, run as `python -m ingest.background.supervisor FOLDER LOCK MODULE:FUNCTION`."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from ingest.background.files import EXCLUSIVE, open_lock, try_lock, write_private
from ingest.errors import IngestError, UnreachableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from ingest.background.server import Running

_POLL_S = 0.05
# How often a server that died under its clients is started again.
_MAX_RESTARTS = 5


def main(folder: Path, server_lock: int, entry: str) -> None:
    """Become the supervisor: leave the client that called us, then serve until no client is left."""
    os.set_inheritable(server_lock, False)  # the server must not hold it after our death
    if os.fork():
        os._exit(0)
    os.umask(0o077)
    for name in ("SIGTERM", "SIGINT", "SIGHUP"):
        signal.signal(getattr(signal, name), _end)
    try:
        module, _, function = entry.partition(":")
        serve: Callable[[Path], AbstractContextManager[Running]] = getattr(import_module(module), function)
        os.chdir("/")
        _supervise(folder, serve)
    except Exception as error:  # noqa: BLE001 - told to the client, which is another process, and to the log
        traceback.print_exc()
        if isinstance(error, IngestError):
            failure = {"usage": isinstance(error, UsageError), "message": str(error)}
            write_private(folder / "failure", json.dumps(failure))
        sys.exit(1)


def _supervise(folder: Path, serve: Callable[[Path], AbstractContextManager[Running]]) -> None:
    clients = open_lock(folder / "clients.lock")
    address = folder / "address"
    for _start in range(1 + _MAX_RESTARTS):
        with serve(folder) as running:
            write_private(address, running.address)
            while running.process.poll() is None:
                # Holding the clients' lock until we end: new clients wait until the server has stopped.
                if try_lock(clients, EXCLUSIVE) or not address.exists():
                    address.unlink(missing_ok=True)
                    return
                time.sleep(_POLL_S)
            address.unlink(missing_ok=True)
    raise UnreachableError(f"the server died {1 + _MAX_RESTARTS} times: see {folder / 'server.log'}.")


def _end(_signal: int, _frame: object) -> NoReturn:
    """Leave by the way of every context manager, undisturbed by a second signal."""
    for name in ("SIGTERM", "SIGINT", "SIGHUP"):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    sys.exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
