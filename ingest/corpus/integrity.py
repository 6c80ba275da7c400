"""Whether a corpus is whole: each document has the passages of its text, each text its vector or a request for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ingest.database.statements import statement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.database.connection import Connection

_PAGE_DOCUMENTS = 500
_MAX_NAMED = 10
_LAST_ID = 2**63 - 1
# What `str.strip` takes off: no blank of Unicode is beyond these.
_BLANKS = "".join(filter(str.isspace, map(chr, range(0x10000))))


@dataclass(slots=True)
class Integrity:
    """What was looked at, and what is wrong. `unproved`: documents of which no hash of their passages is known yet."""

    documents: int = 0
    chunks: int = 0
    unproved: int = 0
    broken: int = 0
    is_complete: bool = True
    """Whether all documents were looked at."""
    faults: list[str] = field(default_factory=list)
    """What is wrong with the books, and with the first ten of the broken documents."""


def check_integrity(connection: Connection, max_chunks: int | None = None) -> Integrity:
    """Hold the corpus against its own books, newest documents first, until so many chunks were looked at.

    Nothing leaves the server but names and counts; a page of documents is one short statement.
    """
    found = Integrity()
    for what, count, example in connection.execute(statement("check_books")):
        found.faults.append(f"{what} ({count:,}, {example} is one)")
    for _, uri, chunk_count, is_proved, faults in _documents(connection):
        if max_chunks is not None and found.chunks >= max_chunks:
            found.is_complete = False
            break
        found.documents += 1
        found.chunks += chunk_count
        found.unproved += not is_proved
        if faults:
            found.broken += 1
            if found.broken <= _MAX_NAMED:
                found.faults.append(f"{uri}: {', '.join(faults)}")
    return found


def find_broken(connection: Connection) -> Iterator[int]:
    """The ids of the documents that are not whole."""
    return (document_id for document_id, *_, faults in _documents(connection) if faults)


def _documents(connection: Connection) -> Iterator[tuple[int, str, int, bool, list[str]]]:
    before = _LAST_ID
    while page := connection.execute(
        statement("check_documents"), {"before": before, "limit": _PAGE_DOCUMENTS, "blanks": _BLANKS}
    ).fetchall():
        yield from page
        before = page[-1][0]
