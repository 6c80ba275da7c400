"""What of a folder is not read, and why: by rules that were given, by .ingestignore, by git, by its name.

The first of these that has something to say of a file or a folder decides. What git leaves out, and what is left out
because of its name, nobody said of this corpus: documents of it that are there already are kept (`Verdict.is_said`).
"""

from __future__ import annotations

import os
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from ingest.errors import UsageError
from ingest.sources.encodings import decoded
from ingest.sources.git_rules import (
    GIT,
    GIT_IGNORE,
    MAX_RULES_BYTES,
    inherited_rules,
    is_work_tree,
    read_git_ignore,
    repository_rules,
)
from ingest.sources.ignoring import IGNORE_FILE, Rules, first_found, read_rules
from ingest.sources.local_file import open_inside, real_path
from ingest.sources.source import HIDDEN, IGNORED, LOCK_FILE, MINIFIED, VENDORED
from ingest.sources.text import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

_VENDORED = frozenset(
    "node_modules bower_components jspm_packages vendor third_party third-party site-packages dist-packages venv .venv "
    "__pycache__ __pypackages__ Pods Carthage".split()
)
MARKS = (GIT, GIT_IGNORE, IGNORE_FILE)  # names in a folder that change what is left out of it
_VENV_MARK = "pyvenv.cfg"  # which each has, whatever its name
_LOCK_FILES = frozenset(
    "package-lock.json npm-shrinkwrap.json yarn.lock pnpm-lock.yaml bun.lock bun.lockb deno.lock Cargo.lock "
    "poetry.lock uv.lock pdm.lock pixi.lock Pipfile.lock pylock.toml conda-lock.yml composer.lock Gemfile.lock go.sum "
    "go.work.sum flake.lock mix.lock pubspec.lock packages.lock.json Podfile.lock gradle.lockfile "
    "Package.resolved".split()
)
_MINIFIED = (".min.js", ".min.mjs", ".min.cjs", ".min.css", "-min.js", "-min.css", ".js.map", ".mjs.map", ".css.map")
_SEARCH_INDEXES = {"searchindex.js", "search_index.json"}  # of Sphinx and MkDocs: all words of a site once more


class Verdict(NamedTuple):
    """Why something is not read. `is_said`: somebody said so of this corpus."""

    reason: str
    told: str
    is_said: bool


class Place(NamedTuple):
    """A folder that is walked, and the rules for what is in it.

    `inside`: where it is below the one that is given. `git`: None where it is in no work tree. `left_out`: it is, and
    something below it is to be read all the same.
    """

    inside: str = ""
    own: tuple[Rules, ...] = ()
    git: tuple[Rules, ...] | None = None
    left_out: Verdict | None = None


class LeavingOut:
    """What is left out of a folder that is given."""

    def __init__(self, folder: Path, given: Rules | None) -> None:
        """`given`: rules that were given outright."""
        self.bounds = real_path(folder)
        self._folder = folder
        self._given = given

    def top(self, names: Collection[str]) -> Place:
        """The given folder itself, in which these names are.

        Raises:
            UsageError: rules cannot be read: without them too much would be.
        """
        return self._with_rules(Place(git=inherited_rules(self.bounds)), names)

    def entered(self, above: Place, inside: str, names: Collection[str], left_out: Verdict | None) -> Place:
        """A folder in that one, in which these names are.

        Raises:
            UsageError: rules cannot be read.
        """
        return self._with_rules(above._replace(inside=inside, left_out=left_out), names)

    def verdict(self, place: Place, inside: str, *, is_folder: bool) -> Verdict | None:
        """Why something in this place is not read; None: it is."""
        parts = _parts(inside)
        if self._given and (rule := self._given.found(parts, is_folder=is_folder)):
            return None if rule.includes else Verdict(IGNORED, rule.told, is_said=True)
        if place.left_out:
            return place.left_out
        if parts[-1].startswith("."):
            return Verdict(HIDDEN, "", is_said=True)
        if place.own and (rule := first_found(place.own, parts, is_folder=is_folder)):
            return None if rule.includes else Verdict(IGNORED, rule.told, is_said=True)
        if place.git and (rule := first_found(place.git, parts, is_folder=is_folder)):
            return None if rule.includes else Verdict(IGNORED, rule.told, is_said=False)
        return self._by_its_name(inside, parts[-1], is_folder=is_folder)

    def may_include_below(self, inside: str) -> bool:
        """Whether something in a folder that is left out is to be read all the same."""
        return self._given is not None and self._given.may_include_below(_parts(inside))

    def _by_its_name(self, inside: str, name: str, *, is_folder: bool) -> Verdict | None:
        if is_folder and os.path.lexists(os.path.join(self._folder, inside, _VENV_MARK)):  # noqa: PTH118 - as text
            return Verdict(VENDORED, "", is_said=False)
        return _verdict_by_name(name, is_folder=is_folder)

    def _with_rules(self, place: Place, names: Collection[str]) -> Place:
        """A place with the rules that stand in it."""
        inside, own, git = place.inside, place.own, place.git
        depth = inside.count(os.sep) + 1 if inside else 0
        if is_work_tree(self.bounds / inside, names):
            git = repository_rules(self.bounds / inside, depth=depth)
        if git is not None and GIT_IGNORE in names:
            told = os.path.join(inside, GIT_IGNORE)  # noqa: PTH118 - as text
            rules = read_git_ignore(self.bounds / inside / GIT_IGNORE, told, depth=depth)
            git = (*git, rules) if rules else git
        if IGNORE_FILE in names and (rules := self._read_own(inside, depth)):
            own = (*own, rules)
        return place._replace(own=own, git=git)

    def _read_own(self, inside: str, depth: int) -> Rules | None:
        path = os.path.join(inside, IGNORE_FILE)  # noqa: PTH118 - as text
        try:
            with os.fdopen(open_inside(self.bounds, path), "rb") as stream:
                text = decoded(stream.read(MAX_RULES_BYTES)).text
        except (OSError, UnreadableError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UsageError(f"{self._folder / path} cannot be read ({reason}): fix it.") from None
        return read_rules(text, path, depth=depth)


def _parts(inside: str) -> list[str]:
    return inside.split(os.sep)  # noqa: PTH206 - as text


def verdict_of_object(inside: str, given: Rules | None) -> Verdict | None:
    """Why an object is not read, by where it is below what was given; None: it is."""
    return verdict_inside(inside, given, hides=False)[0]


def verdict_inside(
    inside: str,
    given: Rules | None,
    own: Mapping[str, Rules] = MappingProxyType({}),
    marked: Collection[str] = (),
    *,
    hides: bool = True,
) -> tuple[Verdict | None, str]:
    """Why something is not read by its path alone, and what of that path it is said of; None: it is read.

    `own`: the rules of .ingestignore files, by the folder they stand in; `marked`: folders that are virtual
    environments; `hides`: whether what is hidden is left out here.
    """
    parts = inside.split("/")
    left_out: Verdict | None = None
    for depth in range(1, len(parts) + 1):
        path, is_folder = parts[:depth], depth < len(parts)
        if given and (rule := given.found(path, is_folder=is_folder)):
            left_out = None if rule.includes else Verdict(IGNORED, rule.told, is_said=True)
        elif left_out is None:
            left_out = _verdict_of_path(path, own, marked, is_folder=is_folder, hides=hides)
        if left_out and not (is_folder and given and given.may_include_below(path)):
            return left_out, "/".join(path)
    return None, inside


def _verdict_of_path(
    path: Sequence[str], own: Mapping[str, Rules], marked: Collection[str], *, is_folder: bool, hides: bool
) -> Verdict | None:
    if hides and path[-1].startswith("."):
        return Verdict(HIDDEN, "", is_said=True)
    within = [rules for depth in range(len(path)) if (rules := own.get("/".join(path[:depth])))] if own else []
    if within and (rule := first_found(within, path, is_folder=is_folder)):
        return None if rule.includes else Verdict(IGNORED, rule.told, is_said=True)
    if is_folder and "/".join(path) in marked:
        return Verdict(VENDORED, "", is_said=False)
    return _verdict_by_name(path[-1], is_folder=is_folder)


def _verdict_by_name(name: str, *, is_folder: bool) -> Verdict | None:
    if is_folder:
        return Verdict(VENDORED, "", is_said=False) if name in _VENDORED else None
    if name in _LOCK_FILES:
        return Verdict(LOCK_FILE, "", is_said=False)
    is_minified = name.endswith(_MINIFIED) or name in _SEARCH_INDEXES
    return Verdict(MINIFIED, "", is_said=False) if is_minified else None
