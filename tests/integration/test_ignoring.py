"""`.ingestignore`: the same files are left out that git leaves out."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from ingest.errors import UsageError
from ingest.sources.files import SourceFile, find_files

if TYPE_CHECKING:
    from pathlib import Path

    from workshop import Workshop

NAMES = (
    "a.md a.log keep.log build/a.md build/deep/b.md src/build/a.md src/build.md drafts/a.md src/drafts/a.md old/a.md "
    "src/old/keep.log src/deep/old/a.md src/a.log src/deep/a.log src/deep/keep.log has#hash.md has!mark.md "
    "日本/資料.md foo/bar/a.md foo/baz/a.md vendor/a.md vendor/ours/a.md"
).split()
RULES = {
    ".ingestignore": "# rules\n\n*.log\n!keep.log\nbuild/\n/drafts\n**/old/\n\\#*\nfoo/*\n!foo/baz\nvendor\n"
    "!vendor/ours/\n資料.md\nspaced\\ name.md\nhas\\!*\n",
    "src/.ingestignore": "!a.log\ndeep/*.log\n!/build/\n",
    "src/deep/.ingestignore": "!keep.log\n",
}


def taken(folder: Path) -> set[str]:
    return {os.path.relpath(item.name, folder) for item in find_files([str(folder)]) if isinstance(item, SourceFile)}


def write(folder: Path, names: list[str], rules: dict[str, str]) -> None:
    for name, text in {**dict.fromkeys(names, "words"), **rules}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git to compare with")
def test_what_git_leaves_out_is_left_out(tmp_path: Path) -> None:
    names = [*NAMES, "spaced name.md"]
    write(tmp_path, names, RULES)
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    listed = subprocess.run(
        ["git", "-C", tmp_path, "ls-files", "-z", "--others", "--exclude-per-directory=.ingestignore"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\0")

    expected = {name for name in listed if name and not name.endswith(".ingestignore")}

    assert 0 < len(expected) < len(names)
    assert taken(tmp_path) == expected


def test_what_is_ignored_is_counted_and_leaves_the_corpus(workshop: Workshop) -> None:
    write(workshop.folder, ["a.md", "b.md", "drafts/a.md", "drafts/b.md"], {})
    with workshop.pipeline() as pipeline:
        first = pipeline.sync([str(workshop.folder)])
        workshop.write(".ingestignore", "drafts\nb.md\n")
        second = pipeline.sync([str(workshop.folder)])
        given = pipeline.sync([str(workshop.folder / "b.md")])

    assert (first.documents_new, second.documents_gone) == (4, 3)
    assert (second.skipped_ignored, second.skipped_hidden, second.skipped_count) == (2, 1, 0)
    assert given.documents_new == 1


def test_rules_that_cannot_be_read_stop_the_sync(workshop: Workshop) -> None:
    workshop.write("a.md", "words")
    (workshop.folder / ".ingestignore").mkdir()

    with workshop.pipeline() as pipeline, pytest.raises(UsageError, match=r"\.ingestignore cannot be read"):
        pipeline.sync([str(workshop.folder)])
