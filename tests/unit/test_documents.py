"""What README, CONTRIBUTING and docs/ say of files, headings, commands and settings is there."""

from __future__ import annotations

import re
import shlex
import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer

from ingest import cli
from ingest.settings import Settings
from ingest.sources.declared import declared_sources

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*.md")])
DECISIONS = sorted(set(ROOT.glob("docs/decisions/*.md")) - {ROOT / "docs" / "decisions" / "index.md"})
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMANDS: dict[str, Any] = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]


def links() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        prose = re.sub(r"`[^`\n]+`", "", FENCE.sub("", page.read_text(encoding="utf-8")))
        for target in re.findall(r"\]\(([^)\s]+)\)|(?:src|srcset|href)=\"([^\"]+)\"", prose):
            if not (link := "".join(target)).startswith(("http://", "https://", "mailto:")):
                yield str(page.relative_to(ROOT)), link


@cache
def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    found: list[str] = []
    for heading in re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        found.append(re.sub(r"[^\w\- ]", "", words.strip().lower()).replace(" ", "-"))
    return {f"{each}-{again}" if (again := found[:place].count(each)) else each for place, each in enumerate(found)}


def blocks(*languages: str) -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for language, block in FENCE.findall(page.read_text(encoding="utf-8")):
            if language in languages:
                yield str(page.relative_to(ROOT)), block


def shell_lines() -> Iterator[tuple[str, str]]:
    """The lines that a shell is given: all of those in `sh` and `cron`, in `text` those behind a prompt."""
    for page, block in blocks("sh", "cron"):
        yield from ((page, line) for line in block.replace("\\\n", " ").splitlines())
    for page, block in blocks("text"):
        yield from ((page, line[2:]) for line in block.splitlines() if line.startswith("$ "))


def command_lines() -> Iterator[tuple[str, tuple[str, ...]]]:
    for page, line in shell_lines():
        lexer = shlex.shlex(re.sub(r"(?<=\s)\d?>+(&\d| *\S+)", "", line), posix=True, punctuation_chars=True)
        lexer.wordchars += "…[]{}@,:%+="
        words: list[str] = []
        for word in [*lexer, ";"]:
            if not set(word) <= set("();<>|&"):
                words.append(word)
                continue
            starts = [place for place, each in enumerate(words) if each == "ingest" or each.endswith("/ingest")]
            if starts and (arguments := words[starts[0] + 1 :]):
                yield page, tuple(arguments)
            words = []


def named_in_prose() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        prose = FENCE.sub("", page.read_text(encoding="utf-8"))
        yield from ((str(page.relative_to(ROOT)), code) for code in re.findall(r"`ingest ([a-z][^`]*)`", prose))


@pytest.mark.parametrize(("page", "link"), list(links()))
def test_a_link_leads_to_a_file_and_a_heading_that_are_there(page: str, link: str) -> None:
    path, _, anchor = link.partition("#")
    target = (ROOT / page).parent / path if path else ROOT / page

    assert target.exists()
    assert not anchor or anchor in anchors(target)


@pytest.mark.parametrize(("page", "arguments"), list(command_lines()))
def test_a_command_line_is_one_that_the_program_understands(page: str, arguments: tuple[str, ...]) -> None:
    two = " ".join(arguments[:2])  # a command may have two words
    name, *rest = [two, *arguments[2:]] if two in COMMANDS else arguments
    if name == "--version":
        return

    assert name in COMMANDS, page
    COMMANDS[name].make_context(name, rest)


@pytest.mark.parametrize(("page", "command"), list(named_in_prose()))
def test_a_command_named_in_a_sentence_has_the_options_that_are_named_with_it(page: str, command: str) -> None:
    name, *rest = command.split()
    options = {option for parameter in COMMANDS[name].params for option in parameter.opts}

    assert {word for word in rest if re.fullmatch(r"--?[a-z-]+", word)} <= options | {"--help"}, page


@pytest.mark.parametrize(("page", "block"), list(blocks("toml")))
def test_settings_in_a_file_are_settings_that_there_are(page: str, block: str, tmp_path: Path) -> None:
    given = tomllib.loads(block)
    given.pop("tool", None)  # of pyproject.toml
    settings = {name: value for name, value in given.items() if name not in {"sources", "corpora"}}
    file = tmp_path / "ingest.toml"
    file.write_text(block)

    assert settings.keys() <= Settings.model_fields.keys(), page
    Settings(**{"model": next(iter(given.get("prices", ())), None), **settings})
    assert bool(declared_sources(file, "corpus")) == bool(given.keys() & {"sources", "corpora"})


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_says_what_a_reader_asks_it_on_a_page_and_names_files_that_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    headings = ["Context", "Decision", "Measured or tried", "Consequences", "What would change our mind"]

    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == headings
    assert len(text.split()) < 500
    named = re.findall(r"`((?:ingest|tests|sql)/[\w/]+(?:\.py|/))`", text)
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_each_decision_stands_in_the_list_of_them() -> None:
    listed = (ROOT / "docs" / "decisions" / "index.md").read_text(encoding="utf-8")

    assert len(DECISIONS) >= 12
    assert {page.name for page in DECISIONS} == set(re.findall(r"\]\(([\w-]+\.md)\)", listed))
