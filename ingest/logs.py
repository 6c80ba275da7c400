"""Progress and messages for programs: one JSON object a line on standard error, and nothing else there."""

from __future__ import annotations

import logging
import sys
import traceback
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from ingest.bars import LineStage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from ingest.progress import Bar


def write(level: str, event: str, **fields: object) -> None:
    """One line; its strings are free of what `rendering.clean` takes out. It is written at once, and whole."""
    moment = datetime.now(UTC).isoformat(timespec="milliseconds")
    line = {"time": moment, "level": level, "event": event} | fields
    sys.stderr.write(msgspec.json.encode(line).decode() + "\n")
    sys.stderr.flush()


@contextmanager
def stage(name: str, unit: str, total: int | None) -> Iterator[Bar]:
    """A stage: lines when it begins, every few seconds, and when it has come to its end."""
    bar = _LogStage(name, unit, total)
    write("info", "stage_began", stage=name, unit=unit, total=total)
    yield bar
    bar.finish()


def take_all() -> None:
    """Have the warnings of libraries, and an error of ours, written likewise from now on."""
    logging.getLogger().addHandler(_Handler(logging.WARNING))
    logging.captureWarnings(True)
    sys.excepthook = _crash


class _LogStage(LineStage):
    """A stage as lines of a log."""

    def finish(self) -> None:
        self._write("stage_ended")

    def show(self) -> None:
        self._write("stage_progress")

    def _write(self, event: str) -> None:
        write(
            "info",
            event,
            stage=self.name,
            unit=self.unit,
            done=self.done,
            total=self.total,
            note=self.note,
            seconds=round(self.seconds, 3),
        )


class _Handler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage().encode(errors="replace").decode()
        write(record.levelname.lower(), "log", logger=record.name, message=message)


def _crash(kind: type[BaseException], _error: BaseException, where: TracebackType | None) -> None:
    """An error that nobody expected: its kind and place, not its words, which may quote a document."""
    write("error", "crash", error=kind.__name__, traceback="".join(traceback.format_tb(where)))
