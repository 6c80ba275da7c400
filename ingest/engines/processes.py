"""Processes of this machine as an engine: for work that keeps the interpreter busy, which threads would have to share.

Measured with 40 MB in 3,086 files on two cores: two threads that chunk took as long as one, and 1.3 times its processor
time.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import suppress
from queue import SimpleQueue
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Self, TypeVar

from ingest.engines.worker import receive, send

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    Argument = TypeVar("Argument")
    Result = TypeVar("Result")

# To write what one makes into the database takes a third of its time: more could not be kept busy.
_MOST_WORKERS = 4
# So many calls, up to 2 MB, are done here before workers are started, which takes half a second of a processor's time.
# A larger one never is: only a worker's time is bounded, and what keeps the interpreter busy here keeps Ctrl-C waiting.
_CALLS_DONE_HERE = 8
_END_S = 1.0


class Processes:
    """Worker processes, started where there is more than a little to do. Linux.

    A call that a worker does not live to answer, or fails at, is done here, and fails here if it must.
    """

    parcel_items = 64
    parcel_bytes = 250_000
    ahead_parcels = 64
    is_here = True
    ahead_bytes = 32_000_000  # 8 MB left workers idle where files have 4: a sync took 1.5 times as long

    def __init__(self, prepare: Callable[[], object]) -> None:
        """`prepare` loads what calls need; it runs once, before one process becomes several."""
        self._prepare = prepare
        self._count = min(len(os.sched_getaffinity(0)), _MOST_WORKERS)
        self._threads = ThreadPoolExecutor(self._count)  # each waits for a worker
        self._process: subprocess.Popen[bytes] | None = None
        self._workers: list[_Worker] = []
        self._places: SimpleQueue[_Worker | None] = SimpleQueue()  # where a call may be done; None: here
        self._places.put(None)
        self._has_come = Event()  # a worker, or it never will
        self._calls = 0
        self._is_closing = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._is_closing = True
        if any(error):
            self._end()  # what is under way is wanted no more
        self._threads.shutdown(cancel_futures=True)
        self._end()

    def begin(self, function: Callable[[Argument], Result], argument: Argument, size: int) -> Future[Result]:
        """Begin a call. A worker is sent the function, which is one of a module, and the argument."""
        self._calls += 1
        is_large = size > self.parcel_bytes
        if not self._workers and (is_large or self._calls == _CALLS_DONE_HERE):
            self._start()
        return self._threads.submit(self._call, function, argument, is_large)

    def _call(self, function: Callable[[Argument], Result], argument: Argument, is_large: bool) -> Result:
        if is_large:
            self._has_come.wait()
        worker = self._places.get()
        while worker is None and any(each.is_there for each in self._workers):
            worker = self._places.get()  # there is better than here
        try:
            if worker is not None:
                with suppress(OSError, EOFError):
                    result: Result = worker.call((function, argument))
                    return result
                worker.is_there = False
            if self._is_closing:
                raise CancelledError
            return function(argument)
        finally:
            if worker is not None and worker.is_there:
                self._places.put(worker)
            elif not any(each.is_there for each in self._workers):
                self._places.put(None)  # as long as no worker is there

    def _start(self) -> None:
        ours, theirs = zip(*(socket.socketpair() for _ in range(self._count)), strict=True)
        numbers = [each.fileno() for each in theirs]
        with suppress(OSError):  # no room for more processes: all is done here
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "ingest.engines.worker", *map(str, numbers)],
                pass_fds=numbers,
                process_group=0,  # an interrupt is for us
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # numpy's threads would be there when it forks
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            send(ours[0], self._prepare)
        for each in theirs:
            each.close()
        self._workers = [_Worker(each) for each in ours]
        for worker in self._workers:
            Thread(target=self._welcome, args=(worker,), daemon=True).start()

    def _welcome(self, worker: _Worker) -> None:
        with suppress(OSError, EOFError):
            receive(worker.socket)
            worker.is_there = True
            self._places.put(worker)
        self._has_come.set()

    def _end(self) -> None:
        """End the workers, and wait until they are gone. Those with nothing to do end by themselves."""
        for worker in self._workers:
            with suppress(OSError):
                worker.socket.shutdown(socket.SHUT_RDWR)  # also wakes who waits for an answer
            worker.socket.close()
        self._workers = []
        if self._process is None:
            return
        for by in (None, signal.SIGTERM, signal.SIGKILL):
            if by is not None:
                with suppress(ProcessLookupError):
                    os.killpg(self._process.pid, by)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_S)
                break
        self._process = None


class _Worker:
    """Our end of the way to a worker; `is_there`: it has come, and answered whatever it was asked."""

    def __init__(self, way: socket.socket) -> None:
        self.socket = way
        self.is_there = False

    def call(self, call: object) -> Any:
        """Have it do a call.

        Raises:
            OSError: it is gone.
            EOFError: so it is.
        """
        send(self.socket, call)
        return receive(self.socket)
