"""What stands in the corpus, for a source to tell what of it is unchanged without reading that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.database.statements import statement
from ingest.sources.source import Before

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.chunker import Chunking
    from ingest.corpus.reading import Reading
    from ingest.database.connection import Connection


def read_before(connection: Connection, sources: Sequence[str], chunking: Chunking) -> Before | None:
    """What stands in the corpus of this connection, found by these roots; None where it is of none.

    Of a file of records the documents are compared, too: what has come to them by another way has it read again.
    """
    if connection.corpus is None:
        return None
    rows = connection.execute(statement("list_whole_files"), {"sources": list(sources)})
    files = {(source, uri): (version, ids) for source, uri, version, ids in rows}
    return Before(connection.corpus, chunking.fingerprint, files)


def note_whole_files(connection: Connection, readings: Sequence[Reading]) -> None:
    """Note which files of records were read whole, once their documents are written, and what is gone is gone."""
    if files := [file for reading in readings for file in reading.whole_files]:
        sources, uris, versions, counts = (list(column) for column in zip(*files, strict=True))
        noted = {"sources": sources, "uris": uris, "versions": versions, "counts": counts}
        connection.execute(statement("note_whole_files"), noted)
