"""One pass over a source: what is unchanged is counted, what may have changed is read and chunked.

Nothing is written here: a sync writes what comes out, an estimate only counts it.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from ingest.corpus.sync_report import SyncReport, list_one, named
from ingest.documents import Brought, Task, bring, kept, read_and_chunk
from ingest.engines import in_order
from ingest.engines.threads import Threads
from ingest.errors import UsageError
from ingest.model import OverLimit
from ingest.sources.content import reading_of
from ingest.sources.naming import former_uri
from ingest.sources.source import COUNTED, Noted, Skipped, Unchanged, Unknown, WholeFile, file_of, why_withheld

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy as np

    from ingest.chunker import Chunking
    from ingest.documents import Known, Read
    from ingest.engines import Engine
    from ingest.model import Loss
    from ingest.sources.source import Before, Item, Source
    from ingest.telemetry import Bar, Progress

_LOOKUP_ITEMS = 1000  # documents looked up in one query
_LOOKUP_BYTES = 8_000_000  # of those that hold their text already
_GROUP_CHUNKS = 2000  # a transaction's worth, about 4 MB of text
_GROUP_DOCUMENTS = 1000
NO_TEXT = "there is no readable text in it"
_COUNTED_AFTER_S = 0.5  # where nothing has changed, counting the files would take half of the time


@dataclass(frozen=True, slots=True)
class Fresh(Task):
    """Something that was read."""

    read: Read


Look: TypeAlias = "Callable[[str, str], None]"
"""Is told the name of each thing that a source has, and what becomes of it."""


def look_away(_name: str, _verdict: str) -> None:
    """Nobody asked."""


class Reading:
    """A pass over a source, with what it found so far.

    `find` looks up what is known of documents by their URIs; beside each stands the one that it had before its source
    had a name. `before`: by which the source tells what is unchanged; None: each thing is looked at. `full`: also what
    is unchanged by its version is read. `report` counts what is found, `look` is told of
    each.
    """

    def __init__(
        self,
        source: Source,
        chunking: Chunking,
        find: Callable[[Mapping[str, str]], Mapping[str, Known]],
        progress: Progress,
        engine: Engine,
        *,
        full: bool,
        before: Before | None = None,
        report: SyncReport | None = None,
        look: Look = look_away,
    ) -> None:
        self.report = report or SyncReport()
        self._before = before
        self._whole: list[WholeFile] = []
        self._spoilt: set[str] = set()  # the URIs of files of records of which a record is not as it stands there
        self._partly: set[str] = set()  # the URIs of files of records that could not be read whole
        self.roots = source.roots
        self.seen_ids: list[np.ndarray] = []
        """The known documents that the source still has."""
        self.is_complete = True  # False where a folder could not be listed: nothing is then said to be gone
        self.is_empty = False
        """Whether there was no readable text in all of the source."""
        self.description = source.description
        self._source = source
        self._chunking = chunking
        self._find = find
        self._progress = progress
        self._engine = engine
        self._full = full
        self._look = look

    def groups(self) -> Iterator[list[Fresh]]:
        """What was read, a transaction's worth at a time.

        An empty mount, the wrong folder, an emptied table, a site that is away: nothing is taken for gone because of a
        source with no readable text in it. It is listed, and `is_empty`.
        """
        found, listed = False, self.report.skipped_count
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
        self.is_empty = not found and not any(ids.size for ids in self.seen_ids)
        if self.is_empty:
            self.is_complete = False
            if self.report.skipped_count == listed:
                self._skip(Skipped(self.description, NO_TEXT))

    @property
    def whole_files(self) -> list[tuple[str, str, str, int]]:
        """Files of records that stand in the corpus as they were read: their roots, URIs, versions, and documents."""
        fingerprint = self._chunking.fingerprint
        whole = [file for file in self._whole if file.uri not in self._spoilt]
        return [(file.root, file.uri, f"{file.version}/{fingerprint}", file.count) for file in whole]

    def withheld(self) -> Callable[[str], str | None] | None:
        """As the source's; and what is in a file that could not be read whole."""
        look = self._source.withheld()
        return partial(why_withheld, self._partly, look) if self._partly else look

    def refuse(self, fresh: Fresh, reason: str) -> None:
        """The database takes this document no more than that: it is listed, and what was read before stays."""
        is_new, is_unchanged = fresh.known is None, fresh.read.chunks is None
        self.report.documents_unchanged -= is_unchanged
        self.report.documents_new -= is_new
        self.report.documents_changed -= not (is_new or is_unchanged)
        if fresh.read.chunks == []:
            self.report.documents_empty -= 1
            self.report.empty = [empty for empty in self.report.empty if empty != _empty(fresh)]
        self._take_back(fresh)
        self._spoilt.add(file_of(fresh.item.uri))
        self._skip(Skipped(fresh.item.name, f"{reason}{kept(fresh)}"))

    def _read(self, unchanged: Callable[[int], None]) -> Iterator[Fresh]:
        """All that is not known to be unchanged, read by the engine."""
        to_read = self._tasks(unchanged)
        if self._source.is_far and self._engine.is_here:
            to_read = self._brought(to_read)
        parcels = _parcels(to_read, self._engine)
        for tasks, outcomes in in_order(self._engine, partial(read_and_chunk, self._chunking), parcels):
            for task, outcome in zip(tasks, outcomes, strict=True):
                if isinstance(outcome, Skipped):
                    self._leave(task, outcome)
                else:
                    yield Fresh(task.item, task.version, task.known, outcome)

    def _brought(self, tasks: Iterator[Task]) -> Iterator[Task]:
        """What comes over a network is waited for by threads; the engine then works on it, in an end of time."""
        with Threads() as threads:
            sized = ((task.item.size, task) for task in tasks)
            for task, outcome in in_order(threads, partial(bring, self._chunking), sized):
                if isinstance(outcome, Skipped):
                    self._leave(task, outcome)
                else:
                    yield replace(task, item=Brought(task.item, outcome))

    def _tasks(self, unchanged: Callable[[int], None]) -> Iterator[Task]:
        """What is to be read: all that is not known to be unchanged."""
        import numpy as np

        items = self._without_skipped(self._source.items(self._before), unchanged)
        for lookup in _lookups(items):
            by_uri = {item.uri: item for item in lookup}
            known = self._find({uri: former_uri(item) for uri, item in by_uri.items()})
            self.seen_ids.append(np.fromiter((row.id for row in known.values()), dtype=np.int64))
            changed = []
            for uri, item in by_uri.items():
                stored, version = known.get(uri), self._version(item)
                is_same = stored and version and (stored.source_version, stored.source) == (version, item.root)
                if is_same and not self._full:
                    self.report.documents_unchanged += 1
                    self._look(item.name, "unchanged")
                    unchanged(1)
                else:
                    changed.append(item)
            for item in self._without_skipped(self._source.prepared(changed), unchanged):
                yield Task(item, self._version(item), known.get(item.uri))

    def _version(self, item: Item) -> str | None:
        version = item.version
        return version and f"{version}{reading_of(item.name)}/{self._chunking.fingerprint}"

    def _count(self, fresh: Fresh) -> None:
        report, read = self.report, fresh.read
        what = "unchanged" if read.chunks is None else "changed" if fresh.known else "new"
        self._look(fresh.item.name, what)
        if read.losses:
            self.lose(fresh.item.name, read.losses)
        if read.chunks is None:
            report.documents_unchanged += 1
            return
        report.documents_changed += fresh.known is not None
        report.documents_new += fresh.known is None
        if not read.chunks:
            report.documents_empty += 1
            list_one(report.empty, _empty(fresh))
        report.bytes_read += read.characters
        report.tokens_read += sum(chunk.token_count for chunk in read.chunks)
        report.refused_count += self._is_refused(read)
        if read.is_cut:
            report.cut_count += 1
            list_one(report.cut, self._cut(fresh))

    def _is_refused(self, read: Read) -> bool:
        """Whether it is a row over the model's limit that is not embedded."""
        return read.chunks is not None and read.is_long and self._chunking.over_limit is OverLimit.REFUSE

    def _cut(self, fresh: Fresh) -> Skipped:
        return named(fresh.item.name, f"cut: more than {self._chunking.max_tokens:,} tokens")

    def _take_back(self, fresh: Fresh) -> None:
        """What was counted of a document that is not kept: it is listed as a whole."""
        report, read = self.report, fresh.read
        if read.losses:
            report.lossy_count -= 1
            report.lossy = [lossy for lossy in report.lossy if lossy != _lossy(fresh.item.name, read.losses)]
            for loss in read.losses:
                report.losses[loss.kind] -= loss.amount
            report.losses = {kind: amount for kind, amount in report.losses.items() if amount}
        if read.is_cut:
            report.cut_count -= 1
            report.cut = [cut for cut in report.cut if cut != self._cut(fresh)]
        report.refused_count -= self._is_refused(read)

    def lose(self, name: str, losses: Sequence[Loss]) -> None:
        """Something of a document, or of a file of records, was not read, or not as it stands: it is told."""
        self.report.lossy_count += 1
        list_one(self.report.lossy, _lossy(name, losses))
        for loss in losses:
            self.report.losses[loss.kind] = self.report.losses.get(loss.kind, 0) + loss.amount

    def _without_skipped(
        self, items: Iterator[Item | Skipped | Unchanged | WholeFile], unchanged: Callable[[int], None]
    ) -> Iterator[Item]:
        import numpy as np

        for item in items:
            if isinstance(item, Unchanged):
                self.seen_ids.append(np.array(item.ids, dtype=np.int64))
                self.report.documents_unchanged += len(item.ids)
                unchanged(len(item.ids))
            elif isinstance(item, WholeFile):
                self._whole.append(item)
            elif isinstance(item, Noted):
                self.lose(item.name, item.losses)
            elif isinstance(item, Skipped):
                self._skip(item)
            else:
                yield item

    def _leave(self, task: Task, skipped: Skipped) -> None:
        self._spoilt.add(file_of(task.item.uri))
        self._skip(skipped)

    def _skip(self, skipped: Skipped) -> None:
        self._look(skipped.name, f"{skipped.reason}: {skipped.detail}" if skipped.detail else skipped.reason)
        if counted := COUNTED.get(skipped.reason):
            setattr(self.report, counted, getattr(self.report, counted) + 1)
            return
        self._partly.update(skipped.holders if isinstance(skipped, Unknown) else ())
        self.is_complete &= not skipped.is_folder or isinstance(skipped, Unknown)
        self.report.skipped_count += 1
        list_one(self.report.skipped, replace(named(skipped.name, skipped.reason), is_folder=skipped.is_folder))


def _empty(fresh: Fresh) -> Skipped:
    return named(fresh.item.name, "no text in it")


def _lossy(name: str, losses: Sequence[Loss]) -> Skipped:
    return named(name, "; ".join(loss.words for loss in losses))


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
