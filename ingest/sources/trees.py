"""Files that are listed with their paths, as by an archive or a commit: which of them are read, as of a folder."""

from __future__ import annotations

import posixpath
from functools import partial
from hashlib import sha256
from typing import IO, TYPE_CHECKING
from urllib.parse import quote

from ingest.sources.content import reading_of
from ingest.sources.encodings import decoded
from ingest.sources.ignoring import IGNORE_FILE, read_rules
from ingest.sources.leaving_out import verdict_inside
from ingest.sources.members import DAMAGED, Member, words_of
from ingest.sources.source import Skipped
from ingest.sources.text import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from ingest.sources.entries import Entry
    from ingest.sources.extraction.workers import Limits
    from ingest.sources.ignoring import Rules

_RULES_BYTES = 1_000_000
_PIECE = 1_048_576
_LINK = "a link, to no file inside"
_MOST_LINKS = 10  # from one to the next


class Tree:
    """Files by their paths inside; all members hold on to it, so that what it is read from stays open.

    `uri` and `name`: those of the whole, to which each file's path is added; `metadata`: what is kept with each
    document, where `path` is the whole's.
    """

    def __init__(
        self,
        uri: str,
        root: str,
        name: str,
        files: Mapping[str, Entry],
        metadata: Mapping[str, object],
        limits: Limits,
    ) -> None:
        self.uri, self.root, self.name = uri, root, name
        self.files, self.metadata, self.limits = files, metadata, limits

    def opened(self, entry: Entry) -> IO[bytes]:
        """A file of it."""
        return entry.opening()


def tree_members(tree: Tree, given: Rules | None) -> Iterator[Member | Skipped]:
    """The files that are read, in the order of their paths; what is left out is told. `given`: rules given outright."""
    own: dict[str, Rules] = {}
    for path, entry in tree.files.items():
        folder, _, base = path.rpartition("/")
        if base == IGNORE_FILE:
            try:
                with entry.opening() as stream:
                    text = decoded(stream.read(_RULES_BYTES)).text
            except (UnreadableError, *DAMAGED) as error:  # without its rules too much would be read
                yield Skipped(f"{tree.name}/{path}", words_of(error), is_folder=True)
                return
            depth = folder.count("/") + 1 if folder else 0
            if rules := read_rules(text, path, depth=depth):
                own[folder] = rules
    for found in _chosen(sorted(tree.files), given, own, name=tree.name):
        if isinstance(found, Skipped):
            yield found
            continue
        path, name, entry_or_none = found, f"{tree.name}/{found}", _followed(found, tree.files)
        if entry_or_none is None:
            yield Skipped(name, _LINK)
            continue
        meant = entry_or_none
        version = meant.version or _digest(meant)
        yield Member(
            f"{tree.uri}/{quote(path)}",
            tree.root,
            name,
            path,
            meant.size,
            version and version + reading_of(path),
            partial(tree.opened, meant),
            {**tree.metadata, "path": f"{tree.metadata['path']}/{path}" if tree.metadata["path"] else path},
            tree.limits,
        )


def _chosen(
    paths: Sequence[str], given: Rules | None, own: Mapping[str, Rules], *, name: str
) -> Iterator[str | Skipped]:
    """The paths inside that are read, in their order; a `Skipped` in place of what is left out.

    A folder that is left out is told once. `own`: the rules of the .ingestignore files inside, by their folders.
    """
    marked = {path.rpartition("/")[0] for path in paths if path.rpartition("/")[2] == "pyvenv.cfg"}
    told: Collection[str] = ()
    for path in paths:
        verdict, at = verdict_inside(path, given, own, marked)
        if verdict is None:
            yield path
        elif at not in told:
            told = {at}  # they come in order: what is below a folder stands together
            yield Skipped(f"{name}/{at}", verdict.reason, detail=verdict.told)


def _followed(path: str, files: Mapping[str, Entry]) -> Entry | None:
    """The file that a path stands for, which may be a link to another one inside."""
    for _ in range(_MOST_LINKS):
        entry = files.get(path)
        if entry is None or entry.link is None:
            return entry
        path = posixpath.normpath(entry.link)
    return None


def _digest(entry: Entry) -> str | None:
    """What tells a file's bytes from others; None where they cannot be read."""
    digest = sha256()
    try:
        with entry.opening() as stream:
            for piece in iter(partial(stream.read, _PIECE), b""):
                digest.update(piece)
    except (UnreadableError, *DAMAGED):
        return None
    return digest.hexdigest()[:32]
