"""The first stage: read a source, chunk what changed, and bring the corpus's tables up to date.

A group of documents is one transaction: their rows, their chunks held against the stored ones, and the requests
for texts that have no vector yet. So a stop at any moment leaves whole documents only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg.types.json import Jsonb

from ingest.database.locks import corpus_lock, exclusive_books
from ingest.database.statements import statement
from ingest.failpoints import reach
from ingest.model import OverLimit
from ingest.reading import Known, Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np

    from ingest.chunking import Chunking
    from ingest.database.connection import Connection
    from ingest.engines import Engine
    from ingest.progress import Progress
    from ingest.reading import Fresh, SyncReport
    from ingest.sources.source import Source

# As autovacuum would do, a minute later.
_ANALYZED_FROM = 1_000  # new chunks
_ANALYZED_SHARE = 0.1  # of all


def sync(
    connection: Connection,
    corpus: str,
    source: Source,
    chunking: Chunking,
    progress: Progress,
    engine: Engine,
    *,
    full: bool,
    share: Callable[[list[int]], None] = lambda _document_ids: None,
) -> SyncReport:
    """Make the corpus's documents and chunks those of the source; enqueue the texts to embed.

    Documents that are gone from the source leave the corpus; those of other sources stay. One sync of a corpus runs
    at a time: a second one waits. `full`: also what seems unchanged, by size and time or by version, is read.
    `share` gives documents vectors that stand elsewhere, before they are enqueued.

    Raises:
        UsageError: the source does not exist, or there is no readable text in it.
    """
    import numpy as np

    with corpus_lock(connection, corpus, "sync"):
        reading = Reading(source, chunking, lambda uris: find_known(connection, uris), progress, engine, full=full)
        writing = _Writing(connection, corpus, chunking, reading.report, share)
        for group in reading.groups():
            writing.write(group)
        if reading.is_complete:
            writing.remove_gone(source.roots, [*reading.seen_ids, np.array(writing.written_ids, dtype=np.int64)])
        _keep_statistics(connection, reading.report.chunks_new)
        return reading.report


def _keep_statistics(connection: Connection, chunks_new: int) -> None:
    """Tell the planner of a large sync at once: until autovacuum did, each slice of results would read all chunks."""
    if chunks_new >= _ANALYZED_FROM:
        row = connection.execute(statement("read_known_size")).fetchone()
        if row and chunks_new >= row[0] * _ANALYZED_SHARE:
            connection.execute(statement("analyze_corpus"))


def find_known(connection: Connection, uris: Sequence[str]) -> dict[str, Known]:
    """What stands in the corpus under these URIs."""
    rows = connection.execute(statement("find_documents"), {"uris": list(uris)})
    return {row[0]: Known(*row[1:]) for row in rows}


def stage_seen(connection: Connection, seen_ids: Sequence[np.ndarray]) -> None:
    """Bring the ids of the documents that were found into the table `seen_documents`, inside a transaction."""
    import numpy as np

    ids = np.sort(np.concatenate([np.empty(0, np.int64), *seen_ids]))
    seen = ids[np.diff(ids, prepend=-1) > 0]  # np.unique would import numpy.ma: 50 ms
    connection.execute(statement("create_seen_documents"))
    with connection.cursor() as cursor, cursor.copy(statement("copy_seen_documents")) as copy:
        copy.set_types(["int8"])
        for document_id in seen.tolist():
            copy.write_row((document_id,))


class _Writing:
    """Groups of documents into the tables, and the counts of what became of their chunks."""

    def __init__(
        self,
        connection: Connection,
        corpus: str,
        chunking: Chunking,
        report: SyncReport,
        share: Callable[[list[int]], None],
    ) -> None:
        self.written_ids: list[int] = []
        self._connection = connection
        self._corpus = corpus
        self._chunking = chunking
        self._report = report
        self._share = share

    def write(self, group: list[Fresh]) -> None:
        """One transaction: a group of documents with their chunks and requests."""
        touched = [(fresh, fresh.known) for fresh in group if fresh.read.chunks is None and fresh.known]
        changed = [fresh for fresh in group if fresh.read.chunks is not None]
        with self._connection.transaction():
            exclusive_books(self._connection, self._corpus)
            if touched:
                self._connection.execute(
                    statement("touch_documents"),
                    {
                        "ids": [known.id for _, known in touched],
                        "versions": [fresh.version for fresh, _ in touched],
                        "sources": [fresh.item.root for fresh, _ in touched],
                        "titles": [fresh.read.title for fresh, _ in touched],
                    },
                )
            if changed:
                self._write_chunks(changed)
            reach("sync-before-commit")
        reach("sync-after-commit")

    def _write_chunks(self, group: list[Fresh]) -> None:
        connection, report = self._connection, self._report
        ids: dict[str, int] = dict(
            connection.execute(
                statement("upsert_documents"),
                {
                    "uris": [fresh.item.uri for fresh in group],
                    "titles": [fresh.read.title for fresh in group],
                    "metadata": [Jsonb(dict(fresh.read.metadata)) for fresh in group],
                    "sources": [fresh.item.root for fresh in group],
                    "versions": [fresh.version for fresh in group],
                    "hashes": [fresh.read.content_hash for fresh in group],
                },
            ).fetchall()
        )
        document_ids = {"document_ids": list(ids.values())}
        self.written_ids.extend(ids.values())
        connection.execute(statement("create_staged_chunks"))
        with connection.cursor() as cursor, cursor.copy(statement("copy_staged_chunks")) as copy:
            copy.set_types(["int8", "int4", "text", "text[]", "int4", "int2", "bytea"])
            for fresh in group:
                document_id = ids[fresh.item.uri]
                for chunk in fresh.read.chunks or ():
                    copy.write_row(
                        (
                            document_id,
                            chunk.ordinal,
                            chunk.content,
                            list(chunk.headings),
                            chunk.token_count,
                            chunk.context_headings,
                            chunk.text_hash,
                        )
                    )
        kept = connection.execute(statement("match_staged_chunks"), document_ids).rowcount
        if kept:
            connection.execute(statement("keep_chunks"))
        connection.execute(statement("supersede_chunks"), document_ids)
        connection.execute(statement("delete_unsearchable_chunks"), document_ids)
        new = connection.execute(statement("insert_chunks")).rowcount
        self._share(list(ids.values()))
        tokens = [row[0] for row in connection.execute(statement("enqueue_requests"), document_ids)]
        if self._chunking.over_limit is OverLimit.REFUSE:
            limit = {"max_tokens": self._chunking.max_tokens}
            connection.execute(statement("refuse_long_requests"), document_ids | limit)
            tokens = [count for count in tokens if count <= self._chunking.max_tokens]
        connection.execute(statement("retire_chunks"), document_ids)
        report.chunks_kept += kept
        report.chunks_new += len(tokens)
        report.chunks_shared += new - len(tokens)
        report.tokens_to_pay += sum(tokens)

    def remove_gone(self, roots: Sequence[str], seen_ids: Sequence[np.ndarray]) -> None:
        """Take out the documents of these roots that were not seen."""
        connection, report = self._connection, self._report
        sources = {"sources": list(roots)}
        with connection.transaction():
            exclusive_books(connection, self._corpus)
            stage_seen(connection, seen_ids)
            row = connection.execute(
                statement("count_moved_documents"), sources | {"new_ids": self.written_ids}
            ).fetchone()
            gone = connection.execute(statement("delete_gone_documents"), sources).rowcount
            connection.execute(statement("delete_orphan_requests"))
            reach("gone-before-commit")
        reach("gone-after-commit")
        report.documents_moved = row[0] if row else 0
        report.documents_gone = gone - report.documents_moved
        report.documents_new -= report.documents_moved
