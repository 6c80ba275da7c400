"""Files as a source: which there are, and what stands in them."""

from __future__ import annotations

import os
import stat
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from glob import has_magic
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeGuard
from urllib.parse import quote_from_bytes, unquote_to_bytes, urlsplit

from ingest.errors import UsageError
from ingest.sources import globs
from ingest.sources.content import document
from ingest.sources.encodings import decoded
from ingest.sources.extraction.workers import DEFAULT_LIMITS, Limits
from ingest.sources.ignoring import IGNORE_FILE, Rules, is_ignored, read_rules
from ingest.sources.records import (
    DEFAULT_FIELDS,
    RECORD_SUFFIXES,
    STANDARD_INPUT,
    STANDARD_INPUT_ROOT,
    Fields,
    Record,
    file_records,
    standard_input_records,
)
from ingest.sources.source import HIDDEN, IGNORED, RACY_NS, Skipped
from ingest.sources.text import UnreadableError
from ingest.sources.web import find_page, is_page, page_uri

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ingest.model import Document
    from ingest.sources.objects import StoredObject
    from ingest.sources.source import Item

_MAX_RULES_BYTES = 1_000_000
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
            with open(_open_inside(self.bounds, self.inside), "rb") as stream:
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


@dataclass(frozen=True, slots=True)
class Files:
    """What is given by paths as a source: files, folders, globs, objects, pages of the web, standard input."""

    paths: Sequence[str]
    fields: Fields = DEFAULT_FIELDS
    limits: Limits = DEFAULT_LIMITS
    unit: str = "files"

    @property
    def roots(self) -> list[str]:
        """The given paths as URIs."""
        return [_root(given) for given in self.paths]

    @property
    def description(self) -> str:
        """The given paths."""
        return ", ".join(self.paths)

    @property
    def is_far(self) -> bool:
        """Whether there are objects on a storage among them, or pages."""
        return any(_is_remote(given) for given in self.paths)

    def count(self, is_stopped: Callable[[], bool]) -> int | None:
        """How many files there are.

        None where one holds records, which are not counted before they are read, and on object storage, where each
        listing is paid for.

        Raises:
            UsageError: a path does not exist or cannot be read.
        """
        pages = {given for given in self.paths if is_page(given)}
        others = [given for given in dict.fromkeys(self.paths) if given not in pages]
        if any(given == STANDARD_INPUT or _is_remote(given) for given in others):
            return None
        number = len(pages)
        for file in find_files(map(_path_of, others)):
            if is_stopped() or _holds_records(file):
                return None
            number += isinstance(file, SourceFile)
        return number

    def items(self) -> Iterator[Item | Skipped]:
        """The files, objects and pages; in place of a file or an object that holds records, those.

        Raises:
            UsageError: a path does not exist or cannot be read.
            UnreachableError: an object storage is out of reach.
        """
        for given in dict.fromkeys(self.paths):
            if given == STANDARD_INPUT:
                yield from standard_input_records(self.fields)
            elif is_page(given):
                yield find_page(given, self.limits)
            else:
                for item in self._below(given):
                    if _holds_records(item):
                        yield from _records(item, self.fields)
                    else:
                        yield item

    def _below(self, given: str) -> Iterator[SourceFile | StoredObject | Skipped]:
        if _is_remote(given):
            from ingest.sources.objects import find_objects

            found: Iterator[SourceFile | StoredObject | Skipped] = find_objects(given)
        else:
            found = find_files([_path_of(given)])
        for item in found:
            if isinstance(item, Skipped) or item.limits == self.limits:
                yield item
            else:
                yield replace(item, limits=self.limits)

    def prepared(self, items: Sequence[Item]) -> Iterator[Item]:
        """A file is read where it stands."""
        return iter(items)


def _is_remote(given: str) -> bool:
    return "://" in given and not given.startswith("file://")


def _path_of(given: str) -> str:
    """A path as it is; that of a file:// URL.

    Raises:
        UsageError: the URL is that of another machine.
    """
    if not given.startswith("file://"):
        return given
    host, slash, path = given.removeprefix("file://").partition("/")
    if host not in {"", "localhost"}:
        raise UsageError(f"{given} names the machine {host}: a file:// URL begins with three slashes.")
    return os.fsdecode(unquote_to_bytes(slash + path))


def find_files(paths: Iterable[str]) -> Iterator[SourceFile | Skipped]:
    """The files by path, folder or glob, in a steady order; what is passed over is told with its reason.

    Hidden files and folders, those that an .ingestignore names, devices, links to folders, and links that lead out of
    the given folder are passed over.

    Raises:
        UsageError: a path does not exist or cannot be read.
    """
    for given in paths:
        path = Path(os.path.abspath(given))  # noqa: PTH100 - Path.resolve would follow links
        root = path.as_uri()
        if os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises for a name that is too long
            yield from _walk(path, root)
        elif os.path.lexists(path):
            yield _look_at(str(path), root, _real(path.parent))
        elif has_magic(given):
            yield from _glob(given, root)
        else:
            raise UsageError(f"no such file or folder: {given}.")


def read_document(file: SourceFile, max_bytes: int) -> Document:
    """The file as a document.

    Raises:
        UnreadableError: it is no text, is too large, or cannot be read.
    """
    if file.size > max_bytes:
        raise UnreadableError(f"{file.size:,} bytes, over max_document_bytes ({max_bytes:,})")
    with file.opened() as stream:
        content = stream.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise UnreadableError(f"grew over max_document_bytes ({max_bytes:,})")
    return document(
        content,
        uri=file.uri,
        name=os.path.basename(file.name),  # noqa: PTH119 - as text: see `uri`
        metadata={"path": os.fsencode(file.name).decode(errors="replace")},
        max_bytes=max_bytes,
        limits=file.limits,
    )


def display_path(uri: str) -> str:
    """A URI as people read it: a file's path; any other URI as it is."""
    parts = urlsplit(uri)
    if parts.scheme != "file":
        return uri
    return unquote_to_bytes(parts.path).decode(errors="replace")


def _holds_records(item: SourceFile | StoredObject | Skipped) -> TypeGuard[SourceFile | StoredObject]:
    """Whether this is a file or an object whose records are documents."""
    return not isinstance(item, Skipped) and _suffix(item) in RECORD_SUFFIXES


def _records(item: SourceFile | StoredObject, fields: Fields) -> Iterator[Record | Skipped]:
    try:
        with item.opened() as stream:
            yield from file_records(stream, _suffix(item), uri=item.uri, root=item.root, name=item.name, fields=fields)
    except UnreadableError as error:
        yield Skipped(item.name, str(error), is_folder=True)


def _suffix(item: SourceFile | StoredObject) -> str:
    return os.path.splitext(item.name)[1].lower()  # noqa: PTH122 - the name of an object is no path


def _open_inside(bounds: Path, inside: str) -> int:
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


def _walk(folder: Path, root: str, deepest: int | None = None) -> Iterator[SourceFile | Skipped]:
    """The files below a folder, `deepest` levels down at most. Links to folders are not followed.

    Of what is to come the names are held, and no more: there may be a million in one folder.
    """
    bounds = _real(folder)
    waiting: list[tuple[str, list[str], tuple[Rules, ...]]] = []  # of each folder that was entered, last name first
    entered: tuple[str, tuple[Rules, ...]] | None = ("", ())
    while entered or waiting:
        if entered:
            (inside, rules), entered = entered, None
            try:
                names = sorted(os.listdir(_below(folder, inside)), reverse=True)  # noqa: PTH208 - text
            except OSError as error:
                yield Skipped(_below(folder, inside), error.strerror or "cannot be read", is_folder=True)
                continue
            if IGNORE_FILE in names:
                rules = (*rules, _rules(bounds, inside, Path(folder, inside, IGNORE_FILE)))
            waiting.append((inside and inside + os.sep, names, rules))
        above, names, rules = waiting[-1]
        if not names:
            waiting.pop()
            continue
        inside = above + names.pop()  # as text: a path for each file takes as long as the look at it
        path = _below(folder, inside)
        mode = _mode(path)
        if inside.startswith(".", len(above)):
            yield Skipped(path, HIDDEN)
        elif rules and is_ignored(Path(inside), is_folder=stat.S_ISDIR(mode), rules=rules):
            yield Skipped(path, IGNORED)
        elif not stat.S_ISDIR(mode):
            yield _look_at(path, root, bounds, None if stat.S_ISLNK(mode) else inside)
        elif deepest is None or inside.count(os.sep) + 1 < deepest:
            entered = inside, rules


def _below(folder: Path, inside: str) -> str:
    return os.path.join(folder, inside) if inside else str(folder)  # noqa: PTH118


def _mode(path: str) -> int:
    """What stands at a path itself, be it a link; 0 where that cannot be told."""
    try:
        return os.lstat(path).st_mode
    except OSError:
        return 0


def _rules(bounds: Path, folder: str, path: Path) -> Rules:
    """The rules of a folder.

    Raises:
        UsageError: they cannot be read; without them too much would be.
    """
    try:
        with open(_open_inside(bounds, os.path.join(folder, IGNORE_FILE)), "rb") as stream:  # noqa: PTH118
            return read_rules(decoded(stream.read(_MAX_RULES_BYTES)).text, Path(folder))
    except (OSError, UnreadableError) as error:
        raise UsageError(f"{path} cannot be read ({getattr(error, 'strerror', None) or error}): fix it.") from None


def _glob(given: str, root: str) -> Iterator[SourceFile | Skipped]:
    """The files that match a pattern; `**` stands for any folders."""
    fixed = os.path.dirname(given[: next(i for i, char in enumerate(given) if char in "*?[")])  # noqa: PTH120
    folder = Path(os.path.abspath(fixed))  # noqa: PTH100
    pattern = Path(given).parts[len(Path(fixed).parts) :]
    glob = globs.compiled(pattern)
    matched = False
    for item in _walk(folder, root, None if any(map(globs.is_any_folders, pattern)) else len(pattern)):
        path = Path(item.name)
        if globs.matches(path.relative_to(folder).parts, glob):
            matched = True
            yield item
        elif isinstance(item, Skipped) and item.is_folder:
            yield item
    if not matched:
        raise UsageError(f"nothing matches {given}.")


def _look_at(path: str, root: str, bounds: Path, inside: str | None = None) -> SourceFile | Skipped:
    """What stands at a path; `inside`: where that is below the bounds, if it is no link."""
    try:
        status = os.stat(path)  # noqa: PTH116 - first: the system bounds the links that it follows
        inside = inside or str(_real(path).relative_to(bounds))
    except OSError as error:
        return Skipped(path, error.strerror or "cannot be read")
    except ValueError:
        return Skipped(path, _LEADS_OUT)
    if not stat.S_ISREG(status.st_mode):
        return Skipped(path, _NOT_REGULAR)
    return SourceFile(path, root, status.st_size, status.st_mtime_ns, bounds, inside)


def _root(given: str) -> str:
    """A given path as a URI."""
    if given == STANDARD_INPUT:
        return STANDARD_INPUT_ROOT
    if is_page(given):
        return page_uri(given)
    if _is_remote(given):
        return given.rstrip("/")
    return Path(os.path.abspath(_path_of(given))).as_uri()  # noqa: PTH100 - Path.resolve would follow links


def _real(path: Path | str) -> Path:
    """A path without links. Path.resolve would raise a RuntimeError at a loop of them."""
    return Path(os.path.realpath(path))
