"""Rules of what is not read, as gitignore has them: one file of them, and what they say of a path. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from ingest.sources.globs import compiled, is_any_folders, matches, split

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ingest.sources.globs import Glob

IGNORE_FILE = ".ingestignore"


class Rule(NamedTuple):
    """What one line says."""

    glob: Glob
    includes: bool
    only_folders: bool
    told: str


class Rules(NamedTuple):
    """The rules of one place, such as a file.

    `depth`: how many folders below the one that is walked it stands; `above`: the folders between it and that one,
    where it stands above. `names`: fits whatever name some rule may stand for, so that most files ask no rule.
    """

    place: str
    rules: tuple[Rule, ...]
    names: re.Pattern[str]
    depth: int = 0
    above: tuple[str, ...] = ()

    def found(self, parts: Sequence[str], *, is_folder: bool) -> Rule | None:
        """The rule that decides over a path, given by its parts below the folder that is walked; the last that fits."""
        if self.names.match(parts[-1]) is None:
            return None
        path = (*self.above, *parts[self.depth :])
        for rule in reversed(self.rules):
            if (is_folder or not rule.only_folders) and matches(path, rule.glob):
                return rule
        return None

    def may_include_below(self, parts: Sequence[str]) -> bool:
        """Whether a rule that includes names something below this folder, by a path that begins with it."""
        path = (*self.above, *parts[self.depth :])
        return any(rule.includes and _leads_below(path, rule.glob) for rule in self.rules)


def read_rules(text: str, place: str = "", *, depth: int = 0, above: tuple[str, ...] = ()) -> Rules | None:
    """The rules that stand in a file; None where there are none. `place`: what people call it."""
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    rules = [_rule(line, f"{place}, line {number}: {line}") for number, line in enumerate(lines, 1)]
    return _rules(place, rules, depth, above)


def given_rules(exclude: Iterable[str], include: Iterable[str]) -> Rules | None:
    """Rules that were given outright; None where there are none. What is to be read goes before what is not."""
    rules = [_rule(line, f"by the rule {line}") for line in exclude]
    rules += [_rule(f"!{line}", f"by the rule {line}") for line in include]
    return _rules("", rules, 0, ())


def first_found(stack: Sequence[Rules], parts: Sequence[str], *, is_folder: bool) -> Rule | None:
    """The rule that decides, of several places: the innermost, which is the last, goes first."""
    for rules in reversed(stack):
        if rule := rules.found(parts, is_folder=is_folder):
            return rule
    return None


def _rules(place: str, rules: Iterable[Rule | None], depth: int, above: tuple[str, ...]) -> Rules | None:
    found = tuple(rule for rule in rules if rule)
    if not found:
        return None
    names = "|".join(dict.fromkeys(rule.glob[-1][-1].pattern for rule in found))
    return Rules(place, found, re.compile(names), depth, above)


def _rule(line: str, told: str) -> Rule | None:
    """The rule of a line; None where it is empty or a comment."""
    if line.startswith("#"):
        return None
    includes = line.startswith("!")
    line = _without_blank_end(line.removeprefix("!"))
    only_folders = line.endswith("/")
    line = line.removesuffix("/")
    parts = split(line.removeprefix("/"))
    if not parts[-1]:
        return None
    if len(parts) == 1 and "/" not in line:
        parts = ["**", "*" if is_any_folders(parts[0]) else parts[0]]  # at any depth
    elif is_any_folders(parts[-1]):
        parts.append("*")  # what is inside, not the folder itself
    return Rule(compiled(parts), includes, only_folders, told)


def _leads_below(path: Sequence[str], glob: Glob) -> bool:
    """Whether a path is that of a folder above all that a glob may stand for."""
    first = glob[0]
    if len(glob) == 1 and len(path) >= len(first):
        return False
    return bool(first) and all(name.match(part) for name, part in zip(first, path, strict=False))


def _without_blank_end(line: str) -> str:
    r"""A line without the blanks at its end, but one that follows a backslash."""
    kept = line.rstrip(" ")
    backslashes = len(kept) - len(kept.rstrip("\\"))
    return line[: len(kept) + 1] if backslashes % 2 else kept
