"""What stands in the corpus, for a source to tell what of it is unchanged without reading that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.sources.source import Before

if TYPE_CHECKING:
    from ingest.chunker import Chunking
    from ingest.database.connection import Connection


def read_before(connection: Connection, chunking: Chunking) -> Before | None:
    """What stands in the corpus of this connection; None where it is of none."""
    return Before(connection.corpus, chunking.fingerprint, {}) if connection.corpus else None
