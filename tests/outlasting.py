"""Runs that outlast a server: at work beside the test, and looked at from there."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psycopg
from promises import CORPUS_FLAGS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workshop import Workshop

    from ingest.reporting.run_report import RunReport

FLAGS: dict[str, Any] = {**CORPUS_FLAGS, "clean": True, "database_wait_seconds": 60}


@contextmanager
def running(workshop: Workshop, **flags: object) -> Iterator[list[RunReport]]:
    """A run at work beside the test; its report, once it has ended."""
    reports: list[RunReport] = []

    def work() -> None:
        with workshop.pipeline(**(FLAGS | flags)) as pipeline:
            reports.append(pipeline.run([str(workshop.folder)]))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield reports
    finally:
        workshop.emulator.set_faults()
        thread.join()


def has_batch(workshop: Workshop, state: str, url: str | None = None, count: int = 1) -> bool:
    """Whether there are so many batches in that state; `url`: on another server than the workshop's."""
    on = replace(workshop, database_url=url or workshop.database_url)
    try:
        return on.query("SELECT count(*) >= %s FROM batches WHERE state = %s", count, state) == [(True,)]
    except psycopg.errors.UndefinedTable:
        return False
