"""A corpus is a schema: made once, though several begin at once, and never made in someone else's place."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import psycopg
import pytest

from ingest.database.connection import check_corpus_name, connect
from ingest.database.corpus import Indexing, create_corpus, find_indexing
from ingest.database.statements import schema_versions
from ingest.errors import UsageError

if TYPE_CHECKING:
    from workshop import Workshop

INDEXING = Indexing("text-embedding-3-small", 8, "vector", 512, 0, embed_headings=True)


def test_a_schema_is_made_once_by_eight_at_the_same_time(database_url: str) -> None:
    def create(_: int) -> Indexing | None:
        with connect(database_url, "docs") as connection:
            create_corpus(connection, "docs", INDEXING)
            return find_indexing(connection)

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(create, range(8)))

    assert found == [INDEXING] * 8
    with psycopg.connect(database_url) as connection:
        applied = connection.execute("SELECT version FROM docs.migrations ORDER BY version").fetchall()
        (column,) = connection.execute(
            "SELECT format_type(atttypid, atttypmod) FROM pg_attribute "
            "WHERE attrelid = 'docs.chunks'::regclass AND attname = 'embedding'"
        ).fetchone() or ("",)
    assert applied == [(version,) for version, _, _ in schema_versions()]
    assert column == "vector(8)"


def test_two_corpora_stand_side_by_side(workshop: Workshop) -> None:
    workshop.write("a.txt", "One text.")
    for corpus in ("one", "two"):
        with workshop.pipeline(corpus=corpus) as pipeline:
            pipeline.run([str(workshop.folder)])

    assert workshop.query("SELECT count(embedding) FROM one.chunks") == [(1,)]
    assert workshop.query("SELECT count(embedding) FROM two.chunks") == [(1,)]


def test_pgvector_below_0_7_is_refused(workshop: Workshop) -> None:
    workshop.write("a.txt", "One text.")
    with psycopg.connect(workshop.database_url) as connection:
        connection.execute("UPDATE pg_extension SET extversion = '0.6.2' WHERE extname = 'vector'")

    with workshop.pipeline() as pipeline, pytest.raises(UsageError, match=r"has pgvector 0\.6\.2; 0\.7 or newer"):
        pipeline.sync([str(workshop.folder)])


def test_pgvector_in_a_schema_of_its_own_is_found(workshop: Workshop) -> None:
    workshop.write("a.txt", "One text.")
    with psycopg.connect(workshop.database_url) as connection:
        connection.execute("CREATE SCHEMA extensions; ALTER EXTENSION vector SET SCHEMA extensions")

    with workshop.pipeline() as pipeline:
        report = pipeline.run([str(workshop.folder)])
        passages = pipeline.search("One text.")

    assert report.embedded == 1
    assert [passage.content for passage in passages] == ["One text."]


@pytest.mark.parametrize("name", ["", "1st", "Docs", "my docs", 'a"b', "pg_catalog", "public", "x" * 64, "a;drop"])
def test_a_name_that_is_no_plain_identifier_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="cannot name a corpus"):
        check_corpus_name(name)


def test_a_corpus_that_has_held_nothing_may_become_of_another_model(workshop: Workshop) -> None:
    """A mistyped path binds nobody to the model of that moment."""
    with workshop.pipeline(model="hash", dimensions=8) as pipeline, pytest.raises(UsageError, match="no readable text"):
        pipeline.run([str(workshop.folder)])
    workshop.write("a.txt", "One text.")

    with workshop.pipeline(vector_type="halfvec") as pipeline:
        report = pipeline.run([str(workshop.folder)])

    assert (report.embedded, report.model, report.dimensions) == (1, "text-embedding-3-small", 64)
    with workshop.pipeline(model="hash", dimensions=8) as pipeline, pytest.raises(UsageError, match="ingest reembed"):
        pipeline.run([str(workshop.folder)])


def test_a_corpus_of_an_older_version_is_brought_up_to_date_by_any_verb(workshop: Workshop) -> None:
    workshop.write("a.txt", "One text.")
    with workshop.pipeline() as pipeline:
        pipeline.run([str(workshop.folder)])
    with psycopg.connect(workshop.database_url) as connection:
        connection.execute("ALTER TABLE corpus.column_target DROP COLUMN source")
        connection.execute("DELETE FROM corpus.migrations WHERE version = 5")

    with workshop.pipeline() as pipeline:
        passages = pipeline.search("One text.")

    assert [passage.content for passage in passages] == ["One text."]
    assert workshop.query("SELECT max(version) FROM migrations") == [(schema_versions()[-1][0],)]


@pytest.mark.broken_books("of a version that is to come")
@pytest.mark.parametrize("verb", ["sync", "status"])
def test_a_corpus_of_a_newer_version_is_left_alone(workshop: Workshop, verb: str) -> None:
    workshop.write("a.txt", "One text.")
    arguments = [[str(workshop.folder)]] if verb == "sync" else []
    with workshop.pipeline() as pipeline:
        pipeline.sync([str(workshop.folder)])
    with psycopg.connect(workshop.database_url) as connection:
        connection.execute("INSERT INTO corpus.migrations (version, name) VALUES (9999, 'what_is_to_come')")

    with workshop.pipeline() as pipeline, pytest.raises(UsageError, match="newer pgvector-ingest"):
        getattr(pipeline, verb)(*arguments)


@pytest.mark.parametrize("vector_type", ["vector", "halfvec"])
def test_what_pgvector_cannot_index_as_it_is_asked_to_is_refused_before_anything_is_paid(
    workshop: Workshop, vector_type: str
) -> None:
    workshop.write("a.txt", "One text.")
    flags = {"model": "text-embedding-3-large", "vector_type": vector_type, "dimensions": 3072}

    with workshop.pipeline(index_quantize="none", **flags) as pipeline:
        if vector_type == "vector":
            with pytest.raises(UsageError, match="without index_quantize = none it is halfvec"):
                pipeline.run([str(workshop.folder)])
        else:
            assert pipeline.run([str(workshop.folder)]).dimensions == 3072

    assert workshop.emulator.ledger()["texts"] == (vector_type == "halfvec")


def test_what_needs_no_provider_needs_no_key(workshop: Workshop) -> None:
    workshop.write("a.txt", "One text.")
    with workshop.pipeline() as pipeline:
        pipeline.sync([str(workshop.folder)])

    with workshop.pipeline(api_key=None, dimensions=None) as pipeline:
        assert pipeline.status().waiting_requests == 1
        assert [shard.request_count for shard in pipeline.export(workshop.data_dir / "export")] == [1]
        assert pipeline.retry(exported=True) == 1
        with pytest.raises(UsageError, match="there is no API key"):
            pipeline.search("One text.")
