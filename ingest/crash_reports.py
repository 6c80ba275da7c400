"""A fault of ours: the line that tells it, and a report of it to send, in which no text, key or address stands."""

from __future__ import annotations

import os
import platform
import re
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.errors import InternalError
from ingest.folders import private_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PACKAGE = Path(__file__).parent
_MAKERS = "the makers of pgvector-ingest"
_LIBRARIES = ("pgvector-ingest", "psycopg", "psycopg-binary", "pgvector", "openai", "numpy", "msgspec", "tiktoken")
_OPTION = re.compile(r"--?[a-z][a-z-]*")


def name_fault(error: BaseException) -> str:
    """What it was, and where in our code, in a few words: not its own, which may quote a document."""
    where = ""
    for frame in traceback.extract_tb(error.__traceback__):
        path = Path(frame.filename)
        if path.is_relative_to(_PACKAGE):
            where = f" at {path.relative_to(_PACKAGE)}:{frame.lineno}"
    said = ""
    if isinstance(error, OSError) and error.strerror:
        said = f" ({error.strerror}{f': {error.filename}' if error.filename else ''})"
    elif isinstance(error, ImportError) and error.name:
        said = f" ({error.name})"
    return f"{type(error).__name__}{said}{where}"


def last_words(error: BaseException) -> int:
    """One line on a fault before any command began, such as a library that is not there; the exit status."""
    sys.stderr.write(f"error: a fault of this program, or of its installation: {name_fault(error)}.\n")
    return InternalError.exit_status


def write_report(error: BaseException, folder: Path) -> str:
    """Write what we need to find a fault into a file of the folder that its owner alone reads; what to do with it."""
    now = datetime.now(UTC)
    path = folder / "crashes" / f"{now:%Y%m%dT%H%M%S}-{os.getpid()}.txt"
    try:
        private_folder(path.parent)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in _report(error, now, sys.argv))
    except OSError as trouble:
        return f"No report could be written to {path} ({trouble.strerror}): please tell {_MAKERS} this line"
    return f"Please send {path} to {_MAKERS}: no text, key or address stands in it"


def _report(error: BaseException, now: datetime, arguments: Sequence[str]) -> Iterator[str]:
    # Of the command its name and those of its options alone: the rest may be a text, a password or somebody's path.
    command = [word if place == 1 and word.isalpha() else "…" for place, word in enumerate(arguments)]
    options = [
        match[0] if (match := _OPTION.match(word)) else given for word, given in zip(arguments, command, strict=True)
    ]
    yield f"{now.isoformat(timespec='seconds')} ingest {' '.join(options[1:])}"
    yield f"Python {platform.python_version()}, {platform.platform()}"
    yield ", ".join(f"{name} {_version(name)}" for name in _LIBRARIES)
    yield from _chain(error)


def _version(name: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def _chain(error: BaseException) -> Iterator[str]:
    """An error and those that led to it, the last first: kinds and places, for their words may quote a document."""
    kind, state = type(error), getattr(error, "sqlstate", None)
    yield ""
    yield f"{kind.__module__}.{kind.__qualname__}{f' (SQLSTATE {state})' if state else ''}"
    for frame in traceback.extract_tb(error.__traceback__):
        place = "/".join(Path(frame.filename).parts[-3:])  # the folders above may hold a person's name
        yield f"  {place}:{frame.lineno} in {frame.name}: {frame.line}"
    for member in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        yield from _chain(member)
    if cause := error.__cause__ or error.__context__:
        yield from _chain(cause)
