"""Files that are hostile or odd: passed over with a reason, never followed out of the folder, never waited for."""

from __future__ import annotations

import os
import shutil
import subprocess
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from ingest.sources.files import SourceFile, find_files
from ingest.sources.text import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAX_BYTES = 1_000_000
GIGABYTE = 1 << 30
LEADS_OUT = "a link that leads out of the given folder"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder, beside it one that is not given."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "a.md").write_text("secret")
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder"


def write(path: Path, text: str = "words") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def taken(folder: Path, *given: Path | str) -> dict[str, str]:
    """What stands in the files, or why one was passed over, by name."""
    found = {}
    for item in find_files([str(path) for path in given or (folder,)]):
        name = os.path.relpath(item.name, folder)
        assert name not in found
        if isinstance(item, SourceFile):
            try:
                found[name] = item.read(MAX_BYTES).text
            except UnreadableError as error:
                found[name] = f"unreadable: {error}"
        else:
            found[name] = f"skipped: {item.reason}"
    return found


def looked_at(path: Path) -> SourceFile:
    (file,) = (item for item in find_files([str(path)]) if isinstance(item, SourceFile))
    return file


def test_a_gigabyte_is_passed_over_unread(folder: Path) -> None:
    write(folder / "big.md")
    os.truncate(folder / "big.md", GIGABYTE)

    tracemalloc.start()
    found = taken(folder)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert found == {"big.md": f"unreadable: {GIGABYTE:,} bytes, over max_document_bytes ({MAX_BYTES:,})"}
    assert peak < MAX_BYTES


def test_a_file_that_grows_to_a_gigabyte_is_read_no_further_than_the_limit(folder: Path) -> None:
    file = looked_at(write(folder / "a.md"))
    os.truncate(folder / "a.md", GIGABYTE)

    tracemalloc.start()
    with pytest.raises(UnreadableError, match="grew over max_document_bytes"):
        file.read(MAX_BYTES)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 3 * MAX_BYTES


def test_dots_in_a_given_path_make_no_other_document(folder: Path) -> None:
    write(folder / "deep" / "a.md")
    plain, dotted = looked_at(folder), looked_at(folder / "deep" / ".." / ".." / folder.name)

    assert plain == dotted


@pytest.mark.parametrize("pattern", ["", "**/*.md", "**"])
def test_no_link_leads_out_of_the_given_folder(folder: Path, pattern: str) -> None:
    write(folder / "a.md")
    write(folder / "deep" / "b.md")
    (folder / "inner.md").symlink_to("deep/b.md")
    (folder / "outer.md").symlink_to("../secrets/a.md")
    (folder / "absolute.md").symlink_to(folder.parent / "secrets" / "a.md")
    (folder / "around.md").symlink_to(f"../{folder.name}/../secrets/a.md")
    (folder / "dangling.md").symlink_to("nowhere.md")
    (folder / "outer").symlink_to("../secrets")
    (folder / "inner").symlink_to("deep")

    found = taken(folder, folder / pattern)

    assert found.items() >= {
        ("a.md", "words"),
        ("deep/b.md", "words"),
        ("inner.md", "words"),
        ("outer.md", f"skipped: {LEADS_OUT}"),
        ("absolute.md", f"skipped: {LEADS_OUT}"),
        ("around.md", f"skipped: {LEADS_OUT}"),
        ("dangling.md", "skipped: No such file or directory"),
    }
    assert found.keys() <= {path.name for path in folder.iterdir()} | {"deep/b.md"}
    assert "secret" not in found.values()


@pytest.mark.parametrize("pattern", ["", "**/*.md"])
def test_loops_of_links_end(folder: Path, pattern: str) -> None:
    write(folder / "a.md")
    (folder / "self.md").symlink_to("self.md")
    (folder / "one.md").symlink_to("two.md")
    (folder / "two.md").symlink_to("one.md")
    for name in ("here", "there"):  # followed, they would be two to the forty ways
        (folder / name).symlink_to(".")
    for number in range(1200):
        (folder / f"chain{number}.md").symlink_to(f"chain{number + 1}.md")

    found = taken(folder, folder / pattern)

    assert found["a.md"] == "words"
    assert {found[name] for name in ("self.md", "one.md", "two.md", "chain0.md")} == {
        "skipped: Too many levels of symbolic links"
    }
    assert not any(name.startswith(("here/", "there/")) for name in found)


def test_folders_below_folders_without_end_are_walked(folder: Path) -> None:
    path = folder
    for _ in range(1500):
        path /= "d"
        path.mkdir()
    write(path / "a.md")

    try:
        found = [list(taken(path, given).values()) for given in (folder, folder / "**" / "*.md")]
    finally:
        subprocess.run(["rm", "-r", folder], check=True)  # shutil's goes down by recursion

    assert found == [["words"], ["words"]]


def test_of_a_large_folder_the_names_are_held_and_no_more(folder: Path) -> None:
    for number in range(5_000):
        (folder / f"{number:06}.md").touch()
    next(find_files([str(folder)]))  # what is read once

    tracemalloc.start()
    found = sum(1 for _ in find_files([str(folder)]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert found == 5_000
    assert peak < found * 130  # a name of nine letters, and its place in a list twice: 74


def test_devices_are_not_read(folder: Path) -> None:
    assert list(taken(folder, "/dev/zero", "/dev/tty").values()) == ["skipped: not a regular file"] * 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
def test_what_may_not_be_read_is_passed_over(folder: Path) -> None:
    write(folder / "a.md")
    write(folder / "closed.md").chmod(0)
    write(folder / "closed" / "b.md")
    (folder / "closed").chmod(0)

    found = taken(folder)
    (folder / "closed").chmod(0o700)

    assert found == {
        "a.md": "words",
        "closed.md": "unreadable: Permission denied",
        "closed": "skipped: Permission denied",
    }


def to_link_out(path: Path) -> None:
    path.unlink()
    path.symlink_to("../../secrets/a.md")


def to_folder_link_out(path: Path) -> None:
    shutil.rmtree(path.parent)
    path.parent.symlink_to("../secrets")


def to_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def to_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("become", [os.unlink, to_folder, to_fifo, to_link_out, to_folder_link_out])
def test_what_became_another_thing_after_it_was_looked_at_is_not_read(
    folder: Path, become: Callable[[Path], None]
) -> None:
    path = write(folder / "deep" / "a.md")
    file = looked_at(folder)
    become(path)

    with pytest.raises(UnreadableError):
        file.read(MAX_BYTES)


def test_a_pattern_takes_what_it_names_and_nothing_else(folder: Path) -> None:
    for name in ("a.md", "b.txt", "x/a.md", "x/y/a.md", "x/y/b.txt", ".hidden/a.md", "x/.hidden.md"):
        write(folder / name)

    def matched(pattern: str) -> list[str]:
        return [name for name, text in taken(folder, folder / pattern).items() if text == "words"]

    assert matched("*") == ["a.md", "b.txt"]
    assert matched("*.md") == ["a.md"]
    assert matched("*/*.md") == ["x/a.md"]
    assert matched("**/*.md") == ["a.md", "x/a.md", "x/y/a.md"]
    assert matched("**/y/[ab].*") == ["x/y/a.md", "x/y/b.txt"]
    assert matched("x/**") == ["x/a.md", "x/y/a.md", "x/y/b.txt"]
    assert matched(".hidden/*") == [".hidden/a.md"]
