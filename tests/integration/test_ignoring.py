"""What is left out of a folder: the same files that git leaves out, and what nobody wrote; all of it told."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingest.errors import UsageError
from ingest.sources.files import Files, SourceFile, find_files
from ingest.sources.source import Skipped
from ingest.sources.text import UnreadableError

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


def git(folder: Path, *arguments: str | Path) -> str:
    return subprocess.run(["git", "-C", folder, *arguments], check=True, capture_output=True, text=True).stdout


@pytest.fixture(name="home")
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's home, with the rules that he has for all repositories."""
    if shutil.which("git") is None:
        pytest.skip("there is no git to compare with")
    home = tmp_path / "home"
    write(home, [], {".config/git/ignore": "*.bak\n", "mine": "*.mine\n"})
    for name in [name for name in os.environ if name.startswith(("GIT_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    return home


NESTED = {
    ".gitignore": "*.log\n/build/\ndeep/**/x.md\n!keep.log\nsub/private/\n",
    "src/.gitignore": "!a.log\n/local.md\n",
    "src/inner/.gitignore": "local.md\n!../a.log\n[a-!]dd.md\n",
}
IN_A_TREE = (
    "a.md a.log keep.log build/a.md src/build/a.md src/a.log src/local.md src/inner/a.log src/inner/local.md "
    "src/inner/add.md src/inner/a/local.md deep/x.md deep/a/b/x.md a.bak src/a.bak a.mine info.txt src/info.txt "
    "sub/private/a.md sub/a.md"
).split()


@pytest.mark.parametrize("names_a_file", [False, True])
def test_a_work_tree_is_read_as_git_lists_it(home: Path, tmp_path: Path, names_a_file: bool) -> None:
    """Nested rules, those of the repository, and those of the user, where he says they are or by default."""
    tree = tmp_path / "tree"
    write(tree, IN_A_TREE, NESTED)
    git(tmp_path, "init", "-q", tree)
    (tree / ".git/info").mkdir(exist_ok=True)
    (tree / ".git/info/exclude").write_text("info.txt\n")
    if names_a_file:
        git(tree, "config", "--global", "core.excludesFile", "~/mine")
    listed = git(tree, "ls-files", "-z", "--others", "--exclude-standard").split("\0")

    expected = {name for name in listed if name and not name.endswith(".gitignore")}

    assert taken(tree) == expected
    assert ("a.mine" in expected, "a.bak" in expected) == (not names_a_file, names_a_file)
    below = {name.removeprefix("src/") for name in expected if name.startswith("src/")}
    assert taken(tree / "src") == below
    assert taken(tree / "build") == {"a.md"}  # what is named is read
    assert len(list((home / ".config").iterdir())) == 1


@pytest.fixture(name="tree", scope="module")
def _tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("git") is None:
        pytest.skip("there is no git to compare with")
    tree = tmp_path_factory.mktemp("tree")
    subprocess.run(["git", "init", "-q", tree], check=True)
    return tree


PIECES = ["*", "**", "?", "/", "/**/", "a", "b", "ab", "[ab]", "[!a]", "[b-a]", "\\\\a", "!", "#", "a/b"]
LINES = st.lists(st.lists(st.sampled_from(PIECES), min_size=1, max_size=4).map("".join), max_size=3)
PATHS = st.lists(
    st.lists(st.sampled_from(["a", "b", "ab", "#b", "!a"]), min_size=1, max_size=4).map("/".join), min_size=1
)


@given(rules=st.dictionaries(st.sampled_from(["", "a/", "a/b/", "b/", "!a/"]), LINES), paths=PATHS, excluded=LINES)
@example(rules={"": ["*", "!a/"], "a/": ["!b"]}, paths=["a/a", "a/b", "b"], excluded=["a/b"])
def test_odd_rules_in_odd_places_leave_out_what_git_leaves_out(
    tree: Path, rules: dict[str, list[str]], paths: list[str], excluded: list[str]
) -> None:
    for old in tree.iterdir():
        if old.name != ".git":
            shutil.rmtree(old) if old.is_dir() else old.unlink()
    names = [path for path in paths if not any(other.startswith(f"{path}/") for other in (*paths, *rules))]
    write(tree, names, {f"{folder}.gitignore": "\n".join(lines) for folder, lines in rules.items()})
    (tree / ".git/info").mkdir(exist_ok=True)
    (tree / ".git/info/exclude").write_text("\n".join(excluded))

    listed = git(tree, "-c", "core.excludesFile=", "ls-files", "-z", "--others", "--exclude-standard").split("\0")

    assert taken(tree) == {name for name in listed if name and not name.endswith(".gitignore")}


def test_a_work_tree_in_a_work_tree_has_rules_of_its_own(home: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    write(tree, ["a.md", "a.log", "other/a.log", "other/a.md", "other/b.txt", "link/a.txt"], {".gitignore": "*.log\n"})
    git(tmp_path, "init", "-q", tree)
    git(tmp_path, "init", "-q", tree / "other")
    (tree / "other/.gitignore").write_text("*.txt\n")
    git(tree, "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-q", "--allow-empty", "-m", "first")
    git(tree, "worktree", "add", "-q", tmp_path / "second")
    write(tmp_path / "second", ["a.md", "b.log"], {})
    (tree / ".git/info/exclude").write_text("b.log\n")
    (tree / "link/.gitignore").symlink_to(tree / "other/.gitignore")  # to git, a link is no such file

    assert taken(tree) == {"a.md", "other/a.log", "other/a.md", "link/a.txt"}
    assert taken(tmp_path / "second") == {"a.md"}
    assert home.is_dir()


def test_without_a_work_tree_git_has_no_say(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    write(folder, ["a.md", "b.log", ".git/config"], {".gitignore": "*.log\n"})

    assert taken(folder) == {"a.md", "b.log"}
    assert home.is_dir()


CODE = {
    "vendored code": "node_modules/a/readme.md vendor/b.go deep/third_party/c.md env/pyvenv.cfg env/lib/d.py",
    "lock file": "package-lock.json deep/Cargo.lock uv.lock go.sum",
    "minified": "app.min.js deep/site.min.css app.js.map deep/searchindex.js",
}


def test_code_of_others_locks_and_minified_files_are_left_out(tmp_path: Path) -> None:
    names = [name for each in CODE.values() for name in each.split()]
    write(tmp_path, ["a.md", "src/vendors.md", "env.md", *names], {})

    found = list(find_files([str(tmp_path)]))

    assert {os.path.relpath(item.name, tmp_path) for item in found if isinstance(item, SourceFile)} == {
        "a.md",
        "src/vendors.md",
        "env.md",
    }
    left_out = [(item.reason, os.path.relpath(item.name, tmp_path)) for item in found if isinstance(item, Skipped)]
    assert sorted(left_out) == sorted(
        [("vendored code", name) for name in ("node_modules", "vendor", "deep/third_party", "env")]
        + [(reason, name) for reason in ("lock file", "minified") for name in CODE[reason].split()]
    )


def test_a_minified_file_is_known_by_what_stands_in_it_and_read_where_it_is_given_itself(tmp_path: Path) -> None:
    (tmp_path / "app.js").write_text("!function(e){var t=e.x;return t.map(n=>n.id)}(window);" * 6000)
    (file,) = Files([str(tmp_path)]).items()
    (given,) = Files([str(tmp_path / "app.js")]).items()
    assert isinstance(file, SourceFile)
    assert isinstance(given, SourceFile)

    with pytest.raises(UnreadableError, match=r"\Aminified\Z"):  # as which it is counted
        file.read(16_777_216)

    assert given.read(16_777_216).text.startswith("!function")


def read(folder: Path, exclude: list[str], include: list[str]) -> set[str]:
    items = Files([str(folder)], exclude=exclude, include=include).items()
    return {os.path.relpath(item.name, folder) for item in items if isinstance(item, SourceFile)}


@pytest.mark.parametrize(
    ("exclude", "include", "expected"),
    [
        (["*.txt", "drafts/"], [], {"a.md", "b.log"}),
        (["*.txt", "!b.txt", "drafts/"], [], {"a.md", "b.txt", "b.log"}),
        (["*"], ["*.md"], {"a.md"}),
        ([], ["vendor/"], {"a.md", "b.txt", "b.log", "drafts/a.md", "vendor/x/a.md", "vendor/b.md"}),
        ([], ["vendor/x/a.md"], {"a.md", "b.txt", "b.log", "drafts/a.md", "vendor/x/a.md"}),
        ([], [".hidden/*.md"], {"a.md", "b.txt", "b.log", "drafts/a.md", ".hidden/a.md"}),
    ],
)
def test_what_is_given_outright_goes_before_all_other_rules(
    tmp_path: Path, exclude: list[str], include: list[str], expected: set[str]
) -> None:
    write(tmp_path, "a.md b.txt b.log drafts/a.md vendor/x/a.md vendor/b.md .hidden/a.md .hidden/b.txt".split(), {})

    assert read(tmp_path, exclude, include) == expected


def test_our_rules_go_before_those_of_git_and_both_are_told(home: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    rules = {".gitignore": "# made\nbuild/\n", ".ingestignore": "!build/\nbuild/*.txt\n!vendor/\n"}
    write(tree, ["build/a.md", "build/b.txt", "deep/build/c.md", "vendor/d.md", "e.md"], rules)
    git(tmp_path, "init", "-q", tree)
    told = {
        os.path.relpath(item.name, tree): item.detail for item in find_files([str(tree)]) if isinstance(item, Skipped)
    }

    assert taken(tree) == {"build/a.md", "deep/build/c.md", "vendor/d.md", "e.md"}
    assert told["build/b.txt"] == ".ingestignore, line 2: build/*.txt"
    (tree / ".ingestignore").unlink()
    told = {
        os.path.relpath(item.name, tree): item.detail for item in find_files([str(tree)]) if isinstance(item, Skipped)
    }
    assert told["deep/build"] == ".gitignore, line 2: build/"
    assert home.is_dir()


def test_documents_that_nobody_said_to_leave_out_stay_and_are_told(workshop: Workshop, home: Path) -> None:
    """A newer version that leaves more out, or a line for git's sake, must not cost what was paid for."""
    write(workshop.folder, ["a.md", "made/a.md", "made/b.md", "vendor/a.md", "drafts/a.md"], {})
    whole = ["!vendor/"]
    with workshop.pipeline() as pipeline:
        pipeline.sync(Files([str(workshop.folder)], exclude=whole))
        git(workshop.folder, "init", "-q")
        write(workshop.folder, [], {".gitignore": "made/\n", ".ingestignore": "drafts/\n"})
        (workshop.folder / "made/b.md").unlink()
        foretold = pipeline.estimate([str(workshop.folder)]).sync
        report = pipeline.sync([str(workshop.folder)])

    assert (report.documents_gone, report.documents_withheld) == (2, 2)  # that is not there, and that we were told of
    assert sorted((os.path.relpath(kept.name, workshop.folder), kept.reason) for kept in report.withheld) == [
        ("made/a.md", "kept: ignored: .gitignore, line 1: made/"),
        ("vendor/a.md", "kept: vendored code"),
    ]
    assert (foretold.documents_gone, foretold.documents_withheld) == (2, 2)
    assert (report.skipped_ignored, report.skipped_vendored) == (2, 1)
    assert home.is_dir()
