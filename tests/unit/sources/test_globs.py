from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ingest.sources.globs import compiled, matches
from ingest.sources.ignoring import first_found, read_rules

if TYPE_CHECKING:
    from pathlib import Path


def fits(path: str, glob: str) -> bool:
    return matches(path.split("/"), compiled(glob.split("/")))


def is_left_out(lines: list[str], path: str) -> bool:
    """By rules at the top; a folder that is left out takes what is in it along."""
    read = read_rules("\n".join(lines))
    parts = path.split("/")
    found = [
        first_found([read] if read else [], parts[:depth], is_folder=depth < len(parts))
        for depth in range(1, len(parts) + 1)
    ]
    return any(rule and not rule.includes for rule in found)


@pytest.mark.parametrize(
    ("glob", "path"),
    [
        ("*.md", "a.md"),
        ("*a*b*", "xaxxb"),
        ("*ab*ab", "ababab"),
        ("a?c", "a日c"),
        ("[a-c]?[!a-c]", "bxd"),
        ("[]-]", "]"),
        (r"[\]a]", "]"),
        ("[[:digit:][:space:]]", "7"),
        (r"\*\[", "*["),
        ("**", "a/b/c"),
        ("**/c", "c"),
        ("a/**/c", "a/c"),
        ("a/**/b/**/c", "a/x/b/b/y/c"),
        ("**/b/c/**/b/d", "b/b/c/b/b/d"),
        ("a/**", "a"),
    ],
)
def test_a_glob_fits(glob: str, path: str) -> None:
    assert fits(path, glob)


@pytest.mark.parametrize(
    ("glob", "path"),
    [
        ("*.md", "a.mdx"),
        ("*.md", "b/a.md"),
        ("*ab", "aba"),
        ("a?c", "ac"),
        ("[!a-c]", "b"),
        ("[z-a]", "a"),
        ("[a", "[a"),
        ("a\\", "a\\"),
        ("a/**/a", "a"),
        ("a/**/b/**/c", "a/b"),
        ("**/b/**/b", "a/b"),
    ],
)
def test_a_glob_does_not_fit(glob: str, path: str) -> None:
    assert not fits(path, glob)


def test_no_glob_takes_long_over_a_name_or_a_path_made_for_it() -> None:
    """With every place of every star tried, each would take longer than the sun will shine."""
    assert not fits("a" * 255, "*a" * 100 + "*b")
    assert not fits("a/" * 2000 + "a", "**/a/" * 100 + "b")
    assert not is_left_out(["*a" * 100 + "b"], "a" * 255)


@pytest.fixture(name="repository", scope="session")
def _repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("git") is None:
        pytest.skip("there is no git to compare with")
    folder = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "-q", folder], check=True)
    return folder


pieces = st.lists(
    st.sampled_from(
        [
            "*",
            "**",
            "?",
            "/",
            "/**/",
            "/**",
            "a",
            "b",
            "[ab]",
            "[!a]",
            "[^b]",
            "[a-",
            "/]",
            "\\/",
            "\\a",
            "\\",
            "!",
            "#",
            " ",
            "]",
        ]
    ),
    min_size=1,
    max_size=6,
)
rule = pieces.map("".join)
name = st.text("ab# !]\\", min_size=1, max_size=4)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rules=st.lists(rule, min_size=1, max_size=4),
    paths=st.lists(st.lists(name, min_size=1, max_size=3), min_size=1, max_size=12),
)
@example(rules=["a/**"], paths=[["a"], ["b", "a", "b"]])
@example(rules=["*/***/**"], paths=[["a", "b"]])
@example(rules=["a/***"], paths=[["a"], ["b", "a", "b"]])
@example(rules=["*", "!a/", "a/*", "!a/b"], paths=[["a", "b"], ["a", "ab"], ["b"]])
def test_rules_mean_what_they_mean_to_git(repository: Path, rules: list[str], paths: list[list[str]]) -> None:
    """git is asked without an index of files; a folder that is left out takes what is in it along."""
    (repository / ".git" / "info" / "exclude").write_text("\n".join(rules) + "\n")
    asked = sorted({"/".join(parts) for parts in paths})
    done = subprocess.run(
        ["git", "-C", repository, "check-ignore", "--no-index", "-z", "--stdin"],
        input="\0".join(asked) + "\0",
        capture_output=True,
        text=True,
        check=False,
    )

    assert [path for path in asked if is_left_out(rules, path)] == sorted(filter(None, done.stdout.split("\0")))
