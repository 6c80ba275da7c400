"""Corpora as earlier versions of the program left them, with batches in flight: they are taken over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from hostile import worlds
from hostile.story import ARTICLES, COLUMN, FLAGS, integrity_faults
from psycopg import sql
from workshop import Workshop

from ingest.database.statements import schema_versions
from ingest.emulator import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from hostile.servers import Server

    from ingest.emulator import RunningEmulator

VERSIONS = [version for version, *_ in schema_versions()]
# The steps with which a corpus had batches, columns of others, learned limits, no passwords in addresses, and the
# names that its tables have.
REQUESTS, COLUMNS, LIMITS, PASSWORDS, NAMES, KEYS = 2, 3, 4, 20, 23, 25


@pytest.mark.parametrize("version", VERSIONS)
def test_a_corpus_of_an_earlier_schema_goes_on(
    version: int, server: Server, emulator: RunningEmulator, tmp_path: Path
) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    with worlds.database(server) as world:
        workshop = Workshop(world.url, emulator, folder, tmp_path / "data")
        for number in range(5):
            workshop.write(f"{number}.txt", f"Document number {number}.")
        with workshop.pipeline(**FLAGS) as pipeline:
            pipeline.run([str(folder)])
        workshop.write("0.txt", "Document number 0, edited.")
        if version >= REQUESTS:  # they are in flight when the new version comes
            emulator.set_faults(Fault("stuck_in_progress"))
            with workshop.pipeline(**FLAGS) as pipeline:
                pipeline.sync([str(folder)])
                assert len(pipeline.submit()) == 1
            emulator.set_faults()
        corpora = ["corpus"]
        if version >= COLUMNS:
            with workshop.pipeline(**FLAGS | COLUMN) as pipeline:
                pipeline.run(ARTICLES)
            corpora.append("filling")
        for corpus in corpora:
            _set_back(world.url, corpus, version)
        if REQUESTS <= version < PASSWORDS:
            world.change("UPDATE corpus.batches SET endpoint = replace(endpoint, '://', '://me:secret@')")

        with workshop.pipeline(**FLAGS) as pipeline:
            report = pipeline.run([str(folder)])
        if version >= COLUMNS:
            world.change("UPDATE app.articles SET body = 'Edited by then' WHERE id = 1")
            with workshop.pipeline(**FLAGS | COLUMN) as pipeline:
                assert pipeline.run(ARTICLES).load.rows_filled == 1

        assert (report.failures, report.documents, report.embedded) == ([], 5, 5)
        texts = sorted(path.read_text() for path in folder.iterdir())
        rows = world.look("SELECT content FROM corpus.chunks WHERE embedding IS NOT NULL ORDER BY content")
        assert [content for (content,) in rows] == texts
        assert emulator.ledger()["billed_more_than_once"] == []
        assert world.look("SELECT count(*) FROM corpus.batches WHERE endpoint LIKE '%@%'") == [(0,)]
        assert world.look("SELECT max(version) FROM corpus.migrations") == [(VERSIONS[-1],)]
        for corpus in corpora:
            assert integrity_faults(workshop, corpus) == []


def _set_back(url: str, corpus: str, version: int) -> None:
    """Make the corpus one of that version: what its steps made, with what it could know of the rows there are."""
    with psycopg.connect(url) as connection:
        connection.execute(sql.SQL("ALTER SCHEMA {} RENAME TO now").format(sql.Identifier(corpus)))
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(corpus)))
        connection.execute(sql.SQL("SET search_path TO {}, public").format(sql.Identifier(corpus)))
        connection.execute(
            "CREATE TABLE migrations (version integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL "
            "DEFAULT now())"
        )
        for step, name, made in schema_versions():
            if step <= version:
                connection.execute(made)
                connection.execute("INSERT INTO migrations (version, name) VALUES (%s, %s)", (step, name))
        connection.execute("ALTER TABLE chunks ADD COLUMN embedding vector(8)")
        if version < NAMES:
            connection.execute("ALTER TABLE now.ledger RENAME COLUMN wasted_tokens TO vain_tokens")
            connection.execute("ALTER TABLE now.duplicates RENAME TO twins")
        if version < KEYS:
            for of_key in ("key_name", "key_type"):
                connection.execute(
                    f"ALTER TABLE now.column_target ALTER {of_key}s TYPE text USING {of_key}s[1]".encode()
                )
                connection.execute(f"ALTER TABLE now.column_target RENAME {of_key}s TO {of_key}".encode())
        columns: dict[str, list[str]] = {}
        for table, column in connection.execute(
            "SELECT o.table_name, o.column_name FROM information_schema.columns o JOIN information_schema.columns n "
            "USING (table_name, column_name) WHERE o.table_schema = %s AND n.table_schema = 'now' "
            "AND o.table_name <> 'migrations'",
            (corpus,),
        ):
            columns.setdefault(table, []).append(column)
        connection.execute("SET session_replication_role TO replica")  # tables in any order
        if version >= LIMITS:  # that a provider counts otherwise was not learned then
            connection.execute("DELETE FROM now.learned_limits WHERE enqueued_tokens IS NULL")
        for table, names in columns.items():
            listed = sql.SQL(", ").join(map(sql.Identifier, names))
            connection.execute(
                sql.SQL("INSERT INTO {0} ({1}) OVERRIDING SYSTEM VALUE SELECT {1} FROM now.{0}").format(
                    sql.Identifier(table), listed
                )
            )
        for (counted,) in connection.execute(
            "SELECT s.oid::regclass::text FROM pg_class s WHERE s.relkind = 'S' AND s.relnamespace = %s::regnamespace",
            (corpus,),
        ).fetchall():
            connection.execute("SELECT setval(%s, 1000)", (counted,))
        connection.execute("DROP SCHEMA now CASCADE")
