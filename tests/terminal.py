"""A terminal that tests look at: what stands on it after a command, as a person sees it."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from typing import TYPE_CHECKING

import pyte
from process_checks import take_interrupts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

COLUMNS, LINES = 100, 60


def seen(
    *arguments: object, environment: Mapping[str, str], cwd: Path, typed: str = "", typed_at_once: str = ""
) -> tuple[str, int]:
    """What stands on a terminal when `ingest` with these arguments has ended, and its exit status.

    `typed`: the answer to its question; `typed_at_once`: all answers, before it asks.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    screen = pyte.Screen(COLUMNS, LINES)
    stream = pyte.ByteStream(screen)
    with subprocess.Popen(
        [sys.executable, "-m", "ingest", *map(str, arguments)],
        env={**os.environ, **environment, "TERM": "xterm-256color"},
        cwd=cwd,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        preexec_fn=take_interrupts,  # noqa: PLW1509 - no thread holds a lock here
    ) as command:
        os.close(theirs)
        os.write(ours, typed_at_once.encode())
        try:
            while written := os.read(ours, 65536):
                stream.feed(written)
                if typed and "[y/N]" in "".join(screen.display):
                    os.write(ours, typed.encode())
                    typed = ""
        except OSError:  # its last user has closed it
            pass
    os.close(ours)
    return "\n".join(line.rstrip() for line in screen.display).strip("\n"), command.returncode
