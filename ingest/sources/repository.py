"""A Git repository as a source, by its URL, at a revision: `git+https://host/repo.git@v1.2#docs`.

The program git brings that one commit, and its files are read out of the repository: nothing is checked out, so no
hook, filter, link or odd path of it does anything. What tells that a file is unchanged is its hash.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import weakref
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import IO, TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from ingest.errors import UsageError
from ingest.folders import private_folder
from ingest.redaction import foreign
from ingest.sources.entries import Entry, target
from ingest.sources.source import Skipped
from ingest.sources.text import UnreadableError
from ingest.sources.trees import Tree, tree_members

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingest.sources.extraction.workers import Limits
    from ingest.sources.ignoring import Rules
    from ingest.sources.members import Member

PREFIX = "git+"
_SCHEMES = ("https", "ssh", "http", "file")
_REVISION = re.compile(r"\w[\w./+-]{0,199}")
_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_FETCH_S = 3600.0
_ANSWER_S = 60.0
_SPOOLED_BYTES = 8_000_000  # of a file that are held in memory
_PIECE = 1_048_576
_LINK_BYTES = 4096
# What git, its helpers and ssh are told of the environment. None of our keys, and no other repository's variables.
_KEPT = re.compile(
    r"(?:PATH|HOME|USER|LOGNAME|LANG|LC_\w+|TMPDIR|TMP|TEMP|SYSTEMROOT|APPDATA|LOCALAPPDATA|USERPROFILE|XDG_\w+"
    r"|SSH_AUTH_SOCK|SSH_AGENT_PID|GIT_SSH|GIT_SSH_COMMAND|GIT_ASKPASS|GIT_CONFIG_\w+|GIT_SSL_\w+|GIT_PROXY_\w+"
    r"|SSL_CERT_FILE|SSL_CERT_DIR|CURL_CA_BUNDLE|https?_proxy|all_proxy|no_proxy)\Z",
    re.IGNORECASE,
)
_CONFIG = (
    *("core.hooksPath=/dev/null", "core.fsmonitor=false", "gc.autoDetach=false", "maintenance.autoDetach=false"),
    *("submodule.recurse=false", "credential.interactive=false", "http.lowSpeedLimit=1000", "http.lowSpeedTime=60"),
)


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository, a revision of it, and a folder in it; empty: all."""

    url: str
    revision: str
    folder: str

    @property
    def root(self) -> str:
        """What its documents record as their source: at another revision they are the same documents."""
        return f"{PREFIX}{self.url}" + (f"#{self.folder}" if self.folder else "")

    @property
    def uri(self) -> str:
        """The folder's URI, to which paths are added."""
        return f"{PREFIX}{self.url}" + (f"/{quote(self.folder)}" if self.folder else "")


def is_repository(given: str) -> bool:
    """Whether what a user names is the URL of a repository."""
    return given.lower().startswith(PREFIX)


def repository(given: str) -> Repository:
    """What a URL says.

    Raises:
        UsageError: it is none, tells a password, or names a revision that is none.
    """
    url, _, folder = given[len(PREFIX) :].partition("#")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise UsageError(f"{PREFIX}… is not a URL: {error}.") from None
    where = f"{PREFIX}{parts.scheme}://{host}/…"
    if parts.scheme not in _SCHEMES or parts.query or (not host and parts.scheme != "file"):
        raise UsageError(f"{where} names no repository: it begins with {PREFIX}https://, {PREFIX}ssh:// or the like.")
    if parts.password is not None or (parts.username is not None and parts.scheme != "ssh"):
        raise UsageError(
            f"a URL with a password would be stored: name {where} without it, and give it as git's own tools take it "
            "(a credential helper, or GIT_ASKPASS)."
        )
    if host.startswith("-") or (parts.username or "").startswith("-"):
        raise UsageError(f"{where} names no host.")
    path, at, revision = parts.path.rpartition("@")
    if not at:
        path, revision = parts.path, "HEAD"
    if not _REVISION.fullmatch(revision) or ".." in revision or not path.strip("/"):
        raise UsageError(f"{where} names no revision: after @ stands a branch, a tag, or the whole hash of a commit.")
    folder = unquote(folder.removeprefix("subdirectory=")).strip("/")
    if ".." in folder.split("/"):
        raise UsageError(f"{where} names no folder of the repository after #.")
    return Repository(parts._replace(path=path.rstrip("/"), fragment="").geturl(), revision, folder)


def require_git() -> None:
    """See that there is a git.

    Raises:
        UsageError: there is none.
    """
    if shutil.which("git") is None:
        raise UsageError(f"{PREFIX}… is read by the program git, and there is none: install it.")


def repository_files(given: str, rules: Rules | None, limits: Limits, cache: Path) -> Iterator[Member | Skipped]:
    """The files of a repository at its revision; `cache`: a folder for what was brought of repositories.

    One that is out of reach tells nothing: it is told as a folder that cannot be listed, and nothing of it is gone.
    """
    wanted = repository(given)
    store = cache / "git" / sha256(wanted.url.encode()).hexdigest()[:32]
    try:
        commit, time = _brought(wanted, store)
        listed = _git(store, "ls-tree", "-r", "-z", "-l", "--full-tree", commit, *_below(wanted.folder)).split(b"\0")
    except _GitError as error:
        yield Skipped(given, str(error), is_folder=True)
        return
    blobs = _Blobs(store)
    files, odd = _entries([line for line in listed if line], wanted.folder, blobs)
    if not files:
        yield Skipped(given, f"nothing in {wanted.folder or 'it'} at {wanted.revision}", is_folder=True)
        return
    metadata = {"path": wanted.folder, "repository": wanted.url, "commit": commit, "committed_at": time}
    tree = Tree(wanted.uri, wanted.root, wanted.uri, files, metadata, limits)
    weakref.finalize(tree, blobs.close)
    for path in odd:
        yield Skipped(f"{wanted.uri}/{path}", "a submodule: name its repository to read it")
    yield from tree_members(tree, rules)


class _GitError(Exception):
    """What git says that it cannot do, in a few words."""


def _below(folder: str) -> list[str]:
    return ["--", f"{folder}/"] if folder else []


def _brought(wanted: Repository, store: Path) -> tuple[str, str]:
    """The revision's commit, which is in the store then, and its time in ISO 8601."""
    scheme = urlsplit(wanted.url).scheme
    if not (store / "HEAD").exists():
        try:
            private_folder(store.parent.parent)
            private_folder(store.parent)
        except OSError as error:
            raise _GitError(f"{store.parent} cannot be made: {error.strerror}") from None
        _git(store, "init", "--quiet", "--bare", "--", str(store))
    name = f"refs/ingest/{sha256(wanted.revision.encode()).hexdigest()[:16]}"
    fetch = ["fetch", "--quiet", "--force", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules"]
    try:
        _git(store, *fetch, "--depth=1", "--", wanted.url, f"+{wanted.revision}:{name}", scheme=scheme)
        found = f"{name}^{{commit}}"
    except _GitError:
        if not _HASH.fullmatch(wanted.revision):
            raise
        # Not every server gives a commit by its hash: it is in the history then.
        everything = ("+refs/heads/*:refs/ingest/all/heads/*", "+refs/tags/*:refs/ingest/all/tags/*")
        _git(store, *fetch, "--", wanted.url, *everything, scheme=scheme)
        found = f"{wanted.revision}^{{commit}}"
    commit = _git(store, "rev-parse", "--verify", "--quiet", "--end-of-options", found).decode().strip()
    time = _git(store, "show", "-s", "--format=%cI", "--end-of-options", commit).decode().strip()
    return commit, time


def _entries(lines: list[bytes], folder: str, blobs: _Blobs) -> tuple[dict[str, Entry], list[str]]:
    """The files of a commit, by their paths in the folder; and what in it is another repository."""
    files: dict[str, Entry] = {}
    odd = []
    for line in lines:
        told, _, raw = line.partition(b"\t")
        mode, kind, blob, size = told.decode().split()
        path = raw.decode(errors="replace").removeprefix(f"{folder}/" if folder else "")
        if kind != "blob":
            odd.append(path)
            continue
        link = None
        if mode == "120000" and int(size) <= _LINK_BYTES:
            with blobs.opened(blob) as stream:
                link = target(path, stream.read().decode(errors="replace"))
        files[path] = Entry(raw, int(size), blob, partial(blobs.opened, blob), link)
    return files, odd


class _Blobs:
    """The files of a repository by their hashes: one process of git that reads them as long as they are wanted."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._process: subprocess.Popen[bytes] | None = None

    def opened(self, blob: str) -> IO[bytes]:
        """A file, open to read.

        Raises:
            UnreadableError: it is not there.
        """
        if self._process is None:
            self._process = subprocess.Popen(
                _command(self._store, "cat-file", "--batch"),
                env=_environment(None),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        process = self._process
        assert process.stdin is not None  # noqa: S101 - they are pipes
        assert process.stdout is not None  # noqa: S101
        process.stdin.write(f"{blob}\n".encode())
        process.stdin.flush()
        answer = process.stdout.readline().split()
        if len(answer) != 3:
            raise UnreadableError("git has no such file any more")
        left = int(answer[2])
        spooled: IO[bytes] = tempfile.SpooledTemporaryFile(_SPOOLED_BYTES, prefix="ingest-")  # noqa: SIM115
        while left and (piece := process.stdout.read(min(left, _PIECE))):
            spooled.write(piece)
            left -= len(piece)
        process.stdout.read(1)
        spooled.seek(0)
        return spooled

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.communicate()
            self._process = None


def _command(store: Path, *arguments: str) -> list[str]:
    return ["git", *(part for setting in _CONFIG for part in ("-c", setting)), f"--git-dir={store}", *arguments]


def _environment(scheme: str | None) -> dict[str, str]:
    """What git is told: to ask nobody, and to speak with nothing but the user's server."""
    kept = {name: value for name, value in os.environ.items() if _KEPT.match(name)}
    allowed = {"https", "ssh", *([scheme] if scheme else [])}  # as the user's own configuration may rewrite URLs
    return {
        "GIT_SSH_COMMAND": "ssh -o BatchMode=yes",
        **kept,
        "GIT_TERMINAL_PROMPT": "0",
        "SSH_ASKPASS_REQUIRE": "never",
        "GIT_ALLOW_PROTOCOL": ":".join(sorted(allowed)),
        "LC_ALL": "C",
    }


def _git(store: Path, *arguments: str, scheme: str | None = None) -> bytes:
    """What git answers.

    Raises:
        _GitError: it cannot.
    """
    try:
        done = subprocess.run(
            _command(store, *arguments),
            capture_output=True,
            check=False,
            env=_environment(scheme),
            stdin=subprocess.DEVNULL,
            timeout=_FETCH_S if scheme else _ANSWER_S,
        )
    except subprocess.TimeoutExpired:
        raise _GitError("git was not done in time") from None
    except OSError as error:
        raise _GitError(f"git cannot be started: {error.strerror}") from None
    if done.returncode:
        lines = [line for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
        said = next((line for line in lines if line.startswith(("fatal:", "error:"))), lines[-1] if lines else "")
        raise _GitError(foreign(said.removeprefix("fatal: "), 200) or f"git ended with {done.returncode}")
    return done.stdout
