from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from ingest.chunker.chunking import Chunking
from ingest.documents import Read, Task, read_and_chunk
from ingest.engines import in_order
from ingest.engines.processes import Processes
from ingest.engines.threads import Threads
from ingest.sources.files import SourceFile, find_files
from ingest.sources.source import Skipped

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingest.engines import Engine

MANY = 200
_PID = "__import__('os').getpid()"
_ENDLESS = "__import__('re').match('(a+)+$', 'a' * 99 + 'b')"  # longer than the sun will shine
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


def test_large_work_is_done_by_workers_from_the_first_call_on() -> None:
    large = Processes.parcel_bytes + 1
    with processes() as engine:
        (done_by,) = (result for _, result in in_order(engine, eval, [(large, _PID)]))

    assert done_by != os.getpid()


def test_a_document_that_takes_a_worker_too_long_is_told_and_it_does_the_next(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("many words\n" * 50_000)
    (file,) = (found for found in find_files([str(tmp_path)]) if isinstance(found, SourceFile))
    chunking = Chunking("cl100k_base", 128, 0, embed_headings=False, max_document_bytes=1_000_000)
    hurried = replace(chunking, max_document_seconds=0.001)
    with processes() as engine:
        (ended,), (read,) = (
            engine.begin(partial(read_and_chunk, each), [Task(file, None, None)], file.size).result()
            for each in (hurried, chunking)
        )
        workers = [worker.is_there for worker in engine._workers]

    assert ended == Skipped(str(tmp_path / "a.txt"), "takes more than 0.001 s to chunk")
    assert isinstance(read, Read)
    assert any(workers)


def test_the_alarm_ends_a_regular_expression() -> None:
    script = (
        "from ingest.engines import alarm\nalarm.take()\ntry:\n with alarm.within(0.2):\n"
        f"  {_ENDLESS}\nexcept alarm.OvertimeError:\n print('ended')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True)

    assert done.stdout == "ended\n"


@pytest.mark.parametrize(
    ("engine", "work"),
    [
        ("ingest.engines.processes.Processes(print)", _ENDLESS),
        ("ingest.engines.threads.Threads()", "__import__('time').sleep(999)"),
    ],
)
def test_an_interrupt_is_heard_whatever_is_at_work(tmp_path: Path, engine: str, work: str) -> None:
    begun = tmp_path / "begun"
    os.mkfifo(begun)
    module = engine.rpartition(".")[0]
    expression = f"(open({str(begun)!r}, 'w').close(), {work})"
    script = (
        f"import signal, {module}\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # who runs in the background may have it ignored
        f"with {engine} as engine:\n call = engine.begin(eval, {expression!r}, 1_000_000)\n"
        # By short calls: a signal between Python's last look and a call that waits is heard after that call.
        " while not call.done(): __import__('time').sleep(0.1)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL) as process:
        try:
            begun.read_text()  # as soon as it is at work
            process.send_signal(signal.SIGINT)
            status = process.wait(120)
        finally:
            process.kill()

    assert status == -signal.SIGINT


def test_an_interrupt_ends_the_workers_though_they_are_at_work() -> None:
    with pytest.raises(KeyboardInterrupt), processes() as engine:  # noqa: PT012 - the third is raised in the middle
        workers = {pid for pid in outcomes(engine, _SLOW_PID) if pid != os.getpid()}
        engine.begin(eval, "__import__('time').sleep(600)", 1)
        raise KeyboardInterrupt

    assert workers
    for pid in workers:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
