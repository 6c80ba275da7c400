"""What nobody expected ends like the rest: one line, a status of its own, and a report that can be sent."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from workshop import Outcome

TEXT = "the text of a document"
# The program with one command more, which does what none of ours should.
PROGRAM = f"""
from ingest import cli
from ingest.cli.command import command
from ingest.errors import InternalError

@cli.app.command()
@command()
def break_down(pipeline, screen, kind: str):
    if kind == "lookup":
        try:
            int({TEXT!r})
        except ValueError as error:
            raise KeyError({TEXT!r}) from error
    if kind == "path":
        open("/nowhere/at/all")
    if kind == "known":
        raise InternalError("the books of the corpus contradict themselves.")
    if kind == "pipe":
        raise BrokenPipeError
    raise KeyboardInterrupt

cli.main()
"""


def broken(tmp_path: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, "break-down", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "INGEST_DATA_DIR": str(tmp_path / "data"), "INGEST_API_KEY": "sk-secret", **environment},
        check=False,
    )


def reports(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "data" / "crashes").glob("*"))


def test_a_fault_of_ours_is_one_line_status_70_and_a_report_without_texts_and_secrets(tmp_path: Path) -> None:
    outcome = broken(tmp_path, "lookup", "--database-url", "postgresql://me:s3cr3t@nowhere/db", "--corpus=docs")

    [report] = reports(tmp_path)
    told = report.read_text()
    assert outcome.returncode == 70
    assert outcome.stdout == ""
    [line] = outcome.stderr.splitlines()
    assert line.startswith("error: a fault of this program: KeyError at cli/command.py:")
    assert line.endswith(
        f"Nothing is lost. Please send {report} to the makers of pgvector-ingest: no text, key or address stands in it."
    )
    assert (stat.S_IMODE(report.stat().st_mode), stat.S_IMODE(report.parent.stat().st_mode)) == (0o600, 0o700)
    assert "ingest … … --database-url … --corpus\n" in told
    assert "builtins.KeyError" in told
    assert "builtins.ValueError" in told
    assert "ingest/cli/command.py:" in told
    assert "pgvector-ingest " in told
    assert not any(
        secret in told + outcome.stderr for secret in (TEXT, "s3cr3t", "nowhere", "sk-secret", str(Path.cwd()))
    )


def test_its_line_names_the_file_that_the_system_refuses(tmp_path: Path) -> None:
    outcome = broken(tmp_path, "path")

    assert outcome.returncode == 70
    assert "FileNotFoundError (No such file or directory: /nowhere/at/all) at cli/command.py:" in outcome.stderr


def test_a_fault_that_we_know_of_has_its_own_words_and_a_report(tmp_path: Path) -> None:
    outcome = broken(tmp_path, "known")

    assert outcome.returncode == 70
    assert outcome.stderr.startswith(
        "error: the books of the corpus contradict themselves. Nothing is lost. Please send"
    )
    assert len(reports(tmp_path)) == 1


def test_where_no_report_can_be_written_the_line_says_so(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("no folder")

    outcome = broken(tmp_path, "lookup")

    assert outcome.returncode == 70
    assert "KeyError at cli/command.py:" in outcome.stderr
    assert "No report could be written" in outcome.stderr
    assert "Traceback" not in outcome.stderr


@pytest.mark.parametrize(("kind", "status"), [("lookup", 70), ("interrupt", 130)])
def test_with_json_it_is_an_object_too(tmp_path: Path, kind: str, status: int) -> None:
    outcome = broken(tmp_path, kind, "--json")

    told = json.loads(outcome.stdout)
    assert (outcome.returncode, told["status"]) == (status, status)
    assert outcome.stderr == f"error: {told['error']}\n"
    assert (
        told["next"]
        == {
            70: "send the report that the error names",
            130: "run the same command again: it goes on where it stopped",
        }[status]
    )


def test_any_failing_command_says_why_in_json(ingest: Callable[..., Outcome], environment: dict[str, str]) -> None:
    outcome = ingest("status", "--json", environment=environment)

    assert outcome.status == outcome.json["status"] == 2
    assert outcome.json["error"].startswith("there is no corpus corpus in this database")


def test_a_pipe_that_nobody_reads_stays_quiet(tmp_path: Path) -> None:
    outcome = broken(tmp_path, "pipe")

    assert (outcome.returncode, outcome.stdout, outcome.stderr) == (0, "", "")


def test_an_installation_that_is_not_whole_is_one_line_too(tmp_path: Path) -> None:
    program = "import sys; sys.modules['rich.console'] = None; from ingest import cli; cli.main()"

    outcome = subprocess.run(
        [sys.executable, "-c", program, "status"], capture_output=True, text=True, cwd=tmp_path, check=False
    )

    assert outcome.returncode == 70
    assert outcome.stderr.startswith(
        "error: a fault of this program, or of its installation: ModuleNotFoundError (rich"
    )
    assert len(outcome.stderr.splitlines()) == 1
