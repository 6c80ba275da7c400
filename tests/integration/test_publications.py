"""Databases that publish their tables: nothing of ours is refused there, and what a swap is to a subscriber."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from process_checks import eventually
from psycopg import conninfo
from reembeddings import NEW, change, filled, reembed, schemas

from ingest.database.embedded import embedded_server
from ingest.sources.tables import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workshop import Workshop


@pytest.fixture(scope="module")
def logical_url() -> Iterator[str]:
    """A server whose log can be decoded, and which lets its own workers in."""
    with tempfile.TemporaryDirectory(prefix="ingest-logical-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with embedded_server(folder, durable=False) as url, psycopg.connect(url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET wal_level = logical")
            connection.execute("ALTER SYSTEM SET max_wal_senders = 8")
        with embedded_server(folder, durable=False) as url, psycopg.connect(url, autocommit=True) as connection:
            access = folder / "throwaway" / "data" / "pg_hba.conf"
            access.write_text("local all all trust\nlocal replication all trust\n")
            connection.execute("SELECT pg_reload_conf()")
            yield url


@pytest.fixture
def published(workshop: Workshop, logical_url: str) -> Workshop:
    """A workshop on a database of that server."""
    return replace(workshop, database_url=_database(logical_url, "published"))


def _database(url: str, name: str) -> str:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
        connection.execute(f"CREATE DATABASE {name}".encode())
    return conninfo.make_conninfo(url, dbname=name)


def test_a_corpus_lives_in_a_database_that_publishes_all_its_tables(published: Workshop) -> None:
    change(published, "CREATE PUBLICATION everything FOR ALL TABLES")
    filled(published)
    published.write("1.txt", "This is another document.")
    (published.folder / "2.txt").unlink()

    with published.pipeline() as pipeline:
        pipeline.run([str(published.folder)])
    reembed(published)
    with published.pipeline() as pipeline:
        pipeline.roll_back()
    reembed(published)
    with published.pipeline() as pipeline:
        pipeline.finish()

    found = published.query("SELECT count(*), max(vector_dims(embedding::vector)) FROM corpus.chunks")
    assert (found, schemas(published)) == ([(2, 32)], {"corpus"})


def test_a_column_is_reembedded_in_a_database_that_publishes_all_its_tables(published: Workshop) -> None:
    change(
        published,
        "CREATE PUBLICATION everything FOR ALL TABLES",
        "CREATE TABLE public.articles (id int PRIMARY KEY, body text)",
        "INSERT INTO articles VALUES (1, 'One'), (2, 'Two')",
    )
    with published.pipeline() as pipeline:
        pipeline.run(Table("articles", text="body", into="embedding"))

    reembed(published)
    with published.pipeline() as pipeline:
        pipeline.finish()

    assert published.query("SELECT count(vector_dims(embedding)) FROM public.articles") == [(2,)]


def test_a_subscriber_follows_a_swap_as_the_documents_say(published: Workshop, logical_url: str) -> None:
    subscriber = replace(published, database_url=_database(logical_url, "subscriber"))
    filled(published)
    with subscriber.pipeline() as pipeline:
        pipeline.create()
    look = "SELECT id, embedding::text FROM corpus.chunks ORDER BY id"

    def follows() -> bool:
        return subscriber.query(look) == published.query(look)

    change(
        published,
        "CREATE PUBLICATION passages FOR TABLES IN SCHEMA corpus",
        "SELECT pg_create_logical_replication_slot('subscriber', 'pgoutput')",
    )
    change(
        subscriber,
        "TRUNCATE corpus.corpus, corpus.migrations",
        f"CREATE SUBSCRIPTION reader CONNECTION '{published.database_url}' PUBLICATION passages "
        "WITH (create_slot = false, slot_name = 'subscriber')",
    )
    try:
        eventually(follows)

        eventually(lambda: subscriber.query("SELECT bool_and(srsubstate = 'r') FROM pg_subscription_rel") == [(True,)])
        change(subscriber, "ALTER SUBSCRIPTION reader DISABLE")
        reembed(published)
        change(subscriber, "DROP SCHEMA corpus CASCADE")
        with subscriber.pipeline(**NEW) as pipeline:
            pipeline.create()
        change(
            subscriber,
            "TRUNCATE corpus.corpus, corpus.migrations",
            "ALTER SUBSCRIPTION reader ENABLE",
            "ALTER SUBSCRIPTION reader REFRESH PUBLICATION",
        )
        eventually(follows)
        published.write("new.txt", "A new one.")
        with published.pipeline(**NEW) as pipeline:
            pipeline.run([str(published.folder)])
        eventually(follows)

        assert subscriber.query("SELECT count(*), max(vector_dims(embedding::vector)) FROM corpus.chunks") == [(4, 32)]
    finally:
        change(subscriber, "ALTER SUBSCRIPTION reader DISABLE", "ALTER SUBSCRIPTION reader SET (slot_name = NONE)")
        change(subscriber, "DROP SUBSCRIPTION reader")
        eventually(lambda: published.query("SELECT active FROM pg_replication_slots") == [(False,)])
        change(published, "SELECT pg_drop_replication_slot('subscriber')")
