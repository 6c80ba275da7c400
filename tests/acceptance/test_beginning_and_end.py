"""`ingest init` to begin with; `list`, `remove` and `drop` in the end."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING

import pytest
from terminal import seen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workshop import Outcome, Workshop

    Ingest = Callable[..., Outcome]


def test_from_flags_to_a_corpus_and_to_nothing(
    ingest: Ingest, workshop: Workshop, environment: dict[str, str], tmp_path: Path
) -> None:
    workshop.write("guide.md", "The words of the guide.")
    workshop.write("drafts/one.md", "The words of a draft.")
    made = ingest(
        "init", workshop.folder, "--corpus", "docs", "--dimensions", 64, "--name", "handbook", "--exclude", "x/"
    )
    run = ingest("run", environment=environment)
    listed = ingest("list", environment=environment)
    told = json.loads(ingest("list", "--json", environment=environment).out)
    unasked = ingest("remove", "handbook/drafts/", environment=environment)
    removed = ingest("remove", "handbook/drafts/", "--yes", "--json", environment=environment)
    kept = ingest("drop", "docs", environment=environment)
    dropped = ingest("drop", "docs", "--yes", environment=environment)

    assert (made.status, run.status, listed.status) == (0, 0, 0)
    written = tomllib.loads((tmp_path / "ingest.toml").read_text())
    assert written.pop("sources") == [{"name": "handbook", "path": str(workshop.folder), "ignore": ["x/"]}]
    assert written == {"corpus": "docs", "dimensions": 64}
    assert [line.split()[:2] for line in listed.out.splitlines()[1:]] == [["source", "documents"], ["handbook", "2"]]
    assert [(each["corpus"], each["sources"][0]["documents"]) for each in told["corpora"]] == [("docs", 2)]
    assert (unasked.status, kept.status) == (2, 2)
    assert "nothing was removed: a person says yes, or --yes does." in unasked.err
    assert (removed.status, json.loads(removed.out)["removed"]) == (0, 1)
    assert (dropped.status, dropped.out) == (0, "the corpus docs is dropped\n")
    assert workshop.query("SELECT count(*) FROM pg_namespace WHERE nspname = 'docs'") == [(0,)]


def test_what_flags_say_of_a_source_is_written(ingest: Ingest, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    files = ("docs", "--path-metadata", "{tenant}/*.md", "--modified", "--syntax", "markdown", "--config", "f.toml")
    rows = ("--table", "papers", "--id", "tenant,no", "--metadata", "author, published", "--into", "v")
    outcomes = [ingest("init", *files), ingest("init", *rows, "--over-limit", "cut", "--config", "r.toml")]
    page = ingest("init", "https://example.org/a", "--modified", "--config", "p.toml")

    assert [each.status for each in outcomes] == [0, 0]
    (of_files,) = tomllib.loads((tmp_path / "f.toml").read_text())["sources"]
    assert of_files == {
        "name": "docs",
        "path": "docs",
        "syntax": "markdown",
        "path_metadata": "{tenant}/*.md",
        "modified": True,
    }
    (of_rows,) = tomllib.loads((tmp_path / "r.toml").read_text())["sources"]
    assert of_rows == {
        "table": "papers",
        "id": "tenant,no",
        "metadata": ["author", "published"],
        "into": "v",
        "over_limit": "cut",
    }
    assert (page.status, "modified says nothing of https://example.org/a" in page.err) == (2, True)


def test_a_file_that_is_there_is_not_written_over(ingest: Ingest, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "ingest.toml").write_text("mine = true\n")

    refused = ingest("init", "docs")
    before = (tmp_path / "ingest.toml").read_text()
    forced = ingest("init", "docs", "--yes")

    assert (refused.status, before) == (2, "mine = true\n")
    assert "ingest.toml is there: it was left as it is" in refused.err
    assert forced.status == 0
    assert 'path = "docs"' in (tmp_path / "ingest.toml").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "there is nobody to ask"),
        (["nowhere"], "no such file or folder: nowhere."),
        (["--table", "t", "docs"], "either paths, or a --table"),
        (["docs", "--where", "x"], "where says nothing of a path"),
        (["docs", "--chunk-tokens", "3"], "chunk_tokens is wrong"),
        (["docs", "docs", "--name", "x"], "--name is that of one path"),
    ],
)
def test_nothing_is_written_that_could_not_be_read(
    ingest: Ingest, tmp_path: Path, arguments: list[str], said: str
) -> None:
    (tmp_path / "docs").mkdir()

    outcome = ingest("init", *arguments)

    assert (outcome.status, outcome.out) == (2, "")
    assert said in outcome.err
    assert not (tmp_path / "ingest.toml").exists()


def test_a_person_is_asked(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()

    screen, status = seen(
        "init", environment={}, cwd=tmp_path, typed_at_once="docs\nhandbook\ny\nnowhere\nn\nn\nmine\n"
    )

    assert status == 0
    assert "no such file or folder: nowhere." in screen
    assert "What is to be read" in screen
    assert "[y/N]" in screen.replace("\n", "")
    assert tomllib.loads((tmp_path / "ingest.toml").read_text()) == {
        "corpus": "mine",
        "sources": [{"name": "handbook", "path": "docs"}],
    }
