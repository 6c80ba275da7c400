"""Archives as folders: ZIP, and tar as it is or compressed.

Files inside are read where they stand; nothing is unpacked to files of that name, so no path and no link of an archive
leads anywhere. A compressed tar is unpacked once, as a whole, to a file without a name. What an archive unpacks to is
bounded by its own size.
"""

from __future__ import annotations

import struct
import tarfile
import weakref
from contextlib import ExitStack
from typing import IO, TYPE_CHECKING, Protocol

from ingest.model import Loss, LossKind
from ingest.sources.encodings import decoded
from ingest.sources.entries import MOST_FILES, TOO_MANY, Entry, path_inside
from ingest.sources.members import DAMAGED, words_of
from ingest.sources.source import Item, Noted, Skipped
from ingest.sources.tar_archive import tar_entries
from ingest.sources.text import UnreadableError
from ingest.sources.trees import Tree, tree_members
from ingest.sources.zip_archive import zip_entries

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager

    from ingest.sources.extraction.workers import Limits
    from ingest.sources.ignoring import Rules
    from ingest.sources.members import Member

_PACKINGS = {
    **dict.fromkeys((".tar.gz", ".tgz"), ".gz"),
    **dict.fromkeys((".tar.bz2", ".tbz2", ".tbz"), ".bz2"),
    **dict.fromkeys((".tar.xz", ".txz"), ".xz"),
    **dict.fromkeys((".tar.zst", ".tzst"), ".zst"),
    ".tar": "",
    ".zip": "zip",
}
_SURE_BYTES = 100  # of names: with fewer an encoding is not detected


class Archived(Item, Protocol):
    """A file that is an archive."""

    @property
    def limits(self) -> Limits:
        """What a document may take while its text is extracted."""

    def opened(self) -> AbstractContextManager[IO[bytes]]:
        """The file, open to read."""


def packing_of(name: str) -> str | None:
    """How an archive is packed, by its name; None: it is none."""
    lower = name.lower()
    return next((packing for suffix, packing in _PACKINGS.items() if lower.endswith(suffix)), None)


def archive_members(archive: Archived, given: Rules | None) -> Iterator[Member | Skipped]:
    """The files in an archive, in the order of their paths; what is left out is told.

    One that cannot be read whole is told as a folder that cannot be listed: nothing in it is taken for gone.
    """
    stack = ExitStack()
    try:
        stream = stack.enter_context(archive.opened())
        if packing_of(archive.name) == "zip":
            entries, trouble = zip_entries(stream, archive.size), ""
        else:
            entries, trouble = tar_entries(stream, packing_of(archive.name) or "", archive.size, stack)
        files, losses = _named(entries)
    except (UnreadableError, *DAMAGED, tarfile.TarError, struct.error) as error:
        stack.close()
        yield Skipped(archive.name, words_of(error), is_folder=True)
        return
    tree = Tree(archive.uri, archive.root, archive.name, files, {"path": archive.name}, archive.limits)
    weakref.finalize(tree, stack.close)  # what is open is closed with the last member of it
    if losses:
        yield Noted(archive.name, "not as it stands", losses=losses)
    if trouble or not files:
        trouble = trouble or "no file in it"
        yield Skipped(archive.name, trouble, is_folder=True)
    yield from tree_members(tree, given)


def _named(entries: Iterable[Entry]) -> tuple[dict[str, Entry], list[Loss]]:
    """The files by their paths; what of the names was guessed, and which were passed over.

    Raises:
        UnreadableError: there are too many.
    """
    found: list[Entry] = []
    for entry in entries:
        if len(found) >= MOST_FILES:
            raise UnreadableError(TOO_MANY)
        found.append(entry)
    names, losses = _names([entry.raw_name for entry in found])
    files: dict[str, Entry] = {}
    odd = repeated = 0
    for name, entry in zip(names, found, strict=True):
        path = path_inside(name)
        odd += path is None
        if path:
            repeated += path in files
            files[path] = entry
    told = [
        (odd, "left out, whose path leads out of the archive"),
        (repeated, "with the path of another: of those, the last one counts"),
    ]
    losses += [
        Loss(LossKind.PARTS_LEFT_OUT, count, f"{count:,} file{'s' * (count > 1)} {words}")
        for count, words in told
        if count
    ]
    return files, losses


def _names(raw_names: list[bytes | str]) -> tuple[list[str], list[Loss]]:
    """Names as text. The bytes of old archives say of no encoding that they are in it: they are in one, all of them."""
    foreign = [name for name in raw_names if isinstance(name, bytes) and not _is_utf8(name)]
    if not foreign:
        return [name if isinstance(name, str) else name.decode() for name in raw_names], []
    joined = b"\n".join(foreign)
    texts = [name.decode("cp437") for name in foreign]  # as the format has it
    encoding = "cp437"
    if len(joined) >= _SURE_BYTES:
        found = decoded(joined)
        if len(lines := found.text.split("\n")) == len(foreign):
            texts, encoding = lines, next((loss.words for loss in found.losses), encoding)
    read = iter(texts)
    names = [name if isinstance(name, str) else name.decode() if _is_utf8(name) else next(read) for name in raw_names]
    words = encoding if encoding != "cp437" else "no UTF-8: read as cp437"
    return names, [Loss(LossKind.BYTES_GUESSED, 1, f"{len(foreign):,} names of files are {words}")]


def _is_utf8(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True
