"""The first stage: read the sources, chunk what changed, and bring the corpus's tables up to date.

A group of documents is one transaction: their rows, their chunks held against the stored ones, and the requests
for texts that have no vector yet. So a stop at any moment leaves whole documents only.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from psycopg.types.json import Jsonb

from ingest.chunker import chunk
from ingest.database.locks import corpus_lock, exclusive_books
from ingest.database.statements import statement
from ingest.errors import UsageError
from ingest.failpoints import reach
from ingest.sources.files import Skipped, SourceFile, find_files, read_document, roots
from ingest.sources.text import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Future

    from ingest.database.connection import Connection
    from ingest.model import Chunk, Document
    from ingest.progress import Bar, Progress
    from ingest.tokens import Tokenizer

    Read = TypeVar("Read")

_CHUNKER_VERSION = 1  # raised when the chunker cuts otherwise: every document is then held against its chunks anew
_LOOKUP_FILES = 1000  # documents looked up in one query
_GROUP_CHUNKS = 2000  # a transaction's worth, about 4 MB of text
_GROUP_DOCUMENTS = 1000
# Read and chunked while a group is written: the bounds on memory. One larger document is read alone.
_AHEAD_FILES = 16
_AHEAD_BYTES = 8_000_000
_WORKERS = 2
_MAX_LISTED = 1000


@dataclass(frozen=True, slots=True)
class Chunking:
    """How documents are chunked; a change of it makes every document a changed one."""

    tokenizer: Tokenizer
    max_tokens: int
    overlap: int
    embed_headings: bool
    max_document_bytes: int

    @property
    def fingerprint(self) -> str:
        """What decides the chunks of a text, in a few characters."""
        return f"{_CHUNKER_VERSION}:{self.tokenizer.name}:{self.max_tokens}:{self.overlap}:{self.embed_headings:d}"


@dataclass(slots=True)
class SyncReport:
    """What a sync found and did. Tokens count the embedded texts."""

    documents_new: int = 0
    documents_changed: int = 0
    documents_moved: int = 0
    documents_gone: int = 0
    documents_unchanged: int = 0
    documents_empty: int = 0
    chunks_new: int = 0
    chunks_kept: int = 0
    chunks_shared: int = 0
    tokens_to_pay: int = 0
    tokens_read: int = 0
    bytes_read: int = 0
    skipped_hidden: int = 0
    skipped_count: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    """The first thousand files that were passed over for a reason other than being hidden."""


@dataclass(frozen=True, slots=True)
class _Known:
    id: int
    title: str
    source: str
    source_version: str | None
    content_hash: bytes


@dataclass(frozen=True, slots=True)
class _Fresh:
    """A file that was read: its document, and its chunks where the content is new."""

    file: SourceFile
    version: str | None
    document: Document
    content_hash: bytes
    chunks: list[Chunk] | None


def sync(
    connection: Connection, corpus: str, paths: Sequence[str], chunking: Chunking, progress: Progress
) -> SyncReport:
    """Make the corpus's documents and chunks those of the files at `paths`; enqueue the texts to embed.

    Files that are gone from these paths leave the corpus; documents of other paths stay. One sync of a corpus runs
    at a time: a second one waits.

    Raises:
        UsageError: a path does not exist, or there is no readable text in any of them.
    """
    with corpus_lock(connection, corpus, "sync"), ThreadPoolExecutor(_WORKERS) as workers:
        return _Sync(connection, corpus, chunking, progress, workers).run(paths)


class _Sync:
    """One pass over the sources."""

    def __init__(
        self,
        connection: Connection,
        corpus: str,
        chunking: Chunking,
        progress: Progress,
        workers: ThreadPoolExecutor,
    ) -> None:
        self._connection = connection
        self._corpus = corpus
        self._chunking = chunking
        self._progress = progress
        self._workers = workers
        self._report = SyncReport()
        self._seen_ids: list[np.ndarray] = []
        self._new_ids: list[int] = []
        self._unlisted: list[str] = []

    def run(self, paths: Sequence[str]) -> SyncReport:
        files = self._without_skipped(find_files(dict.fromkeys(paths)))
        with self._progress.stage("reading", unit="files") as bar, _counted(paths, bar):
            group: list[tuple[_Fresh, _Known | None]] = []
            chunks = 0
            for fresh, known in _ahead(self._workers, self._tasks(files, bar.advance)):
                if fresh is None:
                    continue
                bar.advance(1)
                group.append((fresh, known))
                chunks += len(fresh.chunks or ())
                if chunks >= _GROUP_CHUNKS or len(group) >= _GROUP_DOCUMENTS:
                    self._write(group)
                    group, chunks = [], 0
            self._write(group)
        if not any(ids.size for ids in self._seen_ids):
            # An empty mount, or the wrong folder: nothing is taken for gone because of it.
            raise UsageError(f"there is no readable text in {', '.join(paths)}: nothing was changed.")
        self._remove_gone(roots(paths))
        return self._report

    def _tasks(
        self, files: Iterator[SourceFile], unchanged: Callable[[int], None]
    ) -> Iterator[tuple[int, Callable[[], tuple[_Fresh | None, _Known | None]]]]:
        """What is to be read, with its bytes: the files that are not known to be unchanged."""
        while lookup := list(islice(files, _LOOKUP_FILES)):
            by_uri = {file.uri: file for file in lookup}
            rows = self._connection.execute(statement("find_documents"), {"uris": list(by_uri)})
            known = {row[0]: _Known(*row[1:]) for row in rows}
            self._seen_ids.append(np.fromiter((row.id for row in known.values()), dtype=np.int64))
            for uri, file in by_uri.items():
                stored = known.get(uri)
                version = self._version(file)
                if stored and version and (stored.source_version, stored.source) == (version, file.root):
                    self._report.documents_unchanged += 1
                    unchanged(1)
                else:
                    yield file.size, partial(self._read_beside, file, version, stored)

    def _read_beside(
        self, file: SourceFile, version: str | None, stored: _Known | None
    ) -> tuple[_Fresh | None, _Known | None]:
        return self._read(file, version, stored), stored

    def _version(self, file: SourceFile) -> str | None:
        version = file.version
        return version and f"{version}/{self._chunking.fingerprint}"

    def _read(self, file: SourceFile, version: str | None, known: _Known | None) -> _Fresh | None:
        """Read and chunk one file. Runs on a worker thread."""
        try:
            document = read_document(file, self._chunking.max_document_bytes)
        except UnreadableError as error:
            self._skip(Skipped(str(file.path), str(error)))
            return None
        chunking = self._chunking
        content_hash = sha256(f"{chunking.fingerprint}:{document.syntax}\n{document.text}".encode()).digest()
        if known and known.content_hash == content_hash:
            return _Fresh(file, version, document, content_hash, None)
        chunks = chunk(
            document.text,
            tokenizer=chunking.tokenizer,
            max_tokens=chunking.max_tokens,
            overlap=chunking.overlap,
            syntax=document.syntax,
            embed_headings=chunking.embed_headings,
        )
        return _Fresh(file, version, document, content_hash, chunks)

    def _write(self, group: list[tuple[_Fresh, _Known | None]]) -> None:
        """One transaction: a group of documents with their chunks and requests."""
        if not group:
            return
        touched = [(fresh, known) for fresh, known in group if fresh.chunks is None and known]
        changed = [(fresh, known) for fresh, known in group if fresh.chunks is not None]
        with self._connection.transaction():
            exclusive_books(self._connection, self._corpus)
            if touched:
                self._connection.execute(
                    statement("touch_documents"),
                    {
                        "ids": [known.id for _, known in touched],
                        "versions": [fresh.version for fresh, _ in touched],
                        "sources": [fresh.file.root for fresh, _ in touched],
                        "titles": [fresh.document.title for fresh, _ in touched],
                    },
                )
            if changed:
                self._write_chunks([fresh for fresh, _ in changed])
            reach("sync-before-commit")
        reach("sync-after-commit")
        report = self._report
        report.documents_unchanged += len(touched)
        report.documents_changed += sum(known is not None for _, known in changed)
        report.documents_new += sum(known is None for _, known in changed)
        for fresh, _ in changed:
            report.documents_empty += not fresh.chunks
            report.bytes_read += len(fresh.document.text)
            report.tokens_read += sum(chunk.token_count for chunk in fresh.chunks or ())

    def _write_chunks(self, group: list[_Fresh]) -> None:
        connection, report = self._connection, self._report
        ids: dict[str, int] = dict(
            connection.execute(
                statement("upsert_documents"),
                {
                    "uris": [fresh.document.uri for fresh in group],
                    "titles": [fresh.document.title for fresh in group],
                    "metadata": [Jsonb(dict(fresh.document.metadata)) for fresh in group],
                    "sources": [fresh.file.root for fresh in group],
                    "versions": [fresh.version for fresh in group],
                    "hashes": [fresh.content_hash for fresh in group],
                },
            ).fetchall()
        )
        document_ids = {"document_ids": list(ids.values())}
        self._seen_ids.append(np.fromiter(ids.values(), dtype=np.int64))
        self._new_ids.extend(ids.values())
        connection.execute(statement("create_staged_chunks"))
        with connection.cursor() as cursor, cursor.copy(statement("copy_staged_chunks")) as copy:
            copy.set_types(["int8", "int4", "text", "text[]", "int4", "int2", "bytea"])
            for fresh in group:
                document_id = ids[fresh.document.uri]
                for chunk in fresh.chunks or ():
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
        connection.execute(statement("keep_chunks"))
        connection.execute(statement("supersede_chunks"), document_ids)
        connection.execute(statement("delete_unsearchable_chunks"), document_ids)
        new = connection.execute(statement("insert_chunks")).rowcount
        tokens = [row[0] for row in connection.execute(statement("enqueue_requests"), document_ids)]
        connection.execute(statement("retire_chunks"), document_ids)
        report.chunks_kept += kept
        report.chunks_new += len(tokens)
        report.chunks_shared += new - len(tokens)
        report.tokens_to_pay += sum(tokens)

    def _remove_gone(self, sources: list[str]) -> None:
        """Take out what these sources no longer have, unless a folder of theirs could not be read."""
        if self._unlisted:
            return
        connection, report = self._connection, self._report
        seen = np.unique(np.concatenate(self._seen_ids)) if self._seen_ids else np.empty(0, np.int64)
        with connection.transaction():
            exclusive_books(connection, self._corpus)
            connection.execute(statement("create_seen_documents"))
            with connection.cursor() as cursor, cursor.copy(statement("copy_seen_documents")) as copy:
                copy.set_types(["int8"])
                for document_id in seen.tolist():
                    copy.write_row((document_id,))
            row = connection.execute(
                statement("count_moved_documents"), {"sources": sources, "new_ids": self._new_ids}
            ).fetchone()
            gone = connection.execute(statement("delete_gone_documents"), {"sources": sources}).rowcount
            connection.execute(statement("delete_orphan_requests"))
            reach("gone-before-commit")
        reach("gone-after-commit")
        report.documents_moved = row[0] if row else 0
        report.documents_gone = gone - report.documents_moved
        report.documents_new -= report.documents_moved

    def _without_skipped(self, files: Iterable[SourceFile | Skipped]) -> Iterator[SourceFile]:
        for file in files:
            if isinstance(file, Skipped):
                self._skip(file)
            else:
                yield file

    def _skip(self, skipped: Skipped) -> None:
        if skipped.reason == "hidden":
            self._report.skipped_hidden += 1
            return
        if skipped.is_folder:
            self._unlisted.append(skipped.name)
        self._report.skipped_count += 1
        if len(self._report.skipped) < _MAX_LISTED:
            self._report.skipped.append(skipped)


@contextmanager
def _counted(paths: Sequence[str], bar: Bar) -> Iterator[None]:
    """Count the files beside the reading of them, for the bar to tell the time left."""
    stop = threading.Event()

    def count() -> None:
        number = 0
        with suppress(UsageError):  # the reading tells it
            for file in find_files(dict.fromkeys(paths)):
                if stop.is_set():
                    return
                number += isinstance(file, SourceFile)
        bar.expect(number)

    thread = threading.Thread(target=count, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _ahead(workers: ThreadPoolExecutor, tasks: Iterator[tuple[int, Callable[[], Read]]]) -> Iterator[Read]:
    """The results of the tasks, each with the bytes it holds, in their order; some are begun ahead."""
    begun: deque[tuple[int, Future[Read]]] = deque()
    held = 0
    try:
        for size, task in tasks:
            while begun and (len(begun) >= _AHEAD_FILES or held + size > _AHEAD_BYTES):
                done, future = begun.popleft()
                held -= done
                yield future.result()
            begun.append((size, workers.submit(task)))
            held += size
        while begun:
            yield begun.popleft()[1].result()
    finally:
        for _, future in begun:
            future.cancel()
