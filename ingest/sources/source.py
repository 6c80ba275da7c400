"""What a sync asks of a source: the documents there are, and what stands in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ingest.sources.text import BINARY

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping, Sequence

    from ingest.model import Document, Loss

# A file touched this recently may change again within its time stamp's resolution: it is read again next time.
RACY_NS = 2_000_000_000

# Reasons of which there may be many: they are counted.
HIDDEN = "hidden"
IGNORED = "ignored"
VENDORED = "vendored code"  # of others, or installed
LOCK_FILE = "lock file"
MINIFIED = "minified"
DEAD_LINK = "dead link"  # to a page that its site says there is none of
ARCHIVE = "archive"  # that nobody asked to be opened
VANISHED = "vanished"  # between two looks at the source

# Reasons of which there may be many, and where a report counts them.
COUNTED = {
    HIDDEN: "skipped_hidden",
    IGNORED: "skipped_ignored",
    VENDORED: "skipped_vendored",
    LOCK_FILE: "skipped_lock_files",
    MINIFIED: "skipped_minified",
    ARCHIVE: "skipped_archives",
    DEAD_LINK: "skipped_dead_links",
    BINARY: "skipped_binary",
    VANISHED: "skipped_vanished",
}


class Item(Protocol):
    """Something that may become a document."""

    @property
    def uri(self) -> str:
        """The document's identity in the corpus."""

    @property
    def root(self) -> str:
        """Which of the source's roots it was found by."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def size(self) -> int:
        """The bytes of its text, or nearly."""

    @property
    def version(self) -> str | None:
        """What tells cheaply that it is unchanged; None where it may change unseen."""

    def read(self, max_bytes: int) -> Document:
        """The document. Called on any thread.

        Raises:
            UnreadableError: it is no text, is too large, or cannot be read.
        """


@dataclass(frozen=True, slots=True)
class Wrapped:
    """An item within another, which says all of it that this one does not."""

    item: Item

    @property
    def uri(self) -> str:
        """The item's."""
        return self.item.uri

    @property
    def root(self) -> str:
        """The item's."""
        return self.item.root

    @property
    def name(self) -> str:
        """The item's."""
        return self.item.name

    @property
    def size(self) -> int:
        """The item's."""
        return self.item.size

    @property
    def version(self) -> str | None:
        """The item's, before it was read."""
        return self.item.version


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something in the source that is no document, and why; `is_folder`: what it holds is not known.

    `detail`: more of why, where the reason is one of which there may be many: the rule, and where it stands.
    """

    name: str
    reason: str
    is_folder: bool = False
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Noted(Skipped):
    """Something, such as a file of records, that is read, though not as it stands: in what. Nothing is passed over."""

    losses: Sequence[Loss] = ()


@dataclass(frozen=True, slots=True)
class Unknown(Skipped):
    """Something in a file of records or of messages that is not known: of that file alone nothing is gone.

    `holders`: the URIs that the file has, and had before its source had a name.
    """

    holders: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Before:
    """What stands in the corpus, by which a source tells what of it is unchanged without reading that.

    `corpus`: its schema; `fingerprint`: how documents are chunked, with which their versions end; `files`: of each file
    of records that was read whole, by its root and its URI, the version that it had, and the ids of its documents.
    """

    corpus: str
    fingerprint: str
    files: Mapping[tuple[str, str], tuple[str, Sequence[int]]]

    def of_file(self, root: str, uri: str, version: str) -> Sequence[int] | None:
        """The documents of a file of records, by their ids, if it is unchanged."""
        found, ids = self.files.get((root, uri), ("", ()))
        return ids if found == f"{version}/{self.fingerprint}" else None


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Documents that are as they were, by their ids: nobody looks at each."""

    ids: Sequence[int]


@dataclass(frozen=True, slots=True)
class WholeFile:
    """The end of a file of records of which all was found that stands in it; `count`: of how many documents."""

    root: str
    uri: str
    version: str
    count: int


def file_of(uri: str) -> str:
    """The URI of the file that a document is in, by its own."""
    return uri.partition("#")[0]


def why_withheld(holders: Container[str], look: Callable[[str], str | None] | None, uri: str) -> str | None:
    """Why a document that was not found stays: it may be in one of these files, or what tells of the source says so."""
    if file_of(uri) in holders:
        return "its file could not be read whole"
    return look(uri) if look else None


class Source(Protocol):
    """Where documents come from."""

    @property
    def roots(self) -> Sequence[str]:
        """What documents found here record as their source: those that are gone from it leave the corpus."""

    @property
    def unit(self) -> str:
        """What it is made of, for the progress: files, rows."""

    @property
    def description(self) -> str:
        """What people call it."""

    @property
    def is_far(self) -> bool:
        """Whether its documents come over a network when they are read: many are then waited for at once."""

    def count(self, is_stopped: Callable[[], bool]) -> int | None:
        """How many items there are; None when stopped. Called on a thread of its own."""

    def items(self, before: Before | None = None) -> Iterator[Item | Skipped | Unchanged | WholeFile]:
        """All that there is, in a steady order.

        `before`: what need not be told one by one, where it is unchanged; None: all is.
        """

    def prepared(self, items: Sequence[Item]) -> Iterator[Item | Skipped]:
        """These items, which are about to be read, in their order: a source may bring several over at once."""

    def withheld(self) -> Callable[[str], str | None] | None:
        """What tells why a document that is not found any more counts as there, by its URI: None where it is gone.

        None where all are.
        """
