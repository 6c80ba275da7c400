"""Progress as people see it: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, TextColumn
from rich.text import Text

from ingest.formatting import duration, roughly
from ingest.telemetry import LineStage, Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console, RenderableType
    from rich.progress import Task, TaskID

    from ingest.telemetry import Bar


@contextmanager
def shown(console: Console, name: str, unit: str, total: int | None) -> Iterator[Bar]:
    """The progress of a stage, as the console can show it."""
    if console.is_terminal:
        with _Drawn(console) as drawn:
            stage = _BarStage(drawn, drawn.add_task(name, total=total, unit=unit, note="", ended=False))
            try:
                yield stage
                stage.finish()
            finally:
                stage.stop()
    else:
        lines = _PlainStage(console, name, unit, total)
        yield lines
        lines.finish()


@contextmanager
def hidden() -> Iterator[Bar]:
    """The progress of a stage that is not to be shown."""
    yield Stage()


class _Drawn(Progress):
    """Bars, and below them what is waited for."""

    def __init__(self, console: Console) -> None:
        columns = (
            _Spinner(),
            TextColumn("{task.description:<16}"),
            BarColumn(bar_width=30),
            _Count(),
            _Rate(),
            _Time(),
            TextColumn("{task.fields[note]}", style="dim"),
        )
        self.waits_for = ""
        super().__init__(*columns, console=console)

    def get_renderables(self) -> Iterator[RenderableType]:
        yield from super().get_renderables()
        if self.waits_for:
            yield Text(self.waits_for, style="dim")


class _Spinner(SpinnerColumn):
    def render(self, task: Task) -> RenderableType:
        return Text(" ") if task.fields["ended"] else super().render(task)


class _Count(ProgressColumn):
    def render(self, task: Task) -> Text:
        of = "" if task.total is None else f"/{task.total:,.0f}"
        return Text(f"{task.completed:,.0f}{of}", style="progress.download")


class _Rate(ProgressColumn):
    """How fast it is now; at the end, how fast it was on the whole."""

    def render(self, task: Task) -> Text:
        speed = task.completed / max(task.elapsed or 0.0, 1e-3) if task.fields["ended"] else task.speed
        return Text(_rate(speed or 0.0, f" {task.fields['unit']}"), style="progress.data.speed")


class _Time(ProgressColumn):
    """How long it will take; at the end, how long it took."""

    max_refresh = 0.5

    def render(self, task: Task) -> Text:
        if task.fields["ended"]:
            return Text(f"took {duration(task.elapsed or 0.0)}", style="progress.elapsed")
        left_s = task.time_remaining
        return Text(f"{roughly(left_s)} left" if left_s else "", style="progress.remaining")


def _rate(per_second: float, unit: str) -> str:
    """How much a second, with a tenth where there are few; nothing where it is less."""
    if per_second < 0.1:
        return ""
    return f"{per_second:,.0f}{unit}/s" if per_second >= 10 else f"{per_second:.1f}{unit}/s"


class _BarStage(Stage):
    """A stage as a bar."""

    def __init__(self, drawn: _Drawn, task: TaskID) -> None:
        self._drawn = drawn
        self._task = task

    def advance(self, amount: int) -> None:
        self._drawn.advance(self._task, amount)

    def update(self, done: int, note: str = "", waits_for: str = "") -> None:
        self._drawn.waits_for = waits_for
        self._drawn.update(self._task, completed=done, note=note)

    def expect(self, total: int) -> None:
        self._drawn.update(self._task, total=total)

    def finish(self) -> None:
        """All is done, whatever was expected."""
        done = self._drawn.tasks[0].completed
        self._drawn.update(self._task, total=done or None, note="")

    def stop(self) -> None:
        """It has come to an end, good or bad: nothing moves any more."""
        self._drawn.waits_for = ""
        self._drawn.stop_task(self._task)
        self._drawn.update(self._task, ended=True)


class _PlainStage(LineStage):
    """A stage as plain lines."""

    def __init__(self, console: Console, name: str, unit: str, total: int | None) -> None:
        super().__init__(name, unit, total)
        self._console = console

    def finish(self) -> None:
        self._print(f"took {duration(self.seconds)}")

    def show(self) -> None:
        self._print(self.note)

    def tell(self, waits_for: str) -> None:
        self._console.print(escape(f"{self.name}: {waits_for}"), soft_wrap=True)

    def _print(self, note: str) -> None:
        rate = self.done / max(self.seconds, 1e-3)
        left = ""
        if self.total and 0 < self.done < self.total:
            left = f"{roughly((self.total - self.done) / rate)} left"
        parts = (self.so_far, _rate(rate, ""), left, note)
        self._console.print(escape(", ".join(filter(None, parts))), soft_wrap=True)
