"""A file as an archive lists it, and how much an archive may hold."""

from __future__ import annotations

import posixpath
from typing import IO, TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_FILES = 200_000
TOO_MANY = f"more than {MOST_FILES:,} files: unpack it, and name the folder"
_MOST_TIMES = 200  # as large as the archive is: DEFLATE makes a thousandth of zeros, and a tenth of a text
_ALWAYS_BYTES = 1_000_000_000

_PACKINGS = {
    **dict.fromkeys((".tar.gz", ".tgz"), ".gz"),
    **dict.fromkeys((".tar.bz2", ".tbz2", ".tbz"), ".bz2"),
    **dict.fromkeys((".tar.xz", ".txz"), ".xz"),
    **dict.fromkeys((".tar.zst", ".tzst"), ".zst"),
    ".tar": "",
    ".zip": "zip",
}


class Entry(NamedTuple):
    """A file as an archive lists it. `version`: None where that is told by its bytes alone."""

    raw_name: bytes | str
    size: int
    version: str | None
    opening: Callable[[], IO[bytes]]
    link: str | None = None


def packing_of(name: str) -> str | None:
    """How an archive is packed, by its name; None: it is none."""
    lower = name.lower()
    return next((packing for suffix, packing in _PACKINGS.items() if lower.endswith(suffix)), None)


def path_inside(name: str) -> str | None:
    """Where a file is inside an archive; empty: nowhere in particular, None: it would lead out of it."""
    parts = [part for part in name.split("/") if part not in {"", "."}]
    return None if ".." in parts else "/".join(parts)


def target(path: str, link: str) -> str:
    """Where a link leads, from inside the archive."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(path_inside(path) or ""), link))


def most_unpacked(size: int) -> int:
    """The bytes that an archive of this size may unpack to."""
    return max(_ALWAYS_BYTES, size * _MOST_TIMES)
