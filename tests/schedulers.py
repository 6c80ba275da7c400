"""Other people's schedulers, each in an environment of its own; by hand: CONTRIBUTING tells how."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from openai import OpenAI
from process_checks import kill

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from workshop import Workshop

FOLDER = os.environ.get("INGEST_TEST_ORCHESTRATORS")  # read here: a test sees no settings from outside
SCRIPTS = Path(__file__).parent / "orchestrators"
EXAMPLES = Path(__file__).parents[1] / "examples"
_LONGEST_S = 120
needs_orchestrators = [
    pytest.mark.orchestrator,
    pytest.mark.skipif(not FOLDER, reason="INGEST_TEST_ORCHESTRATORS names no folder of their environments"),
]


def python_of(orchestrator: str) -> Path:
    """The Python of that scheduler's environment."""
    return Path(FOLDER or "") / orchestrator / "bin" / "python"


def program(orchestrator: str, *arguments: object, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """What Python of that scheduler's environment did, 280 seconds at most."""
    command = [str(python_of(orchestrator)), *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=280, check=False)


@contextmanager
def daemon(command: list[str | Path], environment: dict[str, str], log: Path) -> Iterator[psutil.Process]:
    """A scheduler that runs as long as the context; it ends with all that it began."""
    with log.open("wb") as file:
        started = psutil.Popen(command, env=environment, stdout=file, stderr=file, cwd=log.parent)
    try:
        yield started
    finally:
        every = [started, *started.children(recursive=True)] if started.is_running() else []
        for process in every:
            process.terminate()
        kill(*psutil.wait_procs(every, timeout=10)[1])


def asked(url: str, body: object = None) -> Any:
    """What a scheduler's REST API answers; with a body it is asked by POST."""
    data, headers = None if body is None else json.dumps(body).encode(), {"content-type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, data=data, headers=headers)) as response:
        return json.load(response)


def comes_to(wanted: object, ask: Callable[[], object], log: Path) -> None:
    """Wait, within a bound, until that is the answer."""
    deadline_s = time.monotonic() + _LONGEST_S
    while (answer := ask()) != wanted:
        assert time.monotonic() < deadline_s, f"{answer} and not {wanted}\n{log.read_text()[-5000:]}"
        time.sleep(0.2)


def batches_of_provider(workshop: Workshop) -> list[str]:
    """The statuses of all batches that were ever created, by whomever."""
    with OpenAI(base_url=workshop.emulator.base_url, api_key=workshop.emulator.api_key) as client:
        return [batch.status for batch in client.batches.list()]
