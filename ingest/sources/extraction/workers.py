"""The worker processes that extract text: few, started when first needed, replaced when a document ends one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from queue import Empty, LifoQueue
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ingest.sources.extraction.extracted import EVERYDAY, Wanted
from ingest.sources.extraction.pdf.pages import ReadPage
from ingest.sources.extraction.worker import Answer, receive, send
from ingest.sources.text import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.sources.extraction.worker import Question

_WORKERS = 2  # as many as read files
_END_S = 2.0
_KEPT_VARIABLES = ("PATH", "SYSTEMROOT", "VIRTUAL_ENV", "PYTHON", "LANG", "LC_", "LD_LIBRARY_PATH")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a document may take while its text is extracted, and what is wanted of it."""

    seconds: float = 60.0
    memory_mb: int = 2048
    wanted: Wanted = EVERYDAY


DEFAULT_LIMITS = Limits()


class Workers:
    """The worker processes under the same limits."""

    def __init__(self, limits: Limits) -> None:
        self._folder = TemporaryDirectory(prefix="ingest-extract-", ignore_cleanup_errors=True)
        self._idle: LifoQueue[Worker] = LifoQueue()
        for _ in range(_WORKERS):
            self._idle.put(Worker(limits, self._folder.name))

    @contextmanager
    def lent(self) -> Iterator[Worker]:
        """A worker, when one is idle."""
        worker = self._idle.get()
        try:
            yield worker
        finally:
            self._idle.put(worker)

    @contextmanager
    def lent_if_idle(self) -> Iterator[Worker | None]:
        """A worker; None where all are at work."""
        try:
            worker = self._idle.get_nowait()
        except Empty:
            yield None
            return
        try:
            yield worker
        finally:
            self._idle.put(worker)

    def close(self) -> None:
        """End the processes: they do when nothing more can come."""
        while not self._idle.empty():
            self._idle.get().end()
        self._folder.cleanup()


class EndedError(Exception):
    """The process that was asked ended over the question; the message says why."""


class Worker:
    """A worker process: started when it is first asked, and again when a document ended it."""

    def __init__(self, limits: Limits, folder: str) -> None:
        self._limits = limits
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.held = 0
        """The key of the PDF that it has open."""

    def ask(self, question: Question) -> Answer:
        """Its one answer.

        Raises:
            UnreadableError: the document ends the process.
        """
        try:
            (answer,) = self.asked(question)
        except EndedError as error:
            raise UnreadableError(str(error)) from None
        assert isinstance(answer, Answer)  # noqa: S101 - only pages are answered otherwise
        return answer

    def asked(self, question: Question) -> Iterator[ReadPage | Answer]:
        """Its answers as they come, of which the last is an `Answer`. One that is left before has its process ended.

        Raises:
            EndedError: the document ends the process.
        """
        process = self._process
        if process is None or process.poll() is not None:
            process = self._process = self._start()
        assert process.stdin is not None  # noqa: S101 - they are pipes
        assert process.stdout is not None  # noqa: S101
        is_done = False
        try:
            with suppress(BrokenPipeError):
                send(process.stdin, question)
            while not is_done:
                answer = receive(process.stdout, ReadPage | Answer)
                if answer is None:
                    break
                is_done = isinstance(answer, Answer)
                yield answer
        finally:
            if not is_done:
                self.end()
        if process.returncode == -signal.SIGINT:  # with everything else here: it is not the document's doing
            raise UnreadableError("interrupted")
        if not is_done:
            raise EndedError(self._last_words(process.returncode))

    @property
    def is_alive(self) -> bool:
        """Whether its process runs."""
        return self._process is not None and self._process.poll() is None

    def end(self) -> None:
        """End its process, as it does when nothing more can come."""
        if self._process is not None:
            _end(self._process)
            self._process = None

    def _start(self) -> subprocess.Popen[bytes]:
        arguments = [str(self._limits.seconds), str(self._limits.memory_mb), self._folder]
        kept = {name: value for name, value in os.environ.items() if name.startswith(_KEPT_VARIABLES)}
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "ingest.sources.extraction.worker", *arguments],
            env={**kept, "MALLOC_ARENA_MAX": "2", "OMP_THREAD_LIMIT": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def _last_words(self, status: int) -> str:
        if status == -getattr(signal, "SIGALRM", 0):
            return f"its text takes more than {self._limits.seconds:g} s to extract (extract_seconds)"
        return (
            f"what reads it was ended (exit status {status}): it is damaged, or needs more than "
            f"{self._limits.memory_mb:,} MB (extract_memory_mb)"
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(BrokenPipeError):  # what it has not read is of no use any more
                pipe.close()
    try:
        process.wait(_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
