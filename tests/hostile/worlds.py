"""The worlds: what may be odd about a database that is not ours alone."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import granting
import psycopg
from hostile import shadows
from hostile.pooling import PASSWORD, pooler
from hostile.servers import OWNER
from hostile.story import BESIDE, TABLE, World
from psycopg import sql

from ingest import Pipeline
from ingest.emulator import Fault
from ingest.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from hostile.servers import Server

ROWS = "INSERT INTO app.articles (id, body) SELECT n, 'Article number ' || n FROM generate_series(1, 9) n"


@contextmanager
def plain(server: Server) -> Iterator[World]:
    """Nothing is odd."""
    with database(server) as world:
        yield world


@contextmanager
def database(
    server: Server,
    *prepared: str,
    table: tuple[str, ...] = TABLE,
    extension: str = "CREATE EXTENSION vector",
    how: str = "",
    role: str | None = None,
) -> Iterator[World]:
    """A database of the world's own, with the user's table and what is others'. `prepared`: what is odd about it."""
    name = f"world_{uuid4().hex[:8]}"
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} {}").format(sql.Identifier(name), sql.SQL(how)))
    world = World(server.url(name, role) if role else server.url(name), server.url(name))
    world.change(extension, "CREATE SCHEMA app", *BESIDE, *table, ROWS, *prepared)
    yield world
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def a_document_edited_after_the_way_back(server: Server) -> Iterator[World]:
    """It came to the version that was rolled back, is edited in the one before, and then the other is taken again."""
    with database(server) as world:
        yield replace(world, edits_after_the_way_back=True)


@contextmanager
def pgvector_in_another_schema(server: Server) -> Iterator[World]:
    """Its types and operators are on nobody's path."""
    with database(
        server, extension='CREATE SCHEMA "Vector types"; CREATE EXTENSION vector SCHEMA "Vector types"'
    ) as world:
        yield world


_SHAPE = {"corpus": "shape", "dimensions": 8, "api_key": "none", "base_url": "http://127.0.0.1:1/v1"}


@contextmanager
def shadows_on_the_path(server: Server) -> Iterator[World]:
    """`public` comes first, and others have put into it what is named like PostgreSQL's things, pgvector's and ours."""
    with database(server, extension="CREATE SCHEMA extensions; CREATE EXTENSION vector SCHEMA extensions") as world:
        with Pipeline(load_settings(_SHAPE | {"database_url": world.url})) as pipeline:
            pipeline.create()
        world.change(
            "INSERT INTO shape.documents (uri, source, title, content_hash, metadata) "
            "SELECT 'file:///' || n, '', '', '', '{}' FROM generate_series(1, 9) n"
        )
        shadows.plant(world)
        name = world.look("SELECT current_database()")[0][0]
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute(
                sql.SQL("ALTER DATABASE {} SET search_path TO public, pg_catalog").format(sql.Identifier(name))
            )
        yield replace(world, checks=(shadows.are_untouched,))


def _with_defaults(settings: dict[str, str]) -> Callable[[Server], AbstractContextManager[World]]:
    """A world whose database has other defaults."""

    @contextmanager
    def world(server: Server) -> Iterator[World]:
        with database(server) as given:
            name = sql.Identifier(given.look("SELECT current_database()")[0][0])
            with psycopg.connect(server.url(), autocommit=True) as connection:
                for setting, value in settings.items():
                    connection.execute(
                        sql.SQL("ALTER DATABASE {} SET {} TO {}").format(
                            name, sql.Identifier(setting), sql.Literal(value)
                        )
                    )
            yield given

    return world


repeatable_read = _with_defaults({"default_transaction_isolation": "repeatable read"})
serializable = _with_defaults({"default_transaction_isolation": "serializable", "default_transaction_deferrable": "on"})
read_only = _with_defaults({"default_transaction_read_only": "on"})
forms_of_values = _with_defaults(
    {
        "datestyle": "German, DMY",
        "intervalstyle": "sql_standard",
        "bytea_output": "escape",
        "standard_conforming_strings": "off",
        "backslash_quote": "on",
        "extra_float_digits": "-15",
        "timezone": "Asia/Kathmandu",
        "client_encoding": "LATIN1",
        "array_nulls": "off",
        "transform_null_equals": "on",
        "quote_all_identifiers": "on",
        "xmloption": "document",
    }
)
replica_role = _with_defaults({"session_replication_role": "replica"})
no_row_security = _with_defaults({"row_security": "off"})


@contextmanager
def publication_of_all_tables(server: Server) -> Iterator[World]:
    """Every table is published: what has no key takes no UPDATE and no DELETE."""
    with database(server, "CREATE PUBLICATION everything FOR ALL TABLES") as world:
        yield world


@contextmanager
def partitioned_table(server: Server) -> Iterator[World]:
    """The user's table has partitions, two deep."""
    table: tuple[str, ...] = (
        "CREATE TABLE app.articles (id bigint PRIMARY KEY, body text, note text) PARTITION BY RANGE (id)",
        "CREATE TABLE app.articles_1 PARTITION OF app.articles FOR VALUES FROM (0) TO (5)",
        "CREATE TABLE app.articles_2 PARTITION OF app.articles DEFAULT PARTITION BY HASH (id)",
        "CREATE TABLE app.articles_2_0 PARTITION OF app.articles_2 FOR VALUES WITH (MODULUS 2, REMAINDER 0)",
        "CREATE TABLE app.articles_2_1 PARTITION OF app.articles_2 FOR VALUES WITH (MODULUS 2, REMAINDER 1)",
    )
    with database(server, table=table) as world:
        yield world


@contextmanager
def triggers_of_every_kind(server: Server) -> Iterator[World]:
    """On the user's table, before and after, by row and by statement, deferred; with names found by the role's path."""
    on_theirs, on_ours = Path(__file__).with_name("triggers.sql").read_text().split("-- On ours")
    with database(server, on_theirs) as world:
        yield replace(world, among=(f"-- On ours{on_ours}",), path="public")


@contextmanager
def row_security_on_the_users_table(server: Server) -> Iterator[World]:
    """Its policies hold for its owner too, and let this role do what it does."""
    with _guest(server) as (role, url, world):
        world.change(
            "ALTER TABLE app.articles ENABLE ROW LEVEL SECURITY",
            "ALTER TABLE app.articles FORCE ROW LEVEL SECURITY",
            _with_role("CREATE POLICY all_of_it ON app.articles TO {role} USING (true) WITH CHECK (true)", role),
        )
        yield replace(world, url=url)


@contextmanager
def row_security_on_our_own_tables(server: Server) -> Iterator[World]:
    """Policies let nobody see a passage but the corpus's owner, and go along with each swap."""
    with _guest(server) as (_, url, world):
        guard = (
            "ALTER TABLE corpus.{0} ENABLE ROW LEVEL SECURITY; CREATE POLICY nobody ON corpus.{0} USING (false)".format
        )
        yield replace(world, url=url, among=(guard("chunks"), guard("documents")), checks=(_are_guarded,))


def _are_guarded(world: World) -> None:
    assert world.look(
        "SELECT c.relname, c.relrowsecurity, p.polname FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid "
        "WHERE c.relnamespace = 'corpus'::regnamespace ORDER BY 1"
    ) == [("chunks", True, "nobody"), ("documents", True, "nobody")]


@contextmanager
def a_role_with_the_documented_rights(server: Server) -> Iterator[World]:
    """Nothing but what the documents say it needs."""
    with _guest(server) as (_, url, world):
        yield replace(world, url=url)


@contextmanager
def a_role_of_little_patience(server: Server) -> Iterator[World]:
    """Its statements, locks and idle sessions end after a second; and its table is slow, and so is the provider."""
    with _guest(server) as (role, url, world):
        for setting in (
            "statement_timeout",
            "lock_timeout",
            "idle_in_transaction_session_timeout",
            "idle_session_timeout",
            "transaction_timeout",
        ):
            world.change(_with_role(f"ALTER ROLE {{role}} SET {setting} TO '1s'", role))
        world.change(
            "CREATE FUNCTION app.slowed() RETURNS trigger LANGUAGE plpgsql AS "
            "'BEGIN PERFORM pg_catalog.pg_sleep(0.3); RETURN NEW; END'",
            "CREATE TRIGGER slow BEFORE UPDATE ON app.articles FOR EACH ROW EXECUTE FUNCTION app.slowed()",
        )
        yield replace(world, url=url, faults=(Fault("delay_create", seconds=1.2),))


@contextmanager
def a_pooler_of_sessions(server: Server) -> Iterator[World]:
    """PgBouncer, which keeps a server's session for as long as its client stays."""
    with database(server) as world, pooler(server, "session") as address:
        name = world.look("SELECT current_database()")[0][0]
        yield replace(world, url=f"postgresql://{OWNER}:{PASSWORD}@{address}/{name}")


@contextmanager
def _guest(server: Server) -> Iterator[tuple[str, str, World]]:
    """A role with the rights that are documented: its name and its URL."""
    role = f"guest_{uuid4().hex[:8]}"
    with database(server, extension="CREATE SCHEMA extensions; CREATE EXTENSION vector SCHEMA extensions") as world:
        name = world.look("SELECT current_database()")[0][0]
        world.change(
            *(_with_role(f"REVOKE ALL ON {thing} FROM PUBLIC", name) for thing in ("DATABASE {role}", "SCHEMA public")),
            _with_role("CREATE ROLE {role} LOGIN", role),
            *granting.statements("Another model of a column", database=name, role=role, schema="app"),
        )
        try:
            yield role, server.url(name, role), world
        finally:
            world.change(_with_role("ALTER TABLE app.articles OWNER TO CURRENT_USER", role))
            world.change(_with_role("DROP OWNED BY {role} CASCADE", role), _with_role("DROP ROLE {role}", role))


def _with_role(statement: str, role: str) -> str:
    return sql.SQL(statement).format(role=sql.Identifier(role)).as_string()
