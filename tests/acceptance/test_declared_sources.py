"""`ingest run` and nothing else: what is read stands in ingest.toml."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workshop import Outcome, Workshop

    Ingest = Callable[..., Outcome]

TWO = """
dimensions = 64

[[corpora.docs.sources]]
name = "handbook"
path = "files/docs"

[[corpora.blog.sources]]
path = "files/blog"
ignore = ["draft.md"]
"""


@pytest.fixture(name="folder")
def _folder(workshop: Workshop, tmp_path: Path) -> Path:
    """Where the program is called: ingest.toml, and what it declares."""
    workshop.folder.mkdir(exist_ok=True)
    for name in ("docs/guide.md", "blog/post.md", "blog/draft.md"):
        workshop.write(name, f"These are the words of {name}.")
    if workshop.folder != tmp_path / "files":
        (tmp_path / "files").symlink_to(workshop.folder)
    (tmp_path / "ingest.toml").write_text(TWO)
    return tmp_path


def objects(outcome: Outcome) -> list[dict[str, object]]:
    return [json.loads(line) for line in outcome.out.splitlines()]


def test_a_night_is_one_command_of_one_word(
    ingest: Ingest, workshop: Workshop, environment: dict[str, str], folder: Path
) -> None:
    foretold = ingest("estimate", "--json", "-q", environment=environment)
    first = ingest("run", environment=environment)
    again = ingest("run", "--json", "-q", environment=environment)
    one = ingest("status", "--corpus", "blog", "--json", environment=environment)
    every = ingest("status", "--json", environment=environment)
    search = ingest("search", "guide", environment=environment)

    assert [each["tokens"] for each in objects(foretold)] > [0, 0]
    assert (first.status, again.status) == (0, 0)
    assert first.out.index("corpus docs") < first.out.index("corpus blog")
    assert [(each["corpus"], each["status"], each["documents"], each["tokens"]) for each in objects(again)] == [
        ("docs", 0, 1, 0),
        ("blog", 0, 1, 0),
    ]
    assert [each["corpus"] for each in objects(one)] == ["blog"]
    assert [each["corpus"] for each in objects(every)] == ["docs", "blog"]
    assert search.status == 2
    assert "several corpora are declared (docs, blog): name one of them by --corpus" in search.err
    assert workshop.emulator.ledger()["tokens"] > 0
    assert folder.is_dir()


def test_the_failure_of_one_corpus_leaves_the_others_and_the_worst_is_told(
    ingest: Ingest, environment: dict[str, str], folder: Path
) -> None:
    (folder / "files/docs").rename(folder / "files/elsewhere")

    run = ingest("run", "--json", "-q", environment=environment)

    assert run.status == 2
    docs, blog = objects(run)
    assert (docs["corpus"], docs["status"], blog["corpus"], blog["status"]) == ("docs", 2, "blog", 0)
    assert "no such file or folder" in str(docs["error"])
    assert blog["embedded"] == 1


def test_the_limits_of_money_are_those_of_all_corpora_together(
    ingest: Ingest, workshop: Workshop, environment: dict[str, str], folder: Path
) -> None:
    with (folder / "ingest.toml").open("a") as file:
        file.write("[prices.text-embedding-3-small]\nbatch = 100000\n")
    (cost, other) = [
        float(str(each["dollars"])) for each in objects(ingest("estimate", "--json", environment=environment))
    ]

    run = ingest("run", "--max-cost", max(cost, other) * 1.1, "--json", "-q", environment=environment)

    assert [each["status"] for each in objects(run)] == [0, 4]
    assert run.status == 4
    assert workshop.emulator.ledger()["tokens"] > 0


def test_all_of_the_file_is_looked_over_before_anything_is_read(
    ingest: Ingest, workshop: Workshop, environment: dict[str, str], folder: Path
) -> None:
    (folder / "ingest.toml").write_text(TWO + 'pth = "more"\n')
    wrong = ingest("run", environment=environment)
    (folder / "ingest.toml").write_text(TWO + "[corpora.blog]\nchunk_tokens = 1\n")
    setting = ingest("run", environment=environment)

    assert (wrong.status, setting.status) == (2, 2)
    assert wrong.err.strip() == "error: ingest.toml, line 11: a source has no key pth: did you mean path?"
    assert "chunk_tokens is wrong" in setting.err
    assert workshop.emulator.ledger()["tokens"] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "--corpus", "dogs"], "no [[sources]] are declared for the corpus dogs: did you mean docs?"),
        (["run", "--text", "body"], "--text is about paths or a --table: name those, or say it in ingest.toml."),
        (["run", "files/docs"], "several corpora are declared (docs, blog): name one of them by --corpus."),
        (["run", "--table", "t", "--exclude", "x"], "--exclude and --include are about folders"),
    ],
)
def test_what_does_not_go_together_is_told(
    ingest: Ingest, environment: dict[str, str], folder: Path, arguments: list[str], said: str
) -> None:
    outcome = ingest(*arguments, environment=environment)

    assert (outcome.status, outcome.out) == (2, "")
    assert said in outcome.err
    assert folder.is_dir()


def test_a_dry_run_lists_what_would_be_read_and_what_not_and_why(
    ingest: Ingest, workshop: Workshop, environment: dict[str, str], folder: Path
) -> None:
    workshop.write("docs/node_modules/a.md", "words")
    workshop.write("docs/table.bin", "\0\1\2")
    workshop.write("docs/old.txt", "").write_bytes("Größe".encode("cp1252"))
    dry = ingest("sync", "--dry-run", "-v", environment=environment)
    told = ingest("sync", "--dry-run", "-v", "--json", "--corpus", "blog", environment=environment)

    assert dry.status == 0
    for line in (
        f"{folder}/files/docs/guide.md: new",
        f"{folder}/files/docs/node_modules: vendored code",
        f"{folder}/files/docs/table.bin: binary",
        f"{folder}/files/docs/old.txt: no UTF-8: read as Windows-1252",
        f"{folder}/files/blog/draft.md: ignored: by the rule draft.md",
    ):
        assert line in dry.out
    assert "1 folder of vendored code" in dry.out
    (blog,) = objects(told)
    assert {(str(each["name"]).rpartition("/")[2], each["what"]) for each in blog["looked_at"]} == {  # type: ignore[attr-defined]
        ("post.md", "new"),
        ("draft.md", "ignored: by the rule draft.md"),
    }
    assert workshop.query("SELECT count(*) FROM pg_namespace WHERE nspname IN ('docs', 'blog')") == [(0,)]


def test_a_source_with_nothing_to_read_leaves_the_others(
    ingest: Ingest, workshop: Workshop, environment: dict[str, str], folder: Path
) -> None:
    """An empty mount, a site that is away: one line each, and the night goes on."""
    (folder / "ingest.toml").write_text(
        'dimensions = 64\n[[sources]]\nname = "away"\nurl = "crawl+http://127.0.0.1:9/"\n'
        '[[sources]]\nname = "mount"\npath = "files/blog"\n[[sources]]\nname = "handbook"\npath = "files/docs"\n'
    )
    ingest("run", "-q", environment=environment)
    (workshop.folder / "blog/post.md").unlink()
    (workshop.folder / "blog/draft.md").unlink()
    workshop.write("docs/new.md", "These are the words of a new one.")
    foretold = ingest("estimate", "--json", "-q", environment=environment)
    outcome = ingest("run", "-q", environment=environment)
    allowed = ingest("run", "-q", "--allow-unreadable", environment=environment)
    (workshop.folder / "docs/new.md").unlink()
    (workshop.folder / "docs/guide.md").unlink()
    none = ingest("run", "-q", environment=environment)

    assert foretold.json["sync"]["documents_new"] == 1
    assert (outcome.status, allowed.status, none.status) == (1, 0, 2)
    assert "1 new, 1 unchanged" in outcome.out
    assert "crawl+http://127.0.0.1:9/: " in outcome.out
    assert "files/blog: there is no readable text in it" in outcome.out
    assert "nothing was changed" in none.err
    uris = [uri for (uri,) in workshop.query("SELECT uri FROM documents ORDER BY 1")]
    assert uris == ["handbook/guide.md", "handbook/new.md", "mount/draft.md", "mount/post.md"]


@pytest.mark.parametrize("table", ["[[source]]", "[corpra.docs]"])
def test_a_table_that_there_is_none_of_is_told_as_such(
    ingest: Ingest, environment: dict[str, str], folder: Path, table: str
) -> None:
    (folder / "ingest.toml").write_text(f'{table}\npath = "files/docs"\n')
    outcome = ingest("run", environment=environment)

    assert outcome.status == 2
    assert "ingest.toml, line 1: there is no setting" in outcome.err
