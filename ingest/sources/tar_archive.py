"""The files of a tar archive, as it is or compressed."""

from __future__ import annotations

import io
import tarfile
import tempfile
from contextlib import ExitStack
from functools import partial
from typing import IO

from ingest.sources.entries import MOST_FILES, Entry, most_unpacked, path_inside, target
from ingest.sources.members import DAMAGED, words_of
from ingest.sources.packed import unpacked
from ingest.sources.text import UnreadableError

_MOST_HEADER = 1_000_000  # a name, or what else is said of a file
_PIECE = 1_048_576
_BLOCK = 512


class _Header(tarfile.TarInfo):
    """A header, of which no part takes more memory than any that means something."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        kinds = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE)
        if self.type in (*kinds, tarfile.SOLARIS_XHDTYPE) and self.size > _MOST_HEADER:
            raise tarfile.ReadError(f"a header of {self.size:,} bytes")
        return super()._proc_member(archive)  # type: ignore[misc,no-any-return]


def tar_entries(stream: IO[bytes], packing: str, size: int, stack: ExitStack) -> tuple[list[Entry], str]:
    """The files of a tar archive; why it is not known whether they are all, or nothing.

    Raises:
        UnreadableError: they are too many, or it would unpack to too much.
    """
    plain = stack.enter_context(_unpacked_tar(unpacked(stream, packing), size)) if packing else stream
    entries: list[Entry] = []
    with tarfile.open(fileobj=plain, mode="r:", tarinfo=_Header, errors="surrogateescape") as listing:
        try:
            while info := listing.next():
                listing.members.clear()  # type: ignore[attr-defined]  # it would hold them all
                if not info.isdir():
                    entries.append(_tar_entry(plain, info))
                if len(entries) > MOST_FILES:
                    return entries, ""
        except (tarfile.TarError, *DAMAGED) as error:
            return entries, words_of(error)
        plain.seek(listing.offset)
    # Without it nothing tells an archive that was cut off between two files, or damaged there, from a whole one.
    is_whole = plain.read(_BLOCK) == bytes(_BLOCK)
    return entries, "" if is_whole else "damaged: it ends without its end mark, or is broken before it"


def _tar_entry(plain: IO[bytes], info: tarfile.TarInfo) -> Entry:
    def opening() -> IO[bytes]:
        if info.issparse() or not info.isreg():
            raise UnreadableError("a sparse file" if info.issparse() else "not a regular file")
        return io.BufferedReader(_Window(plain, info.offset_data, info.size))

    link = target(info.name, info.linkname) if info.issym() else None
    if info.islnk():
        link = path_inside(info.linkname)
    return Entry(info.name.encode("utf-8", "surrogateescape"), info.size, None, opening, link)


def _unpacked_tar(reader: IO[bytes], size: int) -> IO[bytes]:
    """A tar archive as it is, in a file that is gone when it is closed.

    Raises:
        UnreadableError: it is damaged, or unpacks to too much.
    """
    whole, most = tempfile.TemporaryFile(prefix="ingest-"), most_unpacked(size)  # noqa: SIM115 - the caller closes it
    with ExitStack() as stack:
        stack.callback(whole.close)
        for piece in iter(partial(reader.read, _PIECE), b""):
            if whole.tell() + len(piece) > most:
                raise UnreadableError(f"would unpack to more than {most:,} bytes, from {size:,}: refused")
            whole.write(piece)
        stack.pop_all()
    whole.seek(0)
    return whole


class _Window(io.RawIOBase):
    """A part of a file that others read as well."""

    def __init__(self, stream: IO[bytes], start: int, size: int) -> None:
        self._stream = stream
        self._start = start
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(base + offset, 0)
        return self._at

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        left = max(min(len(buffer), self._size - self._at), 0)
        self._stream.seek(self._start + self._at)
        taken = self._stream.read(left)
        if left and not taken:
            raise EOFError("the archive ends within it")
        buffer[: len(taken)] = taken
        self._at += len(taken)
        return len(taken)
