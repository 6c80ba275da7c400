"""Fields of the metadata that stand in the path of a file: `{tenant}/{year}/*.md`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING

from ingest.errors import UsageError
from ingest.model import Loss, LossKind
from ingest.sources.source import Wrapped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.model import Document

_PIECE = re.compile(r"\{([^{}]*+)\}|\*")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,59}")
_ANY_DEPTH = "**"
_OURS = {"path", "bytes", "source", "losses", "modified", "table", "key", "record"}


@dataclass(frozen=True, slots=True)
class PathPattern:
    """A path with names in it; `folders`: its parts, each the fixed texts around its names, and these.

    A name, or a `*`, is as much of one part as goes before what follows it; `**`, once, is any number of folders.
    """

    text: str
    folders: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The fields that a path has by it."""
        return tuple(name for _, names in self.folders for name in names if name)

    @property
    def version(self) -> str:
        """What changes with it: then each file is looked at again."""
        return sha256(self.text.encode()).hexdigest()[:8]

    def fields_of(self, path: str) -> dict[str, str] | None:
        """The fields of a path, from the source on; None where it is no such path."""
        parts = path.split("/")
        deep = next((place for place, (texts, _) in enumerate(self.folders) if texts == (_ANY_DEPTH,)), None)
        wanted: Sequence[tuple[tuple[str, ...], tuple[str, ...]]] = self.folders
        if deep is not None:
            after = len(self.folders) - deep - 1
            if len(parts) < deep + after:
                return None
            wanted = (*self.folders[:deep], *self.folders[deep + 1 :])
            parts = [*parts[:deep], *parts[len(parts) - after :]]
        if len(parts) != len(wanted):
            return None
        found: dict[str, str] = {}
        for part, (texts, names) in zip(parts, wanted, strict=True):
            values = _values(part, texts)
            if values is None:
                return None
            found |= {name: value for name, value in zip(names, values, strict=True) if name}
        return found


def _values(part: str, texts: Sequence[str]) -> list[str] | None:
    """What stands between fixed texts, the first of which begins a part of a path, and the last ends it."""
    first, *rest = texts
    if not rest:
        return [] if part == first else None
    if not part.startswith(first):
        return None
    values = []
    at = len(first)
    for text in rest[:-1]:
        end = part.find(text, at + 1) if text else -1
        if end < 0:
            return None
        values.append(part[at:end])
        at = end + len(text)
    end = len(part) - len(rest[-1])
    if end <= at or not part.endswith(rest[-1]):
        return None
    return [*values, part[at:end]]


@cache
def path_pattern(text: str) -> PathPattern:
    """A pattern as it is written.

    Raises:
        UsageError: it cannot be one.
    """
    folders: list[tuple[tuple[str, ...], tuple[str, ...]]] = []
    for part in text.strip("/").split("/"):
        if part == _ANY_DEPTH:
            folders.append(((_ANY_DEPTH,), ()))
            continue
        pieces = _PIECE.split(part)  # a text, a name (None: a star), a text, and so on
        texts, names = tuple(pieces[::2]), tuple(name or "" for name in pieces[1::2])
        if any("{" in piece or "}" in piece for piece in texts) or "" in texts[1:-1]:
            raise UsageError(f"{text} is no pattern of paths: {part} has names that nothing stands between.")
        for name, piece in zip(names, pieces[1::2], strict=True):
            if piece is not None and (not _NAME.fullmatch(name) or name in _OURS):
                raise UsageError(f"{text} is no pattern of paths: no field can be called {name!r}.")
        folders.append((texts, names))
    pattern = PathPattern(text, tuple(folders))
    if not pattern.names or len(set(pattern.names)) < len(pattern.names):
        raise UsageError(f"{text} is no pattern of paths: write it as {{tenant}}/{{year}}/*.md, each name once.")
    if sum(texts == (_ANY_DEPTH,) for texts, _ in folders) > 1:
        raise UsageError(f"{text} is no pattern of paths: ** stands in it once.")
    return pattern


@dataclass(frozen=True, slots=True)
class Placed(Wrapped):
    """Something found by a path, with what that, and the file's time, say of it.

    `path`: from the source on; `modified`: when the file was, as metadata; empty where nobody asked.
    """

    pattern: PathPattern | None
    path: str
    modified: str = ""

    @property
    def version(self) -> str | None:
        """The item's, and what stands in its metadata beside."""
        version = self.item.version
        told = (version, self.pattern.version if self.pattern else "", self.modified)
        return version and "-".join(part for part in told if part)

    def read(self, max_bytes: int) -> Document:
        """The document. A field of the path is the path's alone, whatever the document says of itself.

        Raises:
            UnreadableError: as the item's.
        """
        document = self.item.read(max_bytes)
        names = self.pattern.names if self.pattern else ()
        said = {name: value for name, value in document.metadata.items() if name not in names}
        if self.modified:
            said["modified"] = self.modified
        found = self.pattern.fields_of(self.path) if self.pattern else {}
        if self.pattern and found is None:
            words = f"its path is none of {self.pattern.text}, and it has no field of that"
            lost = Loss(LossKind.PARTS_LEFT_OUT, 1, words)
            return replace(document, metadata=said, losses=[*document.losses, lost])
        return replace(document, metadata={**said, **(found or {})})
