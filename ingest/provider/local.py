"""The local provider: the emulator in the background, with a small real model and a key of its own."""

from __future__ import annotations

import json
import os
import secrets
import select
import signal
import subprocess
import sys
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ingest.background import Running, SharedServer, dies_with_parent, shared, stop_process
from ingest.background.files import read_private, write_private
from ingest.errors import UnreachableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_REMEDY = "set OPENAI_API_KEY to embed with OpenAI"
_NEEDED = ("multipart", "onnxruntime", "starlette", "tokenizers", "uvicorn")
_KEY_VARIABLE = "INGEST_EMULATOR_KEY"
_START_TIMEOUT_S = 120.0


@contextmanager
def local_endpoint(folder: Path) -> Iterator[tuple[str, str]]:
    """The base URL and the key of the local provider whose state is in the folder, started if need be.

    All processes that name the same folder share it, and it stops with the last of them; batches under way go on
    the next time.

    Raises:
        UsageError: not installed, or not on this system.
        UnreachableError: it did not start.
    """
    missing = [module for module in _NEEDED if find_spec(module) is None]
    if missing:
        raise UsageError(
            f"there is no API key, and the local provider is not installed ({', '.join(missing)}): "
            f"pip install 'pgvector-ingest[local]', or {_REMEDY}."
        )
    with shared(SharedServer("the local provider", folder.absolute(), _serve, _REMEDY)) as address:
        base_url, api_key = json.loads(address)
        yield base_url, api_key


@contextmanager
def _serve(folder: Path) -> Iterator[Running]:
    """Run the emulator. Called by the supervisor, which is the only one of this folder."""
    api_key = read_private(folder / "api-key") or secrets.token_urlsafe(32)
    write_private(folder / "api-key", api_key)
    # The port it had, so that clients of an emulator that was started again find it where it was.
    for port in dict.fromkeys((read_private(folder / "port") or "0", "0")):
        process = _start(folder, port, api_key)
        try:
            base_url = _announced_url(process)
            if base_url is not None:
                write_private(folder / "port", base_url.rpartition(":")[2].partition("/")[0])
                yield Running(process, json.dumps([base_url, api_key]))
                return
        finally:
            stop_process(process, (signal.SIGTERM, 10.0))
    raise UnreachableError(f"the local provider did not start: see {folder / 'server.log'}, or {_REMEDY}.")


def _start(folder: Path, port: str, api_key: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-P", "-m", "ingest.emulator", "--folder", str(folder / "state")]
    return subprocess.Popen(
        [*command, "--port", port, "--api-key-env", _KEY_VARIABLE],
        env={**os.environ, _KEY_VARIABLE: api_key},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        # Its state bears it, and the next one finds nobody at work in its folder.
        preexec_fn=dies_with_parent(signal.SIGKILL),  # noqa: PLW1509 - the supervisor has one thread
    )


def _announced_url(process: subprocess.Popen[bytes]) -> str | None:
    """The base URL it prints once it listens; None if it ends, or says nothing for too long."""
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    ready, _, _ = select.select([process.stdout], [], [], _START_TIMEOUT_S)
    name, _, url = process.stdout.readline().decode().strip().partition(" ") if ready else ("", "", "")
    return url if name == "base_url" else None
