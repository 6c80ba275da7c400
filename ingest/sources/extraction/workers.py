"""The worker processes that extract text: few, started when first needed, replaced when a document ends one."""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from queue import LifoQueue
from tempfile import TemporaryDirectory
from threading import Lock
from typing import TYPE_CHECKING

from ingest.sources.extraction.extracted import EVERYDAY, Extracted, Wanted
from ingest.sources.extraction.worker import Answer, Request, receive, send
from ingest.sources.text import UnreadableError

if TYPE_CHECKING:
    from ingest.sources.extraction.formats import Format

_WORKERS = 2  # as many as read files
_END_S = 2.0
_STARTING = Lock()  # what is cached would be made by each thread that asks first
_KEPT_VARIABLES = ("PATH", "SYSTEMROOT", "VIRTUAL_ENV", "PYTHON", "LANG", "LC_", "LD_LIBRARY_PATH")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a document may take while its text is extracted, and what is wanted of it."""

    seconds: float = 60.0
    memory_mb: int = 2048
    wanted: Wanted = EVERYDAY


DEFAULT_LIMITS = Limits()


def extract(format_: Format, content: bytes, max_bytes: int, limits: Limits) -> Extracted:
    """The text of a document, of at most `max_bytes`, made by a worker process. Called on any thread.

    Raises:
        UnreadableError: it is damaged, encrypted, holds no text, or takes more than the limits.
    """
    with _STARTING:
        workers = _workers(limits)
    return workers.extract(Request(format_, content, max_bytes, limits.wanted))


@cache
def _workers(limits: Limits) -> _Workers:
    workers = _Workers(limits)
    atexit.register(workers.close)
    return workers


class _Workers:
    """The worker processes under the same limits; a place in the queue is None where no process runs yet."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._folder = TemporaryDirectory(prefix="ingest-extract-", ignore_cleanup_errors=True)
        self._idle: LifoQueue[subprocess.Popen[bytes] | None] = LifoQueue()
        for _ in range(_WORKERS):
            self._idle.put(None)

    def extract(self, request: Request) -> Extracted:
        process = self._idle.get()
        try:
            if process is None or process.poll() is not None:
                process = self._start()
            answer = _ask(process, request)
            if answer is None:
                _end(process)
                raise UnreadableError(self._last_words(process.returncode))
        finally:
            self._idle.put(process)
        if answer.reason is not None:
            raise UnreadableError(answer.reason)
        return Extracted(answer.text, answer.title, answer.losses)

    def close(self) -> None:
        """End the processes: they do when nothing more can come."""
        while not self._idle.empty():
            process = self._idle.get()
            if process is not None:
                _end(process)
        self._folder.cleanup()

    def _start(self) -> subprocess.Popen[bytes]:
        arguments = [str(self._limits.seconds), str(self._limits.memory_mb), self._folder.name]
        kept = {name: value for name, value in os.environ.items() if name.startswith(_KEPT_VARIABLES)}
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "ingest.sources.extraction.worker", *arguments],
            env={**kept, "MALLOC_ARENA_MAX": "2"},
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


def _ask(process: subprocess.Popen[bytes], request: Request) -> Answer | None:
    """A worker's answer; None where it ended over the question."""
    assert process.stdin is not None  # noqa: S101 - they are pipes
    assert process.stdout is not None  # noqa: S101
    try:
        send(process.stdin, request)
    except BrokenPipeError:
        return None
    answer: Answer | None = receive(process.stdout, Answer)
    return answer


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
