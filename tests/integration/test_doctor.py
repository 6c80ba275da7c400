"""The doctor does what a run will do, says what would stop it and how to fix that, and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg
import pytest
from emulator_client import sdk
from promises import CORPUS_FLAGS, write_corpus
from psycopg import conninfo, sql
from workshop import Told, Workshop

from ingest.doctor import Check, examine
from ingest.emulator import Fault
from ingest.errors import UsageError
from ingest.live_check import examine_counts, examine_live
from ingest.sources.tables import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

ARTICLES = Table("articles", key="id", text="body", into="embedding")


def everything(workshop: Workshop) -> list[tuple[Any, ...]]:
    """All objects of the database, the rows that catalogs hold of them, and the rows of the corpus."""
    with psycopg.connect(workshop.database_url) as connection:
        catalogs = ("pg_namespace", "pg_class", "pg_attribute", "pg_extension", "pg_type", "pg_constraint")
        found = [
            row
            for catalog in catalogs
            for row in connection.execute(
                sql.SQL(
                    "SELECT tableoid::regclass::text, oid::text FROM {} t ORDER BY 1, 2"
                    if catalog != "pg_attribute"
                    else "SELECT attrelid::text, attname::text FROM {} ORDER BY 1, 2"
                ).format(sql.Identifier(catalog))
            )
        ]
        if connection.execute("SELECT to_regclass('corpus.chunks')").fetchone() != (None,):
            found += connection.execute("SELECT c::text FROM corpus.chunks c ORDER BY id").fetchall()
            found += connection.execute("SELECT c::text FROM corpus.corpus c").fetchall()
        return found


def change(workshop: Workshop, statements: str) -> None:
    with psycopg.connect(workshop.database_url, autocommit=True) as connection:
        connection.execute(statements.encode())


def examined(workshop: Workshop, **flags: object) -> dict[str, Check]:
    with workshop.pipeline(**CORPUS_FLAGS | flags) as pipeline:
        return {check.name: check for check in examine(pipeline)}


@pytest.fixture
def role(workshop: Workshop) -> Iterator[str]:
    """A role that may connect, make schemas and temporary tables, and no more."""
    name = f"guest_{uuid4().hex[:8]}"
    database = str(conninfo.conninfo_to_dict(workshop.database_url)["dbname"])
    change(
        workshop,
        f"CREATE ROLE {name}; REVOKE ALL ON DATABASE {database} FROM PUBLIC; "
        f"GRANT CREATE, TEMPORARY ON DATABASE {database} TO {name}",
    )
    yield name
    change(workshop, f"DROP OWNED BY {name} CASCADE; DROP ROLE {name}")


def as_role(workshop: Workshop, role: str) -> str:
    return conninfo.make_conninfo(workshop.database_url, options=f"-c role={role}")


@pytest.mark.parametrize("is_there", [False, True])
@pytest.mark.parametrize("has_pgvector", [True, False])
def test_it_leaves_nothing_behind(workshop: Workshop, tmp_path: Path, is_there: bool, has_pgvector: bool) -> None:
    write_corpus(workshop)
    if is_there:
        with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
            pipeline.run([str(workshop.folder)])
    elif not has_pgvector:
        change(workshop, "DROP EXTENSION vector CASCADE")
    before = everything(workshop)

    checks = examined(workshop, data_dir=tmp_path / "not" / "there")

    assert [check for check in checks.values() if not check.ok] == []
    assert list(checks)[:4] == ["data", "database", "connections", "rights"]
    assert everything(workshop) == before
    assert not (tmp_path / "not").exists()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a folder that not even root may write to")
def test_a_folder_that_takes_no_file_is_told_though_the_rights_are_there(workshop: Workshop) -> None:
    check = examined(workshop, data_dir=Path("/proc/not-there"))["data"]

    assert (check.ok, check.exit_status) == (False, 3)
    assert "/proc is not a folder that we may write to" in check.finding


def test_a_pipeline_that_was_examined_runs(workshop: Workshop) -> None:
    write_corpus(workshop)
    change(workshop, "DROP EXTENSION vector CASCADE")

    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        examine(pipeline)
        report = pipeline.run([str(workshop.folder)])

    assert report.failures == []


@pytest.mark.parametrize(
    ("taken", "words"),
    [
        ("REVOKE CREATE ON DATABASE {database} FROM {role}", "GRANT CREATE ON DATABASE {database} TO {role};"),
        ("REVOKE TEMPORARY ON DATABASE {database} FROM {role}", "GRANT TEMPORARY ON DATABASE {database} TO {role};"),
        ("CREATE SCHEMA corpus", "GRANT CREATE, USAGE ON SCHEMA corpus TO {role};"),
        (
            "DROP EXTENSION vector CASCADE; REVOKE CREATE ON DATABASE {database} FROM {role}",
            "GRANT CREATE ON DATABASE {database}",
        ),
        (
            "CREATE SCHEMA extensions; ALTER EXTENSION vector SET SCHEMA extensions",
            "GRANT CREATE, USAGE ON SCHEMA extensions TO {role};",
        ),
    ],
)
def test_a_right_that_a_run_lacks_is_named_with_its_grant(
    workshop: Workshop, role: str, taken: str, words: str
) -> None:
    names = {"database": conninfo.conninfo_to_dict(workshop.database_url)["dbname"], "role": role}
    assert examined(workshop, database_url=as_role(workshop, role))["rights"].ok
    change(workshop, taken.format(**names))

    check = examined(workshop, database_url=as_role(workshop, role))["rights"]

    assert (check.ok, check.exit_status) == (False, 2)
    assert words.format(**names) in check.finding


def test_a_corpus_of_another_role_is_told_with_that_role_s_grant(workshop: Workshop, role: str) -> None:
    write_corpus(workshop)
    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        pipeline.run([str(workshop.folder)])
    change(
        workshop,
        f"GRANT USAGE ON SCHEMA corpus TO {role};"
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA corpus TO {role}",
    )

    check = examined(workshop, database_url=as_role(workshop, role))["rights"]

    assert (check.ok, check.exit_status) == (False, 2)
    assert f"only its owner writes a corpus: GRANT ingest TO {role};" in check.finding


def test_a_column_is_tried_and_its_policies_are_told(workshop: Workshop, role: str) -> None:
    change(
        workshop,
        "CREATE TABLE articles (id int PRIMARY KEY, body text, embedding vector(8));"
        "INSERT INTO articles VALUES (1, 'One text.'); ALTER TABLE articles ENABLE ROW LEVEL SECURITY;"
        f"CREATE POLICY all_of_it ON articles TO {role} USING (true);"
        f"GRANT SELECT, UPDATE ON articles TO {role}",
    )
    url = as_role(workshop, role)
    with workshop.pipeline(**CORPUS_FLAGS, database_url=url) as pipeline:
        pipeline.run(ARTICLES)

    allowed = examined(workshop, database_url=url)["rights"]
    change(workshop, f"REVOKE UPDATE ON articles FROM {role}")
    refused = examined(workshop, database_url=url)["rights"]

    assert allowed.ok
    assert "rows of public.articles that its policies hide are not embedded" in allowed.finding
    assert (refused.ok, refused.exit_status) == (False, 2)
    assert "articles" in refused.finding


def test_a_column_that_only_the_owner_may_add_is_told_with_its_statement(workshop: Workshop, role: str) -> None:
    from ingest.errors import UsageError

    change(
        workshop,
        "CREATE TABLE articles (id int PRIMARY KEY, body text); INSERT INTO articles VALUES (1, 'One text.');"
        f"GRANT SELECT, UPDATE ON articles TO {role}",
    )

    with (
        workshop.pipeline(**CORPUS_FLAGS, database_url=as_role(workshop, role)) as pipeline,
        pytest.raises(
            UsageError, match=r'run ALTER TABLE "public"."articles" ADD COLUMN .*"embedding".*vector"\(8\); then'
        ),
    ):
        pipeline.run(ARTICLES)

    assert workshop.emulator.ledger()["texts"] == 0


def test_another_s_lock_is_waited_for_a_moment_alone(workshop: Workshop) -> None:
    write_corpus(workshop)
    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        pipeline.run([str(workshop.folder)])
    with psycopg.connect(workshop.database_url) as holder:
        holder.execute("LOCK TABLE corpus.corpus")

        check = examined(workshop)["rights"]

    assert (check.ok, check.exit_status) == (False, 3)
    assert "lock in the way" in check.finding


def test_a_role_with_no_connection_to_spare_is_told(workshop: Workshop) -> None:
    """A superuser is not bound by the limit of the database, but told of it likewise."""
    database = conninfo.conninfo_to_dict(workshop.database_url)["dbname"]
    change(workshop, f"ALTER DATABASE {database} CONNECTION LIMIT 2")

    check = examined(workshop)["connections"]

    assert (check.ok, check.exit_status) == (False, 3)
    assert check.finding.startswith("1 more are free")


def test_a_data_folder_that_is_none_is_told(workshop: Workshop, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    check = examined(workshop, data_dir=tmp_path / "file" / "data")["data"]

    assert (check.ok, check.exit_status) == (False, 3)


def tried(workshop: Workshop, max_dollars: float = 0.01) -> dict[str, Check]:
    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        return {check.name: check for check in examine_live(pipeline, max_dollars)}


class Interrupting(Told):
    """A person presses Ctrl-C at the first line."""

    def say(self, message: str) -> None:
        super().say(message)
        if len(self.lines) == 1:
            raise KeyboardInterrupt


def left_files(workshop: Workshop) -> list[str]:
    with sdk(workshop.emulator) as client:
        return [file.id for file in client.files.list()]


def test_a_provider_is_tried_by_one_small_batch_of_which_nothing_is_left(workshop: Workshop) -> None:
    checks = tried(workshop)

    assert [check.finding for check in checks.values() if not check.ok] == []
    assert {"upload", "found", "batch", "end", "results", "at once", "questions", "clean"} < checks.keys()
    assert left_files(workshop) == []


@pytest.mark.parametrize(
    ("fault", "check", "says"),
    [
        ("wrong_dimensions", "dimensions", "of 8"),
        ("lost_lines", "results", "of 3"),
    ],
)
def test_what_a_provider_does_otherwise_is_named(workshop: Workshop, fault: str, check: str, says: str) -> None:
    workshop.emulator.set_faults(Fault(fault, count=1))

    found = tried(workshop)[check]

    assert (found.ok, found.exit_status) == (False, 3)
    assert says in found.finding


def test_what_may_cost_more_is_not_tried(workshop: Workshop) -> None:
    with pytest.raises(UsageError, match=r"raise --max-cost\. Nothing was sent"):
        tried(workshop, 0.0)

    assert left_files(workshop) == []


def test_an_interrupt_cancels_the_batch_that_was_tried(workshop: Workshop) -> None:
    workshop.emulator.set_faults(Fault("stuck_in_progress"))

    with workshop.telling(Interrupting(), CORPUS_FLAGS) as pipeline, pytest.raises(KeyboardInterrupt):
        examine_live(pipeline, 0.01)

    with sdk(workshop.emulator) as client:
        assert [batch.cancelling_at is not None for batch in client.batches.list()] == [True]


def test_tokens_are_not_counted_where_the_vendor_has_no_such_call(workshop: Workshop) -> None:
    write_corpus(workshop, 2)
    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        pipeline.run([str(workshop.folder)])

        check = examine_counts(pipeline)

    assert check == Check("tokens", ok=True, finding="openai does not count, or there are no passages")
