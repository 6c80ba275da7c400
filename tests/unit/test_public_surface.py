"""What docs/stability.md calls public does not change by accident; what is added is in docs/reference, and may be."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from public_surface import (
    PROMISED_COMMANDS,
    PROMISED_PYTHON,
    PUBLIC_COLUMNS,
    command_breaks,
    command_surface,
    python_breaks,
    python_surface,
)

from docs.making.tables import tables_of_schema

if TYPE_CHECKING:
    from collections.abc import Callable

MEANT = (
    "is it meant? Then it belongs into CHANGELOG.md, and `python -m tests.public_surface` promises what there is now"
)


@pytest.fixture(scope="module")
def python_now() -> str:
    return python_surface()


def test_a_program_that_was_written_for_what_is_promised_still_runs(python_now: str) -> None:
    assert [*python_breaks(PROMISED_PYTHON.read_text(encoding="utf-8"), python_now)] == [], MEANT


def test_a_script_that_was_written_for_what_is_promised_still_runs() -> None:
    promised = json.loads(PROMISED_COMMANDS.read_text(encoding="utf-8"))

    assert [*command_breaks(promised, command_surface())] == [], MEANT


def test_a_query_that_was_written_for_what_is_promised_still_runs() -> None:
    tables = {table: {each.name: each.type for each in columns} for table, (_, columns) in tables_of_schema().items()}

    for table, promised in PUBLIC_COLUMNS.items():
        assert promised.items() <= tables[table].items()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("def status(self)", "def state(self)"), "Pipeline.status"),
        (("limit: int=5, *, mode", "limit: int=5, mode"), None),
        (("*, mode: SearchMode | None=None", "*, by: SearchMode | None=None"), "mode"),
        (("limit: int=5", "limit: int=10"), "limit"),
        (("documents: int=0)", "documents: int)"), "documents"),
        (("def export(self, folder: Path)", "def export(self, folder: Path, model: str)"), "model"),
        (("def clean(self) -> int", "def clean(self) -> list[str]"), "Pipeline.clean"),
        (("def report(self, path: Path)", "def report(self, path: str)"), "Pipeline.report"),
        (("documents_new: int = 0", "documents_added: int = 0"), "documents_new"),
        (("    documents_new: int = 0", "    read: int = 0\n    documents_new: int = 0"), None),
        (("    text: str = 'text'", "    body: str = ''\n    text: str = 'text'"), "Fields"),
        (("chunk_tokens: ", "tokens: "), "chunk_tokens"),
        (("data_dir: Path", "data_dir: str"), "data_dir"),
        (("exit_status = 4", "exit_status = 5"), "exit_status"),
        (("class UnreachableError(IngestError, ", "class UnreachableError("), "UnreachableError"),
        (("def throwaway_postgres(", "def postgres("), "throwaway_postgres"),
        (("    def retry(self", "    def again(self) -> None:\n        ...\n\n    def retry(self"), None),
    ],
)
def test_what_would_break_a_program_is_found_and_what_would_not_is_let_through(
    python_now: str, change: tuple[str, str], said: str | None
) -> None:
    changed = python_now.replace(*change)

    breaks = [*python_breaks(python_now, changed)]

    assert changed != python_now
    assert bool(breaks) == bool(said)
    assert said is None or any(said in each for each in breaks)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda now: now.pop("clean"), "ingest clean"),
        (lambda now: now["run"].pop("-y"), "-y"),
        (lambda now: now["run"].update({"--full": "a text"}), "--full"),
        (lambda now: now["run"].update({"--syntax": "`text`, `markdown`"}), "--syntax"),
        (lambda now: now["run"].update({"--syntax": now["run"]["--syntax"] + ", `tex`"}), None),
        (lambda now: now["run"].update({"--region": "a text"}), None),
        (lambda now: now["run"].update({"--region": "a text (required)"}), "--region"),
        (lambda now: now["run"].update({"argument 1": "a text … (required)"}), "argument 1"),
        (lambda now: now["search"].update({"argument 1": "a text"}), None),
    ],
)
def test_what_would_break_a_script_is_found_and_what_would_not_is_let_through(
    change: Callable[[dict[str, dict[str, str]]], object], said: str | None
) -> None:
    promised, now = command_surface(), command_surface()
    change(now)

    breaks = [*command_breaks(promised, now)]

    assert now != promised
    assert bool(breaks) == bool(said)
    assert said is None or any(re.search(rf"{re.escape(said)}(?!\w)", each) for each in breaks)
