"""An end to what takes too long. It is a worker's own, of ours or of Ray: elsewhere it is not ours to set."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator

_is_ours = False


class OvertimeError(Exception):
    """It took longer than it may."""


def take() -> None:
    """Make the alarm of this process ours. Called on its main thread."""
    global _is_ours  # noqa: PLW0603 - of a process there is one
    signal.signal(signal.SIGALRM, _ring)
    _is_ours = True


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """End what takes longer, be it in a regular expression: Python looks for signals there, too.

    Raises:
        OvertimeError: it did.
    """
    if not _is_ours:
        yield
        return
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _ring(*_: object) -> NoReturn:
    raise OvertimeError
