"""What is given by paths as a source: which files, objects and pages there are."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from dataclasses import dataclass, replace
from functools import cache
from glob import has_magic
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import unquote, unquote_to_bytes

from ingest.errors import UsageError
from ingest.sources.attachments import with_attachments
from ingest.sources.destinations import is_page
from ingest.sources.entries import packing_of
from ingest.sources.extraction.workers import DEFAULT_LIMITS, Limits
from ingest.sources.given import folder_above, is_remote, path_of, root_of
from ingest.sources.ignoring import Rules, given_rules
from ingest.sources.leaving_out import verdict_of_object
from ingest.sources.local_file import SourceFile, modified_at, read_document
from ingest.sources.mailbox import MAILBOX_SUFFIXES, MailMessage, begins_mailbox, mailbox_messages
from ingest.sources.members import Member
from ingest.sources.naming import Named, named_uri
from ingest.sources.packed import suffixes, unpacked
from ingest.sources.path_fields import Placed, path_pattern
from ingest.sources.records import (
    DEFAULT_FIELDS,
    RECORD_SUFFIXES,
    STANDARD_INPUT,
    Fields,
    Record,
    file_records,
    standard_input_records,
)
from ingest.sources.repository import is_repository, repository, repository_files, require_git
from ingest.sources.sites.names import DEFAULT_BOUNDS, Bounds, is_feed, is_site
from ingest.sources.sites.site_page import SitePage
from ingest.sources.source import ARCHIVE, Skipped, Unchanged, Unknown, WholeFile, file_of
from ingest.sources.text import UnreadableError
from ingest.sources.walking import Withheld, find_files, walked_folder
from ingest.sources.web import find_page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ingest.sources.objects import StoredObject
    from ingest.sources.source import Before, Item

_Held: TypeAlias = "Record | MailMessage"
_Readable: TypeAlias = "SourceFile | StoredObject | Member"

__all__ = ["Files", "SourceFile", "find_files", "read_document"]


@dataclass(frozen=True, slots=True)
class Files:
    """What is given by paths as a source: files, folders, globs, objects, pages of the web, standard input.

    `exclude`, `include`: rules of what below a folder is not read, and of what is although it would be left out, as
    gitignore has them. `source`: the name of the source, which has one path then; the URIs of its documents are
    relative to it. `chunk_tokens`: the most tokens in a chunk, where that is not the corpus's. `path_metadata`: a
    pattern, `{tenant}/{year}/*.md`, of paths from the source on, whose names are fields of the metadata. `modified`:
    whether the time of a file is one, too.
    `cache`: a folder for what was brought over the network, for the next time; None: there is no next time. `bounds`:
    how much of a site is read.
    """

    paths: Sequence[str]
    fields: Fields = DEFAULT_FIELDS
    limits: Limits = DEFAULT_LIMITS
    unit: str = "files"
    exclude: Sequence[str] = ()
    include: Sequence[str] = ()
    source: str | None = None
    chunk_tokens: int | None = None
    path_metadata: str | None = None
    modified: bool = False
    cache: Path | None = None
    bounds: Bounds = DEFAULT_BOUNDS

    @property
    def roots(self) -> list[str]:
        """The source's name, and the given paths as URIs: what was found by them before it had a name is its own.

        Not those of feeds: what has left one is not gone.
        """
        roots = [root_of(given) for given in self.paths if not is_feed(given)]
        return [self.source, *roots] if self.source and roots else roots

    @property
    def description(self) -> str:
        """The given paths."""
        return ", ".join(self.paths)

    @property
    def is_far(self) -> bool:
        """Whether there are objects on a storage among them, or pages."""
        return any(is_remote(given) for given in self.paths)

    def check(self) -> None:
        """See that what is given is there, as far as that can be told without reading it.

        Raises:
            UsageError: a path does not exist, a name is given to several, or the pattern is none.
        """
        if self.path_metadata:
            path_pattern(self.path_metadata)
            if all(given == STANDARD_INPUT or is_feed(given) or _is_one_page(given) for given in self.paths):
                raise UsageError(f"path_metadata says nothing of {self.description}: it is about files and sites.")
        if self.modified and self.paths and all(map(is_remote, self.paths)):
            raise UsageError(f"modified says nothing of {self.description}: it is about files of this machine.")
        if self.source and len(self.paths) != 1:
            raise UsageError(f"the source {self.source} has {len(self.paths)} paths: one that has a name has one path.")
        repositories = {given: repository(given).root for given in self.paths if is_repository(given)}
        if repositories:
            require_git()
        if len(set(repositories.values())) < len(repositories):
            raise UsageError("two revisions of one repository are the same documents: give each a name in ingest.toml.")
        for given in self.paths:
            if given == STANDARD_INPUT or is_remote(given):
                root_of(given)
                continue
            path = path_of(given)
            if not os.path.lexists(path) and not has_magic(path):
                raise UsageError(f"no such file or folder: {path}.")

    def count(self, is_stopped: Callable[[], bool]) -> int | None:
        """How many files there are.

        None where one holds records, or what is attached to messages is read, which are not counted before they are
        read, and on object storage, where each listing is paid for.

        Raises:
            UsageError: a path does not exist or cannot be read.
        """
        if self.limits.wanted.attachments:
            return None
        pages = set(filter(_is_one_page, self.paths))
        others = [given for given in dict.fromkeys(self.paths) if given not in pages]
        if any(given == STANDARD_INPUT or is_remote(given) or packing_of(given) is not None for given in others):
            return None
        number = len(pages)
        for file in find_files(map(path_of, others), self._rules()):
            if is_stopped() or (isinstance(file, SourceFile) and _holds_records(file)):
                return None
            number += isinstance(file, SourceFile) and packing_of(file.name) is None
        return number

    def items(self, before: Before | None = None) -> Iterator[Item | Skipped | Unchanged | WholeFile]:
        """The files, objects and pages; in place of a file or an object that holds records, those.

        Raises:
            UsageError: a path does not exist or cannot be read.
            UnreachableError: an object storage is out of reach.
        """
        self.check()
        for given in dict.fromkeys(self.paths):
            for item in self._found(given, before):
                if isinstance(item, Unknown) and self.source:
                    yield replace(item, holders=[*item.holders, *(self._uri(uri, given) for uri in item.holders)])
                elif isinstance(item, Skipped | Unchanged | WholeFile) or not self.source:
                    yield item
                else:
                    yield Named(item, self.source, self._uri(item.uri, given))

    def prepared(self, items: Sequence[Item]) -> Iterator[Item]:
        """A file is read where it stands; what is in an archive, or on a site, comes with its bytes."""
        return map(_brought, items)

    def withheld(self) -> Callable[[str], str | None]:
        """Why a document that was found before and no more counts as there, by its URI; None: it is gone."""
        paths = [path_of(given) for given in self.paths if given != STANDARD_INPUT and not is_remote(given)]
        walks = [(walked_folder(path), Withheld(path, self._rules())) for path in paths]

        def why(uri: str) -> str | None:
            found = file_of(uri)
            for folder, walk in walks:
                if found.startswith("file://"):
                    name = os.fsdecode(unquote_to_bytes(found.removeprefix("file://")))
                elif self.source and found.startswith(f"{self.source}/"):
                    inside = found.removeprefix(f"{self.source}/")
                    name = os.path.join(folder, os.fsdecode(unquote_to_bytes(inside)))  # noqa: PTH118 - as text
                else:
                    continue
                if reason := walk.why(name):
                    return reason
            return None

        return why

    def _uri(self, uri: str, given: str) -> str:
        """The URI in the corpus of what is found by a path."""
        return named_uri(self.source, uri, root_of(given), folder_above(given)) if self.source else uri

    def _rules(self) -> Rules | None:
        return given_rules(self.exclude, self.include)

    def _found(self, given: str, before: Before | None) -> Iterator[Item | Skipped | Unchanged | WholeFile]:
        if given == STANDARD_INPUT:
            yield from standard_input_records(self.fields)
        elif is_site(given):
            from ingest.sources.sites.site import site_pages

            pattern = path_pattern(self.path_metadata) if self.path_metadata else None
            for page in site_pages(given, self._rules(), self.limits, self.cache or _passing_cache(), self.bounds):
                yield page if isinstance(page, Skipped) or not pattern else Placed(page, pattern, page.path)
        elif is_feed(given):
            from ingest.sources.sites.feed import feed_entries

            yield from feed_entries(given, self.limits)
        elif is_page(given):
            yield find_page(given, self.limits)
        elif is_repository(given):
            for file in repository_files(given, self._rules(), self.limits, self.cache or _passing_cache()):
                yield from self._inside(file, given, before, is_named=False)
        else:
            is_named = packing_of(given) is not None
            for item in self._below(given):
                yield from self._inside(item, given, before, is_named=is_named)

    def _placing(self, file: _Readable, given: str) -> Callable[[Item | Skipped], Item | Skipped]:
        """What gives what is found in a file the metadata of the file's path and time."""
        modified = modified_at(file.mtime_ns) if self.modified and isinstance(file, SourceFile) else ""
        pattern = path_pattern(self.path_metadata) if self.path_metadata else None
        if not (pattern or modified):
            return lambda item: item
        path = named_uri("", file.uri, root_of(given), folder_above(given)).removeprefix("/")
        if file.uri.startswith("file:") or isinstance(file, Member):
            path = unquote_to_bytes(path).decode(errors="replace")
        return lambda item: item if isinstance(item, Skipped) else Placed(item, pattern, path, modified)

    def _inside(
        self, item: _Readable | Skipped, given: str, before: Before | None, *, is_named: bool
    ) -> Iterator[Item | Skipped | Unchanged | WholeFile]:
        """What it holds, where it is an archive that was named or included, or a file of records; else itself."""
        if isinstance(item, Skipped):
            yield item
        elif packing_of(item.name) is not None:
            if isinstance(item, Member):
                yield Skipped(item.name, ARCHIVE, detail="inside another, or in a repository")
            elif is_named or self._includes(item):
                from ingest.sources.archives import archive_members

                for member in archive_members(item, self._rules()):
                    yield from self._inside(member, given, before, is_named=False)
            else:
                yield Skipped(item.name, ARCHIVE, detail="it is read where it is named, or included (--include)")
        elif before and _holds_records(item):
            yield from self._if_changed(item, given, before)
        else:
            yield from self._held(item, given)

    def _if_changed(
        self, file: _Readable, given: str, before: Before
    ) -> Iterator[Item | Skipped | Unchanged | WholeFile]:
        """What a file of records holds, and that this is all, where it is; nothing of one that is unchanged.

        Whether it was touched just now is told before it is read: what comes to it later, the next sync finds.
        """
        root, uri, version = self.source or file.root, self._uri(file.uri, given), file.version
        if version is None:
            yield from self._held(file, given)
            return
        version = f"{version}/{self._reading}"
        if (unchanged := before.of_file(root, uri, version)) is not None:
            yield Unchanged(unchanged)
            return
        is_whole, count = True, 0
        for item in self._held(file, given):
            is_whole &= not isinstance(item, Skipped)
            count += 1
            yield item
        if is_whole:
            yield WholeFile(root, uri, version, count)

    @property
    def _reading(self) -> str:
        """What decides which documents a file of records holds, and their versions; a release may read it otherwise."""
        told = (_release(), self.fields, self.limits.wanted.attachments, self.path_metadata, self.modified)
        return sha256(repr(told).encode()).hexdigest()[:16]

    def _held(self, item: _Readable, given: str) -> Iterator[Item | Skipped]:
        """What a file holds, where it is one of records; else itself."""
        found: Iterable[Item | Skipped]
        found = map(_part_of(item), _records(item, self.fields)) if _holds_records(item) else [item]
        if self.limits.wanted.attachments:
            found = with_attachments(found, self.limits)
        return map(self._placing(item, given), found)

    def _includes(self, item: _Readable) -> bool:
        """Whether a rule says of a file that it is read."""
        rules, inside = self._rules(), unquote(item.uri.removeprefix(item.root)).strip("/")
        rule = rules.found(inside.split("/"), is_folder=False) if rules else None
        return rule is not None and rule.includes

    def _below(self, given: str) -> Iterator[SourceFile | StoredObject | Skipped]:
        found: Iterator[SourceFile | StoredObject | Skipped]
        found = self._objects(given) if is_remote(given) else find_files([path_of(given)], self._rules())
        for item in found:
            if isinstance(item, Skipped) or item.limits == self.limits:
                yield item
            else:
                yield replace(item, limits=self.limits)

    def _objects(self, given: str) -> Iterator[StoredObject | Skipped]:
        from ingest.sources.objects import find_objects

        rules, above, root = self._rules(), folder_above(given), given.rstrip("/")
        for item in find_objects(given):
            inside = item.name.removeprefix(f"{root}/" if item.name.startswith(f"{root}/") else above)
            if not isinstance(item, Skipped) and (verdict := verdict_of_object(inside, rules)):
                yield Skipped(item.name, verdict.reason, detail=verdict.told)
            else:
                yield item


def _brought(item: Item) -> Item:
    """An item with its bytes, where they are not to be had later, or elsewhere."""
    if isinstance(item, Named | Placed):
        return replace(item, item=_brought(item.item))
    return item.brought() if isinstance(item, Member | SitePage) else item


@cache
def _release() -> str:
    from importlib.metadata import version

    return version("pgvector-ingest")


@cache
def _passing_cache() -> Path:
    """A folder that is gone with this process."""
    folder = tempfile.mkdtemp(prefix="ingest-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def _is_one_page(given: str) -> bool:
    return is_page(given) and not is_site(given)


def _holds_records(item: _Readable) -> bool:
    """Whether its records are documents: told by the suffix, and a mailbox without one by its beginning."""
    suffix = suffixes(item.name)[0]
    if suffix or not isinstance(item, SourceFile):
        return suffix in RECORD_SUFFIXES | MAILBOX_SUFFIXES
    try:
        with item.opened() as stream:
            return begins_mailbox(stream)
    except UnreadableError:
        return False  # which is told where it is read


def _part_of(file: _Readable) -> Callable[[_Held | Skipped], _Held | Skipped]:
    """What says of all in a file of records that is not known that it is in this file."""

    def within(found: _Held | Skipped) -> _Held | Skipped:
        if isinstance(found, Skipped) and found.is_folder:
            return Unknown(found.name, found.reason, is_folder=True, detail=found.detail, holders=[file.uri])
        return found

    return within


def _records(item: _Readable, fields: Fields) -> Iterator[_Held | Skipped]:
    (suffix, packing), where = suffixes(item.name), {"uri": item.uri, "root": item.root, "name": item.name}
    try:
        with item.opened() as stream:
            if suffix not in RECORD_SUFFIXES:
                yield from mailbox_messages(stream, **where, limits=item.limits)
            else:
                held = unpacked(stream, packing) if packing else stream
                yield from file_records(held, suffix, **where, fields=fields)
    except UnreadableError as error:
        yield Skipped(item.name, str(error), is_folder=True)
