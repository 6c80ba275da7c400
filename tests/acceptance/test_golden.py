"""The terminal as a person sees it, held against tests/golden.

`pytest tests/acceptance/test_golden.py --write-golden` writes them anew: look at the difference before you keep it.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from terminal import seen

from ingest.emulator import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from workshop import Workshop

    Look = Callable[..., None]

GOLDEN = Path(__file__).parents[1] / "golden"
QUESTION = "How is an index made?"
# What another run has otherwise, and a word in its place.
_HOME = "/home/ann/projects"  # as long as what it stands for: columns stay where they are
_TIME = r"[\d.]+ (?:s|min \d+ s)"
VARIES = (
    (re.compile(rf"( [\d,.]+ (?:files|texts)/s)? took {_TIME}$", re.MULTILINE), " N a second took N s"),
    (re.compile(rf"(sync|embed and load|index|oldest) {_TIME}"), r"\1 N s"),
    (re.compile(rf" +{_TIME}( +batch_)"), r"  N s\1"),
    (re.compile(r"tokens +age  at"), "tokens  age  at"),
    (re.compile(r"\d\d\d\d-\d\d-\d\d \d\d:\d\d"), "2026-01-31 12:00"),
    (re.compile(r"batch_[0-9a-f]{24}"), "batch_" + 24 * "0"),
)
INDEXES = """\
# Indexes

An index is made by one statement:

```sql
CREATE INDEX ON items
    USING hnsw (embedding vector_cosine_ops);
```

It is built while others read.
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Documents in a folder whose path is as long as ever: lines break where they broke before."""
    with tempfile.TemporaryDirectory(prefix="look-", dir="/tmp") as made:
        docs = Path(made, "docs")
        docs.mkdir()
        (docs / "indexes.md").write_text(INDEXES)
        (docs / "pets.md").write_text("# Pets\n\nCats sleep most of the day.\n\n# Dogs\n\nDogs like to go for walks.\n")
        yield docs


@pytest.fixture
def look(folder: Path, environment: dict[str, str], tmp_path: Path, request: pytest.FixtureRequest) -> Look:
    """Run a command, and hold what stands on the terminal after it against the picture of that name."""
    home = {"INGEST_DATA_DIR": str(tmp_path / "data"), "INGEST_DIMENSIONS": "64"}

    def looked(name: str, *arguments: str, status: int = 0, typed: str = "", **more: str) -> None:
        picture, ended = seen(*arguments, environment=environment | home | more, cwd=folder.parent, typed=typed)
        for pattern, stable in VARIES:
            picture = pattern.sub(stable, picture)
        asked = " ".join(f'"{each}"' if " " in each else each for each in arguments)
        text = f"$ ingest {asked}\n{picture}\n[{ended}]\n".replace(str(folder.parent), _HOME)
        file = GOLDEN / f"{name}.txt"
        if request.config.getoption("--write-golden"):
            file.write_text(text, encoding="utf-8")
        assert text == file.read_text(encoding="utf-8")
        assert ended == status

    return looked


def test_a_run_a_search_and_the_costs(look: Look) -> None:
    look("run", "run", "docs")
    look("run-again", "run", "docs")
    look("search", "search", QUESTION, "--limit", "2")
    look("cost", "cost", "-v", "--documents", "1")


def test_a_run_goes_on_where_one_before_stopped(look: Look) -> None:
    look("sync", "sync", "docs")
    look("prompt", "run", "docs", status=4, typed="n\n", INGEST_ASK_ABOVE_DOLLARS="0")
    look("run-resumed", "run", "docs")


def test_what_failed_is_told_with_what_helps(look: Look, workshop: Workshop) -> None:
    workshop.emulator.set_faults(Fault("error_per_request_400", count=1))

    look("run-failed", "run", "docs", "--corpus", "docs", status=1)
    look("status-failed", "status", "--corpus", "docs", status=1)


def test_a_command_that_cannot_begin_says_why(look: Look, folder: Path) -> None:
    (folder.parent / "ingest.toml").write_text("# ours\nchunk_token = 300\n")

    look("settings", "run", "docs", status=2)


def test_a_mistyped_variable_is_told_of(look: Look) -> None:
    look("variables", "status", status=2, INGEST_CHUNK_TOKEN="300", INGEST_MODLE="a-model")


def test_a_status_tells_what_is_in_flight(look: Look, workshop: Workshop) -> None:
    workshop.emulator.set_faults(Fault("stuck_in_progress"))

    look("sync", "sync", "docs")
    look("status", "submit")
