"""A command that is printed is about the corpus that it is printed for."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import ingest
from ingest.batches.unanswered import remedy
from ingest.commands import about_corpus, command, repeated_options

PACKAGE = Path(ingest.__file__).parent
_VERBS = "run|sync|submit|status|load|retry|cancel|clean|index|reembed|search|export|cost|doctor"
NAMED = re.compile(rf"\bingest ({_VERBS})\b")


@pytest.mark.parametrize(
    ("line", "about_docs"),
    [
        ("ingest run PATH…", "ingest run --corpus docs PATH…"),
        ("ingest retry && ingest run …", "ingest retry --corpus docs && ingest run --corpus docs …"),
        ("ingest retry --corpus b && ingest run …", "ingest retry --corpus b && ingest run --corpus docs …"),
        ("ingest webhook", "ingest webhook"),
        ("pip install 'pgvector-ingest[local]'", "pip install 'pgvector-ingest[local]'"),
    ],
)
def test_a_command_names_its_corpus(line: str, about_docs: str) -> None:
    assert command(line, "docs") == about_docs
    assert command(line, "corpus") == line


@pytest.mark.parametrize(
    ("line", "about_next"),
    [
        ("ingest run …", "ingest reembed --corpus docs …"),
        ("ingest run PATH…", "ingest reembed --corpus docs …"),
        ("ingest run --table public.articles --into embedding", "ingest reembed --corpus docs …"),
        ("ingest retry && ingest run …", "ingest retry --corpus docs__next && ingest reembed --corpus docs …"),
        ("ingest run … --over-limit average", "ingest run --corpus docs … --over-limit average"),
        ("ingest run --corpus docs__next PATH", "ingest run --corpus docs__next PATH"),
        ("ingest status", "ingest status --corpus docs__next"),
    ],
)
def test_a_version_in_the_making_is_filled_by_a_reembed_of_the_one_in_use(line: str, about_next: str) -> None:
    assert command(line, "docs__next") == about_next
    assert about_corpus(f"go on: `{line}`", "docs__next") == f"go on: `{about_next}`"


def test_it_is_filled_by_a_reembed_of_the_default_corpus_too_however_often_that_is_told() -> None:
    line = command("ingest run PATH…", "corpus__next")

    assert line == command(line, "corpus__next") == "ingest reembed --corpus corpus …"


@pytest.mark.parametrize(
    ("config", "names_database", "needed"),
    [
        (None, False, ""),
        (Path("my settings.toml"), False, " --config 'my settings.toml'"),
        (None, True, " --database-url URL"),
        (Path("a.toml"), True, " --config a.toml --database-url URL"),
    ],
)
def test_a_command_needs_what_was_named_on_the_command_line(
    config: Path | None, names_database: bool, needed: str
) -> None:
    options = repeated_options(config, names_database=names_database)

    assert options == needed
    assert command("ingest retry && ingest run …", "docs", options) == (
        f"ingest retry --corpus docs{needed} && ingest run --corpus docs{needed} …"
    )
    assert about_corpus("see `ingest status --corpus b`", "docs", options) == f"see `ingest status{needed} --corpus b`"


def test_in_a_message_only_what_is_a_command_does() -> None:
    message = "ingest run was stopped by `ingest cancel`: `ingest status` tells more. `ingest` runs; `DROP TABLE x`"

    assert about_corpus(message, "docs") == message.replace("cancel`", "cancel --corpus docs`").replace(
        "status`", "status --corpus docs`"
    )


def test_what_failed_of_a_reembed_is_put_waiting_again_there_and_the_reembed_goes_on() -> None:
    assert remedy(["server_error"], "docs", "docs__next")[0] == (
        "ingest retry --corpus docs__next && ingest reembed --corpus docs …"
    )
    assert remedy(["over_limit"], "docs", "docs__next")[0] == "ingest run --corpus docs … --over-limit average"


def test_each_command_in_the_code_can_be_told_from_the_words_around_it() -> None:
    """Between backticks it gets its corpus where it is printed; else it is a line of its own."""
    plain = [
        f"{path.relative_to(PACKAGE)}: {text}"
        for path in PACKAGE.glob("**/*.py")
        for text in messages(path)
        for found in NAMED.finditer(text)
        if not text.startswith("ingest ") and text.count("`", 0, found.start()) % 2 == 0
    ]

    assert plain == []


def messages(path: Path) -> list[str]:
    """The texts in a module, without its docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)} - {
        id(node) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)
    }
    return [
        text
        for node in ast.walk(tree)
        if id(node) not in docstrings and id(node) not in parts and (text := text_of(node))
    ]


def text_of(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) or "x" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
