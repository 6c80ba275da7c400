"""What the server remembers: files on disk, batches and bills in SQLite. Private to the user who runs it."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sqlite3
import time
from contextlib import contextmanager
from threading import RLock
from typing import IO, TYPE_CHECKING, Any

import msgspec

from ingest.emulator.records import Batch, Bill, NewFile, StoredFile
from ingest.errors import UsageError
from ingest.folders import private_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_SCHEMA = """
create table if not exists files (
    number integer primary key autoincrement, id text not null unique, filename text not null,
    purpose text not null, bytes integer not null, created_at real not null, expires_at real not null);
create table if not exists batches (
    number integer primary key autoincrement, id text not null unique, status text not null,
    model text, requests integer not null, tokens integer not null, created_at real not null,
    revision integer not null default 0, state blob not null);
create index if not exists batches_open on batches (status)
    where status not in ('completed', 'failed', 'expired', 'cancelled');
create table if not exists ledger (
    number integer primary key, text_sha256 blob not null, model text not null, dimensions integer not null,
    tokens integer not null, batch_id text, custom_id text, billed_at real not null);
"""


_OUR_FILE = re.compile(r"file-[0-9a-f]{24}(\.shuffled)?")
_encode = msgspec.msgpack.Encoder().encode
_decode_batch = msgspec.msgpack.Decoder(Batch).decode


class Store:
    """One folder's state, owned by one process at a time; its methods may be called from any thread."""

    def __init__(self, folder: Path) -> None:
        self._lock = RLock()
        self._contents = folder / "files"
        try:
            private_folder(folder)
            private_folder(self._contents)
            self._connection = _connected(folder / "state.sqlite3")
        except (OSError, sqlite3.Error) as error:
            raise UsageError(
                f"the emulator cannot use the folder {folder} ({error}): if another emulator works in it, "
                "stop that one, else choose another folder."
            ) from error
        self._sweep()

    def _sweep(self) -> None:
        """Delete the content of files that have expired, or never came to be."""
        now = time.time()
        kept = {row[0] for row in self.query("select id from files where expires_at > ?", (now,))}
        for batch in self.open_batches():
            kept |= {batch.input_file_id, batch.output_name, batch.error_name}
        kept_paths = set(map(self.content_path, kept))
        for path in self._contents.iterdir():
            if _OUR_FILE.fullmatch(path.name) and path not in kept_paths:
                path.unlink()

    def close(self) -> None:
        """Give the folder free."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All that is written inside is committed together, or not at all."""
        with self._lock:
            self._connection.execute("begin immediate")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("rollback")
                raise
            self._connection.execute("commit")

    def query(self, sql: str, parameters: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        """The rows of a statement that writes nothing."""
        with self._lock:
            return self._connection.execute(sql, parameters).fetchall()

    # Files

    def content_path(self, file_id: str) -> Path:
        """Where the content of a file of ours lies: under its id, or a name made of an id that others may choose."""
        if not _OUR_FILE.fullmatch(file_id):
            file_id = f"file-{hashlib.blake2b(file_id.encode(), digest_size=12).hexdigest()}"
        return self._contents / file_id

    def write_content(self, file_id: str, source: IO[bytes]) -> None:
        """Copy a stream to a new, private content file, and to the disk itself."""
        path = self.content_path(file_id)
        try:
            with private_file(path) as file:
                shutil.copyfileobj(source, file, 1 << 20)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            path.unlink(missing_ok=True)
            raise

    def add_file(self, new: NewFile) -> StoredFile:
        """Publish a file whose content is complete on the disk."""
        with self.transaction() as connection:
            self._insert_file(connection, new)
            rows = connection.execute("select * from files where id = ?", (new.id,)).fetchall()
        return StoredFile(*rows[0])

    def _insert_file(self, connection: sqlite3.Connection, new: NewFile) -> None:
        connection.execute(
            "insert into files (id, filename, purpose, expires_at, bytes, created_at) values (?, ?, ?, ?, ?, ?)",
            (*new, self.content_path(new.id).stat().st_size, time.time()),
        )

    def file(self, file_id: str) -> StoredFile | None:
        """The file of that id, if there is one that has not expired."""
        rows = self.query("select * from files where id = ? and expires_at > ?", (file_id, time.time()))
        return StoredFile(*rows[0]) if rows else None

    def files(
        self, *, purpose: str | None, after: int | None, descending: bool, limit: int, created_before: float
    ) -> list[StoredFile]:
        """Files in the order of their making, those after a number only."""
        # The numbers are turned round for the descending order: one statement for both.
        sign = -1 if descending else 1
        rows = self.query(
            "select * from files where expires_at > ? and created_at <= ? and (? is null or purpose = ?)"
            " and (? is null or number * ? > ? * ?) order by number * ? limit ?",
            (time.time(), created_before, purpose, purpose, after, sign, after, sign, sign, limit),
        )
        return [StoredFile(*row) for row in rows]

    def delete_file(self, file_id: str) -> bool:
        """Forget a file and its content; False if there is none."""
        with self.transaction() as connection:
            deleted = connection.execute("delete from files where id = ?", (file_id,)).rowcount > 0
        if deleted:
            self.content_path(file_id).unlink(missing_ok=True)
        return deleted

    # Batches

    def add_batch(self, batch: Batch) -> Batch:
        """Remember a new batch; it gets its number."""
        with self.transaction() as connection:
            number = connection.execute(
                "insert into batches (id, status, model, requests, tokens, created_at, state)"
                " values (?, ?, ?, ?, ?, ?, ?)",
                (batch.id, *_columns(batch), batch.created_at, b""),
            ).lastrowid
            batch = msgspec.structs.replace(batch, number=number)
            connection.execute("update batches set state = ? where number = ?", (_encode(batch), number))
        return batch

    def batch(self, batch_id: str) -> Batch | None:
        """The batch of that id."""
        rows = self.query("select state from batches where id = ?", (batch_id,))
        return _decode_batch(rows[0][0]) if rows else None

    def batches(self, *, after: int | None, limit: int, created_before: float) -> list[Batch]:
        """Batches, the newest first, those older than a number only."""
        rows = self.query(
            "select state from batches where created_at <= ? and (? is null or number < ?)"
            " order by number desc limit ?",
            (created_before, after, after, limit),
        )
        return [_decode_batch(row[0]) for row in rows]

    def delete_batch(self, batch: Batch) -> None:
        """Forget a batch; what it was billed for and its files stay."""
        with self.transaction() as connection:
            connection.execute("delete from batches where number = ?", (batch.number,))

    def open_batches(self) -> list[Batch]:
        """The batches that are not at their end, the oldest first."""
        rows = self.query(
            "select state from batches"
            " where status not in ('completed', 'failed', 'expired', 'cancelled') order by number"
        )
        return [_decode_batch(row[0]) for row in rows]

    def batches_since(self, moment: float) -> int:
        """How many batches were created after a moment."""
        return int(self.query("select count(*) from batches where created_at > ?", (moment,))[0][0])

    def enqueued(self, model: str | None = None) -> tuple[int, int]:
        """Requests and tokens, as far as known, of the batches of a model, or of all, that are not at their end."""
        rows = self.query(
            "select coalesce(sum(requests), 0), coalesce(sum(tokens), 0) from batches"
            " where status not in ('completed', 'failed', 'expired', 'cancelled')"
            " and (? is null or model = ?)",
            (model, model),
        )
        return int(rows[0][0]), int(rows[0][1])

    def update_batch(
        self,
        before: Batch,
        after: Batch,
        *,
        bills: Sequence[Bill] = (),
        files: Sequence[NewFile] = (),
        unbill: bool = False,
    ) -> bool:
        """Put one state of a batch in another's place, together with its bills and the files it publishes.

        `unbill` takes back all that was billed for the batch so far. False, and nothing done, if `before` is no
        longer the batch's state.
        """
        after = msgspec.structs.replace(after, revision=before.revision + 1)
        with self.transaction() as connection:
            updated = connection.execute(
                "update batches set status = ?, model = ?, requests = ?, tokens = ?, revision = ?, state = ?"
                " where number = ? and revision = ?",
                (*_columns(after), after.revision, _encode(after), before.number, before.revision),
            ).rowcount
            if not updated:
                return False
            if unbill:
                connection.execute("delete from ledger where batch_id = ?", (before.id,))
            for new in files:
                self._insert_file(connection, new)
            _insert_bills(connection, bills)
        return True

    # Bills

    def bill(self, bills: Sequence[Bill]) -> None:
        """Bill what was embedded outside any batch."""
        with self.transaction() as connection:
            _insert_bills(connection, bills)


def private_file(path: Path) -> IO[bytes]:
    """A file opened for writing, made for its owner alone if it is not there; what it holds is kept."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600), "wb")


def _connected(database: Path) -> sqlite3.Connection:
    """A connection that owns its database until the process ends, however it ends."""
    database.touch(mode=0o600)
    connection = sqlite3.connect(database, isolation_level=None, check_same_thread=False, timeout=2)
    try:
        connection.execute("pragma locking_mode = exclusive")
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = normal")
        connection.executescript(_SCHEMA)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _columns(batch: Batch) -> tuple[str, str | None, int, int]:
    return batch.status, batch.model, batch.total, batch.tokens


def _insert_bills(connection: sqlite3.Connection, bills: Sequence[Bill]) -> None:
    connection.executemany(
        "insert into ledger (text_sha256, model, dimensions, tokens, batch_id, custom_id, billed_at)"
        " values (?, ?, ?, ?, ?, ?, ?)",
        bills,
    )
