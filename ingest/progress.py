"""What a stage tells while it works; how it is shown is the caller's business."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager


class Bar(Protocol):
    """The progress of one stage."""

    def advance(self, amount: int) -> None:
        """So much more is done."""

    def update(self, done: int, note: str = "") -> None:
        """So much is done in all."""

    def expect(self, total: int) -> None:
        """So much there is to do in all."""


class Progress(Protocol):
    """Where stages announce themselves."""

    def stage(self, name: str, *, unit: str, total: int | None = None) -> AbstractContextManager[Bar]:
        """A stage begins; `total` is None where it is not known."""

    def say(self, message: str) -> None:
        """One line that people should read."""


class Silent:
    """Progress that nobody watches."""

    @contextmanager
    def stage(self, name: str, *, unit: str, total: int | None = None) -> Iterator[Bar]:  # noqa: ARG002
        """Nothing is shown."""
        yield self

    def say(self, message: str) -> None:
        """Nothing is shown."""

    def advance(self, amount: int) -> None:
        """Nothing is shown."""

    def update(self, done: int, note: str = "") -> None:
        """Nothing is shown."""

    def expect(self, total: int) -> None:
        """Nothing is shown."""
