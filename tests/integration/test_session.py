"""A session is as we say it is, and no name is resolved by luck: whatever the server, the database and others bring."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
import pytest
from promises import CORPUS_FLAGS, check_promises, write_corpus
from psycopg import conninfo

from ingest.database.connection import connect
from ingest.database.locks import corpus_lock
from ingest.errors import UnreachableError, UsageError
from ingest.sources.tables import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from workshop import Outcome, Workshop

# Each of these, as the default of a database, broke a promise: what it is then, and what a session of ours has.
DEFAULTS = {
    "session_replication_role": ("replica", "origin"),
    "default_transaction_isolation": ("'repeatable read'", "read committed"),
    "default_transaction_read_only": ("on", "off"),
    "synchronous_commit": ("off", "on"),
    "statement_timeout": ("'1s'", "0"),
    "lock_timeout": ("'1s'", "1min"),
    "idle_in_transaction_session_timeout": ("'1s'", "10min"),
    "search_path": ("hostile, pg_catalog, public", '"pg_catalog", "corpus", "pg_temp"'),
    "row_security": ("on", "off"),
    "datestyle": ("'SQL, DMY'", "ISO, DMY"),
    "intervalstyle": ("sql_standard", "postgres"),
    "bytea_output": ("escape", "hex"),
    "standard_conforming_strings": ("off", "on"),
    "client_encoding": ("latin1", "UTF8"),
}
USERS_OWN = {"search_path": "hostile, pg_catalog, public", "row_security": "on"}
# Of a role that may create where pgvector is, or in the first schema of the path: better matches than PostgreSQL's own.
SHADOWS = """
CREATE SCHEMA hostile;
CREATE TABLE public.noted (what text);
CREATE FUNCTION public.noted(what text) RETURNS boolean LANGUAGE sql
    AS 'INSERT INTO public.noted VALUES (what) RETURNING true';
CREATE FUNCTION public.count_one(bigint, {vector}) RETURNS bigint LANGUAGE sql
    AS $$SELECT 1::bigint WHERE public.noted('count')$$;
CREATE AGGREGATE public.count({vector}) (SFUNC = public.count_one, STYPE = bigint, INITCOND = 0);
CREATE FUNCTION hostile.now() RETURNS timestamptz LANGUAGE sql
    AS $$SELECT pg_catalog.now() WHERE public.noted('now')$$;
CREATE FUNCTION hostile.sha256(bytea) RETURNS bytea LANGUAGE sql
    AS $$SELECT ''::bytea WHERE public.noted('sha256')$$;
CREATE FUNCTION hostile.same(bigint, bigint) RETURNS boolean LANGUAGE sql
    AS $$SELECT true WHERE public.noted('=')$$;
CREATE OPERATOR hostile.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = hostile.same);
CREATE TABLE hostile.chunks (id bigint, embedding {vector});
CREATE TABLE public.documents AS SELECT n AS id, n::text AS uri FROM generate_series(1, 101) n;
CREATE TABLE public.corpus (model text);
CREATE TABLE public.migrations (version integer);
"""


def change(workshop: Workshop, statements: str) -> None:
    """The user changes his database."""
    with psycopg.connect(workshop.database_url, autocommit=True) as connection:
        connection.execute(statements.encode())


def set_defaults(workshop: Workshop, **values: str) -> None:
    """The user gives his database defaults."""
    database = conninfo.conninfo_to_dict(workshop.database_url)["dbname"]
    change(workshop, "; ".join(f"ALTER DATABASE {database} SET {name} = {value}" for name, value in values.items()))


@pytest.mark.parametrize("corpus", [None, "corpus"])
def test_a_session_is_what_we_say_it_is(workshop: Workshop, corpus: str | None) -> None:
    set_defaults(workshop, **{name: value for name, (value, _) in DEFAULTS.items()})

    with connect(workshop.database_url, corpus) as connection:
        found = {name: connection.execute("SELECT current_setting(%s)", (name,)).fetchone() for name in DEFAULTS}

    expected = {name: (ours,) for name, (_, ours) in DEFAULTS.items()}
    if corpus is None:
        expected |= {name: (own,) for name, own in USERS_OWN.items()}
    assert found == expected


def test_a_role_without_foreign_keys_is_refused_where_it_may_not_have_them(workshop: Workshop) -> None:
    role = f"replicator_{uuid4().hex[:8]}"
    change(workshop, f"CREATE ROLE {role}")
    try:
        options = f"-c session_replication_role=replica -c role={role}"
        with pytest.raises(UsageError, match=f"ALTER ROLE {role} SET session_replication_role = origin;"):
            connect(conninfo.make_conninfo(workshop.database_url, options=options), "corpus")
    finally:
        change(workshop, f"DROP ROLE {role}")


def test_a_stronger_promise_than_ours_stays(workshop: Workshop) -> None:
    set_defaults(workshop, synchronous_commit="remote_apply")

    with connect(workshop.database_url, "corpus") as connection:
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("remote_apply",)


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_that_cannot_hold_every_text_is_refused(
    workshop: Workshop, encoding: str, ingest: Callable[..., Outcome]
) -> None:
    name = f"ingest_test_{uuid4().hex[:8]}"
    write_corpus(workshop, 1)
    change(workshop, f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
    try:
        url = conninfo.make_conninfo(workshop.database_url, dbname=name)

        outcome = ingest("run", workshop.folder, environment={"DATABASE_URL": url})

        assert outcome.status == 2
        assert f"has the encoding {encoding}" in outcome.err
        assert "Traceback" not in outcome.err
    finally:
        change(workshop, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["public", "elsewhere"])
def shadowed(request: pytest.FixtureRequest, workshop: Workshop) -> Iterator[Workshop]:
    """A database in which others have made things that stand before PostgreSQL's and ours; pgvector is on no path."""
    change(workshop, f"CREATE SCHEMA IF NOT EXISTS {request.param}; DROP EXTENSION vector CASCADE")
    change(workshop, f"CREATE EXTENSION vector SCHEMA {request.param}")
    change(workshop, SHADOWS.format(vector=f"{request.param}.vector"))
    set_defaults(workshop, search_path="hostile, public, pg_catalog")
    yield workshop
    assert workshop.query("SELECT what FROM public.noted") == []
    assert workshop.query("SELECT count(*) FROM public.documents") == [(101,)]


def test_passages_go_their_whole_way_among_shadows(shadowed: Workshop) -> None:
    write_corpus(shadowed)
    with shadowed.pipeline(**CORPUS_FLAGS) as pipeline:
        report = pipeline.run([str(shadowed.folder)])
    check_promises(shadowed)
    with shadowed.pipeline(**CORPUS_FLAGS | {"dimensions": 16}) as pipeline:
        pipeline.reembed()
        pipeline.roll_back()
    with shadowed.pipeline(**CORPUS_FLAGS) as pipeline:
        pipeline.finish(discard=True)
        pipeline.index()
        passages = pipeline.search("document number 3", mode="hybrid")

    assert (report.embedded, report.failures) == (11, [])
    assert passages


def test_a_column_is_filled_among_shadows(shadowed: Workshop) -> None:
    change(shadowed, "CREATE TABLE public.articles (id bigint PRIMARY KEY, body text)")
    change(shadowed, "INSERT INTO public.articles SELECT n, format('text %s', n) FROM generate_series(1, 9) n")
    with shadowed.pipeline(**CORPUS_FLAGS) as pipeline:
        report = pipeline.run(Table("public.articles", text="body", into="embedding"))
        change(shadowed, "UPDATE public.articles SET body = '' WHERE body LIKE '%3'")
        cleared = pipeline.run(Table("public.articles", text="body", into="embedding"))

    assert (report.rows, report.load.rows_filled, cleared.load.rows_cleared) == (9, 9, 1)


@pytest.mark.parametrize("path", ["pg_catalog", "hostile, public, pg_catalog"])
def test_sql_that_was_printed_runs_on_any_path(shadowed: Workshop, path: str) -> None:
    write_corpus(shadowed)
    with shadowed.pipeline(**CORPUS_FLAGS) as pipeline:
        pipeline.run([str(shadowed.folder)])
        statements = pipeline.search_sql("document number 3")

    with psycopg.connect(shadowed.database_url, autocommit=True) as connection:
        connection.execute(f"SET search_path TO {path}".encode())
        cursor = connection.execute(statements.encode())
        while cursor.description is None and cursor.nextset():
            pass

        assert len(cursor.fetchall()) == 5


def test_the_users_triggers_run_with_his_own_search_path(workshop: Workshop) -> None:
    change(
        workshop,
        """
        CREATE SCHEMA app;
        CREATE TABLE app.audit (id bigint);
        CREATE TABLE public.articles (id bigint PRIMARY KEY, body text);
        INSERT INTO public.articles SELECT n, format('text %s', n) FROM generate_series(1, 5) n;
        CREATE FUNCTION app.note() RETURNS trigger LANGUAGE plpgsql
            AS $$BEGIN INSERT INTO audit VALUES (NEW.id); RETURN NEW; END$$;
        CREATE TRIGGER noted BEFORE UPDATE ON public.articles FOR EACH ROW EXECUTE FUNCTION app.note();
        """,
    )
    set_defaults(workshop, search_path="app, public")
    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        report = pipeline.run(Table("public.articles", text="body", into="embedding"))

    assert report.load.rows_filled == 5
    assert workshop.query("SELECT count(*) FROM app.audit") == [(5,)]


def test_a_lock_that_another_session_holds_is_told(workshop: Workshop) -> None:
    with (
        connect(workshop.database_url, "corpus") as connection,
        pytest.raises(UnreachableError, match="session"),
        corpus_lock(connection, "corpus", "sync"),
    ):
        connection.execute("SELECT pg_advisory_unlock_all()")


def test_the_direct_address_goes_before_that_of_a_pooler(
    workshop: Workshop, ingest: Callable[..., Outcome], environment: dict[str, str]
) -> None:
    write_corpus(workshop, 1)
    direct = {"DATABASE_URL": "postgresql://pooler.invalid/app", "DATABASE_URL_DIRECT": workshop.database_url}

    assert ingest("run", workshop.folder, environment=environment | direct).status == 0
