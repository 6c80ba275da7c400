"""The view `passages`: each searchable passage with its document, whatever becomes of the corpus; no view of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from reembeddings import NEW, change, filled, reembed, roles, schemas, there_and_back, watched

from ingest.corpus.integrity import check_integrity
from ingest.errors import UsageError

if TYPE_CHECKING:
    from workshop import Workshop

COLUMNS = (
    "id document_id uri title headings ordinal content token_count first_page last_page first_line last_line metadata "
    "embedding"
).split()
SEEN = "SELECT id, uri, content FROM corpus.passages ORDER BY id"


def columns(workshop: Workshop, schema: str = "corpus") -> list[str]:
    return [
        name
        for (name,) in workshop.query(
            "SELECT column_name::text FROM information_schema.columns WHERE table_name = 'passages' "
            f"AND table_schema = '{schema}' ORDER BY ordinal_position"
        )
    ]


def kinds(workshop: Workshop) -> list[tuple[object, ...]]:
    return workshop.query(
        "SELECT relnamespace::regnamespace::text, relkind::text FROM pg_class WHERE relname = 'passages' ORDER BY 1"
    )


def test_it_has_what_is_searchable_with_its_document(workshop: Workshop) -> None:
    workshop.write("a.md", "# Title\n\n## Part\n\nWhat is said in it.")
    with workshop.pipeline() as pipeline:
        pipeline.run([str(workshop.folder)])
        workshop.write("late.md", "Its vector comes later.")
        pipeline.sync([str(workshop.folder)])

    found = workshop.query(
        "SELECT title, headings, ordinal, metadata ? 'bytes', vector_dims(embedding) FROM corpus.passages"
    )

    assert columns(workshop) == COLUMNS
    assert found == [("Title", [], 0, True, 64)]


def test_it_follows_a_swap_a_rollback_and_a_finish_under_the_eyes_of_its_readers(workshop: Workshop) -> None:
    filled(workshop)
    look = (
        "SELECT count(*), min(vector_dims(embedding::vector)), max(vector_dims(embedding::vector)) FROM corpus.passages"
    )

    with watched(workshop.database_url, look) as log:
        found = there_and_back(workshop, "SELECT uri, content FROM corpus.passages ORDER BY uri")

    assert found == [found[0]] * 4
    assert {row[0] for row in log} == {3}
    assert {row[1:] for row in log} == {(64, 64), (32, 32)}
    assert kinds(workshop) == [("corpus", "v")]
    assert schemas(workshop) == {"corpus"}


def test_grants_its_owner_and_comments_stay_on_it(workshop: Workshop) -> None:
    filled(workshop)
    look = """
        SELECT pg_get_userbyid(c.relowner) <> current_user, obj_description(c.oid), g.privilege_type,
               g.grantee::regrole::text
        FROM pg_class c, aclexplode(c.relacl) g
        WHERE c.oid = 'corpus.passages'::regclass AND g.grantee <> c.relowner
    """
    with roles(workshop, "app", "reader") as (app, reader):
        change(
            workshop,
            f"ALTER VIEW corpus.passages OWNER TO {app}",
            f"GRANT SELECT ON corpus.passages TO {reader}",
            "COMMENT ON VIEW corpus.passages IS 'read by the shop'",
        )

        found = there_and_back(workshop, look)
        with workshop.pipeline(**NEW, filters={"bytes": "integer"}) as pipeline:
            pipeline.sync([str(workshop.folder)])
        found.append(workshop.query(look))
        with workshop.pipeline(**NEW, filters={"bytes": "text"}) as pipeline:  # for that the view has to be made anew
            pipeline.sync([str(workshop.folder)])
        found.append(workshop.query(look))

        assert found == [[(True, "read by the shop", "SELECT", reader)]] * 6


def test_filters_are_columns_of_it(workshop: Workshop) -> None:
    filled(workshop, filters={"bytes": "integer", "title": "text"})
    change(workshop, "CREATE VIEW public.large AS SELECT uri FROM corpus.passages WHERE bytes > 10")

    with workshop.pipeline(filters={"bytes": "integer", "title": "text", "tenant": "text"}) as pipeline:
        pipeline.sync([str(workshop.folder)])
    assert columns(workshop) == [*COLUMNS, "bytes", "tenant"]  # its title is the document's
    assert len(workshop.query("SELECT FROM public.large")) == 3
    with (
        workshop.pipeline(filters={"tenant": "text"}) as pipeline,
        pytest.raises(UsageError, match=r"view public\.large depends on"),
    ):
        pipeline.sync([str(workshop.folder)])
    assert columns(workshop) == [*COLUMNS, "bytes", "tenant"]
    change(workshop, "DROP VIEW public.large")
    with workshop.pipeline(filters={"tenant": "text"}) as pipeline:
        pipeline.sync([str(workshop.folder)])
    assert columns(workshop) == [*COLUMNS, "tenant"]

    reembed(workshop)
    assert columns(workshop) == [*COLUMNS, "tenant"]


def test_a_policy_of_the_tables_holds_for_who_reads_it(workshop: Workshop) -> None:
    filled(workshop)
    with roles(workshop, "reader") as (reader,):
        change(
            workshop,
            f"GRANT SELECT ON ALL TABLES IN SCHEMA corpus TO {reader}",
            "ALTER TABLE corpus.documents ENABLE ROW LEVEL SECURITY",
            f"CREATE POLICY one ON corpus.documents TO {reader} USING (uri LIKE '%/1.txt')",
        )

        with psycopg.connect(workshop.database_url) as connection:
            connection.execute(f"SET ROLE {reader}")
            seen = connection.execute("SELECT content FROM corpus.passages").fetchall()

    assert seen == [("This is document number 1, and nothing else is.",)]


@pytest.mark.parametrize(
    "theirs",
    [
        "CREATE TABLE corpus.passages AS SELECT 1 AS mine",
        "CREATE VIEW corpus.passages AS SELECT 1 AS mine",
        "CREATE TYPE corpus.passages AS ENUM ('mine')",
    ],
)
def test_what_has_its_name_already_is_left_alone(workshop: Workshop, theirs: str) -> None:
    filled(workshop)
    change(workshop, "DROP VIEW corpus.passages", theirs)
    there = workshop.query(
        "SELECT oid FROM pg_type WHERE typname = 'passages' AND typnamespace = 'corpus'::regnamespace"
    )

    with workshop.pipeline(filters={"bytes": "integer"}) as pipeline:
        pipeline.run([str(workshop.folder)])
    reembed(workshop)
    with workshop.pipeline(**NEW) as pipeline:
        pipeline.finish()

    assert there == workshop.query(
        "SELECT oid FROM pg_type WHERE typname = 'passages' AND typnamespace = 'corpus'::regnamespace"
    )
    with workshop.pipeline(**NEW) as pipeline:
        assert pipeline.drop()
    assert schemas(workshop) == {"corpus"}


def test_one_that_was_dropped_comes_back_with_the_next_run(workshop: Workshop) -> None:
    filled(workshop)
    seen = workshop.query(SEEN)
    change(workshop, "DROP VIEW corpus.passages")

    filled(workshop)

    assert workshop.query(SEEN) == seen
    with workshop.pipeline() as pipeline:
        assert check_integrity(pipeline.connection).faults == []


def test_it_goes_with_the_corpus_but_not_what_reads_it(workshop: Workshop) -> None:
    filled(workshop)
    change(workshop, "CREATE VIEW public.mine AS SELECT uri FROM corpus.passages")
    with (
        workshop.pipeline() as pipeline,
        pytest.raises(UsageError, match=r"still read: view public\.mine depends on view"),
    ):
        pipeline.drop()
    assert len(workshop.query(SEEN)) == 3

    change(workshop, "DROP VIEW public.mine")
    with workshop.pipeline() as pipeline:
        assert pipeline.drop()

    assert schemas(workshop) == set()


def test_a_view_of_the_user_on_it_is_named_after_a_swap_and_holds_up_the_finish(workshop: Workshop) -> None:
    filled(workshop)
    change(workshop, "CREATE VIEW public.mine AS SELECT uri FROM corpus.passages")

    reembed(workshop)

    with workshop.pipeline() as pipeline, pytest.raises(UsageError, match=r"view public\.mine depends"):
        pipeline.finish()
    assert kinds(workshop) == [("corpus", "v"), ("corpus__old", "v")]


def test_a_corpus_may_change_its_model_while_it_is_empty(workshop: Workshop) -> None:
    with workshop.pipeline() as pipeline:
        pipeline.create()

    filled(workshop, dimensions=32)

    assert workshop.query("SELECT DISTINCT vector_dims(embedding) FROM corpus.passages") == [(32,)]


@pytest.mark.broken_books("its view is of another version")
def test_a_view_that_reads_another_version_is_no_whole_corpus(workshop: Workshop) -> None:
    filled(workshop)
    reembed(workshop)
    change(workshop, "DROP VIEW corpus.passages", "ALTER VIEW corpus__old.passages SET SCHEMA corpus")

    with workshop.pipeline() as pipeline:
        faults = check_integrity(pipeline.connection).faults

    assert faults == ["the view passages reads other passages than these (1, passages is one)"]
