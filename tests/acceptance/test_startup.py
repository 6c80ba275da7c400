"""What a command imports before it answers: that is what it waits for."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ingest import Pipeline
from ingest.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

    from workshop import Workshop

# What a command needs that sends, reads or serves, and one that asks the database does not.
HEAVY = set("openai tiktoken starlette uvicorn apprise opentelemetry prometheus_client".split())
HEAVY |= set("lxml kreuzberg pypdfium2 pyarrow pandas html_to_markdown chardet yaml".split())
HEAVY |= {f"ingest.{name}" for name in "sources.files sources.local_file sources.extraction documents".split()}
HEAVY |= {
    f"ingest.{name}" for name in "runs.stages runs.sending batches.loop batches.reconcile provider.openai".split()
}
ROUND_TRIPS = 30  # of a search on a connection that is open, the beginnings and ends of transactions among them
OF_VECTORS = {"numpy", "onnxruntime", "tokenizers"}


def imported(*arguments: str, **environment: str) -> set[str]:
    """What a command imports: packages, and our own modules."""
    found = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "ingest", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line for line in found.stderr.splitlines() if line.startswith("import time:")]
    modules = {line.rpartition("|")[2].strip() for line in lines}
    return {name.partition(".")[0] for name in modules} | {name for name in modules if name.startswith("ingest.")}


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_waits_for_nothing_that_it_does_not_need(arguments: list[str]) -> None:
    found = imported(*arguments)

    assert "typer" in found
    assert found & (HEAVY | OF_VECTORS | {"pydantic", "psycopg", "msgspec", "rich"}) == set()


def test_an_older_python_is_told_which_one_is_needed_before_anything_else() -> None:
    older = "import sys; sys.version_info = (3, 10, 13); import ingest"

    outcome = subprocess.run([sys.executable, "-c", older], capture_output=True, text=True, check=False)

    last = outcome.stderr.splitlines()[-1]
    assert last.startswith("ImportError: ingest needs Python 3.11 or later, and this is ")


@pytest.mark.parametrize("command", ["status", "cost", "list"])
def test_a_look_into_the_books_waits_for_nothing_that_it_does_not_need(workshop: Workshop, command: str) -> None:
    with workshop.pipeline() as pipeline:
        pipeline.create()

    found = imported(command, DATABASE_URL=workshop.database_url)

    assert "psycopg" in found
    assert found & (HEAVY | OF_VECTORS) == set()


@pytest.mark.parametrize(("option", "needed"), [("--words", set()), ("--vector", OF_VECTORS)])
def test_a_search_waits_for_nothing_that_it_does_not_need(workshop: Workshop, option: str, needed: set[str]) -> None:
    local = {"provider": "local", "database_url": workshop.database_url, "data_dir": workshop.data_dir}
    workshop.write("a.md", "A backup is restored by pg_restore.")
    with Pipeline(load_settings(local)) as pipeline:
        pipeline.sync([str(workshop.folder)])

    found = imported(
        "search",
        option,
        "backup",
        DATABASE_URL=workshop.database_url,
        INGEST_PROVIDER="local",
        INGEST_DATA_DIR=str(workshop.data_dir),
    )

    assert "psycopg" in found
    assert found & (HEAVY | OF_VECTORS) == needed
    assert not (workshop.data_dir / "local-provider").exists()  # no server is started for a question


def test_a_search_asks_the_database_no_more_often_than_it_needs(workshop: Workshop, tmp_path: Path) -> None:
    workshop.write("a.md", "A backup is restored by pg_restore.")
    with workshop.pipeline() as pipeline:
        pipeline.run([str(workshop.folder)])
    log = tmp_path / "messages"

    with workshop.pipeline() as pipeline, log.open("w") as file:
        pipeline.connection.pgconn.trace(file.fileno())
        passages = pipeline.search("backup")
        pipeline.connection.pgconn.untrace()

    assert len(passages) == 1
    assert log.read_text().count("ReadyForQuery") <= ROUND_TRIPS


def test_each_command_is_told_in_a_line_of_a_narrow_terminal() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "ingest", "--help"], env={"COLUMNS": "80"}, capture_output=True, text=True, check=True
    )
    _, _, commands = told.stdout.partition("Commands:")

    assert "search" in commands
    assert "..." not in commands
