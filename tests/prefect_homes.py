"""A server of Prefect's of its own, which the tests of Prefect use."""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import urlopen

from schedulers import comes_to, daemon, python_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def prefect_server(home: Path) -> Iterator[dict[str, str]]:
    """The environment in which Prefect finds it; `home/log` is what it tells."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
    address = f"http://127.0.0.1:{port}/api"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_API_URL": address,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }

    def is_up() -> bool:
        try:
            return bool(urlopen(f"{address}/health").read() == b"true")
        except URLError:
            return False

    prefect = python_of("prefect").with_name("prefect")
    command: list[str | Path] = [prefect, "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with daemon(command, environment, home / "log"):
        comes_to(True, is_up, home / "log")
        yield environment
