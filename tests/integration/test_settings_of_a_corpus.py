"""Settings in a file are for a new corpus: one that is there is not changed by them; a flag changes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ingest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workshop import Outcome, Workshop

# As in the README.
FILE = """
corpus = "docs"
model = "text-embedding-3-small"
dimensions = 512
vector_type = "halfvec"
chunk_tokens = 512
"""


@pytest.fixture
def run(ingest: Callable[..., Outcome], environment: dict[str, str], tmp_path: Path) -> Callable[..., Outcome]:
    """The program, with the README's file of settings in the folder where it runs."""
    (tmp_path / "ingest.toml").write_text(FILE)
    return lambda *arguments: ingest(*arguments, environment=environment)


def stored(workshop: Workshop) -> list[tuple[object, ...]]:
    return workshop.query("SELECT model, dimensions, vector_type, chunk_tokens FROM docs.corpus")


def test_a_corpus_that_was_re_embedded_is_searched_and_run_by_its_own_model(
    workshop: Workshop, run: Callable[..., Outcome]
) -> None:
    for animal in ("ants", "bees", "cats"):
        workshop.write(f"{animal}.md", f"All there is to say about {animal}.")
    assert run("run", workshop.folder).status == 0
    of_the_file = stored(workshop)
    assert run("reembed", "--model", "text-embedding-3-large", "--dimensions", "1024").status == 0
    workshop.write("dogs.md", "All there is to say about dogs.")

    searched = run("search", "All there is to say about bees.", "--json")
    ran = run("run", workshop.folder)
    doctor = run("doctor")

    assert of_the_file == [("text-embedding-3-small", 512, "halfvec", 512)]
    assert stored(workshop) == [("text-embedding-3-large", 1024, "halfvec", 512)]
    best = searched.json["passages"][0]
    assert best["uri"].endswith("bees.md")
    assert best["similarity"] > 0.99  # the very text: by another model it would be near nothing
    assert (ran.status, doctor.status) == (0, 0)
    for told in (ran.err, doctor.out):
        assert "model text-embedding-3-small, not text-embedding-3-large" in told
        assert "`ingest reembed --corpus docs --model text-embedding-3-small --dimensions 512`" in told
    assert "ingest reembed" not in searched.err
    assert workshop.query("SELECT count(*), count(embedding) FROM docs.chunks") == [(4, 4)]


def test_the_command_that_would_change_another_corpus_than_that_of_the_file_names_it(
    workshop: Workshop, run: Callable[..., Outcome]
) -> None:
    workshop.write("ants.md", "All there is to say about ants.")
    assert run("run", workshop.folder, "--corpus", "other", "--dimensions", "64", "--chunk-tokens", "300").status == 0

    told = run("run", workshop.folder, "--corpus", "other").err.replace("\n", " ")

    assert "`ingest reembed --corpus other --dimensions 512`" in told
    assert "`ingest run --corpus other … --chunk-tokens 512`" in told


def test_chunk_tokens_in_a_file_chunk_a_new_corpus_and_a_flag_one_that_is_there(
    workshop: Workshop, run: Callable[..., Outcome], tmp_path: Path
) -> None:
    workshop.write("a.md", "\n\n".join(f"Paragraph {n} has some words of its own to say." for n in range(40)))
    run("run", workshop.folder)
    (tmp_path / "ingest.toml").write_text(FILE.replace("chunk_tokens = 512", "chunk_tokens = 64"))

    by_file = run("run", workshop.folder)
    kept = workshop.query("SELECT count(*) FROM docs.chunks")
    estimated = run("estimate", workshop.folder, "--chunk-tokens", "64", "--json")
    by_flag = run("run", workshop.folder, "--chunk-tokens", "64", "--json")
    again = run("run", workshop.folder, "--json")

    assert "chunk_tokens 64, not 512" in by_file.err
    assert "`ingest run --corpus docs … --chunk-tokens 64`" in by_file.err
    assert kept == [(1,)]
    assert estimated.json["tokens"] == by_flag.json["tokens"] > 0
    assert workshop.query("SELECT count(*), max(token_count) <= 64 FROM docs.chunks") > [(5, True)]
    assert again.json["tokens"] == 0
    assert "not" not in again.err


def test_what_a_flag_says_otherwise_is_refused_by_all_that_would_act_on_it(workshop: Workshop) -> None:
    workshop.write("a.md", "All there is to say about ants.")
    given = [str(workshop.folder)]
    with workshop.pipeline() as pipeline:
        pipeline.run(given)

    with workshop.pipeline(dimensions=32) as pipeline:
        for verb in (
            lambda: pipeline.run(given),
            lambda: pipeline.sync(given),
            lambda: pipeline.estimate(given),
            lambda: pipeline.search("ants"),
            pipeline.submit,
            pipeline.load,
        ):
            with pytest.raises(UsageError, match=r"holds vector\(64\).*ingest reembed"):
                verb()

    assert workshop.query("SELECT dimensions FROM corpus") == [(64,)]


def test_without_a_flag_reembed_follows_the_file_and_with_one_the_corpus(
    workshop: Workshop, run: Callable[..., Outcome]
) -> None:
    workshop.write("a.md", "All there is to say about ants.")
    run("run", workshop.folder)
    run("reembed", "--model", "text-embedding-3-large", "--dimensions", "1024")
    run("reembed", "--finish")

    by_flag = run("reembed", "--dimensions", "256")
    of_the_flag = stored(workshop)
    run("reembed", "--finish")
    by_file = run("reembed")

    assert (by_flag.status, by_file.status) == (0, 0)
    assert of_the_flag == [("text-embedding-3-large", 256, "halfvec", 512)]
    assert stored(workshop) == [("text-embedding-3-small", 512, "halfvec", 512)]
