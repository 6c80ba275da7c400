"""Progress and messages as JSON: each line of standard error is an object, and none holds a text."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from promises import write_corpus

from ingest.emulator import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from workshop import Outcome, Workshop


def lines(err: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in err.splitlines()]
    for line in found:
        assert datetime.fromisoformat(line["time"]).utcoffset() == timedelta(0)
        assert line["level"] in {"info", "warning", "error"}
    return found


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    return environment | {"INGEST_DIMENSIONS": "8"}


def test_a_run_logs_its_stages_and_messages_as_objects_and_no_text(
    workshop: Workshop, environment: dict[str, str], ingest: Callable[..., Outcome]
) -> None:
    write_corpus(workshop)
    workshop.emulator.set_faults(Fault("error_per_request_400", count=1))

    outcome = ingest("run", workshop.folder, "--log-format", "json", environment=environment)

    logged = lines(outcome.err)
    ended = {line["stage"]: line for line in logged if line["event"] == "stage_ended"}
    assert outcome.status == 1
    assert outcome.out.startswith("documents    11 new\n")
    assert [line["stage"] for line in logged if line["event"] == "stage_began"] == list(ended)
    assert ended["embedding"].items() >= {"unit": "texts", "done": 11, "total": 11, "level": "info"}.items()
    assert any(line["event"] == "message" and "tokens to embed" in line["message"] for line in logged)
    assert "nothing else is" not in outcome.err
    assert workshop.emulator.api_key not in outcome.err


def test_errors_are_objects_too_also_of_settings_that_cannot_be_read(
    environment: dict[str, str], ingest: Callable[..., Outcome]
) -> None:
    as_json = {**environment, "INGEST_LOG_FORMAT": "json"}

    missing = ingest("status", environment=as_json)
    wrong = ingest("status", environment={**as_json, "INGEST_DIMENSIONS": "-1"})
    unknown = ingest("status", "--log-format", "xml", environment=environment)

    assert (missing.status, wrong.status, unknown.status) == (2, 2, 2)
    [error] = lines(missing.err)
    assert (error["level"], error["event"], error["status"]) == ("error", "error", 2)
    assert error["message"].startswith("there is no corpus corpus in this database")
    assert [line["message"] for line in lines(wrong.err)] == [
        "INGEST_DIMENSIONS: the setting dimensions is wrong: Input should be greater than 0."
    ]
    assert "the setting log_format is wrong" in unknown.err


def test_nobody_is_asked_where_programs_read(workshop: Workshop, environment: dict[str, str]) -> None:
    write_corpus(workshop)
    person, terminal = pty.openpty()
    os.write(person, b"y\n")

    found = subprocess.run(
        [sys.executable, "-m", "ingest", "run", str(workshop.folder), "--log-format", "json"],
        stdin=terminal,
        capture_output=True,
        text=True,
        env={**os.environ, **environment, "INGEST_ASK_ABOVE_DOLLARS": "0", "INGEST_DATA_DIR": str(workshop.data_dir)},
        check=False,
    )
    os.close(person)
    os.close(terminal)

    assert found.returncode == 4
    assert lines(found.stderr)[-1]["event"] == "error"


@pytest.mark.parametrize("answer", [b"n\n", b"\x04"])
def test_a_no_and_the_end_of_what_is_typed_end_with_4(
    workshop: Workshop, environment: dict[str, str], answer: bytes
) -> None:
    write_corpus(workshop)
    person, terminal = pty.openpty()
    os.write(person, answer)

    found = subprocess.run(
        [sys.executable, "-m", "ingest", "run", str(workshop.folder), "-q"],
        stdin=terminal,
        capture_output=True,
        text=True,
        env={**os.environ, **environment, "INGEST_ASK_ABOVE_DOLLARS": "0", "INGEST_DATA_DIR": str(workshop.data_dir)},
        check=False,
    )
    os.close(person)
    os.close(terminal)

    assert found.returncode == 4
    assert "nothing was sent" in found.stderr


def test_what_libraries_warn_of_are_objects() -> None:
    program = (
        "import logging, warnings; from ingest.terminal.screen import Screen; Screen().log_as('json');"
        "logging.getLogger('library').warning('trouble %s', 7); warnings.warn('old')"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    logged = lines(found.stderr)

    assert [line["event"] for line in logged] == ["log", "log"]
    assert (logged[0]["logger"], logged[0]["message"]) == ("library", "trouble 7")
    assert "old" in logged[1]["message"]
