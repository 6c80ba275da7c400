"""Threads of this process as an engine: for documents that are waited for."""

from __future__ import annotations

from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    Argument = TypeVar("Argument")
    Result = TypeVar("Result")

# More than there are cores: documents on object storage are waited for.
_THREADS = 16
# As long as a group of small documents is written: with no more than one for each thread, all stood idle for nine
# tenths of that time, and a sync took a third longer (measured). What bounds memory are the bytes.
_AHEAD = 256


class Threads:
    """Threads of this process. After an interrupt nobody waits for them: a page may take its two minutes.

    Those of a ThreadPoolExecutor are waited for at the end of the process.
    """

    parcel_items = 1
    parcel_bytes = 0
    ahead_parcels = _AHEAD
    is_here = True
    ahead_bytes = 8_000_000

    def __init__(self) -> None:
        self._calls: SimpleQueue[tuple[Future[Any], Callable[[Any], Any], Any] | None] = SimpleQueue()
        self._threads: list[Thread] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for _ in self._threads:
            self._calls.put(None)
        if not any(error):
            for thread in self._threads:
                thread.join()

    def begin(self, function: Callable[[Argument], Result], argument: Argument, _size: int) -> Future[Result]:
        """Begin a call."""
        future: Future[Result] = Future()
        self._calls.put((future, function, argument))
        if len(self._threads) < _THREADS:
            self._threads.append(Thread(target=self._work, daemon=True))
            self._threads[-1].start()
        return future

    def _work(self) -> None:
        while call := self._calls.get():
            future, function, argument = call
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(function(argument))
                except BaseException as error:  # noqa: BLE001 - it is raised where the result is taken
                    future.set_exception(error)
