"""A file inside something that is a folder to us: an archive, or a commit of a repository."""

from __future__ import annotations

import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING

from ingest.redaction import foreign
from ingest.sources.content import document, most_bytes, too_large
from ingest.sources.extraction.formats import SNIFFED_BYTES
from ingest.sources.extraction.workers import DEFAULT_LIMITS, Limits
from ingest.sources.minified import is_minified
from ingest.sources.source import MINIFIED
from ingest.sources.text import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ingest.model import Document

# What reading an archive, or unpacking it, may raise. RuntimeError: it is encrypted.
DAMAGED = (OSError, EOFError, ValueError, NotImplementedError, RuntimeError, zlib.error, zipfile.BadZipFile)
_MOST_BYTES = 256_000_000  # what is brought of a file; over any max_document_bytes that chunking has the memory for
_LFS = b"version https://git-lfs.github.com/spec/"
_MAX_REASON = 200


@dataclass(frozen=True, slots=True)
class Held:
    """A member whose bytes are here, or why they are not: what goes to a worker process."""

    uri: str
    root: str
    name: str
    path: str
    content: bytes
    version: str | None
    metadata: Mapping[str, object]
    limits: Limits
    trouble: str = ""

    @property
    def size(self) -> int:
        """Its bytes."""
        return len(self.content)

    def read(self, max_bytes: int) -> Document:
        """The member as a document.

        Raises:
            UnreadableError: it is no text, is too large, or cannot be read.
        """
        if self.trouble:
            raise UnreadableError(self.trouble)
        path = PurePosixPath(self.path)
        bound = most_bytes(path.suffix, self.content[:SNIFFED_BYTES], max_bytes)
        if self.size > bound:
            raise too_large(self.size, bound, max_bytes)
        if self.content.startswith(_LFS):
            raise UnreadableError("a pointer of Git LFS: what it stands for is not here")
        if is_minified(path.name, self.content):
            raise UnreadableError(MINIFIED)
        return document(
            self.content,
            uri=self.uri,
            name=path.name,
            metadata=self.metadata,
            max_bytes=max_bytes,
            limits=self.limits,
        )


@dataclass(frozen=True, slots=True)
class Member:
    """A file inside, which is read when it is asked for. `path`: where it is inside; `opening` opens it."""

    uri: str
    root: str
    name: str
    path: str
    size: int
    version: str | None
    opening: Callable[[], IO[bytes]]
    metadata: Mapping[str, object] = field(default_factory=dict)
    limits: Limits = DEFAULT_LIMITS

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """The file, open to read.

        Raises:
            UnreadableError: it cannot be opened or read.
        """
        try:
            with self.opening() as stream:
                yield stream
        except DAMAGED as error:
            raise UnreadableError(words_of(error)) from None

    def brought(self) -> Held:
        """It with its bytes, or with the reason why it cannot be read."""
        held = Held(self.uri, self.root, self.name, self.path, b"", self.version, self.metadata, self.limits)
        if self.size > _MOST_BYTES:
            return replace(held, trouble=f"{self.size:,} bytes, more than is read of a file")
        try:
            with self.opened() as stream:
                return replace(held, content=stream.read(_MOST_BYTES))
        except UnreadableError as error:
            return replace(held, trouble=str(error))

    def read(self, max_bytes: int) -> Document:
        """The file as a document.

        Raises:
            UnreadableError: as `Held.read`.
        """
        return self.brought().read(max_bytes)


def words_of(error: Exception) -> str:
    """Why something inside cannot be read, in a few words."""
    if isinstance(error, RuntimeError) and "password" in str(error):
        return "encrypted"
    if isinstance(error, UnreadableError):
        return str(error)
    return foreign(getattr(error, "strerror", None) or f"damaged: {error}", _MAX_REASON)
