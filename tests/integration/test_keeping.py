"""What a database keeps: corpora are listed, sources and documents removed, a corpus dropped, and nothing of others."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import psycopg
import pytest

from ingest.errors import UsageError
from ingest.sources.files import Files
from ingest.sources.tables import Table

if TYPE_CHECKING:
    from workshop import Workshop


def execute(workshop: Workshop, *statements: str) -> None:
    with psycopg.connect(workshop.database_url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def schemas(workshop: Workshop) -> set[str]:
    return {name for (name,) in workshop.query("SELECT nspname::text FROM pg_namespace")}


def fill(workshop: Workshop, **settings: object) -> None:
    """A corpus of two sources, one of which has a name."""
    workshop.write("docs/guide.md", "# Guide\n\nThe words of the guide.")
    workshop.write("docs/deep/more.md", "More words.")
    workshop.write("docs/rows.jsonl", '{"id": "a", "text": "one row"}\n{"id": "b", "text": "another"}\n')
    workshop.write("blog/post.md", "A post.")
    sources = [Files([str(workshop.folder / "docs")], source="handbook"), Files([str(workshop.folder / "blog")])]
    with workshop.pipeline(**settings) as pipeline:
        pipeline.run(sources)


def test_corpora_are_listed_with_their_sources(workshop: Workshop) -> None:
    with workshop.pipeline() as pipeline:
        assert pipeline.corpora() == []
    fill(workshop)
    fill(workshop, corpus="second")

    with workshop.pipeline() as pipeline:
        first, second = pipeline.corpora()
        (alone,) = pipeline.corpora("second")

    assert (first.corpus, second.corpus, alone.corpus) == ("corpus", "second", "second")
    assert (first.model, first.dimensions, first.vector_type) == ("text-embedding-3-small", 64, "vector")
    assert first.size_bytes > 8192
    blog, handbook = first.sources
    assert (handbook.source, handbook.documents, handbook.chunks) == ("handbook", 4, 4)
    assert (blog.source, blog.documents) == ((workshop.folder / "blog").as_uri(), 1)
    assert handbook.tokens > blog.tokens > 0


@pytest.mark.parametrize(
    ("what", "left"),
    [
        ("handbook", 1),
        ("handbook/guide.md", 4),
        ("handbook/deep/", 4),
        ("handbook/rows.jsonl", 3),
        ("handbook/rows.jsonl#a", 4),
        ("{folder}/blog", 4),
        ("{folder}/blog/", 4),
        ("{folder}/blog/post.md", 4),
        ("file://{folder}/blog/post.md", 4),
    ],
)
def test_what_is_removed_is_what_was_named(workshop: Workshop, what: str, left: int) -> None:
    fill(workshop)
    asked = []

    def refuse(*told: int) -> bool:
        asked.append(told)
        return False

    with workshop.pipeline() as pipeline:
        what = what.format(folder=workshop.folder)
        refused = pipeline.remove(what, refuse)
        before = workshop.query("SELECT count(*) FROM documents")
        removed = pipeline.remove(what)

    assert (refused, before) == (0, [(5,)])
    assert (removed, asked[0][0]) == (5 - left, 5 - left)
    assert workshop.query("SELECT count(*) FROM documents") == [(left,)]
    assert workshop.query("SELECT count(*) FROM chunks WHERE document_id NOT IN (SELECT id FROM documents)") == [(0,)]


@pytest.mark.parametrize("what", ["handboo", "handbook/deep", "guide.md", ""])
def test_what_is_not_there_is_not_removed_and_what_is_there_is_told(workshop: Workshop, what: str) -> None:
    fill(workshop)

    with workshop.pipeline() as pipeline, pytest.raises(UsageError, match=r"its sources are .*handbook"):
        pipeline.remove(what)

    assert workshop.query("SELECT count(*) FROM documents") == [(5,)]


def test_what_waits_and_is_removed_is_not_sent(workshop: Workshop) -> None:
    workshop.write("a.md", "words")
    workshop.write("b.md", "others")
    with workshop.pipeline() as pipeline:
        pipeline.sync(Files([str(workshop.folder)], source="it"))
        pipeline.remove("it/a.md")
        report = pipeline.embed()

    assert report.load.loaded == 1


def test_a_dropped_corpus_leaves_no_file_and_no_schema_and_the_others_as_they_are(workshop: Workshop) -> None:
    fill(workshop)
    fill(workshop, corpus="second")
    asked = []

    def refuse(question: str) -> bool:
        asked.append(question)
        return False

    with workshop.pipeline() as pipeline:
        assert pipeline.drop(refuse) is False
        assert "corpus" in schemas(workshop)
        assert pipeline.drop() is True

    assert "5 documents" in asked[0]
    assert schemas(workshop) & {"corpus", "second"} == {"second"}
    assert [path.name for path in (workshop.data_dir / "shards").glob("corpus-*")] == []
    with workshop.pipeline() as pipeline, pytest.raises(UsageError, match="there is no corpus corpus"):
        pipeline.drop()
    with workshop.pipeline(corpus="second") as pipeline:
        assert pipeline.status().chunks == 5


def test_files_at_the_provider_go_with_the_corpus_and_no_others(workshop: Workshop) -> None:
    fill(workshop)
    fill(workshop, corpus="second")
    with workshop.pipeline() as pipeline:
        before = {file_id for file_id, _ in pipeline.provider.input_files()}
        pipeline.drop()
        after = {file_id for file_id, _ in pipeline.provider.input_files()}

    assert (len(before), len(after)) == (2, 1)


def test_what_is_in_flight_is_cancelled_before_a_corpus_is_dropped(workshop: Workshop) -> None:
    workshop.write("a.md", "words")
    with workshop.pipeline() as pipeline:
        pipeline.sync([str(workshop.folder)])
        pipeline.submit()
        for _ in range(100):
            with suppress(UsageError):  # it is being cancelled: to be asked for again
                pipeline.drop()
                break

    assert "corpus" not in schemas(workshop)


def test_what_others_made_on_a_corpus_is_not_dropped(workshop: Workshop) -> None:
    fill(workshop)
    execute(workshop, "CREATE VIEW public.titles AS SELECT title FROM corpus.documents", "CREATE TABLE corpus.mine ()")

    with workshop.pipeline() as pipeline:
        with pytest.raises(UsageError, match="titles depends on table documents"):
            pipeline.drop()
        assert workshop.query("SELECT count(*) FROM documents") == [(5,)]
        execute(workshop, "DROP VIEW public.titles")
        pipeline.drop()

    assert workshop.query("SELECT relname::text FROM pg_class WHERE relnamespace = 'corpus'::regnamespace") == [
        ("mine",)
    ]


def test_a_corpus_of_the_users_own_column_is_dropped_without_it(workshop: Workshop) -> None:
    execute(
        workshop,
        "CREATE TABLE public.articles (id int PRIMARY KEY, text text, embedding vector(64))",
        "INSERT INTO public.articles VALUES (1, 'one'), (2, 'two')",
    )
    with workshop.pipeline() as pipeline:
        pipeline.run(Table("public.articles", into="embedding"))
        with pytest.raises(UsageError, match="delete rows there"):
            pipeline.remove("postgres:///public.articles")
        pipeline.drop()

    assert "corpus" not in schemas(workshop)
    assert workshop.query("SELECT count(embedding) FROM public.articles") == [(2,)]


def test_versions_of_a_corpus_go_with_it_or_are_told(workshop: Workshop) -> None:
    fill(workshop)
    with workshop.pipeline(model="text-embedding-3-large") as other:
        other.reembed()
    with workshop.pipeline() as pipeline:
        assert schemas(workshop) >= {"corpus", "corpus__old"}
        pipeline.drop()

    assert not schemas(workshop) & {"corpus", "corpus__old", "corpus__next"}
