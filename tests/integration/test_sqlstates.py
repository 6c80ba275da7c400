"""What PostgreSQL refuses is told as what it is: with the right exit status, and a next step that helps."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import errors

from ingest.database.connection import explained
from ingest.database.outages import passes
from ingest.database.refusals import FullError, in_our_words
from ingest.errors import IngestError, InternalError, UnreachableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

STATES: list[type[psycopg.Error]] = [
    each
    for each in vars(errors).values()
    if inspect.isclass(each) and issubclass(each, psycopg.Error) and each.sqlstate
]
AWAY = "when the server is back"


@pytest.fixture
def grounds(database_url: str) -> Iterator[psycopg.Connection]:
    """A table of a user's own, with what can stand in the way of a write to it."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA docs; CREATE TABLE docs.t (id text PRIMARY KEY, n int CHECK (n > 0))")
        connection.execute("CREATE TABLE docs.published (id int); CREATE PUBLICATION p FOR TABLE docs.published")
        connection.execute(
            "CREATE FUNCTION docs.guard() RETURNS trigger LANGUAGE plpgsql AS "
            "$$BEGIN RAISE EXCEPTION 'not on Sundays'; END$$;"
            "CREATE TABLE docs.guarded (id int);"
            "CREATE TRIGGER guard BEFORE INSERT ON docs.guarded FOR EACH ROW EXECUTE FUNCTION docs.guard();"
            "CREATE FUNCTION docs.note() RETURNS trigger LANGUAGE plpgsql AS "
            "$$BEGIN INSERT INTO audit VALUES (1); END$$;"
            "CREATE TABLE docs.noted (id int);"
            "CREATE TRIGGER note AFTER INSERT ON docs.noted FOR EACH ROW EXECUTE FUNCTION docs.note();"
            "INSERT INTO docs.t VALUES ('a', 1)"
        )
        yield connection


@pytest.mark.parametrize(
    ("statements", "kind", "words"),
    [
        (
            "SET statement_timeout = 10; SELECT pg_sleep(9)",
            UnreachableError,
            "cancelled a statement.*due to statement timeout.*run the same",
        ),
        ("SET lock_timeout = 10; UPDATE docs.t SET n = 2", UnreachableError, "lock in the way.*transaction is over"),
        (
            "SELECT pg_sleep(9) FROM pg_cancel_backend(pg_backend_pid())",
            UnreachableError,
            "cancelled a statement, for somebody who asked or by a time limit",
        ),
        (
            "INSERT INTO docs.t SELECT string_agg(md5(n::text), '') FROM generate_series(1, 100) n",
            UsageError,
            r"no room for a value of that size.*btree.*\(on docs.t\).*leave out",
        ),
        (
            "UPDATE docs.published SET id = 1",
            UsageError,
            "does not have a replica identity.*To enable updating the table, set REPLICA IDENTITY",
        ),
        (
            "INSERT INTO docs.noted VALUES (1)",
            UsageError,
            r"function or trigger of its own: relation .audit. does not exist \(in docs.note\(\)\).*SET search_path =",
        ),
        (
            "SET TRANSACTION READ ONLY; DELETE FROM docs.t",
            UsageError,
            "takes no writes.*name the primary",
        ),
        ("SELECT * FROM docs.gone", UnreachableError, "is not as it was made: .*docs.gone.*put it back"),
        ("SELECT gone FROM docs.t", UnreachableError, "is not as it was made: .*gone.*put it back"),
        ("SELECT docs.gone()", UnreachableError, r"is not as it was made: .*docs.gone\(\).*put it back"),
        (
            "SELECT '[1,2]'::vector <-> '[1]'::vector",
            UnreachableError,
            "does not take a value: different vector dimensions",
        ),
        (
            "INSERT INTO docs.t VALUES ('a', 1)",
            UsageError,
            r"constraint that what we write breaks: .*t_pkey.*\(on docs.t\)",
        ),
        (
            "INSERT INTO docs.t VALUES ('b', 0)",
            UsageError,
            r"constraint that what we write breaks: .*t_n_check.*drop it",
        ),
        (
            "INSERT INTO docs.guarded VALUES (1)",
            UsageError,
            r"trigger of its own: not on Sundays \(in docs.guard\(\)\)",
        ),
        ("SELEKT 1", InternalError, "a fault of this program"),
        ("BEGIN; SELECT gone; SELECT 1", UnreachableError, "is not as it was made"),
        ("EXECUTE _pg3_0", UsageError, "pooler in transaction mode.*port for whole sessions"),
        (
            "SET temp_file_limit = 64; SET work_mem = 64; SELECT n FROM generate_series(1, 90000) n ORDER BY -n",
            UnreachableError,
            "limit of its configuration.*temp_file_limit",
        ),
        ("DROP FUNCTION docs.guard()", UsageError, "keeps what others depend on"),
        ("DO $$BEGIN RAISE disk_full; END$$", UnreachableError, "no disk space left.*free some"),
        ("DO $$BEGIN RAISE out_of_memory; END$$", UnreachableError, "no memory left.*index_memory_mb"),
        ("DO $$BEGIN RAISE SQLSTATE '40001'; END$$", UnreachableError, "beside others.*run the same command again"),
        ("DO $$BEGIN RAISE SQLSTATE 'XX001'; END$$", UnreachableError, "files damaged.*backup"),
        ("DO $$BEGIN RAISE SQLSTATE 'XX002'; END$$", UnreachableError, "index damaged.*REINDEX"),
        ("DO $$BEGIN RAISE SQLSTATE '57P03'; END$$", UnreachableError, f"out of reach.*{AWAY}"),
        ("DO $$BEGIN RAISE SQLSTATE 'AB123'; END$$", UnreachableError, "refuses.*fix it"),
    ],
)
def test_it_is_told_as_what_it_is(
    grounds: psycopg.Connection, database_url: str, statements: str, kind: type[IngestError], words: str
) -> None:
    with psycopg.connect(database_url) as holder, psycopg.connect(database_url, autocommit=True) as connection:
        holder.execute("SELECT FROM docs.t FOR UPDATE")

        with pytest.raises(IngestError, match=words) as caught, explained(database_url):
            connection.execute(statements.encode())

    assert type(caught.value) is kind
    assert str(caught.value).startswith(f"the database {grounds.info.dbname} at ")
    assert "\n" not in str(caught.value)


def test_a_contradiction_in_the_corpus_s_own_books_is_a_fault_of_ours(
    grounds: psycopg.Connection, database_url: str
) -> None:
    for corpus in ("docs", "other"):
        with pytest.raises(IngestError) as caught, explained(database_url, corpus):
            grounds.execute("INSERT INTO docs.t VALUES ('a', 1)")

        assert type(caught.value) is (InternalError if corpus == "docs" else UsageError)


def test_a_server_that_ends_the_session_is_out_of_reach(database_url: str) -> None:
    with (
        pytest.raises(UnreachableError, match=f"is out of reach: terminating connection.*{AWAY}"),
        explained(database_url),
        psycopg.connect(database_url) as connection,
    ):
        connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")


@pytest.mark.parametrize("error", STATES, ids=lambda each: str(each.sqlstate))
def test_only_a_server_that_is_away_is_said_to_come_back(error: type[psycopg.Error]) -> None:
    told = in_our_words(error("it is so"), "the database", {"role": "me", "database": "db"})

    state = str(error.sqlstate)
    is_away = state.startswith("08") or state in {"57000", "57P01", "57P02", "57P03"}
    assert (AWAY in str(told)) == (is_away and state != "08P01")
    assert "{" not in str(told)
    assert "it is so" in str(told)


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        ('too many connections for role "app"', FullError, "no connection left for us"),
        ("remaining connection slots are reserved for roles", FullError, "no connection left for us"),
        ("the database system is starting up", UnreachableError, AWAY),
        ('no pg_hba.conf entry for host "10.0.0.1"', UsageError, "pg_hba.conf"),
        (
            'permission denied for database "db"\nDETAIL:  User does not have CONNECT privilege.',
            UsageError,
            "GRANT CONNECT ON DATABASE db TO app;",
        ),
    ],
)
def test_a_refused_connection_which_has_words_alone_is_told_likewise(
    said: str, kind: type[IngestError], words: str
) -> None:
    told = in_our_words(psycopg.OperationalError(f"FATAL:  {said}"), "the database", {"role": "app"})

    assert type(told) is kind
    assert words in str(told)


@pytest.mark.parametrize("error", STATES, ids=lambda each: str(each.sqlstate))
def test_what_is_a_fault_of_ours_or_wrong_is_not_tried_again(error: type[psycopg.Error]) -> None:
    told = in_our_words(error("it is so"), "the database", {})

    assert isinstance(told, UnreachableError) or not passes(error("it is so"))
