"""Uploads in two steps: one that is begun gets an address, to which the bytes are sent, at once or in pieces."""

from __future__ import annotations

import os
import re
import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ingest.emulator.errors import ApiError
from ingest.emulator.gemini.fields import CreateFile, reader
from ingest.emulator.gemini.views import new_name
from ingest.emulator.records import NewFile, new_id
from ingest.emulator.store import private_file

if TYPE_CHECKING:
    from ingest.emulator.limits import Limits
    from ingest.emulator.records import StoredFile
    from ingest.emulator.store import Store

GRANULARITY_BYTES = 262_144  # a piece that is not the last has a multiple of it
_NAME = re.compile(r"files/[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_MOST_AT_ONCE = 1_000

_read_new = reader(CreateFile)


@dataclass(slots=True)
class Upload:
    """A file that is being sent; `content`: the id under which it is kept meanwhile."""

    name: str
    display_name: str
    size: int | None
    content: str = field(default_factory=lambda: new_id("file-"))
    received: int = 0


class Uploads:
    """Those that are under way; a server that is started again knows none of them."""

    def __init__(self, store: Store, limits: Limits) -> None:
        self._store = store
        self._limits = limits
        self._lock = threading.Lock()
        self._begun: dict[str, Upload] = {}

    def begin(self, body: bytes, told_size: str | None) -> str:
        """Begin one; the id by which it goes on.

        Raises:
            ApiError: there can be no such file, or there is one.
        """
        new = _read_new(body or b"{}").file
        name = new.name or new_name("files/", 12)
        if not _NAME.fullmatch(name):
            raise ApiError(
                400,
                "* CreateFileRequest.file.name: a name is `files/` and at most 40 lowercase letters, digits and "
                "dashes, of which none begins or ends it.",
            )
        for told in (told_size, new.size_bytes):
            if told is not None and (not str(told).isdecimal() or int(told) > self._limits.file_bytes):
                raise ApiError(400, f"A file has at most {self._limits.file_bytes} bytes, not {str(told)[:40]}.")
        self._see_that_it_is_new(name)
        upload_id = secrets.token_urlsafe(32)
        with self._lock:
            if len(self._begun) >= _MOST_AT_ONCE:  # the oldest is not coming back
                self._forget(next(iter(self._begun)))
            self._begun[upload_id] = Upload(name, new.display_name, None if told_size is None else int(told_size))
        return upload_id

    def of(self, upload_id: str | None) -> Upload:
        """The one of that id.

        Raises:
            ApiError: there is none.
        """
        upload = self._begun.get(upload_id or "")
        if upload is None:
            raise ApiError(404, "There is no such upload: it was never begun, or is over.")
        return upload

    def add(self, upload: Upload, offset: int, piece: bytes) -> None:
        """Keep some bytes that are sent."""
        path = self._store.content_path(upload.content)
        with private_file(path) as file:
            file.truncate(offset)
            file.seek(offset)
            file.write(piece)
        upload.received = offset + len(piece)

    def finish(self, upload_id: str, lifetime_s: float) -> StoredFile:
        """Make it a file.

        Raises:
            ApiError: it is not whole, or another came before it.
        """
        upload = self.of(upload_id)
        if upload.size is not None and upload.received != upload.size:
            raise ApiError(400, f"The upload has {upload.received} bytes, not {upload.size} as was told.")
        with self._lock:
            self._see_that_it_is_new(upload.name)
            self._store.delete_file(upload.name)  # one that has expired
            path = self._store.content_path(upload.content)
            with private_file(path) as file:
                os.fsync(file.fileno())
            path.replace(self._store.content_path(upload.name))
            new = NewFile(upload.name, upload.display_name, "batch", time.time() + lifetime_s)
            file_made = self._store.add_file(new)
            self._forget(upload_id)
        return file_made

    def _see_that_it_is_new(self, name: str) -> None:
        if self._store.file(name) is not None:
            raise ApiError(409, f"The file {name} already exists.")

    def _forget(self, upload_id: str) -> None:
        upload = self._begun.pop(upload_id)
        self._store.content_path(upload.content).unlink(missing_ok=True)
