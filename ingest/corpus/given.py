"""What is read into a corpus, as it is given: paths, or a table, or several sources."""

from __future__ import annotations

from os import PathLike, fspath
from typing import TYPE_CHECKING, TypeAlias

from ingest.errors import UsageError
from ingest.sources.files import Files
from ingest.sources.tables import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

# What is read: a file, folder, glob or URL, or several, with the fields of records where those are named; or the rows
# of a table; or several of these.
Given: TypeAlias = "str | PathLike[str] | Sequence[str | PathLike[str]] | Files | Table | Sequence[Files | Table]"


def given_sources(given: Given) -> list[Files | Table]:
    """What is read, one source after the other.

    Raises:
        UsageError: there are none, or they cannot be those of one corpus.
    """
    if isinstance(given, Table | Files):
        return [given]
    # One path is no sequence of its letters: the first is that of the whole machine.
    parts = [given] if isinstance(given, str | PathLike) else list(given)
    if not parts:
        raise UsageError("there is nothing to read: name a path, a URL or a table.")
    sources = [part for part in parts if isinstance(part, Table | Files)]
    if paths := [fspath(part) for part in parts if not isinstance(part, Table | Files)]:
        sources.append(Files(paths))
    if len(sources) > 1 and any(map(_fills, sources)):
        raise UsageError("a corpus that fills a column of a table (--into) reads that table, and nothing beside it.")
    names = [source.source for source in sources if source.source]
    if repeated := {name for name in names if names.count(name) > 1}:
        raise UsageError(f"two sources of a corpus have the name {min(repeated)}: each has one of its own.")
    return sources


def fills_column(given: Given) -> bool:
    """Whether vectors go into a column of the table that is read."""
    return any(map(_fills, given_sources(given)))


def _fills(source: Files | Table) -> bool:
    return isinstance(source, Table) and source.into is not None
