"""Other people's schedulers, each in an environment of its own; by hand: CONTRIBUTING tells how."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

FOLDER = os.environ.get("INGEST_TEST_ORCHESTRATORS")  # read here: a test sees no settings from outside
SCRIPTS = Path(__file__).parent / "orchestrators"
EXAMPLES = Path(__file__).parents[1] / "examples"
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
