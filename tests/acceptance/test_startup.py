"""What a command imports before it answers: that is what it waits for."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from workshop import Workshop

HEAVY = {"numpy", "openai", "tiktoken", "regex", "onnxruntime", "starlette"}
HEAVY |= {"apprise", "opentelemetry", "prometheus_client", "uvicorn"}


def imported(*arguments: str, **environment: str) -> set[str]:
    """The packages that a command imports."""
    found = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "ingest", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line for line in found.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_waits_for_nothing_that_it_does_not_need(arguments: list[str]) -> None:
    found = imported(*arguments)

    assert "typer" in found
    assert found & (HEAVY | {"pydantic", "psycopg", "msgspec", "rich"}) == set()


def test_an_older_python_is_told_which_one_is_needed_before_anything_else() -> None:
    older = "import sys; sys.version_info = (3, 10, 13); import ingest"

    outcome = subprocess.run([sys.executable, "-c", older], capture_output=True, text=True, check=False)

    last = outcome.stderr.splitlines()[-1]
    assert last.startswith("ImportError: ingest needs Python 3.11 or later, and this is ")


def test_status_waits_for_nothing_that_it_does_not_need(workshop: Workshop) -> None:
    with workshop.pipeline() as pipeline:
        pipeline.create()

    found = imported("status", DATABASE_URL=workshop.database_url)

    assert "psycopg" in found
    assert found & HEAVY == set()


def test_each_command_is_told_in_a_line_of_a_narrow_terminal() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "ingest", "--help"], env={"COLUMNS": "80"}, capture_output=True, text=True, check=True
    )
    _, _, commands = told.stdout.partition("Commands:")

    assert "search" in commands
    assert "..." not in commands
