"""The files of a shared server: private to one user, locked by the kernel."""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING

from ingest.errors import UsageError
from ingest.folders import private_folder

if sys.platform == "win32":
    SHARED = EXCLUSIVE = 0  # there is no flock, and `shared` says so
else:
    import fcntl

    SHARED, EXCLUSIVE = fcntl.LOCK_SH, fcntl.LOCK_EX

if TYPE_CHECKING:
    from pathlib import Path


def own_folder(folder: Path) -> None:
    """Make the folder, 0700, or see that it is a real folder, ours, that nobody else may write to.

    Raises:
        UsageError: it is not.
    """
    missing = [parent for parent in folder.parents if not parent.exists()]
    private_folder(folder)
    for parent in missing:  # whatever the umask: the server may run as another user, who passes through
        parent.chmod(0o711)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise UsageError(f"{folder} is a symbolic link: give the folder it leads to.")
    if status.st_uid != os.geteuid():
        raise UsageError(
            f"{folder} belongs to user id {status.st_uid}, not to {os.geteuid()} who runs this: "
            "run as that user, or give another folder (INGEST_DATA_DIR)."
        )
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise UsageError(f"{folder} can be written by other users: chmod go-w it, or give another folder.")


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    new = path.with_name(path.name + ".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    new.replace(path)


def read_private(path: Path) -> str | None:
    """The text of a file, or None where there is none."""
    try:
        return path.read_text()
    except FileNotFoundError:
        return None


def open_lock(path: Path) -> int:
    """A descriptor to lock. Closing it, in every process that has it, gives the lock back."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def try_lock(lock: int, how: int) -> bool:
    """Take the lock, SHARED or EXCLUSIVE, if nobody stands in the way."""
    try:
        fcntl.flock(lock, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
