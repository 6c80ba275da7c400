"""How far the build of an index is: asked for on another connection while it goes on."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg

from ingest.database.statements import statement
from ingest.errors import IngestError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.database.connection import Connection
    from ingest.database.vector_column import IndexPlan, VectorColumn
    from ingest.telemetry import Bar

_POLL_S = 0.5


@dataclass
class watched_build:  # noqa: N801 - a with statement's verb
    """Shows the progress of an index build on another connection while the block runs.

    The bar moves by the work, so that the time left is right; the rows that are in stand beside it.
    """

    connect: Callable[[], Connection]
    column: VectorColumn
    bar: Bar
    plan: IndexPlan
    rows: int

    def __enter__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def __exit__(self, error: type[BaseException] | None, *rest: object) -> None:
        self._stop.set()
        self._thread.join()
        if error is None:  # the last look was before the end
            self.bar.update(self.rows)

    def _watch(self) -> None:
        try:
            with self.connect() as connection:
                table = {"table": self.column.table_identifier.as_string(connection)}
                while not self._stop.wait(_POLL_S):
                    row = connection.execute(statement("read_index_progress"), table).fetchone()
                    if row and self.rows:
                        phase, done = row
                        share = self.plan.work(done) / self.plan.work(self.rows)
                        note = f"{phase.removeprefix('building index: ')}, {done:,} rows in"
                        self.bar.update(round(self.rows * min(share, 1)), note=note)
        except (psycopg.Error, IngestError):
            return  # no progress is shown; the build itself tells what is wrong
