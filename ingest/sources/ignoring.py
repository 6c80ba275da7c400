"""`.ingestignore`: what of a folder is not read, by the rules of gitignore."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ingest.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from pathspec import GitIgnoreSpec

IGNORE_FILE = ".ingestignore"


class Rules(NamedTuple):
    """The rules of one such file; `folder`: where it stands, below the folder that is walked."""

    folder: Path
    spec: GitIgnoreSpec


def read_rules(text: str, folder: Path, name: str) -> Rules:
    """The rules that stand in a file of this name.

    Raises:
        UsageError: a rule is none.
    """
    from pathspec import GitIgnoreSpec
    from pathspec.patterns.gitignore import GitIgnorePatternError

    try:
        return Rules(folder, GitIgnoreSpec.from_lines(text.splitlines()))
    except GitIgnorePatternError as error:
        raise UsageError(f"{name} cannot be followed: {error}.") from None


def is_ignored(path: Path, *, is_folder: bool, rules: tuple[Rules, ...]) -> bool:
    """Whether rules say that a path, below the folder that is walked, is not read: the innermost ones that name it."""
    for inner in reversed(rules):
        relative = path.relative_to(inner.folder).as_posix() + "/" * is_folder
        included = inner.spec.check_file(relative).include
        if included is not None:
            return included
    return False
