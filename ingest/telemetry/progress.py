"""What a stage tells while it works; how it is shown is the caller's business, or else the logger `ingest`'s.

A record has its `event`: `message`, `error`, or `stage_began`, `stage_progress` and `stage_ended` with their `fields`.
"""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from ingest.redaction import LogFilter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

LOG = logging.getLogger("ingest")
LOG.addHandler(logging.NullHandler())  # an application says what it wants to see
LOG.addFilter(LogFilter())
_LINE_EVERY_S = 5.0


class Bar(Protocol):
    """The progress of one stage."""

    def advance(self, amount: int) -> None:
        """So much more is done."""

    def update(self, done: int, note: str = "", waits_for: str = "") -> None:
        """So much is done in all; `waits_for`: a line on what is waited for, and until when."""

    def expect(self, total: int) -> None:
        """So much there is to do in all."""


class Progress(Protocol):
    """Where stages announce themselves."""

    def stage(self, name: str, *, unit: str, total: int | None = None) -> AbstractContextManager[Bar]:
        """A stage begins; `total` is None where it is not known."""

    def say(self, message: str) -> None:
        """One line that people should read."""


class Stage:
    """A stage that is not shown."""

    def advance(self, amount: int) -> None:
        """So much more is done."""

    def update(self, done: int, note: str = "", waits_for: str = "") -> None:
        """So much is done in all."""

    def expect(self, total: int) -> None:
        """So much there is to do in all."""


class LineStage(Stage):
    """A stage as lines: one every few seconds, one at the end."""

    def __init__(self, name: str, unit: str, total: int | None) -> None:
        self.name = name
        self.unit = unit
        self.total = total
        self.done = 0
        self.note = ""
        self._has_told = False
        self._began = self._shown = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long it takes already."""
        return time.monotonic() - self._began

    @property
    def so_far(self) -> str:
        """How far it is, in words."""
        of = f" of {self.total:,}" if self.total else ""
        return f"{self.name}: {self.done:,}{of} {self.unit}"

    def advance(self, amount: int) -> None:
        """So much more is done."""
        self.update(self.done + amount, self.note)

    def expect(self, total: int) -> None:
        """So much there is to do in all."""
        self.total = total

    def update(self, done: int, note: str = "", waits_for: str = "") -> None:
        """So much is done in all."""
        self.done, self.note = done, note
        if waits_for and not self._has_told:
            self._has_told = True
            self.tell(waits_for)
        if time.monotonic() - self._shown >= _LINE_EVERY_S:
            self._shown = time.monotonic()
            self.show()

    def show(self) -> None:
        """How far it is."""

    def tell(self, waits_for: str) -> None:
        """What is waited for: once, as a file is longer than a terminal."""


class Logged:
    """Progress as records of the logger `ingest`."""

    @contextmanager
    def stage(self, name: str, *, unit: str, total: int | None = None) -> Iterator[Bar]:
        """A record when it begins, every few seconds, and when it has come to its end."""
        stage = _LoggedStage(name, unit, total)
        log("stage_began", f"{name} begins", stage=name, unit=unit, total=total)
        yield stage
        stage.show("stage_ended")

    def say(self, message: str) -> None:
        """A record."""
        log("message", message)


class _LoggedStage(LineStage):
    def show(self, event: str = "stage_progress") -> None:
        figures = {name: getattr(self, name) for name in ("unit", "done", "total", "note")}
        log(event, self.so_far, stage=self.name, **figures, seconds=round(self.seconds, 3))

    def tell(self, waits_for: str) -> None:
        log("message", waits_for)


def log(event: str, message: str, level: int = logging.INFO, **fields: object) -> None:
    """A record of the logger `ingest`."""
    LOG.log(level, "%s", message, extra={"event": event, "fields": fields})
