"""A file of this machine: what stands at a path, and what stands in it."""

from __future__ import annotations

import os
import stat
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import quote_from_bytes

from ingest.sources.content import document, most_bytes, too_large
from ingest.sources.extraction.formats import SNIFFED_BYTES
from ingest.sources.extraction.workers import DEFAULT_LIMITS, Limits
from ingest.sources.minified import is_minified
from ingest.sources.source import MINIFIED, RACY_NS, Skipped
from ingest.sources.text import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.model import Document

_LEADS_OUT = "a link that leads out of the given folder"
_NOT_REGULAR = "not a regular file"
# Not everywhere: Windows has none of these.
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that may become a document.

    `name` is its absolute path, `root` the path it was found by; `bounds` the real folder that it must lie in, and
    `inside` where it does.
    """

    name: str
    root: str
    size: int
    mtime_ns: int
    bounds: Path
    inside: str
    limits: Limits = DEFAULT_LIMITS

    @property
    def uri(self) -> str:
        """The document's identity: a file:// URI."""
        if os.sep != "/":
            return Path(self.name).as_uri()
        return "file://" + quote_from_bytes(os.fsencode(self.name))  # the same, without a path made for each file

    @property
    def version(self) -> str | None:
        """What tells cheaply that the file is unchanged; None where it may change unseen."""
        if time.time_ns() - self.mtime_ns < RACY_NS:
            return None
        return f"{self.size}-{self.mtime_ns}"

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """The file, open to read.

        Raises:
            UnreadableError: it cannot be opened or read.
        """
        try:
            with open(open_inside(self.bounds, self.inside), "rb") as stream:
                if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                    raise UnreadableError(_NOT_REGULAR)
                yield stream
        except OSError as error:
            raise UnreadableError(error.strerror or "cannot be read") from None

    def read(self, max_bytes: int) -> Document:
        """The file as a document.

        Raises:
            UnreadableError: it is no text, is too large, or cannot be read.
        """
        return read_document(self, max_bytes)


def read_document(file: SourceFile, max_bytes: int) -> Document:
    """The file as a document.

    Raises:
        UnreadableError: it is no text, is too large, or cannot be read.
    """
    with file.opened() as stream:
        head = stream.read(SNIFFED_BYTES)
        bound = most_bytes(os.path.splitext(file.name)[1], head, max_bytes)  # noqa: PTH122 - as text: see `uri`
        if file.size > bound:
            raise too_large(file.size, bound, max_bytes)
        content = head + stream.read(max(bound + 1 - len(head), 0))
    if len(content) > bound:
        raise UnreadableError(f"grew over max_document_bytes ({max_bytes:,})")
    if file.uri != file.root and is_minified(file.name, content):  # what is given by its own name is read
        raise UnreadableError(MINIFIED)
    return document(
        content,
        uri=file.uri,
        name=os.path.basename(file.name),  # noqa: PTH119 - as text: see `uri`
        metadata={"path": os.fsencode(file.name).decode(errors="replace")},
        max_bytes=max_bytes,
        limits=file.limits,
    )


def modified_at(mtime_ns: int) -> str:
    """The time of a file, to the second, as metadata has it."""
    try:
        return datetime.fromtimestamp(mtime_ns // 1_000_000_000, UTC).isoformat()
    except (ValueError, OverflowError, OSError):  # beyond the years that there are
        return ""


def look_at(path: str, root: str, bounds: Path, inside: str | None = None) -> SourceFile | Skipped:
    """What stands at a path; `inside`: where that is below the bounds, if it is no link."""
    try:
        status = os.stat(path)  # noqa: PTH116 - first: the system bounds the links that it follows
        inside = inside or str(real_path(path).relative_to(bounds))
    except OSError as error:
        # Whether there is a document is not known, but where nothing is there.
        return Skipped(path, error.strerror or "cannot be read", is_folder=not isinstance(error, FileNotFoundError))
    except ValueError:
        return Skipped(path, _LEADS_OUT)
    if not stat.S_ISREG(status.st_mode):
        return Skipped(path, _NOT_REGULAR)
    return SourceFile(path, root, status.st_size, status.st_mtime_ns, bounds, inside)


def open_inside(bounds: Path, inside: str) -> int:
    """Open a file below the bounds by a way without links: one may have been put there since the file was looked at.

    A file that has become a fifo meanwhile is not waited for.
    """
    if os.open not in os.supports_dir_fd:
        return os.open(bounds / inside, os.O_RDONLY)
    *folders, name = Path(inside).parts
    folder = os.open(bounds, _FOLDER)
    try:
        for part in folders:
            above, folder = folder, os.open(part, _FOLDER | _NO_LINK, dir_fd=folder)
            os.close(above)
        return os.open(name, os.O_RDONLY | _NO_LINK | _NO_WAIT, dir_fd=folder)
    finally:
        os.close(folder)


def real_path(path: Path | str) -> Path:
    """A path without links. Path.resolve would raise a RuntimeError at a loop of them."""
    return Path(os.path.realpath(path))
