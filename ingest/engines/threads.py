"""Threads of this process as an engine: for documents that are waited for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    Argument = TypeVar("Argument")
    Result = TypeVar("Result")

# More than there are cores: documents on object storage are waited for.
_THREADS = 16
# As long as a group of small documents is written: with no more than one for each thread, all stood idle for nine
# tenths of that time, and a sync took a third longer (measured). What bounds memory are the bytes.
_AHEAD = 256


class Threads:
    """Threads of this process."""

    parcel_items = 1
    parcel_bytes = 0
    ahead_parcels = _AHEAD
    ahead_bytes = 8_000_000

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._threads.shutdown()

    def begin(self, function: Callable[[Argument], Result], argument: Argument) -> Future[Result]:
        """Begin a call."""
        return self._threads.submit(function, argument)
