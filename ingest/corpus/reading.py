"""One pass over a source: what is unchanged is counted, what may have changed is read and chunked.

Nothing is written here: a sync writes what comes out, an estimate only counts it.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from ingest.documents import Brought, Task, bring, kept, read_and_chunk
from ingest.engines import in_order
from ingest.engines.threads import Threads
from ingest.errors import UsageError
from ingest.formatting import display_path
from ingest.model import OverLimit
from ingest.sources.content import reading_of
from ingest.sources.naming import former_uri
from ingest.sources.source import COUNTED, Noted, Skipped, Unknown, why_withheld

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy as np

    from ingest.chunker import Chunking
    from ingest.documents import Known, Read
    from ingest.engines import Engine
    from ingest.model import Loss
    from ingest.sources.source import Item, Source
    from ingest.telemetry import Bar, Progress

_LOOKUP_ITEMS = 1000  # documents looked up in one query
_LOOKUP_BYTES = 8_000_000  # of those that hold their text already
_GROUP_CHUNKS = 2000  # a transaction's worth, about 4 MB of text
_GROUP_DOCUMENTS = 1000
_MAX_LISTED = 1000
_MAX_NAME = 300  # characters of a name that is listed: a key may be as long as it likes
NO_TEXT = "there is no readable text in it"
_COUNTED_AFTER_S = 0.5  # where nothing has changed, counting the files would take half of the time


@dataclass(slots=True)
class SyncReport:
    """What a sync found and did. Tokens count the embedded texts; dollars are those of the mode taken."""

    documents_new: int = 0
    documents_changed: int = 0
    documents_moved: int = 0
    documents_gone: int = 0
    documents_unchanged: int = 0
    documents_renamed: int = 0
    """Documents of before their source had a name: under the URI that they have now, with all that was paid."""
    documents_withheld: int = 0
    withheld: list[Skipped] = field(default_factory=list)
    """The first thousand documents that stay although they were not found: their file is there still, and nobody said
    of this corpus that it is not to be read, or it cannot be looked at."""
    documents_empty: int = 0
    empty: list[Skipped] = field(default_factory=list)
    """The first thousand new or changed documents with no text in them."""
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
    refused_count: int = 0
    """Rows over the model's limit that are not embedded."""
    cut_count: int = 0
    cut: list[Skipped] = field(default_factory=list)
    """The first thousand rows of which only the beginning is embedded."""
    lossy_count: int = 0
    lossy: list[Skipped] = field(default_factory=list)
    """The first thousand documents of which something was not read, or not as it stands, and what."""
    losses: dict[str, int] = field(default_factory=dict)
    """How much that was, by its kind (`LossKind`)."""
    skipped_hidden: int = 0
    skipped_binary: int = 0
    skipped_ignored: int = 0
    skipped_vendored: int = 0
    """Folders of installed or copied code of others, such as node_modules."""
    skipped_lock_files: int = 0
    skipped_minified: int = 0
    skipped_archives: int = 0
    """Archives below a folder: one is read where it is named, or included."""
    skipped_dead_links: int = 0
    """Links of a site to pages that it says there are none of."""
    skipped_vanished: int = 0
    """Rows that were there when they were listed, and were not when they were read."""
    skipped_count: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    """The first thousand files or rows passed over for another reason than these."""

    @property
    def has_read(self) -> bool:
        """Whether a source was read at all."""
        documents = self.documents_new + self.documents_changed + self.documents_moved + self.documents_unchanged
        return bool(documents + self.documents_gone + self.skipped_count)

    @property
    def has_failed(self) -> bool:
        """Whether something of the source is not in the corpus that should be, or not as it is now."""
        return bool(self.skipped_count or self.refused_count)


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
    had a name. `full`: also what is unchanged by its version is read. `report` counts what is found, `look` is told of
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
        report: SyncReport | None = None,
        look: Look = look_away,
    ) -> None:
        self.report = report or SyncReport()
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
                    self._skip(outcome)
                else:
                    yield Fresh(task.item, task.version, task.known, outcome)

    def _brought(self, tasks: Iterator[Task]) -> Iterator[Task]:
        """What comes over a network is waited for by threads; the engine then works on it, in an end of time."""
        with Threads() as threads:
            sized = ((task.item.size, task) for task in tasks)
            for task, outcome in in_order(threads, partial(bring, self._chunking), sized):
                if isinstance(outcome, Skipped):
                    self._skip(outcome)
                else:
                    yield replace(task, item=Brought(task.item, outcome))

    def _tasks(self, unchanged: Callable[[int], None]) -> Iterator[Task]:
        """What is to be read: all that is not known to be unchanged."""
        import numpy as np

        items = self._without_skipped(self._source.items())
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
            for item in self._without_skipped(self._source.prepared(changed)):
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
            _list(report.empty, _empty(fresh))
        report.bytes_read += read.characters
        report.tokens_read += sum(chunk.token_count for chunk in read.chunks)
        report.refused_count += self._is_refused(read)
        if read.is_cut:
            report.cut_count += 1
            _list(report.cut, self._cut(fresh))

    def _is_refused(self, read: Read) -> bool:
        """Whether it is a row over the model's limit that is not embedded."""
        return read.chunks is not None and read.is_long and self._chunking.over_limit is OverLimit.REFUSE

    def _cut(self, fresh: Fresh) -> Skipped:
        return _named(fresh.item.name, f"cut: more than {self._chunking.max_tokens:,} tokens")

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
        _list(self.report.lossy, _lossy(name, losses))
        for loss in losses:
            self.report.losses[loss.kind] = self.report.losses.get(loss.kind, 0) + loss.amount

    def _without_skipped(self, items: Iterator[Item | Skipped]) -> Iterator[Item]:
        for item in items:
            if isinstance(item, Noted):
                self.lose(item.name, item.losses)
            elif isinstance(item, Skipped):
                self._skip(item)
            else:
                yield item

    def _skip(self, skipped: Skipped) -> None:
        self._look(skipped.name, f"{skipped.reason}: {skipped.detail}" if skipped.detail else skipped.reason)
        if counted := COUNTED.get(skipped.reason):
            setattr(self.report, counted, getattr(self.report, counted) + 1)
            return
        self._partly.update(skipped.holders if isinstance(skipped, Unknown) else ())
        self.is_complete &= not skipped.is_folder or isinstance(skipped, Unknown)
        self.report.skipped_count += 1
        _list(self.report.skipped, replace(_named(skipped.name, skipped.reason), is_folder=skipped.is_folder))


def keep_withheld(report: SyncReport, uri: str, reason: str) -> None:
    """Count a document that stays although it was not found."""
    report.documents_withheld += 1
    _list(report.withheld, _named(display_path(uri), f"kept: {reason}"))


def _named(name: str, reason: str) -> Skipped:
    """What is listed of a document, and why. The bytes of a file name need not be UTF-8, and JSON has no other."""
    name = name.encode(errors="replace").decode()
    return Skipped(name if len(name) <= _MAX_NAME else f"{name[:_MAX_NAME]}…", reason)


def _empty(fresh: Fresh) -> Skipped:
    return _named(fresh.item.name, "no text in it")


def _lossy(name: str, losses: Sequence[Loss]) -> Skipped:
    return _named(name, "; ".join(loss.words for loss in losses))


def _list(listed: list[Skipped], another: Skipped) -> None:
    if len(listed) < _MAX_LISTED:
        listed.append(another)


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
