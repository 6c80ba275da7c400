"""How soon a command answers, beside the interpreter and pip: `python -m benchmarks.startup`."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

from benchmarks.servers import database
from benchmarks.tables import ROUNDS, Table, show
from ingest import Pipeline
from ingest.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSIONS = ("typer", "rich", "pydantic-settings", "psycopg", "numpy", "onnxruntime", "pip")
SEARCH = "ingest search, by the local model"
INTERPRETER = "python -c pass"
PIP = "pip --version"
# As many times the work of pip at most: what is above has come to import something that it does not need.
LIMITS = {"ingest --help": 0.45, "ingest status": 1.6, "ingest search --words": 1.6, SEARCH: 2.8}
QUESTION = "how is a backup restored?"


def measured(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Seconds on the clock, and of the processor: the latter says more on a machine that does other things too."""
    began, before = perf_counter(), _used_by_children()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    return perf_counter() - began, _used_by_children() - before


def _used_by_children() -> float:
    """To the microsecond: `os.times` has hundredths of a second, of which an interpreter may take none."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def tables() -> Iterator[Table]:
    python = sys.executable
    commands = {
        "ingest --help": [python, "-m", "ingest", "--help"],
        "ingest status": [python, "-m", "ingest", "status"],
        "ingest search --words": [python, "-m", "ingest", "search", "--words", QUESTION],
        SEARCH: [python, "-m", "ingest", "search", QUESTION],
        INTERPRETER: [python, "-c", "pass"],
        PIP: [python, "-m", "pip", "--version"],
    }
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    with database() as (url, folder):
        with Pipeline(load_settings({"database_url": url, "data_dir": folder, "provider": "local"})) as pipeline:
            (folder / "backup.md").write_text("# Backup\n\nA backup is restored by pg_restore, or by psql.\n")
            pipeline.run([str(folder / "backup.md")])
        environment = {**os.environ, "DATABASE_URL": url, "INGEST_DATA_DIR": str(folder), "INGEST_PROVIDER": "local"}
        for _ in range(ROUNDS):
            for name, command in commands.items():
                found[name].append(measured(command, environment))
    rows, ratios = [], {}
    for name, times in found.items():
        clock, processor = (median(column) for column in zip(*times, strict=True))
        beside = {
            other: median(mine[1] / theirs[1] for mine, theirs in zip(times, found[other], strict=True))
            for other in (INTERPRETER, PIP)
        }
        ratios[name] = beside[PIP]
        rows.append((name, f"{clock:.2f}", f"{processor:.2f}", f"{beside[INTERPRETER]:.1f}", f"{beside[PIP]:.2f}"))
    title = f"Until a command has answered, median of {ROUNDS}"
    yield Table(title, ("", "s", "s of the processor", f"times {INTERPRETER}", f"times {PIP}"), rows)
    if over := [name for name, limit in LIMITS.items() if ratios[name] > limit]:
        raise SystemExit(f"slower than it should be, look at python -X importtime: {', '.join(over)}")


if __name__ == "__main__":
    show(tables())
