"""A server as the supervisor's child: started to die with it, stopped with backoff."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers; `address` is whatever its clients need to reach it."""

    process: subprocess.Popen[bytes]
    address: str


def dies_with_parent(signal_number: int) -> Callable[[], None] | None:
    """A `preexec_fn` by which the kernel sends the child this signal when the thread that started it dies.

    Linux only, else None: elsewhere the next supervisor deals with what a killed one left. It takes effect
    only after a change of user, where `Popen` calls it.
    """
    if sys.platform != "linux":
        return None
    import ctypes

    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def ask_the_kernel() -> None:
        prctl(1, signal_number, 0, 0, 0)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:  # it died before we could ask
            os.kill(os.getpid(), signal_number)

    return ask_the_kernel


def stop_process(process: subprocess.Popen[bytes], *steps: tuple[signal.Signals, float]) -> None:
    """Send each signal in turn and wait its seconds for the process to end; SIGKILL is the last."""
    for signal_number, wait_s in steps:
        process.send_signal(signal_number)
        try:
            process.wait(wait_s)
        except subprocess.TimeoutExpired:
            continue
        return
    process.kill()
    process.wait()
