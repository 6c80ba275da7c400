from __future__ import annotations

import gc
import os
import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from ingest.engines import in_order
from ingest.engines.processes import Processes
from ingest.engines.threads import Threads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.engines import Engine

MANY = 200
_PID = "__import__('os').getpid()"
_SLOW_PID = "__import__('time').sleep(0.01) or __import__('os').getpid()"


@contextmanager
def processes() -> Iterator[Processes]:
    """An engine of processes."""
    with Processes(prepare=gc.collect) as engine:
        yield engine


def outcomes(engine: Engine, expression: str, count: int = MANY) -> Iterator[int]:
    """What an expression of Python comes to, so many times, wherever the engine does it."""
    return (result for _, result in in_order(engine, eval, ((1, expression) for _ in range(count))))


def begun_before_the_first_result_is_taken(size: int) -> int:
    """How many of a thousand documents of that size the threads of this process are given by then."""
    taken: list[int] = []

    def work() -> Iterator[tuple[int, int]]:
        for number in range(1000):
            taken.append(number)
            yield size, number

    with Threads() as engine:
        next(in_order(engine, abs, work()))
    return len(taken) - 1  # the last one waits until there is room


@pytest.mark.parametrize(
    ("size", "count"),
    [
        (10_000, 256),  # small ones, as long as a group is written
        (1_000_000, 8),  # 8 MB
        (50_000_000, 1),  # alone
        (0, 16),  # of untold size
    ],
)
def test_so_many_documents_are_begun_ahead_as_memory_bears(size: int, count: int) -> None:
    assert begun_before_the_first_result_is_taken(size) == count


@pytest.mark.parametrize("open_engine", [Threads, processes])
def test_results_come_in_the_order_of_the_arguments(open_engine: type[Threads]) -> None:
    with open_engine() as engine:
        results = list(in_order(engine, abs, ((1, -number) for number in range(1000))))

    assert results == [(-number, number) for number in range(1000)]


def test_a_little_work_starts_no_process() -> None:
    with processes() as engine:
        assert set(outcomes(engine, _PID, count=7)) == {os.getpid()}


def test_much_work_is_done_by_workers_on_every_core_and_none_is_left_after_it() -> None:
    with processes() as engine:
        done_by = set(outcomes(engine, _SLOW_PID, count=1000))

    workers = done_by - {os.getpid()}
    assert len(workers) == min(len(os.sched_getaffinity(0)), 4)
    for pid in workers:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_workers_that_are_killed_lose_nothing() -> None:
    with processes() as engine:
        results = outcomes(engine, _SLOW_PID, count=1000)
        killed = set()
        done = []
        for pid in results:
            done.append(pid)
            if pid != os.getpid() and pid not in killed:
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)

    assert len(done) == 1000
    assert len(killed) == min(len(os.sched_getaffinity(0)), 4)
    assert done[-1] == os.getpid()  # where there are no workers any more


def test_what_a_call_raises_is_raised_here() -> None:
    with processes() as engine, pytest.raises(ZeroDivisionError):
        list(outcomes(engine, f"1 // ({_PID} == {os.getpid()} and 0)"))


def test_an_interrupt_ends_the_workers_though_they_are_at_work() -> None:
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), processes() as engine:  # noqa: PT012 - the third is raised in the middle
        workers = {pid for pid in outcomes(engine, _SLOW_PID) if pid != os.getpid()}
        engine.begin(eval, "__import__('time').sleep(600)")
        raise KeyboardInterrupt

    assert workers
    assert time.monotonic() - began < 60  # and not ten minutes
    for pid in workers:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
