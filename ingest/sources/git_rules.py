"""What git leaves out of a work tree: the rules above a folder, those of the repository, and those of the user.

git itself is asked for one thing, where the user's own rules stand (`core.excludesFile`); where there is no git, they
are looked for where it has them by default. As to git, the work tree of another repository has rules of its own.
"""

from __future__ import annotations

import os
import stat
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.errors import UsageError
from ingest.sources.encodings import decoded
from ingest.sources.ignoring import Rules, read_rules
from ingest.sources.text import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Collection

GIT = ".git"
GIT_IGNORE = ".gitignore"
MAX_RULES_BYTES = 1_000_000
_GIT_DIR = "gitdir:"  # how the file `.git` of a submodule, or of one more work tree, begins
_PATIENCE_S = 20.0


def is_work_tree(folder: Path, names: Collection[str] | None = None) -> bool:
    """Whether a folder is the top of a work tree; `names`: what is in it, where that is known."""
    if names is not None and GIT not in names:
        return False
    return _git_dir(folder) is not None


def inherited_rules(folder: Path) -> tuple[Rules, ...] | None:
    """The rules for a folder that stand above it, the innermost last; None where it is in no work tree."""
    top = next((above for above in folder.parents if is_work_tree(above)), None)
    if top is None:
        return None
    between = folder.relative_to(top).parts
    rules = list(repository_rules(top, above=between))
    for depth in range(len(between)):
        path = top.joinpath(*between[:depth], GIT_IGNORE)
        if found := read_git_ignore(path, str(path), above=between[depth:]):
            rules.append(found)
    return tuple(rules)


def repository_rules(top: Path, *, depth: int = 0, above: tuple[str, ...] = ()) -> tuple[Rules, ...]:
    """The rules of the user and of the repository, for the work tree of this top folder."""
    paths = [_users_rules(top)]
    if git_dir := _git_dir(top):
        paths.append(_common_dir(git_dir) / "info" / "exclude")
    found = (_read(path, str(path), depth=depth, above=above) for path in paths if path)
    return tuple(rules for rules in found if rules)


def read_git_ignore(path: Path, place: str, *, depth: int = 0, above: tuple[str, ...] = ()) -> Rules | None:
    """The rules of a .gitignore; None where there are none. A link is none, as to git."""
    with suppress(OSError):
        if stat.S_ISREG(path.lstat().st_mode):
            return _read(path, place, depth=depth, above=above)
    return None


def _read(path: Path, place: str, *, depth: int, above: tuple[str, ...]) -> Rules | None:
    try:
        if not path.is_file():
            return None
        with path.open("rb") as stream:
            text = decoded(stream.read(MAX_RULES_BYTES)).text
    except (OSError, UnreadableError) as error:
        # Without them too much would be read.
        raise UsageError(f"{path} cannot be read ({getattr(error, 'strerror', None) or error}): fix it.") from None
    return read_rules(text, place, depth=depth, above=above)


def _git_dir(top: Path) -> Path | None:
    """Where git keeps the repository of a work tree."""
    path = top / GIT
    try:
        if path.is_dir():
            return path if (path / "HEAD").exists() or (path / "HEAD").is_symlink() else None
        if not path.is_file():
            return None
        with path.open(encoding="utf-8", errors="surrogateescape") as stream:
            line = stream.readline(4096)
    except OSError:
        return None
    return top / line.removeprefix(_GIT_DIR).strip() if line.startswith(_GIT_DIR) else None


def _common_dir(git_dir: Path) -> Path:
    """What all work trees of a repository share."""
    with suppress(OSError):
        return git_dir / (git_dir / "commondir").read_text(encoding="utf-8", errors="surrogateescape").strip()
    return git_dir


def _users_rules(top: Path) -> Path | None:
    """The user's own rules, for all repositories."""
    home = os.environ.get("HOME", "")
    default = Path(os.environ.get("XDG_CONFIG_HOME") or Path(home, ".config")) / "git" / "ignore"
    # A hook of git's sets variables that are about another repository.
    environment = {name: value for name, value in os.environ.items() if name not in {"GIT_DIR", "GIT_WORK_TREE"}}
    try:
        done = subprocess.run(
            ["git", "-C", top, "config", "--path", "--get", "core.excludesFile"],
            capture_output=True,
            check=False,
            env=environment,
            stdin=subprocess.DEVNULL,
            timeout=_PATIENCE_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return default
    if done.returncode:
        return default
    named = os.fsdecode(done.stdout.rstrip(b"\n"))
    return top / named if named else None
