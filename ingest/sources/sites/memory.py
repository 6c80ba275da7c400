"""What is remembered of the pages of a site, so that one that has not changed is neither sent nor lost.

A file of SQLite beside the rest of what was brought. Without it a page is asked for anew, and that is all.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from ingest.errors import UsageError
from ingest.folders import private_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FORMAT = 1
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS pages (root text, url text, told text, PRIMARY KEY (root, url)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS whole (root text PRIMARY KEY)",
)


@dataclass(frozen=True, slots=True)
class Remembered:
    """A page as it was last sent."""

    etag: str
    modified: str
    digest: str
    size: int
    content_type: str
    canonical: str
    is_noindex: bool
    links: tuple[str, ...]


class Memory:
    """The pages of one source. What is new is written at once, now and then: others may write beside.

    Raises:
        UsageError: the file cannot be opened, read or written.
    """

    def __init__(self, folder: Path, root: str) -> None:
        self._root = root
        self._path = folder / f"sites-{_FORMAT}.sqlite3"
        self._new: list[tuple[str, Remembered | None]] = []
        with self._explained():
            private_folder(folder.parent)
            private_folder(folder)
            self._connection = self._opened()

    def close(self) -> None:
        """Keep what is new."""
        with closing(self._connection):
            self.commit()

    @property
    def is_whole(self) -> bool:
        """Whether all pages of the source were seen once: what is not remembered then never was one."""
        with self._explained():
            return bool(self._connection.execute("SELECT 1 FROM whole WHERE root = ?", (self._root,)).fetchone())

    def note_whole(self) -> None:
        """All pages were seen."""
        with self._explained(), self._connection:
            self._connection.execute("INSERT OR REPLACE INTO whole VALUES (?)", (self._root,))

    def recall(self, url: str) -> Remembered | None:
        """A page as it was last sent, and committed; None: nothing is known."""
        with self._explained():
            asked = (self._root, url)
            row = self._connection.execute("SELECT told FROM pages WHERE root = ? AND url = ?", asked).fetchone()
        if row is None:
            return None
        told = json.loads(row[0])
        return Remembered(**{**told, "links": tuple(told["links"])})

    def keep(self, url: str, page: Remembered | None) -> None:
        """Remember a page; None: it is gone."""
        self._new.append((url, page))

    def commit(self) -> None:
        """Write what is new so far."""
        with self._explained(), self._connection:
            for url, page in self._new:
                if page is None:
                    self._connection.execute("DELETE FROM pages WHERE root = ? AND url = ?", (self._root, url))
                else:
                    told = json.dumps(asdict(page))
                    self._connection.execute("INSERT OR REPLACE INTO pages VALUES (?, ?, ?)", (self._root, url, told))
        self._new.clear()

    def _opened(self) -> sqlite3.Connection:
        for is_last in (False, True):
            connection = sqlite3.connect(self._path, timeout=60, check_same_thread=False)  # one thread at a time
            try:
                for statement in _SCHEMA:
                    connection.execute(statement)
            except sqlite3.DatabaseError as error:
                connection.close()
                if is_last or isinstance(error, sqlite3.OperationalError):
                    raise
                self._path.unlink()  # it is no database: what it knew is asked for anew
            else:
                return connection
        raise AssertionError

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise UsageError(f"{self._path}, where pages of sites are remembered, cannot be used: {error}.") from None
