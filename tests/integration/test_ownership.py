"""A guest in somebody's database: only what the tool made, and can prove it made, is moved or dropped."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import conninfo
from reembeddings import NEW, filled, reembed, schemas
from workshop import Told

from ingest.database.connection import connect
from ingest.database.ownership import TABLES, read_books
from ingest.doctor import examine
from ingest.errors import BudgetError, UsageError
from ingest.sources.tables import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from workshop import Workshop

# One of each kind, with what reads it under the name that the user gave.
_GUESTS = """
    CREATE TABLE corpus.feedback (chunk_id bigint PRIMARY KEY, stars int);
    INSERT INTO corpus.feedback SELECT n, n %% 5 FROM generate_series(1, 1000) n;
    CREATE VIEW corpus.best AS SELECT * FROM corpus.feedback WHERE stars = 4;
    CREATE MATERIALIZED VIEW corpus.worst AS SELECT * FROM corpus.feedback WHERE stars = 0;
    CREATE SEQUENCE corpus.tickets START 7;
    CREATE TYPE corpus.mood AS ENUM ('sad', 'glad');
    CREATE FUNCTION corpus.stars() RETURNS bigint LANGUAGE sql AS 'SELECT sum(stars) FROM corpus.feedback'
"""
_FOUND = """
    SELECT (SELECT count(*) FROM corpus.feedback), (SELECT count(*) FROM corpus.best),
           (SELECT count(*) FROM corpus.worst), (SELECT last_value FROM corpus.tickets), 'glad'::corpus.mood::text,
           corpus.stars()
"""


def change(workshop: Workshop, statements: str) -> None:
    with psycopg.connect(workshop.database_url) as connection:
        connection.execute(statements.replace("%%", "%").encode())


def lengths(workshop: Workshop) -> list[tuple[int, int]]:
    """The lengths of the vectors that readers find, and how many of each."""
    return workshop.query("SELECT vector_dims(embedding::vector), count(*) FROM corpus.chunks GROUP BY 1")


def held(workshop: Workshop, schema: str) -> set[str]:
    """The tables of a schema."""
    return {name for (name,) in workshop.query("SELECT tablename FROM pg_tables WHERE schemaname = %s", schema)}


def test_our_tables_are_those_that_the_schema_makes(workshop: Workshop) -> None:
    filled(workshop)

    with connect(workshop.database_url, "corpus") as connection:
        books = read_books(connection, "corpus")

    ours = {table for tables in TABLES.values() for table in tables}
    assert held(workshop, "corpus") == ours
    assert books
    assert set(books.tables) == ours


def test_each_table_of_ours_has_a_key(workshop: Workshop) -> None:
    filled(workshop)

    keyed = workshop.query(
        "SELECT conrelid::regclass::text FROM pg_constraint "
        "WHERE contype = 'p' AND connamespace = 'corpus'::regnamespace"
    )

    assert {name for (name,) in keyed} == {table for tables in TABLES.values() for table in tables}


def test_what_is_not_ours_stays_where_it_is_looked_for(workshop: Workshop) -> None:
    filled(workshop)
    change(workshop, _GUESTS)
    before = workshop.query(_FOUND)
    seen = []

    reembed(workshop)
    seen.append((lengths(workshop), workshop.query(_FOUND)))
    with workshop.pipeline() as pipeline:
        pipeline.roll_back()
        seen.append((lengths(workshop), workshop.query(_FOUND)))
    reembed(workshop)
    with workshop.pipeline() as pipeline:
        pipeline.finish()
    seen.append((lengths(workshop), workshop.query(_FOUND)))

    assert before == [(1000, 200, 200, 7, "glad", 2000)]
    assert seen == [([(32, 3)], before), ([(64, 3)], before), ([(32, 3)], before)]
    assert schemas(workshop) == {"corpus"}


def _reembed(workshop: Workshop) -> None:
    reembed(workshop)


def _roll_back(workshop: Workshop) -> None:
    with workshop.pipeline() as pipeline:
        pipeline.roll_back()


def _finish(workshop: Workshop) -> None:
    with workshop.pipeline() as pipeline:
        pipeline.finish()


def _discard(workshop: Workshop) -> None:
    with workshop.pipeline() as pipeline:
        pipeline.finish(discard=True)


VERBS = [(_reembed, "old"), (_reembed, "next"), (_roll_back, "old"), (_finish, "old"), (_discard, "next")]


@pytest.mark.parametrize(("verb", "suffix"), VERBS)
def test_a_schema_that_was_never_ours_is_refused_by_name(
    workshop: Workshop, verb: Callable[[Workshop], None], suffix: str
) -> None:
    filled(workshop)
    change(workshop, f"CREATE SCHEMA corpus__{suffix}; CREATE TABLE corpus__{suffix}.chunks AS SELECT 1 AS mine")
    before = workshop.emulator.ledger()

    with pytest.raises(UsageError, match=rf"corpus__{suffix} holds table (.*\.)?chunks, and is not ours"):
        verb(workshop)

    assert workshop.query(f"SELECT mine FROM corpus__{suffix}.chunks") == [(1,)]
    assert (lengths(workshop), workshop.emulator.ledger()) == ([(64, 3)], before)


@pytest.mark.parametrize(("verb", "suffix"), VERBS)
def test_another_corpus_is_not_taken_for_a_version_of_this_one(
    workshop: Workshop, verb: Callable[[Workshop], None], suffix: str
) -> None:
    filled(workshop)
    filled(workshop, corpus=f"corpus__{suffix}")

    with pytest.raises(UsageError, match=rf"corpus__{suffix} is a corpus of its own"):
        verb(workshop)

    assert workshop.query(f"SELECT count(embedding) FROM corpus__{suffix}.chunks") == [(3,)]
    assert lengths(workshop) == [(64, 3)]


@pytest.mark.parametrize(
    "guest",
    [
        "CREATE TABLE corpus.orders (id int)",
        "CREATE FUNCTION corpus.one() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE TYPE corpus.mood AS ENUM ('sad')",
        "CREATE SEQUENCE corpus.tickets",
        "CREATE VIEW corpus.nobody AS SELECT 1 AS one",
        "CREATE TABLE corpus.migrations (version int, name text); INSERT INTO corpus.migrations VALUES (1, 'begin')",
        "CREATE TABLE corpus.corpus (id int, model text)",
        "CREATE TABLE corpus.chunks (id int, embedding vector(3))",
    ],
)
def test_a_corpus_is_not_made_in_a_schema_of_somebody_else(workshop: Workshop, guest: str) -> None:
    change(workshop, f"CREATE SCHEMA corpus; {guest}")
    before = workshop.query("SELECT relname, relnatts FROM pg_class WHERE relnamespace = 'corpus'::regnamespace")

    with pytest.raises(UsageError, match="the schema corpus exists and holds other things"):
        filled(workshop)

    after = workshop.query("SELECT relname, relnatts FROM pg_class WHERE relnamespace = 'corpus'::regnamespace")
    assert after == before


def test_schemas_that_were_made_for_us_are_used_and_left(workshop: Workshop) -> None:
    for schema in ("corpus", "corpus__next", "corpus__old"):
        change(
            workshop,
            f"CREATE SCHEMA {schema}; ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT ON TABLES TO PUBLIC",
        )
    filled(workshop)

    reembed(workshop)
    with workshop.pipeline() as pipeline:
        pipeline.finish()

    assert lengths(workshop) == [(32, 3)]
    assert schemas(workshop) == {"corpus", "corpus__next", "corpus__old"}


def test_a_role_that_may_not_create_schemas_uses_those_that_are_its_own(workshop: Workshop) -> None:
    role = f"app_{workshop.query('SELECT current_database()')[0][0]}"
    change(workshop, f"CREATE ROLE {role}")
    for schema in ("corpus", "corpus__next", "corpus__old"):
        change(workshop, f"CREATE SCHEMA {schema} AUTHORIZATION {role}")
    app = replace(workshop, database_url=conninfo.make_conninfo(workshop.database_url, options=f"-c role={role}"))
    try:
        filled(app)
        reembed(app)
        _roll_back(app)
        reembed(app)
        _finish(app)

        assert (lengths(workshop), schemas(workshop)) == ([(32, 3)], {"corpus", "corpus__next", "corpus__old"})
    finally:
        change(workshop, f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}")


def test_what_stands_beside_an_old_version_is_left_and_named(workshop: Workshop) -> None:
    filled(workshop)
    reembed(workshop)
    change(workshop, "CREATE TABLE corpus__old.notes AS SELECT 1 AS mine")

    told = Told()
    with workshop.telling(told, {}) as pipeline:
        pipeline.finish()

    assert held(workshop, "corpus__old") == {"notes"}
    assert told.lines == ["the schema corpus__old stays, with what is not ours: table corpus__old.notes"]
    with pytest.raises(UsageError, match="no older version"):
        _roll_back(workshop)


def test_what_stands_beside_the_next_version_is_left_by_a_swap(workshop: Workshop) -> None:
    filled(workshop)

    def make(_tokens: int, _dollars: float) -> bool:
        change(workshop, "CREATE TABLE corpus__next.notes ()")
        return True

    with workshop.pipeline(**NEW) as pipeline:
        pipeline.reembed(make)
    between = (held(workshop, "corpus__next"), lengths(workshop))
    _roll_back(workshop)

    assert between == ({"notes"}, [(32, 3)])
    assert (held(workshop, "corpus__next") > {"notes"}, lengths(workshop)) == (True, [(64, 3)])
    _discard(workshop)
    assert held(workshop, "corpus__next") == {"notes"}


def test_something_that_has_a_name_of_ours_stops_the_swap_and_is_left(workshop: Workshop) -> None:
    filled(workshop)
    with workshop.pipeline() as pipeline:
        pipeline.index()

    def make(_tokens: int, _dollars: float) -> bool:
        change(workshop, "CREATE SCHEMA corpus__old; CREATE TABLE corpus__old.chunks AS SELECT 1 AS mine")
        return True

    with workshop.pipeline(**NEW) as pipeline, pytest.raises(UsageError, match="corpus__old holds table"):
        pipeline.reembed(make)
    assert workshop.query("SELECT mine FROM corpus__old.chunks") == [(1,)]
    change(workshop, "DROP SCHEMA corpus__old CASCADE; CREATE VIEW corpus.chunks_lost AS SELECT 1 AS one")
    change(workshop, "ALTER INDEX corpus__next.chunks_document RENAME TO chunks_lost")
    with pytest.raises(UsageError, match='"chunks_lost" already exists'):
        reembed(workshop)
    change(workshop, "DROP VIEW corpus.chunks_lost")
    before = workshop.emulator.ledger()
    reembed(workshop)

    assert (lengths(workshop), workshop.emulator.ledger()) == ([(32, 3)], before)


def _as_made_before(workshop: Workshop, *corpora: str) -> None:
    """The corpora as the program made them that had no families."""
    for corpus in corpora:
        change(
            workshop,
            f"ALTER TABLE {corpus}.corpus DROP COLUMN family, DROP COLUMN made_schemas, DROP COLUMN made_indexes;"
            f"ALTER TABLE {corpus}.ledger_documents DROP COLUMN id;"
            f"DELETE FROM {corpus}.migrations WHERE version = 9",
        )


@pytest.mark.parametrize("touched_first", [None, "corpus__old"])
def test_versions_made_before_families_were_noted_are_taken_in(workshop: Workshop, touched_first: str | None) -> None:
    filled(workshop)
    reembed(workshop)
    _as_made_before(workshop, "corpus", "corpus__old")
    for number in range(3):  # nothing is left that the versions have in common, but what they cost
        workshop.write(f"{number}.txt", f"This is another document number {number}.")
    if touched_first:
        with workshop.pipeline(corpus=touched_first) as pipeline:
            pipeline.status()
    with workshop.pipeline(**NEW) as pipeline:
        pipeline.run([str(workshop.folder)])

    _roll_back(workshop)
    rolled_back = lengths(workshop)
    _discard(workshop)

    assert rolled_back == [(64, 3)]
    assert schemas(workshop) == {"corpus"}


def test_a_version_in_the_making_from_before_is_taken_in(workshop: Workshop) -> None:
    filled(workshop)
    with workshop.pipeline(**NEW) as pipeline, pytest.raises(BudgetError):
        pipeline.reembed(lambda _tokens, _dollars: False)
    _as_made_before(workshop, "corpus", "corpus__next")

    reembed(workshop)

    assert lengths(workshop) == [(32, 3)]


def test_a_corpus_of_its_own_from_before_is_not_taken_in(workshop: Workshop) -> None:
    filled(workshop)
    filled(workshop, corpus="corpus__old")
    _as_made_before(workshop, "corpus", "corpus__old")

    with pytest.raises(UsageError, match="corpus__old is a corpus of its own"):
        _finish(workshop)

    assert workshop.query("SELECT count(embedding) FROM corpus__old.chunks") == [(3,)]


def test_a_column_that_no_books_name_is_not_dropped(workshop: Workshop) -> None:
    change(workshop, "CREATE TABLE public.articles (id int PRIMARY KEY, body text, embedding__old int DEFAULT 1)")
    change(workshop, "INSERT INTO articles VALUES (1, 'One'), (2, 'Two')")
    with workshop.pipeline() as pipeline:
        pipeline.run(Table("articles", text="body", into="embedding"))
    change(workshop, "CREATE SCHEMA corpus__old")

    with pytest.raises(UsageError, match="there is no corpus__old"):
        _finish(workshop)
    with pytest.raises(UsageError, match="has a column embedding__old, and the name is needed"):
        reembed(workshop)

    assert workshop.query("SELECT sum(embedding__old), count(embedding) FROM public.articles") == [(2, 2)]


_INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = %s ORDER BY indexname"


@pytest.mark.parametrize("name", ["chunks_embedding", "chunks_embedding_building", "chunks_embedding_replaced"])
def test_an_index_of_the_users_own_that_has_our_name_is_left(workshop: Workshop, name: str) -> None:
    filled(workshop)
    change(workshop, f"CREATE INDEX {name} ON corpus.chunks USING hnsw (embedding vector_l2_ops)")
    before = workshop.query(_INDEXES, "corpus")

    with workshop.pipeline() as pipeline, pytest.raises(UsageError, match=f"needs the name .*{name}"):
        pipeline.index()
    after = workshop.query(_INDEXES, "corpus")
    reembed(workshop)
    swapped = [(found, made.replace("halfvec_", "vector_")) for found, made in workshop.query(_INDEXES, "corpus")]
    change(workshop, f"ALTER INDEX corpus.{name} RENAME TO mine")
    with workshop.pipeline(**NEW) as pipeline:
        pipeline.index()

    assert before == after == swapped
    assert {found for found, _ in workshop.query(_INDEXES, "corpus")} > {"mine", "chunks_embedding"}


def test_an_index_on_the_users_table_that_has_our_name_is_left(workshop: Workshop) -> None:
    change(workshop, "CREATE TABLE public.articles (id int PRIMARY KEY, body text)")
    change(workshop, "INSERT INTO articles VALUES (1, 'One'), (2, 'Two')")
    with workshop.pipeline() as pipeline:
        pipeline.run(Table("articles", text="body", into="embedding"))
    change(workshop, "CREATE INDEX articles_embedding ON articles USING hnsw (embedding vector_l2_ops) WHERE id > 1")
    before = workshop.query(_INDEXES, "public")

    with workshop.pipeline() as pipeline, pytest.raises(UsageError, match=r"needs the name .*articles_embedding"):
        pipeline.index()

    assert workshop.query(_INDEXES, "public") == before


def _articles(workshop: Workshop) -> None:
    change(workshop, "CREATE TABLE public.articles (id int PRIMARY KEY, body text)")
    change(workshop, "INSERT INTO articles VALUES (1, 'One'), (2, 'Two')")
    with workshop.pipeline() as pipeline:
        pipeline.run(Table("articles", text="body", into="embedding"))


def test_versions_of_a_column_made_before_families_were_noted_are_taken_in(workshop: Workshop) -> None:
    _articles(workshop)
    reembed(workshop)
    _as_made_before(workshop, "corpus", "corpus__old")

    _roll_back(workshop)
    rolled_back = workshop.query("SELECT DISTINCT vector_dims(embedding::vector) FROM public.articles")
    _discard(workshop)

    columns = workshop.query(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'public.articles'::regclass AND attnum > 0"
    )
    assert rolled_back == [(64,)]
    assert [name for (name,) in columns if not name.startswith("....")] == ["id", "body", "embedding"]


@pytest.mark.broken_books(reason="its table is gone")
def test_an_old_version_of_a_column_goes_though_its_table_is_gone(workshop: Workshop) -> None:
    _articles(workshop)
    reembed(workshop)
    change(workshop, "DROP TABLE public.articles")

    _finish(workshop)

    assert schemas(workshop) == {"corpus"}


def test_an_index_whose_next_name_is_somebody_elses_stops_it_before_anything_is_paid(workshop: Workshop) -> None:
    _articles(workshop)
    with workshop.pipeline() as pipeline:
        pipeline.index()
    change(workshop, "CREATE TABLE public.articles_embedding__old AS SELECT 1 AS mine")
    before = workshop.emulator.ledger()

    with pytest.raises(UsageError, match=r"something of yours named .*articles_embedding__old"):
        reembed(workshop)

    assert workshop.emulator.ledger() == before


def test_a_file_of_somebody_else_in_the_folder_of_shards_is_left(workshop: Workshop) -> None:
    filled(workshop)
    folder = workshop.data_dir / "shards" / f"corpus-{workshop.query('SELECT id FROM corpus.corpus')[0][0]}"
    left_over = folder / f"ingest-{'0' * 32}.jsonl"
    for path in (left_over, folder / "notes.jsonl"):
        path.write_text("{}")

    filled(workshop)

    assert [path.name for path in folder.glob("*.jsonl")] == ["notes.jsonl"]


@pytest.mark.broken_books("something of it is gone")
@pytest.mark.parametrize(
    ("loss", "said"),
    [
        ("DROP TABLE corpus.ledger", r"lacks what is its own \(ledger\)"),
        ("TRUNCATE corpus.corpus", "no longer says of which model"),
    ],
)
def test_what_somebody_took_from_a_corpus_stops_a_run_before_anything_is_changed_or_paid(
    workshop: Workshop, loss: str, said: str
) -> None:
    workshop.write("1.txt", "A document.")
    with workshop.pipeline() as pipeline:
        pipeline.run([str(workshop.folder)])
    with psycopg.connect(workshop.database_url) as connection:
        connection.execute(loss.encode())
    before = workshop.emulator.ledger()
    workshop.write("2.txt", "Another document.")

    with workshop.pipeline() as pipeline, pytest.raises(UsageError, match=said):
        pipeline.run([str(workshop.folder)])

    assert workshop.emulator.ledger() == before
    assert workshop.query("SELECT count(embedding) FROM corpus.chunks") == [(1,)]


def test_a_version_that_a_rename_of_its_corpus_left_behind_is_found_and_put_back(
    workshop: Workshop,
) -> None:
    filled(workshop)
    reembed(workshop)
    change(workshop, "ALTER SCHEMA corpus RENAME TO papers")
    before = workshop.emulator.ledger()

    with workshop.pipeline(corpus="papers", dimensions=32) as pipeline:
        (stray,) = [check for check in examine(pipeline) if check.name == "versions"]
        change(workshop, stray.finding.partition("renamed: ")[2].partition(";")[0])
        (found,) = [check for check in examine(pipeline) if check.name == "versions"]
        assert pipeline.run([str(workshop.folder)]).tokens == 0
        pipeline.finish()

    assert (stray.ok, stray.exit_status, found.ok) == (False, 1, True)
    assert found.finding == "beside papers: papers__old"
    assert workshop.query("SELECT to_regnamespace('papers__old') IS NULL") == [(True,)]
    assert workshop.emulator.ledger() == before


def test_a_corpus_whose_schema_was_renamed_is_not_made_and_paid_anew(workshop: Workshop) -> None:
    filled(workshop)
    reembed(workshop)
    change(workshop, "ALTER SCHEMA corpus RENAME TO papers")
    before = workshop.emulator.ledger()

    with workshop.pipeline() as pipeline:
        with pytest.raises(UsageError, match=r"there is corpus__old, a version of it: was its schema renamed"):
            pipeline.run([str(workshop.folder)])
        with pytest.raises(UsageError, match=r"name one that is there by --corpus \(corpus__old, papers\)"):
            pipeline.status()

    assert workshop.emulator.ledger() == before
    assert workshop.query("SELECT to_regnamespace('corpus') IS NULL") == [(True,)]


def test_a_table_that_is_gone_stops_each_command_and_is_put_back_empty_for_nothing(workshop: Workshop) -> None:
    filled(workshop)
    change(workshop, "DROP TABLE corpus.requests")
    workshop.write("another.txt", "Another document.")
    folder = [str(workshop.folder)]
    before = workshop.emulator.ledger()["texts"]

    with workshop.pipeline() as pipeline:
        for command in (pipeline.status, pipeline.submit, pipeline.load, pipeline.retry, lambda: pipeline.run(folder)):
            with pytest.raises(UsageError, match=r"lacks what is its own \(requests\).*nothing sent"):
                command()
    with workshop.pipeline(corpus="pattern") as pipeline:
        pipeline.sync(folder)
    change(workshop, "CREATE TABLE corpus.requests (LIKE pattern.requests INCLUDING ALL)")
    change(workshop, "DROP SCHEMA pattern CASCADE")
    with workshop.pipeline(full=True) as pipeline:
        report = pipeline.run(folder)

    assert report.load.loaded == workshop.emulator.ledger()["texts"] - before == 1
