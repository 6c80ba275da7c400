"""Worlds in which the program cannot work: it says so in one line, and touches nothing."""

from __future__ import annotations

from contextlib import ExitStack
from threading import Event, Thread
from typing import TYPE_CHECKING

import psycopg
import pytest
from hostile import worlds
from hostile.pooling import PASSWORD, pooler
from hostile.servers import OWNER
from psycopg import sql

from ingest.database import session
from ingest.database.connection import connect
from ingest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Literal

    from hostile.servers import Server
    from workshop import Outcome

    Ingest = Callable[..., Outcome]

COMMANDS = (
    ("run", "a.txt"),
    ("sync", "a.txt"),
    ("status",),
    ("search", "some words"),
    ("reembed",),
    ("load",),
    ("index",),
)

# A provider that would be told of, were it asked.
NOWHERE = {"OPENAI_API_KEY": "none", "OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}


def lines_of(outcome: Outcome) -> list[str]:
    return [line for line in outcome.err.splitlines() if line]


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_of_another_encoding_is_refused_with_one_line(
    encoding: str, server: Server, ingest: Ingest, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("Größe, 大きさ, μέγεθος", encoding="utf-8")
    how = f"ENCODING '{encoding}' TEMPLATE template0"

    with worlds.database(server, how=how) as world:
        environment = NOWHERE | {"DATABASE_URL": world.url}
        outcomes = [ingest(*command, environment=environment) for command in COMMANDS[:3]]
        doctor = ingest("doctor", environment=environment)

        for outcome in outcomes:
            assert (outcome.status, len(lines_of(outcome))) == (2, 1)
            assert lines_of(outcome)[0].startswith("error: ")
            assert encoding in outcome.err
            assert "UTF8" in outcome.err
        assert encoding in doctor.out
        assert world.look("SELECT 1 FROM pg_namespace WHERE nspname = 'corpus'") == []


@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_a_pooler_without_sessions_is_refused_with_one_line(
    mode: Literal["transaction", "statement"], server: Server, ingest: Ingest, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("Some text.", encoding="utf-8")

    with worlds.database(server) as world, pooler(server, mode) as address:
        name = world.look("SELECT current_database()")[0][0]
        environment = NOWHERE | {"DATABASE_URL": f"postgresql://{OWNER}:{PASSWORD}@{address}/{name}"}
        # Alone, so that each transaction is on the same session by luck.
        for command in COMMANDS:
            outcome = ingest(*command, environment=environment)

            assert (outcome.status, len(lines_of(outcome))) == (2, 1), outcome.err
            assert "pooler" in outcome.err
        assert world.look("SELECT 1 FROM pg_namespace WHERE nspname = 'corpus'") == []


@pytest.mark.parametrize(
    ("mode", "sessions", "keeps"), [("transaction", 1, False), ("transaction", 3, False), ("session", 1, True)]
)
def test_a_pooler_whose_sessions_are_all_taken_is_told_from_one_that_has_none(
    mode: Literal["session", "transaction"], sessions: int, keeps: bool, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others hold each session for longer than a second client waits for one."""
    monkeypatch.setattr(session, "_PROBE_S", 0.3)
    done = Event()

    with worlds.database(server) as world, pooler(server, mode, sessions) as address, ExitStack() as others:
        name = world.look("SELECT current_database()")[0][0]
        url = f"postgresql://{OWNER}:{PASSWORD}@{address}/{name}"

        def keep_busy() -> None:
            with psycopg.connect(url, autocommit=True, prepare_threshold=None) as connection:
                while not done.is_set():
                    connection.execute("SELECT pg_sleep(0.8)")

        busy = [Thread(target=keep_busy) for _ in range(0 if mode == "session" else 2 * sessions)]
        for thread in busy:
            thread.start()
            others.callback(thread.join)
        others.callback(done.set)
        if keeps:
            connect(url, "corpus").close()
        else:
            with pytest.raises(UsageError, match="pooler"):
                connect(url, "corpus")


def test_a_pooler_with_too_few_sessions_is_told_how_many_are_needed(
    server: Server, ingest: Ingest, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("Some text.", encoding="utf-8")

    with worlds.database(server) as world, pooler(server, "session", sessions=1, wait_s=2) as address:
        name = world.look("SELECT current_database()")[0][0]
        environment = NOWHERE | {"DATABASE_URL": f"postgresql://{OWNER}:{PASSWORD}@{address}/{name}"}
        sync = ingest("sync", "a.txt", environment=environment)
        reembed = ingest("reembed", "--model", "text-embedding-3-large", "--dimensions", "64", environment=environment)

        assert (sync.status, reembed.status, len(lines_of(reembed))) == (0, 3, 1), reembed.err
        assert "up to four sessions for each of them (PgBouncer: default_pool_size)" in reembed.err
        assert world.look("SELECT 1 FROM pg_namespace WHERE nspname = 'corpus__next'") == []


def test_a_corpus_of_a_newer_version_is_refused_with_one_line(server: Server, ingest: Ingest, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Some text.", encoding="utf-8")

    with worlds.database(server) as world:
        environment = NOWHERE | {"DATABASE_URL": world.url}
        assert ingest("sync", "a.txt", environment=environment).status == 0
        world.change(
            "INSERT INTO corpus.migrations (version, name) VALUES (9999, 'of the time to come')",
            "ALTER TABLE corpus.corpus RENAME COLUMN model TO model_of_the_time_to_come",
        )
        for command in COMMANDS:
            outcome = ingest(*command, environment=environment)

            assert (command, outcome.status, len(lines_of(outcome))) == (command, 2, 1), outcome.err
            assert "newer pgvector-ingest" in outcome.err


def test_a_role_that_may_not_make_the_extension_is_told_who_may(server: Server, ingest: Ingest, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Some text.", encoding="utf-8")

    with worlds.database(server, extension="SELECT 1") as world:
        name = world.look("SELECT current_database()")[0][0]
        world.change("DO $$ BEGIN CREATE ROLE stranger LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
        with psycopg.connect(world.owner_url, autocommit=True) as connection:
            connection.execute(sql.SQL("GRANT CREATE ON DATABASE {} TO stranger").format(sql.Identifier(name)))

        outcome = ingest("run", "a.txt", environment=NOWHERE | {"DATABASE_URL": server.url(name, "stranger")})

    assert (outcome.status, len(lines_of(outcome))) == (2, 1), outcome.err
    assert "CREATE EXTENSION vector" in outcome.err


def test_policies_that_hide_rows_from_the_owner_too_are_told_with_one_line(
    server: Server, ingest: Ingest, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("Some text.", encoding="utf-8")

    with worlds.a_role_with_the_documented_rights(server) as world:
        environment = NOWHERE | {"DATABASE_URL": world.url}
        assert ingest("sync", "a.txt", environment=environment).status == 0
        world.change(
            "ALTER TABLE corpus.documents ENABLE ROW LEVEL SECURITY",
            "ALTER TABLE corpus.documents FORCE ROW LEVEL SECURITY",
        )
        for command in (("run", "a.txt"), ("sync", "a.txt"), ("status",), ("estimate", "a.txt")):
            outcome = ingest(*command, environment=environment)

            assert (command, outcome.status, len(lines_of(outcome))) == (command, 2, 1), outcome.err
            assert "guards rows by a policy" in outcome.err
        assert world.look("SELECT count(*) FROM corpus.documents") == [(1,)]
