"""What a user has put on the tables of a corpus comes along with a swap and a rollback, or stops them for free."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest
from process_checks import eventually
from psycopg import conninfo
from reembeddings import NEW, change, filled, lengths, reembed, roles, schemas, there_and_back
from workshop import Told

from ingest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workshop import Workshop


def test_grants_and_the_owner_are_those_of_the_version_in_use(workshop: Workshop) -> None:
    filled(workshop)
    look = """
        SELECT c.relname, pg_get_userbyid(c.relowner) <> current_user, g.privilege_type, g.grantee::regrole::text,
               g.is_grantable
        FROM pg_class c, aclexplode(c.relacl) g
        WHERE c.relnamespace = 'corpus'::regnamespace AND g.grantee <> c.relowner
        ORDER BY 1, 2, 3, 4
    """
    with roles(workshop, "app", "reader") as (app, reader):
        change(
            workshop,
            f"ALTER TABLE corpus.chunks OWNER TO {app}",
            f"GRANT SELECT ON corpus.batches, corpus.chunks TO {reader}",
            f"GRANT UPDATE ON corpus.documents TO {reader} WITH GRANT OPTION",
            "GRANT SELECT ON corpus.documents TO PUBLIC",
        )

        found = there_and_back(workshop, look)

        assert found == [found[0]] * 4
        assert len(found[0]) == 4


def test_what_was_revoked_since_the_swap_is_not_given_back_by_a_rollback(workshop: Workshop) -> None:
    filled(workshop)
    with roles(workshop, "reader") as (reader,):
        change(
            workshop,
            f"GRANT SELECT ON corpus.chunks TO {reader}",
            f"GRANT SELECT (uri) ON corpus.documents TO {reader}",
        )
        reembed(workshop)
        change(workshop, f"REVOKE ALL ON corpus.chunks, corpus.documents FROM {reader}")

        with workshop.pipeline() as pipeline:
            pipeline.roll_back()

        assert workshop.query(
            "SELECT has_table_privilege(%s, 'corpus.chunks', 'SELECT'), "
            "has_column_privilege(%s, 'corpus.documents', 'uri', 'SELECT')",
            reader,
            reader,
        ) == [(False, False)]


def test_comments_and_settings_come_along(workshop: Workshop) -> None:
    filled(workshop)
    change(
        workshop,
        "COMMENT ON TABLE corpus.chunks IS 'It''s what we search'",
        "COMMENT ON COLUMN corpus.chunks.embedding IS 'nearest by <=>'",
        "CREATE INDEX mine ON corpus.documents (title)",
        "COMMENT ON INDEX corpus.mine IS 'for the list of titles'",
        "ALTER TABLE corpus.chunks SET (autovacuum_vacuum_scale_factor = 0.01, toast.autovacuum_enabled = false)",
        "ALTER TABLE corpus.chunks ALTER content SET STORAGE EXTERNAL, ALTER document_id SET (n_distinct = -0.5)",
        "ALTER TABLE corpus.documents REPLICA IDENTITY FULL",
    )
    look = """
        SELECT obj_description('corpus.chunks'::regclass), obj_description('corpus.mine'::regclass),
               (SELECT string_agg(col_description(attrelid, attnum), '') FROM pg_attribute
                WHERE attrelid = 'corpus.chunks'::regclass AND attnum > 0),
               (SELECT reloptions::text FROM pg_class WHERE oid = 'corpus.chunks'::regclass),
               (SELECT t.reloptions::text FROM pg_class c JOIN pg_class t ON t.oid = c.reltoastrelid
                WHERE c.oid = 'corpus.chunks'::regclass),
               (SELECT string_agg(concat(attname, attstorage, attoptions), ' ' ORDER BY attnum) FROM pg_attribute
                WHERE attrelid = 'corpus.chunks'::regclass AND attname IN ('document_id', 'content')),
               (SELECT relreplident FROM pg_class WHERE oid = 'corpus.documents'::regclass)
    """

    found = there_and_back(workshop, look)

    settings = "{fillfactor=45,autovacuum_vacuum_scale_factor=0.01}"
    stored = "document_idp{n_distinct=-0.5} contente"
    words = ("It's what we search", "for the list of titles", "nearest by <=>")
    assert found == [[(*words, settings, "{autovacuum_enabled=false}", stored, "f")]] * 4


def test_how_a_table_is_stored_comes_along(workshop: Workshop) -> None:
    filled(workshop)
    look = """
        SELECT (SELECT string_agg(concat(attname, attcompression), ' ' ORDER BY attnum) FROM pg_attribute
                WHERE attrelid = 'corpus.chunks'::regclass AND attcompression <> ''),
               (SELECT indexrelid::regclass::text FROM pg_index
                WHERE indisclustered AND indrelid = 'corpus.documents'::regclass),
               (SELECT string_agg(concat(relname, ' ', left(spcname, 4)), ' ') FROM pg_class c
                JOIN pg_tablespace t ON t.oid = c.reltablespace WHERE c.relnamespace = 'corpus'::regnamespace)
    """
    with tablespace(workshop) as place:
        change(
            workshop,
            "CREATE INDEX mine ON corpus.documents (title)",
            "ALTER TABLE corpus.documents CLUSTER ON mine",
            "ALTER TABLE corpus.chunks ALTER content SET COMPRESSION pglz",
            f"ALTER TABLE corpus.chunks SET TABLESPACE {place}",
        )

        found = there_and_back(workshop, look)

    assert found == [[("contentp", "mine", "chunks fast")]] * 4


@pytest.mark.parametrize(
    ("put", "named", "remedy"),
    [
        ("chunk_terms SET UNLOGGED", "chunk_terms, which is UNLOGGED", "chunk_terms SET LOGGED"),
        ("chunks SET TABLESPACE {place}", "tablespace {place} of corpus.chunks", "SET TABLESPACE {place}"),
    ],
)
def test_a_table_that_is_stored_otherwise_than_the_other_version_stops_a_swap_by_name(
    workshop: Workshop, put: str, named: str, remedy: str
) -> None:
    filled(workshop)
    reembed(workshop)
    with tablespace(workshop) as place, workshop.pipeline() as pipeline:
        change(workshop, f"ALTER TABLE corpus.{put.format(place=place)}")
        with pytest.raises(UsageError, match=named.format(place=place)) as refused:
            pipeline.roll_back()
        advised = re.findall(r"ALTER TABLE \S+ SET \w+(?: \w+)?(?=[,;.])", str(refused.value))
        change(workshop, *advised)
        pipeline.roll_back()

    assert (len(advised), lengths(workshop)) == (1, [(64,)])
    assert advised[0].endswith(remedy.format(place=place))


@contextmanager
def tablespace(workshop: Workshop) -> Iterator[str]:
    """A tablespace of the test's own, in the server's folder."""
    name = f"fast_{workshop.query('SELECT current_database()')[0][0]}"
    with psycopg.connect(workshop.database_url, autocommit=True) as connection:
        connection.execute("SET allow_in_place_tablespaces TO on")
        connection.execute(f"CREATE TABLESPACE {name} LOCATION ''".encode())
        try:
            yield name
        finally:
            connection.execute(f"ALTER TABLE ALL IN TABLESPACE {name} SET TABLESPACE pg_default".encode())
            connection.execute(f"DROP TABLESPACE {name}".encode())


def test_policies_come_along_and_guard_from_the_first_moment(workshop: Workshop) -> None:
    filled(workshop)
    with roles(workshop, "reader") as (reader,):
        change(
            workshop,
            f"GRANT SELECT ON corpus.chunks, corpus.documents TO {reader}",
            "ALTER TABLE corpus.chunks ENABLE ROW LEVEL SECURITY",
            f"CREATE POLICY mine ON corpus.chunks FOR SELECT TO {reader} USING (EXISTS (SELECT FROM corpus.documents d "
            "WHERE d.id = document_id AND d.uri LIKE '%/1.txt'))",
            "CREATE POLICY never ON corpus.chunks AS RESTRICTIVE FOR UPDATE TO PUBLIC USING (false) WITH CHECK (false)",
        )
        look = "SELECT * FROM pg_policies WHERE schemaname = 'corpus' ORDER BY policyname"

        found = there_and_back(workshop, look)

        assert found == [found[0]] * 4
        with psycopg.connect(workshop.database_url) as connection:
            connection.execute(f"SET ROLE {reader}".encode())
            rows = connection.execute("SELECT vector_dims(embedding::vector) FROM corpus.chunks").fetchall()
        assert rows == [(32,)]


def test_a_search_finds_what_the_policies_let_its_role_see(workshop: Workshop) -> None:
    filled(workshop)
    with roles(workshop, "tenant") as (tenant,):
        change(
            workshop,
            f"GRANT SELECT ON ALL TABLES IN SCHEMA corpus TO {tenant}",
            "ALTER TABLE corpus.chunks ENABLE ROW LEVEL SECURITY",
            f"CREATE POLICY mine ON corpus.chunks FOR SELECT TO {tenant} USING (content LIKE '%number 1%')",
        )
        url = conninfo.make_conninfo(workshop.database_url, options=f"-c role={tenant}")
        with workshop.pipeline(database_url=url) as pipeline:
            found = pipeline.search("document number")
            with pytest.raises(UsageError, match=r"guards rows by a policy.*`ingest search` may be anybody's"):
                pipeline.status()

    assert [passage.content for passage in found] == ["This is document number 1, and nothing else is."]


def test_triggers_come_along(workshop: Workshop) -> None:
    filled(workshop)
    change(
        workshop,
        "CREATE TABLE corpus.audit (content text)",
        "CREATE FUNCTION corpus.note() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN INSERT INTO corpus.audit VALUES (new.content); RETURN new; END'",
        "CREATE TRIGGER noted AFTER INSERT ON corpus.chunks FOR EACH ROW EXECUTE FUNCTION corpus.note()",
        "CREATE CONSTRAINT TRIGGER checked AFTER UPDATE OF title ON corpus.documents DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW WHEN (new.title <> old.title) EXECUTE FUNCTION corpus.note()",
        "ALTER TABLE corpus.documents DISABLE TRIGGER checked",
    )
    look = """
        SELECT pg_get_triggerdef(oid), tgenabled, (SELECT count(*) FROM corpus.audit) FROM pg_trigger
        WHERE NOT tgisinternal AND tgrelid IN ('corpus.chunks'::regclass, 'corpus.documents'::regclass) ORDER BY 1
    """

    found = there_and_back(workshop, look)
    workshop.write("new.txt", "A new one.")
    with workshop.pipeline(**NEW) as pipeline:
        pipeline.run([str(workshop.folder)])

    assert found == [found[0]] * 4
    assert workshop.query("SELECT content FROM corpus.audit") == [("A new one.",)]


def test_policies_and_triggers_that_differ_are_not_chosen_between(workshop: Workshop) -> None:
    filled(workshop)
    change(
        workshop,
        "ALTER TABLE corpus.chunks ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY mine ON corpus.chunks USING (ordinal = 0)",
    )
    reembed(workshop)
    change(workshop, "ALTER POLICY mine ON corpus.chunks USING (ordinal = 1)")

    with (
        workshop.pipeline() as pipeline,
        pytest.raises(
            UsageError, match=r"the policy mine of corpus__old.chunks, which is another than on corpus.chunks"
        ),
    ):
        pipeline.roll_back()
    change(workshop, "DROP POLICY mine ON corpus__old.chunks")
    with workshop.pipeline() as pipeline:
        pipeline.roll_back()

    assert workshop.query("SELECT qual FROM pg_policies WHERE schemaname = 'corpus'") == [("(ordinal = 1)",)]


OBSTACLES = {
    "CREATE TABLE public.stars (chunk_id bigint CONSTRAINT starred REFERENCES corpus.chunks ON DELETE CASCADE)": (
        "the foreign key starred of public.stars to corpus.chunks",
        "ALTER TABLE public.stars DROP CONSTRAINT starred",
    ),
    "ALTER TABLE corpus.documents ADD COLUMN tenant int": (
        "the column tenant of corpus.documents",
        "ALTER TABLE corpus.documents DROP COLUMN tenant",
    ),
    "ALTER TABLE corpus.chunks ADD CONSTRAINT short CHECK (length(content) < 9999)": (
        "the constraint short of corpus.chunks",
        "ALTER TABLE corpus.chunks DROP CONSTRAINT short",
    ),
    "CREATE RULE never AS ON DELETE TO corpus.ledger DO INSTEAD NOTHING": (
        "the rule never on corpus.ledger",
        "DROP RULE never ON corpus.ledger",
    ),
    "CREATE TABLE public.more () INHERITS (corpus.chunks)": (
        "the table public.more, which inherits from corpus.chunks",
        "DROP TABLE public.more",
    ),
    "CREATE TABLE public.less (content text NOT NULL); ALTER TABLE corpus.chunks INHERIT public.less": (
        "the table public.less, from which corpus.chunks inherits",
        "ALTER TABLE corpus.chunks NO INHERIT public.less",
    ),
    "CREATE PUBLICATION told FOR TABLE corpus.documents": (
        "the publication told, which names corpus.documents",
        "DROP PUBLICATION told",
    ),
}


@pytest.mark.parametrize("obstacle", OBSTACLES)
def test_what_cannot_come_along_stops_it_before_anything_is_paid(workshop: Workshop, obstacle: str) -> None:
    said, remedy = OBSTACLES[obstacle]
    filled(workshop)
    change(workshop, obstacle)
    before = workshop.emulator.ledger()

    with pytest.raises(UsageError, match=said):
        reembed(workshop)
    after = workshop.emulator.ledger()
    change(workshop, remedy)
    reembed(workshop)

    assert (before, lengths(workshop)) == (after, [(32,)])


def test_what_cannot_go_back_stops_a_rollback(workshop: Workshop) -> None:
    filled(workshop)
    reembed(workshop)
    change(workshop, "CREATE TABLE public.stars (chunk_id bigint CONSTRAINT starred REFERENCES corpus.chunks)")

    with workshop.pipeline() as pipeline, pytest.raises(UsageError, match=r"the foreign key starred of public.stars"):
        pipeline.roll_back()

    assert lengths(workshop) == [(32,)]


def test_views_stay_with_the_old_version_and_that_is_told(workshop: Workshop) -> None:
    filled(workshop)
    change(
        workshop,
        "CREATE VIEW corpus.short AS SELECT left(content, 20) AS content, embedding FROM corpus.chunks",
        "CREATE FUNCTION public.chunks() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM corpus.chunks; END",
    )
    told = Told()

    with workshop.telling(told, NEW) as pipeline:
        pipeline.reembed()

    dimensions = workshop.query("SELECT DISTINCT vector_dims(embedding::vector) FROM corpus.short")
    assert (dimensions, lengths(workshop)) == ([(64,)], [(32,)])
    assert [line for line in told.lines if "reads the old version on" in line] == [
        "function public.chunks(), view corpus.short: reads the old version on, now corpus__old, until you make it anew"
    ]
    with workshop.pipeline() as pipeline, pytest.raises(UsageError, match="corpus__old is still read"):
        pipeline.finish()
    change(
        workshop,
        "DROP VIEW corpus.short",
        "CREATE VIEW corpus.short AS SELECT left(content, 20) AS content, embedding FROM corpus.chunks",
        "DROP FUNCTION public.chunks",
    )
    with workshop.pipeline() as pipeline:
        pipeline.finish()
    assert schemas(workshop) == {"corpus"}


def test_a_swap_waits_for_readers_and_says_for_whom_and_no_reader_waits_for_it(workshop: Workshop) -> None:
    """Readers of the two tables in either order, all the time; and one that stays."""
    filled(workshop)
    told = Told()
    done = threading.Event()
    failed: list[Exception] = []

    def read(look: str) -> None:
        with psycopg.connect(workshop.database_url, autocommit=True, options="-c lock_timeout=1000") as connection:
            while not done.is_set():
                try:
                    connection.execute(look.encode(), prepare=False)
                except psycopg.Error as error:
                    failed.append(error)

    def swap() -> None:
        with workshop.telling(told, NEW) as pipeline:
            pipeline.reembed()

    threads = [
        threading.Thread(
            target=read, args=("SELECT * FROM corpus.documents d JOIN corpus.chunks c ON c.document_id = d.id",)
        ),
        threading.Thread(
            target=read, args=("SELECT * FROM corpus.chunks c JOIN corpus.documents d ON c.document_id = d.id",)
        ),
        threading.Thread(target=swap),
    ]
    with psycopg.connect(workshop.database_url, application_name="a dump") as dump:
        dump.execute("SELECT count(*) FROM corpus.documents")
        for thread in threads:
            thread.start()
        eventually(lambda: any("waiting for a dump of" in line for line in told.lines))
        between = lengths(workshop)
        dump.rollback()
    threads[2].join()
    done.set()
    for thread in threads:
        thread.join()

    assert (between, lengths(workshop), failed) == ([(64,)], [(32,)], [])
