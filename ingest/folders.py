"""Folders of ours, which nobody else writes to or looks into, whatever the umask is."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_data_path


def default_data_dir() -> Path:
    """The user's data folder; for root one that the embedded server, which must not run as root, can reach."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/pgvector-ingest")
    return user_data_path("pgvector-ingest", appauthor=False)


def private_folder(folder: Path) -> None:
    """Make a folder for us alone, 0700; others may pass through those above it that are made with it, and no more.

    Raises:
        OSError: it cannot be made.
    """
    for parent in [parent for parent in folder.parents if not parent.exists()][::-1]:
        parent.mkdir(mode=0o711, exist_ok=True)  # the embedded server may run as another user, below it
    folder.mkdir(mode=0o700, exist_ok=True)


def absolute_folder(path: Path) -> Path:
    """A folder that was named, wherever we stand.

    Raises:
        ValueError: it cannot be.
    """
    try:
        folder = path.expanduser().absolute()
        folder.exists()
    except RuntimeError as error:  # there is no such user
        raise ValueError(str(error)) from None
    except OSError as error:
        raise ValueError(f"{error.strerror}: name another folder as INGEST_DATA_DIR") from None
    return folder
