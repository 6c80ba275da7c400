"""PgBouncer, before a server of ours."""

from __future__ import annotations

import os
import shutil
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

import pytest
from hostile.servers import OWNER
from process_checks import accepts, eventually, reserved_port

from ingest.background import stop_process
from ingest.database import cluster

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hostile.servers import Server

PASSWORD = "of-this-test-alone"
_SETTINGS = """\
[databases]
* = host={sockets} port=5432

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
pool_mode = {mode}
default_pool_size = {sessions}
query_wait_timeout = {wait_s}
"""


@contextmanager
def pooler(
    server: Server, mode: Literal["session", "transaction", "statement"], sessions: int = 10, wait_s: int = 120
) -> Iterator[str]:
    """PgBouncer on loopback, with its own defaults but for how many sessions it has and waits for; its address."""
    program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    if program is None:
        pytest.skip("there is no pgbouncer here")
    with reserved_port() as port:
        users, settings = server.folder / f"users-{port}", server.folder / f"pgbouncer-{port}.ini"
        users.write_text(f'"{OWNER}" "{PASSWORD}"\n')
        given = {"sockets": server.folder, "port": port, "users": users, "mode": mode}
        settings.write_text(_SETTINGS.format(**given, sessions=sessions, wait_s=wait_s))
        for file in (users, settings):
            file.chmod(0o644)
        process = cluster.server_account().start([program, settings], signal.SIGTERM)
        try:
            eventually(lambda: accepts(f"postgresql://{OWNER}:{PASSWORD}@127.0.0.1:{port}/postgres"))
            yield f"127.0.0.1:{port}"
        finally:
            stop_process(process, (signal.SIGTERM, 10.0))
