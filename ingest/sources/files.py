"""Files as a source: which there are, and what stands in them."""

from __future__ import annotations

import glob
import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes, urlsplit

from ingest.errors import UsageError
from ingest.model import Document
from ingest.sources.source import Skipped
from ingest.sources.text import UnreadableError, decode, syntax_of, title_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ingest.sources.source import Item

# A file touched this recently may change again within its time stamp's resolution: it is read again next time.
_RACY_NS = 2_000_000_000


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that may become a document; `root` is the path it was found by."""

    path: Path
    root: str
    size: int
    mtime_ns: int

    @property
    def uri(self) -> str:
        """The document's identity: a file:// URI."""
        return self.path.as_uri()

    @property
    def name(self) -> str:
        """Its path."""
        return str(self.path)

    @property
    def version(self) -> str | None:
        """What tells cheaply that the file is unchanged; None where it may change unseen."""
        if time.time_ns() - self.mtime_ns < _RACY_NS:
            return None
        return f"{self.size}-{self.mtime_ns}"

    def read(self, max_bytes: int) -> Document:
        """The file as a document.

        Raises:
            UnreadableError: it is no text, is too large, or cannot be read.
        """
        return read_document(self, max_bytes)


@dataclass(frozen=True, slots=True)
class Files:
    """Files, folders and globs as a source."""

    paths: Sequence[str]
    unit: str = "files"

    @property
    def roots(self) -> list[str]:
        """The given paths as URIs."""
        return [Path(os.path.abspath(given)).as_uri() for given in self.paths]  # noqa: PTH100

    @property
    def description(self) -> str:
        """The given paths."""
        return ", ".join(self.paths)

    def count(self, is_stopped: Callable[[], bool]) -> int | None:
        """How many files there are.

        Raises:
            UsageError: a path does not exist or cannot be read.
        """
        number = 0
        for file in self.items():
            if is_stopped():
                return None
            number += isinstance(file, SourceFile)
        return number

    def items(self) -> Iterator[SourceFile | Skipped]:
        """The files.

        Raises:
            UsageError: a path does not exist or cannot be read.
        """
        return find_files(dict.fromkeys(self.paths))

    def prepared(self, items: Sequence[Item]) -> Iterator[Item]:
        """A file is read where it stands."""
        return iter(items)


def find_files(paths: Iterable[str]) -> Iterator[SourceFile | Skipped]:
    """The files by path, folder or glob, in a steady order; what is passed over is told with its reason.

    Hidden files and folders, devices, and links that lead out of the given folder are passed over.

    Raises:
        UsageError: a path does not exist or cannot be read.
    """
    for given in paths:
        path = Path(os.path.abspath(given))  # noqa: PTH100 - Path.resolve would follow links
        root = path.as_uri()
        if path.is_dir():
            yield from _walk(path, root, path.resolve())
        elif os.path.lexists(path):
            yield _look_at(path, root, path.parent.resolve())
        elif glob.has_magic(given):
            yield from _glob(given)
        else:
            raise UsageError(f"no such file or folder: {given}.")


def read_document(file: SourceFile, max_bytes: int) -> Document:
    """The file as a document.

    Raises:
        UnreadableError: it is no text, is too large, or cannot be read.
    """
    if file.size > max_bytes:
        raise UnreadableError(f"{file.size:,} bytes, over max_document_bytes ({max_bytes:,})")
    try:
        # O_NONBLOCK: should the file have become a fifo since it was looked at, opening must not hang.
        descriptor = os.open(file.path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with open(descriptor, "rb") as stream:  # noqa: PTH123
            content = stream.read(max_bytes + 1)
    except OSError as error:
        raise UnreadableError(error.strerror or "cannot be read") from None
    if len(content) > max_bytes:
        raise UnreadableError(f"grew over max_document_bytes ({max_bytes:,})")
    text = decode(content)
    syntax = syntax_of(file.path.suffix)
    return Document(
        uri=file.uri,
        title=title_of(text, syntax) or file.path.stem.encode(errors="replace").decode(),
        text=text,
        syntax=syntax,
        metadata={"path": display_path(file.uri), "bytes": len(content)},
    )


def display_path(uri: str) -> str:
    """A URI as people read it: a file's path; any other URI as it is."""
    parts = urlsplit(uri)
    if parts.scheme != "file":
        return uri
    return unquote_to_bytes(parts.path).decode(errors="replace")


def _walk(folder: Path, root: str, bounds: Path) -> Iterator[SourceFile | Skipped]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        yield Skipped(str(folder), error.strerror or "cannot be read", is_folder=True)
        return
    for entry in entries:
        path = folder / entry.name
        if entry.name.startswith("."):
            yield Skipped(str(path), "hidden")
        elif entry.is_dir(follow_symlinks=False):
            yield from _walk(path, root, bounds)
        else:
            yield _look_at(path, root, bounds)


def _glob(pattern: str) -> Iterator[SourceFile | Skipped]:
    root = Path(os.path.abspath(pattern)).as_uri()  # noqa: PTH100
    fixed = pattern[: next(i for i, char in enumerate(pattern) if char in "*?[")]
    bounds = Path(os.path.dirname(fixed) or ".").resolve()  # noqa: PTH120
    found = False
    for match in sorted(glob.iglob(pattern, recursive=True)):  # noqa: PTH207 - pathlib has no absolute globs
        path = Path(os.path.abspath(match))  # noqa: PTH100
        if not path.is_dir():
            found = True
            yield _look_at(path, root, bounds)
    if not found:
        raise UsageError(f"nothing matches {pattern}.")


def _look_at(path: Path, root: str, bounds: Path) -> SourceFile | Skipped:
    try:
        if path.is_symlink() and not path.resolve().is_relative_to(bounds):
            return Skipped(str(path), "a link that leads out of the given folder")
        status = path.stat()
    except OSError as error:
        return Skipped(str(path), error.strerror or "cannot be read")
    if not stat.S_ISREG(status.st_mode):
        return Skipped(str(path), "not a regular file")
    return SourceFile(path, root, status.st_size, status.st_mtime_ns)
