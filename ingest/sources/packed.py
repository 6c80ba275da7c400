"""Records, or a tar archive, in a compressed file: unpacked as a stream, however long."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import zlib
from typing import IO, TYPE_CHECKING, Any

from ingest.sources.text import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable

PACKED_SUFFIXES = frozenset({".gz", ".zst"})
UNPACKABLE = frozenset({".jsonl", ".ndjson", ".csv", ".tsv"})  # read from the beginning to the end
_DAMAGED = (OSError, EOFError, zlib.error, lzma.LZMAError)  # pyarrow's errors are OSErrors
_XZ_MEMORY = 200_000_000  # what xz -9 needs thrice; a file may ask for gigabytes
_PIECE = 65_536


def suffixes(name: str) -> tuple[str, str]:
    """The suffix of what a file holds, and that of how it is packed, which is empty where it is not: of a.jsonl.gz."""
    rest, last = os.path.splitext(name.lower())  # noqa: PTH122 - the name of an object is no path
    inner = os.path.splitext(rest)[1]  # noqa: PTH122
    return (inner, last) if last in PACKED_SUFFIXES and inner in UNPACKABLE else (last, "")


def unpacked(stream: IO[bytes], packing: str) -> IO[bytes]:
    """What a packed stream holds.

    Raises:
        UnreadableError: nothing here unpacks it.
    """
    if packing == ".gz":
        return io.BufferedReader(_Unpacked(stream, lambda: gzip.GzipFile(fileobj=stream)))
    if packing == ".bz2":
        return io.BufferedReader(_Unpacked(stream, lambda: bz2.BZ2File(stream)))
    if packing == ".xz":
        return io.BufferedReader(_Unpacked(stream, lambda: _Xz(stream)))
    try:
        import pyarrow as pa
    except ImportError:
        raise UnreadableError("to read it: pip install 'pgvector-ingest[documents]'") from None

    def reader() -> Any:
        return pa.CompressedInputStream(pa.PythonFile(_Lent(stream), mode="r"), "zstd")

    return io.BufferedReader(_Unpacked(stream, reader))


class _Lent(io.RawIOBase):
    """A stream for a reader that would close it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        return self._stream.read(size)


class _Xz:
    """The bytes of an xz stream. The library's own file knows no bound for the memory that one may ask for."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._decoder = lzma.LZMADecompressor(memlimit=_XZ_MEMORY)

    def read(self, size: int) -> bytes:
        """The next bytes, `size` at most; none at the end."""
        while True:
            piece = b""
            if self._decoder.eof:  # another stream may follow, after padding
                piece = self._decoder.unused_data.lstrip(b"\0")
                while not piece:
                    if not (more := self._stream.read(_PIECE)):
                        return b""
                    piece = more.lstrip(b"\0")
                self._decoder = lzma.LZMADecompressor(memlimit=_XZ_MEMORY)
            elif self._decoder.needs_input and not (piece := self._stream.read(_PIECE)):
                raise EOFError("it ends before its end mark")
            if found := self._decoder.decompress(piece, size):
                return found


class _Unpacked(io.RawIOBase):
    """The bytes of a packed stream; for those before, it is unpacked anew from the beginning."""

    def __init__(self, stream: IO[bytes], reader: Callable[[], Any]) -> None:
        self._stream = stream
        self._open = reader
        self._reader = reader()
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if whence != io.SEEK_SET:
            offset += self._at
        if offset < self._at:
            self._stream.seek(0)
            self._reader, self._at = self._open(), 0
        while self._at < offset and (passed := len(self._read(offset - self._at))):
            self._at += passed
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        taken = self._read(len(buffer))
        buffer[: len(taken)] = taken
        self._at += len(taken)
        return len(taken)

    def _read(self, size: int) -> bytes:
        try:
            return bytes(self._reader.read(size))
        except _DAMAGED as error:
            reason = " ".join(str(error).split())[:200]
            raise UnreadableError(f"it is damaged, what follows cannot be unpacked: {reason}") from None
