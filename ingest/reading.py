"""One pass over a source: what is unchanged is counted, what may have changed is read and chunked.

Nothing is written here: a sync writes what comes out, an estimate only counts it.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from ingest.engines import in_order
from ingest.errors import UsageError
from ingest.sources.source import HIDDEN, IGNORED, Skipped
from ingest.sources.text import BINARY, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy as np

    from ingest.chunking import Chunking
    from ingest.engines import Engine
    from ingest.model import Chunk
    from ingest.progress import Bar, Progress
    from ingest.sources.source import Item, Source

_LOOKUP_ITEMS = 1000  # documents looked up in one query
_LOOKUP_BYTES = 8_000_000  # of those that hold their text already
_GROUP_CHUNKS = 2000  # a transaction's worth, about 4 MB of text
_GROUP_DOCUMENTS = 1000
_MAX_LISTED = 1000
# Many may wait for their documents; of many that chunk, each takes the interpreter from the others.
_CHUNKING = threading.Lock()
_COUNTED_AFTER_S = 0.5  # where nothing has changed, counting the files would take half of the time


@dataclass(slots=True)
class SyncReport:
    """What a sync found and did. Tokens count the embedded texts; dollars are those of the mode taken."""

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
    tokens_in_corpus: int = 0
    dollars_to_pay: float = 0.0
    dollars_saved: float = 0.0
    """What embedding the whole corpus anew would cost more than this run."""
    bytes_read: int = 0
    cut_count: int = 0
    cut: list[Skipped] = field(default_factory=list)
    """The first thousand rows of which only the beginning is embedded."""
    skipped_hidden: int = 0
    skipped_binary: int = 0
    skipped_ignored: int = 0
    skipped_count: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    """The first thousand files or rows passed over for another reason than being hidden, binary or ignored."""


@dataclass(frozen=True, slots=True)
class Known:
    """A document as it stands in the corpus."""

    id: int
    title: str
    source: str
    source_version: str | None
    content_hash: bytes


@dataclass(frozen=True, slots=True)
class Task:
    """Something that is to be read: its version before that, and what is known of it."""

    item: Item
    version: str | None
    known: Known | None


@dataclass(frozen=True, slots=True)
class Read:
    """What a document holds; `chunks` is None where its content is the known one.

    Its text is in its chunks, and is not carried about a second time.
    """

    title: str
    metadata: Mapping[str, object]
    characters: int
    content_hash: bytes
    chunks: list[Chunk] | None
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Fresh(Task):
    """Something that was read."""

    read: Read


def prepare(chunking: Chunking) -> None:
    """Load what reading files and chunking them takes, 0.3 s: before a worker process becomes several."""
    from ingest import chunker  # noqa: F401
    from ingest.sources import files  # noqa: F401
    from ingest.tokens import tokenizer

    tokenizer(chunking.tokenizer_name).count("")


def read_and_chunk(chunking: Chunking, tasks: Sequence[Task]) -> list[Read | Skipped]:
    """Read and chunk documents, each with its outcome. Runs on a thread, or on another machine."""
    return [_read_one(chunking, task) for task in tasks]


def _read_one(chunking: Chunking, task: Task) -> Read | Skipped:
    try:
        document = task.item.read(chunking.max_document_bytes)
    except UnreadableError as error:
        kept = "; what was read before stays" if task.known else ""
        return Skipped(task.item.name, f"{error}{kept}")
    told = document.title, document.metadata, len(document.text)
    with _CHUNKING:
        content_hash = chunking.content_hash(document)
        if task.known is not None and task.known.content_hash == content_hash:
            return Read(*told, content_hash, None)
        chunks = chunking.split(document)
        return Read(*told, content_hash, chunks, chunking.is_cut(document, chunks))


class Reading:
    """A pass over a source, with what it found so far.

    `find` looks up what is known of documents by their URIs. `full`: also what is unchanged by its version is read.
    """

    def __init__(
        self,
        source: Source,
        chunking: Chunking,
        find: Callable[[Sequence[str]], Mapping[str, Known]],
        progress: Progress,
        engine: Engine,
        *,
        full: bool,
    ) -> None:
        self.report = SyncReport()
        self.seen_ids: list[np.ndarray] = []
        """The known documents that the source still has."""
        self.is_complete = True
        """False where a folder could not be listed: nothing can then be said to be gone."""
        self._source = source
        self._chunking = chunking
        self._find = find
        self._progress = progress
        self._engine = engine
        self._full = full

    def groups(self) -> Iterator[list[Fresh]]:
        """What was read, a transaction's worth at a time.

        Raises:
            UsageError: there is no readable text in the whole source.
        """
        found = False
        with self._progress.stage("reading", unit=self._source.unit) as bar, _counted(self._source, bar):
            group: list[Fresh] = []
            chunks = 0
            for fresh in self._read(bar.advance):
                found = True
                bar.advance(1)
                group.append(fresh)
                self._count(fresh)
                chunks += len(fresh.read.chunks or ())
                if chunks >= _GROUP_CHUNKS or len(group) >= _GROUP_DOCUMENTS:
                    yield group
                    group, chunks = [], 0
            if group:
                yield group
        if not found and not any(ids.size for ids in self.seen_ids):
            # An empty mount, the wrong folder, an emptied table: nothing is taken for gone because of it.
            first = next((f" ({skipped.name}: {skipped.reason})" for skipped in self.report.skipped), "")
            raise UsageError(f"there is no readable text in {self._source.description}{first}: nothing was changed.")

    def _read(self, unchanged: Callable[[int], None]) -> Iterator[Fresh]:
        """All that is not known to be unchanged, read by the engine."""
        parcels = _parcels(self._tasks(unchanged), self._engine)
        for tasks, outcomes in in_order(self._engine, partial(read_and_chunk, self._chunking), parcels):
            for task, outcome in zip(tasks, outcomes, strict=True):
                if isinstance(outcome, Skipped):
                    self._skip(outcome)
                else:
                    yield Fresh(task.item, task.version, task.known, outcome)

    def _tasks(self, unchanged: Callable[[int], None]) -> Iterator[Task]:
        """What is to be read: all that is not known to be unchanged."""
        import numpy as np

        items = self._without_skipped()
        for lookup in _lookups(items):
            by_uri = {item.uri: item for item in lookup}
            known = self._find(list(by_uri))
            self.seen_ids.append(np.fromiter((row.id for row in known.values()), dtype=np.int64))
            changed = []
            for uri, item in by_uri.items():
                stored, version = known.get(uri), self._version(item)
                is_same = stored and version and (stored.source_version, stored.source) == (version, item.root)
                if is_same and not self._full:
                    self.report.documents_unchanged += 1
                    unchanged(1)
                else:
                    changed.append(item)
            for item in self._source.prepared(changed):
                yield Task(item, self._version(item), known.get(item.uri))

    def _version(self, item: Item) -> str | None:
        version = item.version
        return version and f"{version}/{self._chunking.fingerprint}"

    def _count(self, fresh: Fresh) -> None:
        report, read = self.report, fresh.read
        if read.chunks is None:
            report.documents_unchanged += 1
            return
        report.documents_changed += fresh.known is not None
        report.documents_new += fresh.known is None
        report.documents_empty += not read.chunks
        report.bytes_read += read.characters
        report.tokens_read += sum(chunk.token_count for chunk in read.chunks)
        if read.is_cut:
            report.cut_count += 1
            if len(report.cut) < _MAX_LISTED:
                report.cut.append(Skipped(fresh.item.name, f"cut: more than {self._chunking.max_tokens:,} tokens"))

    def _without_skipped(self) -> Iterator[Item]:
        for item in self._source.items():
            if isinstance(item, Skipped):
                self._skip(item)
            else:
                yield item

    def _skip(self, skipped: Skipped) -> None:
        if skipped.reason == HIDDEN:
            self.report.skipped_hidden += 1
            return
        if skipped.reason == IGNORED:
            self.report.skipped_ignored += 1
            return
        if skipped.reason == BINARY:
            self.report.skipped_binary += 1
            return
        self.is_complete &= not skipped.is_folder
        self.report.skipped_count += 1
        if len(self.report.skipped) < _MAX_LISTED:
            # The bytes of a file name need not be UTF-8, and JSON has no other.
            name = skipped.name.encode(errors="replace").decode()
            self.report.skipped.append(replace(skipped, name=name))


def _lookups(items: Iterator[Item]) -> Iterator[list[Item]]:
    """The items as many at a time as are looked up in one query; records hold their text already."""
    lookup: list[Item] = []
    size = 0
    for item in items:
        lookup.append(item)
        size += item.size
        if len(lookup) >= _LOOKUP_ITEMS or size >= _LOOKUP_BYTES:
            yield lookup
            lookup, size = [], 0
    if lookup:
        yield lookup


@contextmanager
def _counted(source: Source, bar: Bar) -> Iterator[None]:
    """Count what there is beside the reading of it, if that takes a while, for the bar to tell the time left."""
    stop = threading.Event()

    def count() -> None:
        if stop.wait(_COUNTED_AFTER_S):
            return
        with suppress(UsageError):  # the reading tells it
            total = source.count(stop.is_set)
            if total is not None:
                bar.expect(total)

    thread = threading.Thread(target=count, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _parcels(tasks: Iterator[Task], engine: Engine) -> Iterator[tuple[int, list[Task]]]:
    """Tasks that are given to a worker at once, with their bytes. A document larger than that goes alone."""
    parcel: list[Task] = []
    size = 0
    for task in tasks:
        if parcel and (len(parcel) >= engine.parcel_items or size + task.item.size > engine.parcel_bytes):
            yield size, parcel
            parcel, size = [], 0
        parcel.append(task)
        size += task.item.size
    if parcel:
        yield size, parcel
