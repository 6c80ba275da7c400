"""Progress as people see it: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from ingest.words import duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from rich.progress import Task, TaskID

    from ingest.progress import Bar

_PLAIN_LINE_EVERY_S = 5.0


@contextmanager
def shown(console: Console, name: str, unit: str, total: int | None) -> Iterator[Bar]:
    """The progress of a stage, as the console can show it."""
    if console.is_terminal:
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description:<16}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[note]}", style="dim"),
        )
        with Progress(*columns, console=console) as progress:
            yield _BarStage(progress, progress.add_task(name, total=total, unit=unit, note=""))
    else:
        stage = _PlainStage(console, name, unit, total)
        yield stage
        stage.finish()


@contextmanager
def hidden() -> Iterator[Bar]:
    """The progress of a stage that is not to be shown."""
    yield _Stage()


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f} {task.fields['unit']}/s" if speed else "", style="progress.data.speed")


class _Stage:
    """A stage that is not shown."""

    def advance(self, amount: int) -> None:
        """So much more is done."""

    def update(self, done: int, note: str = "") -> None:
        """So much is done in all."""

    def expect(self, total: int) -> None:
        """So much there is to do in all."""


class _BarStage(_Stage):
    """A stage as a bar."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def advance(self, amount: int) -> None:
        self._progress.advance(self._task, amount)

    def update(self, done: int, note: str = "") -> None:
        self._progress.update(self._task, completed=done, note=note)

    def expect(self, total: int) -> None:
        self._progress.update(self._task, total=total)


class LineStage(_Stage):
    """A stage as lines: one every few seconds, one at the end."""

    def __init__(self, name: str, unit: str, total: int | None) -> None:
        self.name = name
        self.unit = unit
        self.total = total
        self.done = 0
        self.note = ""
        self._began = self._shown = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long it takes already."""
        return time.monotonic() - self._began

    def advance(self, amount: int) -> None:
        """So much more is done."""
        self.update(self.done + amount, self.note)

    def expect(self, total: int) -> None:
        """So much there is to do in all."""
        self.total = total

    def update(self, done: int, note: str = "") -> None:
        """So much is done in all."""
        self.done, self.note = done, note
        if time.monotonic() - self._shown >= _PLAIN_LINE_EVERY_S:
            self._shown = time.monotonic()
            self.show()

    def show(self) -> None:
        """How far it is."""


class _PlainStage(LineStage):
    """A stage as plain lines."""

    def __init__(self, console: Console, name: str, unit: str, total: int | None) -> None:
        super().__init__(name, unit, total)
        self._console = console

    def finish(self) -> None:
        self._print(f"took {duration(self.seconds)}")

    def show(self) -> None:
        self._print(self.note)

    def _print(self, note: str) -> None:
        of = f" of {self.total:,}" if self.total else ""
        rate = self.done / max(self.seconds, 1e-3)
        parts = [f"{self.name}: {self.done:,}{of} {self.unit}", f"{rate:,.0f}/s"]
        if self.total and 0 < self.done < self.total:
            parts.append(f"{duration((self.total - self.done) / rate)} left")
        self._console.print(escape(", ".join([*parts, *([note] if note else [])])), soft_wrap=True)
