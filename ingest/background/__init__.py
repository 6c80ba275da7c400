"""One server process shared by many client processes, and gone with the last of them.

Four files in a private folder say everything. The kernel frees a dead process's locks however it died, so
nothing here rests on a process tidying up behind itself:

- `clients.lock`: every client holds it shared. Whoever gets it exclusively knows that no client is left.
- `start.lock`: a client holds it while it looks for the server or starts it.
- `server.lock`: the supervisor holds it for as long as it lives. The client that starts a supervisor takes
  the lock and hands it over, so that there is no moment at which a second one could start.
- `address`: how to reach the server. It counts only while `server.lock` is held; taking it away asks the
  supervisor to stop, so that no process is ever signalled by a number read from a file.

The supervisor is a detached process in a session of its own (a Ctrl-C in the terminal does not reach it) that
runs the server as its child. It stops the server once no client is left, and starts it again if it dies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.rooms import on_demand

if TYPE_CHECKING:
    from ingest.background.client import SharedServer, shared
    from ingest.background.server import Running, dies_with_parent, stop_process
else:
    __getattr__ = on_demand(__name__)

__all__ = ["Running", "SharedServer", "dies_with_parent", "shared", "stop_process"]
