"""Which files there are, by path, folder or glob."""

from __future__ import annotations

import os
import stat
from glob import has_magic
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.errors import UsageError
from ingest.sources import globs
from ingest.sources.leaving_out import MARKS, LeavingOut, Place, Verdict
from ingest.sources.local_file import SourceFile, look_at, real_path
from ingest.sources.source import IGNORED, VENDORED, Skipped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ingest.sources.ignoring import Rules

CANNOT_BE_READ = "cannot be read"


def find_files(paths: Iterable[str], given: Rules | None = None) -> Iterator[SourceFile | Skipped]:
    """The files by path, folder or glob, in a steady order; what is passed over is told with its reason.

    What is below a folder and `leaving_out` names is passed over, and devices, links to folders, and links that lead
    out of the given folder. `given`: rules that were given outright.

    Raises:
        UsageError: a path does not exist or cannot be read.
    """
    for path in paths:
        absolute = Path(os.path.abspath(path))  # noqa: PTH100 - Path.resolve would follow links
        root = absolute.as_uri()
        if os.path.isdir(absolute):  # noqa: PTH112 - Path.is_dir raises for a name that is too long
            yield from _walk(absolute, root, given)
        elif os.path.lexists(absolute):
            yield look_at(str(absolute), root, real_path(absolute.parent))
        elif has_magic(path):
            yield from _glob(path, root, given)
        else:
            raise UsageError(f"no such file or folder: {path}.")


def walked_folder(given: str) -> Path:
    """The folder that is walked for a path, a folder or a glob."""
    absolute = os.path.abspath(given)  # noqa: PTH100 - Path.resolve would follow links
    if os.path.isdir(absolute):  # noqa: PTH112
        return Path(absolute)
    if not os.path.lexists(absolute) and has_magic(given):
        return Path(os.path.abspath(_fixed(given)))  # noqa: PTH100
    return Path(absolute).parent


class Withheld:
    """What a walk does not find, and counts as there: it cannot be looked at, or nobody said that it is not read."""

    def __init__(self, given: str, rules: Rules | None) -> None:
        """`rules`: those that were given outright."""
        self._folder = walked_folder(given)
        self._is_file = os.path.isfile(os.path.abspath(given))  # noqa: PTH100, PTH113
        self._leaving_out = LeavingOut(self._folder, rules)
        self._places: dict[str, Place | Verdict] = {}

    def why(self, name: str) -> str | None:
        """Why a file counts as there; None: it is gone, or somebody said that it is not to be read."""
        if not Path(name).is_relative_to(self._folder):
            return None
        try:
            os.stat(name)  # noqa: PTH116 - as text
        except (FileNotFoundError, NotADirectoryError):
            # What a link leads to may be away for a while.
            return CANNOT_BE_READ if os.path.islink(name) else None  # noqa: PTH114
        except OSError:
            return CANNOT_BE_READ
        verdict = None if self._is_file else self._verdict(os.path.relpath(name, self._folder))
        if verdict is None or verdict.is_said:
            return None
        return f"{verdict.reason}: {verdict.told}" if verdict.told else verdict.reason

    def _verdict(self, inside: str) -> Verdict | None:
        place = self._place(os.path.dirname(inside))  # noqa: PTH120 - as text
        if isinstance(place, Verdict):
            return place
        return self._leaving_out.verdict(place, inside, is_folder=False)

    def _place(self, inside: str) -> Place | Verdict:
        """A folder, or why it is not entered."""
        if inside not in self._places:
            self._places[inside] = self._entered(inside)
        return self._places[inside]

    def _entered(self, inside: str) -> Place | Verdict:
        names = [name for name in MARKS if os.path.lexists(self._folder / inside / name)]
        if not inside:
            return self._leaving_out.top(names)
        above = self._place(os.path.dirname(inside))  # noqa: PTH120
        if isinstance(above, Verdict):
            return above
        verdict = self._leaving_out.verdict(above, inside, is_folder=True)
        if verdict and not self._leaving_out.may_include_below(inside):
            return verdict
        return self._leaving_out.entered(above, inside, names, verdict)


def _walk(folder: Path, root: str, given: Rules | None, deepest: int | None = None) -> Iterator[SourceFile | Skipped]:
    """The files below a folder, `deepest` levels down at most. Links to folders are not followed.

    Of what is to come the names are held, and no more: there may be a million in one folder.
    """
    leaving_out = LeavingOut(folder, given)
    waiting: list[tuple[Place, list[str]]] = []  # each folder that was entered, with what is in it, last name first
    entered: tuple[str, Verdict | None] | None = ("", None)
    while entered or waiting:
        if entered:
            (inside, verdict), entered = entered, None
            try:
                names = sorted(os.listdir(_below(folder, inside)), reverse=True)  # noqa: PTH208 - text
            except OSError as error:
                yield Skipped(_below(folder, inside), error.strerror or CANNOT_BE_READ, is_folder=True)
                continue
            above = waiting[-1][0] if waiting else None
            place = leaving_out.entered(above, inside, names, verdict) if above else leaving_out.top(names)
            waiting.append((place, names))
        place, names = waiting[-1]
        if not names:
            waiting.pop()
            continue
        # As text: a path for each file takes as long as the look at it.
        inside = place.inside + os.sep + names.pop() if place.inside else names.pop()
        path = _below(folder, inside)
        mode = _mode(path)
        is_folder = stat.S_ISDIR(mode)
        verdict = leaving_out.verdict(place, inside, is_folder=is_folder)
        is_deep = deepest is not None and inside.count(os.sep) + 1 >= deepest
        if verdict and not (is_folder and not is_deep and leaving_out.may_include_below(inside)):
            yield Skipped(path, verdict.reason, detail=verdict.told)
        elif not is_folder:
            yield look_at(path, root, leaving_out.bounds, None if stat.S_ISLNK(mode) else inside)
        elif not is_deep:
            entered = inside, verdict


def _below(folder: Path, inside: str) -> str:
    return os.path.join(folder, inside) if inside else str(folder)  # noqa: PTH118


def _mode(path: str) -> int:
    """What stands at a path itself, be it a link; 0 where that cannot be told."""
    try:
        return os.lstat(path).st_mode
    except OSError:
        return 0


def _fixed(given: str) -> str:
    """The folder of a glob above all that it may stand for."""
    return os.path.dirname(given[: next(i for i, char in enumerate(given) if char in "*?[")])  # noqa: PTH120


def _glob(given: str, root: str, rules: Rules | None) -> Iterator[SourceFile | Skipped]:
    """The files that match a pattern; `**` stands for any folders."""
    fixed = _fixed(given)
    folder = Path(os.path.abspath(fixed))  # noqa: PTH100
    pattern = Path(given).parts[len(Path(fixed).parts) :]
    glob = globs.compiled(pattern)
    matched = False
    deepest = None if any(map(globs.is_any_folders, pattern)) else len(pattern)
    for item in _walk(folder, root, rules, deepest):
        if globs.matches(Path(item.name).relative_to(folder).parts, glob):
            matched = True
            yield item
        elif isinstance(item, Skipped) and (item.is_folder or (deepest is None and _is_folder_left_out(item))):
            yield item
    if not matched:
        raise UsageError(f"nothing matches {given}.")


def _is_folder_left_out(item: Skipped) -> bool:
    return item.reason in {IGNORED, VENDORED} and os.path.isdir(item.name)  # noqa: PTH112 - as text
