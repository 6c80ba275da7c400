"""The first stage: read a source, chunk what changed, and bring the corpus's tables up to date.

A group of documents is one transaction: their rows, their chunks held against the stored ones, and the requests
for texts that have no vector yet. So a stop at any moment leaves whole documents only. A document that the database
refuses, because of its key or of a rule of yours, is listed; the others go on without it.
"""

from __future__ import annotations

from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING

import psycopg

from ingest.corpus.before import note_whole_files, read_before
from ingest.corpus.filters import read_filters, write_filters
from ingest.corpus.integrity import find_broken
from ingest.corpus.reading import NO_TEXT, Reading
from ingest.corpus.sync_report import SyncReport, keep_withheld
from ingest.database.locks import corpus_lock, exclusive_books
from ingest.database.outages import is_of_values, words_of
from ingest.database.statements import statement
from ingest.database.vectors import hash_array, id_array, jsonb_array, key_array, text_array
from ingest.documents import Known
from ingest.errors import UsageError
from ingest.failpoints import reach
from ingest.model import OverLimit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ingest.chunker import Chunking
    from ingest.corpus.reading import Fresh
    from ingest.database.connection import Connection
    from ingest.database.vectors import BinaryArray
    from ingest.engines import Engine
    from ingest.sources.source import Source
    from ingest.telemetry import Progress

# As autovacuum would do, a minute later.
_ANALYZED_FROM = 1_000  # new chunks
_ANALYZED_SHARE = 0.1  # of all
_GONE_AT_ONCE = 100_000  # documents that were not found, looked after in one query


def sync_documents(
    connection: Connection,
    corpus: str,
    sources: Sequence[tuple[Source, Chunking]],
    progress: Progress,
    engine: Engine,
    *,
    full: bool,
    share: Callable[[list[int]], None] = lambda _document_ids: None,
) -> SyncReport:
    """Make the corpus's documents and chunks those of the sources; enqueue the texts to embed.

    Documents that are gone from the sources leave the corpus, once all were read: what went from one to another keeps
    what was paid. Those of other sources stay. One sync of a corpus runs at a time: a second one waits. `full`: also
    what seems unchanged, by size and time or by version, is read, and documents that are not whole are held against
    their text anew. `share` gives documents vectors that stand elsewhere, before they are enqueued.

    Raises:
        UsageError: a source does not exist, or there is no readable text in any.
    """
    report = SyncReport()
    with corpus_lock(connection, corpus, "sync"):
        if full:
            _forget_broken(connection, corpus)
        find = partial(_find_or_rename, connection, corpus, report)
        writings = []
        for source, chunking in sources:
            before = None if full else read_before(connection, source.roots, chunking)
            reading = Reading(source, chunking, find, progress, engine, full=full, before=before, report=report)
            writing = _Writing(connection, corpus, chunking, reading, share)
            for group in reading.groups():
                writing.write(group)
            writings.append(writing)
        require_text([writing.reading for writing in writings], report)
        _remove_gone(connection, corpus, writings, report)
        with connection.transaction():  # what no passage waits for any more goes out of the line
            exclusive_books(connection, corpus)
            connection.execute(statement("delete_orphan_requests"))
        _keep_statistics(connection, report.chunks_new)
        return report


def _find_or_rename(
    connection: Connection, corpus: str, report: SyncReport, wanted: Mapping[str, str]
) -> Mapping[str, Known]:
    """What is known of documents; those that are known by their former URI alone have the new one from now on."""
    known = find_known(connection, list(wanted))
    former = {before: uri for uri, before in wanted.items() if uri != before and uri not in known}
    if not former:
        return known
    with connection.transaction():
        exclusive_books(connection, corpus)
        parameters = {"uris": list(former), "new_uris": list(former.values())}
        renamed = [uri for (uri,) in connection.execute(statement("rename_documents"), parameters)]
    report.documents_renamed += len(renamed)
    return known | find_known(connection, renamed)


def find_former(connection: Connection, report: SyncReport, wanted: Mapping[str, str]) -> dict[str, Known]:
    """What is known of documents, as it will be once they have their new URIs; nothing is written."""
    known = find_known(connection, list(wanted))
    former = {before: uri for uri, before in wanted.items() if uri != before and uri not in known}
    renamed = {former[before]: row for before, row in find_known(connection, list(former)).items()} if former else {}
    report.documents_renamed += len(renamed)
    return known | renamed


def require_text(readings: Sequence[Reading], report: SyncReport) -> None:
    """See that there was something to read in one of the sources.

    Raises:
        UsageError: there was none in all of them.
    """
    if not all(reading.is_empty for reading in readings):
        return
    described = ", ".join(reading.description for reading in readings)
    first = next((f" ({each.name}: {each.reason})" for each in report.skipped if each.reason != NO_TEXT), "")
    if not first and report.skipped_archives:
        first = f" ({report.skipped_archives:,} archives: name them, or --include them)"
    raise UsageError(f"there is no readable text in {described}{first}: nothing was changed.")


def find_gone(
    connection: Connection, readings: Sequence[Reading], written_ids: Sequence[int], report: SyncReport
) -> list[int]:
    """The documents that the sources have no more; those that were not found and stay all the same are told.

    Of a root that was not read whole nothing is known to be gone.
    """
    import numpy as np

    partly = {root for reading in readings if not reading.is_complete for root in reading.roots}
    looks = [look for reading in readings if (look := reading.withheld())]
    seen_ids = [*(ids for reading in readings for ids in reading.seen_ids), np.array(written_ids, dtype=np.int64)]
    asked = {
        "sources": [root for reading in readings for root in reading.roots if root not in partly],
        "seen_ids": id_array(np.concatenate(seen_ids)),  # a parameter, as a standby makes no temporary table
        "limit": _GONE_AT_ONCE,
    }
    gone: list[int] = []
    after = 0
    while rows := connection.execute(statement("list_gone_documents"), asked | {"after": after}).fetchall():
        for document_id, uri in rows:
            if reason := next(filter(None, (look(uri) for look in looks)), None):
                keep_withheld(report, uri, reason)
            else:
                gone.append(document_id)
        after = rows[-1][0]
    return gone


def _remove_gone(connection: Connection, corpus: str, writings: Sequence[_Writing], report: SyncReport) -> None:
    """Take out the documents of the sources that were not seen; note which files of records were read whole."""
    readings = [writing.reading for writing in writings]
    written_ids = [document_id for writing in writings for document_id in writing.written_ids]
    gone = find_gone(connection, readings, written_ids, report)
    with connection.transaction():
        exclusive_books(connection, corpus)
        if gone:
            found = {"document_ids": gone, "new_ids": written_ids}
            ((gone_count, moved_count),) = connection.execute(statement("delete_gone_documents"), found).fetchall()
            report.documents_moved, report.documents_gone = moved_count, gone_count - moved_count
            report.documents_new -= moved_count
            connection.execute(statement("forget_whole_files"))
        note_whole_files(connection, readings)
        reach("gone-before-commit")
    reach("gone-after-commit")


def _forget_broken(connection: Connection, corpus: str) -> None:
    """Documents that are not whole are no longer known by their text, and passages of none go."""
    broken = list(find_broken(connection))
    with connection.transaction():
        exclusive_books(connection, corpus)
        connection.execute(statement("delete_lost_chunks"))
        if broken:
            connection.execute(statement("forget_documents"), {"document_ids": broken})


def _keep_statistics(connection: Connection, chunks_new: int) -> None:
    """Tell the planner of a large sync at once: until autovacuum did, each slice of results would read all chunks."""
    if chunks_new >= _ANALYZED_FROM:
        row = connection.execute(statement("read_known_size")).fetchone()
        if row and chunks_new >= row[0] * _ANALYZED_SHARE:
            connection.execute(statement("analyze_corpus"))


def find_known(connection: Connection, uris: Sequence[str]) -> dict[str, Known]:
    """What stands in the corpus under these URIs."""
    rows = connection.execute(statement("find_documents"), {"uris": text_array(uris)})
    return {row[0]: Known(*row[1:]) for row in rows}


def _lines(group: Sequence[Fresh]) -> dict[str, BinaryArray]:
    """Where in their files documents and their passages stand, as PostgreSQL writes arrays of various lengths."""
    columns: dict[str, list[str | None]] = {"line_marks": [], "first_lines": [], "last_lines": []}
    for fresh in group:
        marks, chunks = fresh.read.line_marks, fresh.read.chunks or ()
        firsts, lasts = [chunk.first_line for chunk in chunks], [chunk.last_line for chunk in chunks]
        for numbers, column in zip((marks, firsts, lasts), columns.values(), strict=True):
            column.append(f"{{{','.join(map(str, numbers))}}}" if marks else None)
    return {name: text_array(column) for name, column in columns.items()}


class _Writing:
    """Groups of documents into the tables, and the counts of what became of their chunks."""

    def __init__(
        self,
        connection: Connection,
        corpus: str,
        chunking: Chunking,
        reading: Reading,
        share: Callable[[list[int]], None],
    ) -> None:
        self.written_ids: list[int] = []
        self._languages: set[str] = set()  # whose terms were written
        self._connection = connection
        self._corpus = corpus
        self._chunking = chunking
        self.reading = reading
        self._report = reading.report
        self._share = share
        self._filters = read_filters(connection)

    def write(self, group: list[Fresh]) -> None:
        """One transaction: a group of documents with their chunks and requests; more, to find one that is refused."""
        try:
            self._write(group)
        except psycopg.Error as error:
            if not is_of_values(error):
                raise
            if len(group) == 1:
                self.reading.refuse(group[0], f"PostgreSQL refuses it: {words_of(error)}")
                return
            middle = len(group) // 2
            self.write(group[:middle])
            self.write(group[middle:])

    def _write(self, group: list[Fresh]) -> None:
        touched = [(fresh, fresh.known) for fresh in group if fresh.read.chunks is None and fresh.known]
        changed = [fresh for fresh in group if fresh.read.chunks is not None]
        with self._connection.transaction():
            exclusive_books(self._connection, self._corpus)
            if touched:
                self._connection.execute(
                    statement("touch_documents"),
                    {
                        "ids": id_array([known.id for _, known in touched]),
                        "versions": text_array([fresh.version for fresh, _ in touched]),
                        "sources": text_array([fresh.item.root for fresh, _ in touched]),
                        "titles": text_array([fresh.read.title for fresh, _ in touched]),
                        "metadata": jsonb_array([dict(fresh.read.metadata) for fresh, _ in touched]),
                    },
                )
            documents = [(known.id, fresh) for fresh, known in touched]
            if changed:
                documents += self._write_chunks(changed)
            if self._filters:
                self._write_filters(documents)
            reach("sync-before-commit")
        reach("sync-after-commit")

    def _write_filters(self, documents: list[tuple[int, Fresh]]) -> None:
        kept = [(document_id, fresh.read.metadata) for document_id, fresh in documents]
        losses = write_filters(self._connection, self._filters, kept)
        for document_id, fresh in documents:
            if lost := losses.get(document_id):
                self.reading.lose(fresh.item.name, lost)

    def _note_languages(self, languages: set[str]) -> None:
        if new := languages - self._languages:
            self._connection.execute(statement("add_languages"), {"languages": sorted(new)})
            self._languages |= new

    def _write_chunks(self, group: list[Fresh]) -> list[tuple[int, Fresh]]:
        connection, report = self._connection, self._report
        ids: dict[str, int] = dict(
            connection.execute(
                statement("upsert_documents"),
                {
                    "uris": text_array([fresh.item.uri for fresh in group]),
                    "titles": text_array([fresh.read.title for fresh in group]),
                    "metadata": jsonb_array([dict(fresh.read.metadata) for fresh in group]),
                    "sources": text_array([fresh.item.root for fresh in group]),
                    "versions": text_array([fresh.version for fresh in group]),
                    "hashes": hash_array([fresh.read.content_hash for fresh in group]),
                    "chunks_hashes": hash_array([fresh.read.chunks_hash for fresh in group]),
                    **_lines(group),
                },
            ).fetchall()
        )
        document_ids = {"document_ids": list(ids.values())}
        self.written_ids.extend(ids.values())
        connection.execute(statement("create_staged_chunks"))
        with connection.cursor() as cursor, cursor.copy(statement("copy_staged_chunks")) as copy:
            # The headings, a text[], and the last, an int[], are in their binary form already.
            types = ["int8", "int4", "text", "bytea", "int4", "int2", "text", "bytea", "int4", "int4"]
            copy.set_types([*types, "int4", "bytea"])
            for fresh in group:
                document_id = ids[fresh.item.uri]
                for chunk, terms in zip_longest(fresh.read.chunks or (), fresh.read.terms):
                    copy.write_row(
                        (
                            document_id,
                            chunk.ordinal,
                            chunk.content,
                            text_array(chunk.headings),
                            chunk.token_count,
                            chunk.context_headings,
                            chunk.table_header,
                            chunk.text_hash,
                            chunk.first_page,
                            chunk.last_page,
                            terms.length if terms else None,
                            key_array(terms.keys) if terms else None,
                        )
                    )
        kept = connection.execute(statement("match_staged_chunks"), document_ids).rowcount
        if kept:
            connection.execute(statement("keep_chunks"))
        connection.execute(statement("supersede_chunks"), document_ids)
        connection.execute(statement("delete_unsearchable_chunks"), document_ids)
        new = connection.execute(statement("insert_chunks")).rowcount
        if self._chunking.keywords:
            connection.execute(statement("insert_terms"), document_ids)
            self._note_languages({fresh.read.language for fresh in group if fresh.read.terms})
        long_ids = [ids[fresh.item.uri] for fresh in group if fresh.read.is_long]
        if self._chunking.over_limit is not None:
            connection.execute(statement("note_long_rows"), document_ids | {"long_ids": long_ids})
        self._share(list(ids.values()))
        tokens = [row[0] for row in connection.execute(statement("enqueue_requests"), document_ids)]
        if self._chunking.over_limit is OverLimit.REFUSE and long_ids:
            limit = {"max_tokens": self._chunking.max_tokens}
            connection.execute(statement("refuse_long_requests"), document_ids | limit)
            tokens = [count for count in tokens if count <= self._chunking.max_tokens]
            new -= sum(row[0] for row in connection.execute(statement("count_long_chunks"), limit))
        connection.execute(statement("retire_chunks"), document_ids)
        report.chunks_kept += kept
        report.chunks_new += len(tokens)
        report.chunks_shared += new - len(tokens)
        report.tokens_to_pay += sum(tokens)
        return [(ids[fresh.item.uri], fresh) for fresh in group]
