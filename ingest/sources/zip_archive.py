"""The files of a ZIP archive."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from typing import IO

from ingest.sources.entries import MOST_FILES, TOO_MANY, Entry, most_unpacked, target
from ingest.sources.members import DAMAGED
from ingest.sources.text import UnreadableError

_LINK_BYTES = 4096
_LISTED_BYTES = 500  # of a file in the list: its name, and what else is said of it


def zip_entries(stream: IO[bytes], size: int) -> list[Entry]:
    """The files of a ZIP archive.

    Raises:
        UnreadableError: they are too many, or would unpack to too much.
    """
    end = zipfile._EndRecData(stream)  # type: ignore[attr-defined]  # noqa: SLF001 - the whole list is read else
    if end and end[5] > MOST_FILES * _LISTED_BYTES:
        raise UnreadableError(TOO_MANY)
    archive = zipfile.ZipFile(stream)
    infos = [info for info in archive.infolist() if not info.filename.endswith(("/", "\\"))]
    whole = sum(info.file_size for info in infos)
    if whole > most_unpacked(size):
        raise UnreadableError(f"would unpack to {whole:,} bytes, from {size:,}: refused")
    return [_zip_entry(archive, info) for info in infos]


def _zip_entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Entry:
    def opening() -> IO[bytes]:
        if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2}:
            raise UnreadableError(f"compressed in a way that is not read ({info.compress_type})")
        return archive.open(info)

    name: bytes | str = info.orig_filename.partition("\0")[0]
    if not info.flag_bits & 0x800:  # else it is UTF-8
        raw = str(name).encode("cp437")
        name = _unicode_name(info.extra, raw) or raw
    if b"/" not in (raw := name.encode() if isinstance(name, str) else name):  # as Windows wrote them once
        name = name.replace("\\", "/") if isinstance(name, str) else raw.replace(b"\\", b"/")
    link = None
    if stat.S_ISLNK(info.external_attr >> 16) and info.file_size <= _LINK_BYTES:
        try:
            with opening() as stream:
                link = target(str(info.filename), stream.read(_LINK_BYTES).decode(errors="replace"))
        except (UnreadableError, *DAMAGED):
            link = ".."  # to nothing
    return Entry(name, info.file_size, f"{info.CRC:08x}-{info.file_size}", opening, link)


def _unicode_name(extra: bytes, raw: bytes) -> str | None:
    """A file's name in UTF-8, which may stand beside the one in another encoding (Info-ZIP's field 0x7075)."""
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<HH", extra)
        field, extra = extra[4 : 4 + length], extra[4 + length :]
        if kind == 0x7075 and field[:1] == b"\1" and field[1:5] == struct.pack("<L", zlib.crc32(raw)):
            return field[5:].decode(errors="replace")
    return None
