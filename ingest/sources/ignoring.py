"""`.ingestignore`: what of a folder is not read, by the rules of gitignore."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ingest.sources.globs import compiled, is_any_folders, matches

if TYPE_CHECKING:
    from pathlib import Path

    from ingest.sources.globs import Glob

IGNORE_FILE = ".ingestignore"


class Rule(NamedTuple):
    """What one line says."""

    glob: Glob
    includes: bool
    only_folders: bool


class Rules(NamedTuple):
    """The rules of one such file; `folder`: where it stands, below the folder that is walked."""

    folder: Path
    rules: tuple[Rule, ...]


def read_rules(text: str, folder: Path) -> Rules:
    """The rules that stand in a file."""
    lines = (line.removesuffix("\r") for line in text.split("\n"))
    return Rules(folder, tuple(rule for line in lines if (rule := _rule(line))))


def is_ignored(path: Path, *, is_folder: bool, rules: tuple[Rules, ...]) -> bool:
    """Whether rules say that a path, below the folder that is walked, is not read: the innermost ones that name it."""
    for inner in reversed(rules):
        parts = path.relative_to(inner.folder).parts
        for rule in reversed(inner.rules):
            if (is_folder or not rule.only_folders) and matches(parts, rule.glob):
                return not rule.includes
    return False


def _rule(line: str) -> Rule | None:
    """The rule of a line; None where it is empty or a comment."""
    if line.startswith("#"):
        return None
    includes = line.startswith("!")
    line = _without_blank_end(line.removeprefix("!"))
    only_folders = line.endswith("/")
    line = line.removesuffix("/")
    parts = line.removeprefix("/").split("/")
    if not parts[-1]:
        return None
    if "/" not in line:
        parts = ["**", *parts]  # at any depth
    elif is_any_folders(parts[-1]):
        parts.append("*")  # what is inside, not the folder itself
    return Rule(compiled(parts), includes, only_folders)


def _without_blank_end(line: str) -> str:
    r"""A line without the blanks at its end, but one that follows a backslash."""
    kept = line.rstrip(" ")
    backslashes = len(kept) - len(kept.rstrip("\\"))
    return line[: len(kept) + 1] if backslashes % 2 else kept
