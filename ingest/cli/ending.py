"""How a command ends: an exit status, and words; never a traceback."""

import os
import signal
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ingest import crash_reports
from ingest.errors import BudgetError, IngestError, InternalError, UsageError

if TYPE_CHECKING:
    from ingest.terminal.screen import Screen

NOT_DONE = 5  # of a round that leaves something

_GO_ON = "run the same command again: it goes on where it stopped"
_SEND = "send the report that the error names"
_ADVICE = {
    UsageError.exit_status: "correct what the error names, then run the command again",
    BudgetError.exit_status: "run again with --yes, or a higher --max-cost",
}


def worst(statuses: Iterable[int]) -> int:
    """That of several corpora: a round that leaves something hides no error of another."""
    return max(statuses, key=lambda status: (status > 1 and status != NOT_DONE, status))


def end(
    screen: "Screen",
    call: Callable[[], int | None],
    flags: dict[str, Any] = {},  # noqa: B006 - only read
    config: Path | None = None,
) -> None:
    """Run a command; its outcome as an exit status, never as a traceback."""
    raise typer.Exit(ended(screen, call, flags, config))


def ended(
    screen: "Screen", call: Callable[[], int | None], flags: dict[str, Any], config: Path | None, *, is_all: bool = True
) -> int:
    """Run what a command does for one corpus; its exit status. Not `is_all`: more is to come, where it is 0."""
    try:
        status = call() or 0
        if is_all or status:
            screen.end(status)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # one more would end us with another status
        status = _say(screen, "interrupted: nothing is lost, run the same command again to go on.", 130, _GO_ON)
    except BrokenPipeError:  # `ingest search … | head`
        _close_output()
        status = 0
    except Exception as error:  # noqa: BLE001 - a fault of ours is told, too
        status = _say(screen, *_told(error, flags, config))
    return status


def _say(screen: "Screen", message: str, status: int, advice: str) -> int:
    try:
        screen.error(message, status, advice)
    except BrokenPipeError:
        _close_output()
    return status


def _close_output() -> None:
    """Nobody reads it any more: what is left in it is not written at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _told(error: Exception, flags: dict[str, Any], config: Path | None) -> tuple[str, int, str]:
    """What went wrong, the exit status, and what next; of a fault of ours a report is written."""
    if isinstance(error, IngestError) and not isinstance(error, InternalError):
        return str(error), error.exit_status, error.advice or _ADVICE.get(error.exit_status, _GO_ON)
    from ingest.folders import default_data_dir
    from ingest.settings import load_settings

    try:
        folder = load_settings(flags, config).data_dir
    except UsageError:
        folder = default_data_dir()
    fault = f"a fault of this program: {crash_reports.name_fault(error)}."
    told = str(error) if isinstance(error, InternalError) else fault
    written = crash_reports.write_report(error, folder)
    return f"{told} Nothing is lost. {written}.", InternalError.exit_status, _SEND
