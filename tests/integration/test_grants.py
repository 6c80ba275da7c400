"""The rights that docs/grants.md lists for each use are enough, and none of them can be left out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

import psycopg
import pytest
from granting import block
from psycopg import conninfo, sql

from ingest.doctor import examine
from ingest.errors import UsageError
from ingest.sources.tables import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from workshop import Workshop

    from ingest.pipeline import Pipeline

ARTICLES = Table("shop.articles", key="id", text="body", into="embedding")


class Right(NamedTuple):
    """One privilege on one thing, as GRANT has it."""

    privilege: str
    on: str


def rights(heading: str) -> list[Right]:
    """What is granted there, one by one."""
    found = []
    for line in block(heading):
        if grant := re.fullmatch(r"GRANT (.+) ON (.+) TO \w+;", line):
            of = re.match(r"(DATABASE|SCHEMA|)\s?(.*)", grant[2])
            assert of
            things = [grant[2]] if not of[1] else [f"{of[1]} {name}" for name in of[2].split(", ")]
            found += [Right(each, thing) for each in re.split(r", (?=[A-Z])", grant[1]) for thing in things]
    return found


def read(pipeline: Pipeline, workshop: Workshop) -> None:
    assert pipeline.status().documents == 1
    pipeline.costs()
    pipeline.report(workshop.data_dir / "report.html")


def change_model_of_column(pipeline: Pipeline, workshop: Workshop) -> None:
    fill(pipeline, workshop)
    assert pipeline.index()
    with workshop.pipeline(**flags(pipeline.database_url), dimensions=32) as other:
        assert other.reembed().column == "shop.articles.embedding"
        other.roll_back()
        other.finish(discard=True)
        other.reembed()
        other.finish()


def look_for(pipeline: Pipeline, _workshop: Workshop) -> None:
    for filters in ([], ["bytes=9"]):
        assert [each.content for each in pipeline.search("One text.", mode="hybrid", filters=filters)] == ["One text."]
        assert pipeline.search_sql("One text.", filters=filters)
    assert pipeline.search("One text.", filters=["bytes>9"]) == []


def write(pipeline: Pipeline, workshop: Workshop) -> None:
    assert pipeline.run([str(workshop.folder)]).embedded == 1
    workshop.write("a.txt", "Another text.")
    assert pipeline.run([str(workshop.folder)]).embedded == 1
    workshop.write("a.txt", "One text.")
    assert pipeline.run([str(workshop.folder)]).embedded == 1
    assert pipeline.index()
    pipeline.retry()
    pipeline.cancel()
    pipeline.clean()
    look_for(pipeline, workshop)
    read(pipeline, workshop)


def write_and_take_out(pipeline: Pipeline, workshop: Workshop) -> None:
    write(pipeline, workshop)
    assert [each.corpus for each in pipeline.corpora()] == [pipeline.corpus]
    assert pipeline.remove(str(workshop.folder)) == 1
    assert pipeline.drop()
    assert pipeline.corpora() == []


def change_model(pipeline: Pipeline, workshop: Workshop) -> None:
    write(pipeline, workshop)
    with workshop.pipeline(**flags(pipeline.database_url), dimensions=32) as other:
        assert other.reembed().embedded == 1
        other.roll_back()
        other.finish(discard=True)
        other.reembed()
        other.finish()


def fill(pipeline: Pipeline, _workshop: Workshop) -> None:
    assert pipeline.run(ARTICLES).load.rows_filled == 1


USES: dict[str, Callable[[Pipeline, Workshop], None]] = {
    "A corpus in a schema of its own": write_and_take_out,
    "A corpus in a schema that is given": write_and_take_out,
    "Another model": change_model,
    "Another model of a column": change_model_of_column,
    "A column of somebody else's table": fill,
    "Search": look_for,
    "Status, cost, metrics": read,
}
READING = {"Search", "Status, cost, metrics"}


def flags(url: str | None) -> dict[str, Any]:
    told = {"clean": True, "filters": {"bytes": "integer"}}
    return {"database_url": url, "corpus": "docs", **told}


@pytest.fixture
def owner(workshop: Workshop) -> Iterator[psycopg.Connection]:
    """The administrator, in a database where nobody else has any right; roles may log in."""
    workshop.write("a.txt", "One text.")
    with psycopg.connect(workshop.database_url, autocommit=True) as connection:
        (hba,) = connection.execute("SHOW hba_file").fetchone() or ("",)
        if workshop.database_url.count("/socket") and "grantee" not in Path(hba).read_text():
            with Path(hba).open("a") as file:  # the embedded server lets nobody in but who started it
                file.write("local all /^grantee_ trust\n")
            connection.execute("SELECT pg_reload_conf()")
        database = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
        connection.execute(
            "REVOKE ALL ON SCHEMA public FROM PUBLIC; CREATE SCHEMA extensions;"
            "ALTER EXTENSION vector SET SCHEMA extensions; CREATE SCHEMA shop;"
            "CREATE TABLE shop.articles (id int PRIMARY KEY, body text);"
            "INSERT INTO shop.articles VALUES (1, 'One text.')"
        )
        yield connection


@pytest.fixture
def role(owner: psycopg.Connection) -> Iterator[str]:
    name = f"grantee_{uuid4().hex[:8]}"
    owner.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'guest'").format(sql.Identifier(name)))
    yield name
    owner.execute(sql.SQL("DROP OWNED BY {0} CASCADE; DROP ROLE {0}").format(sql.Identifier(name)))


def as_role(
    workshop: Workshop, owner: psycopg.Connection, role: str, use: str, without: Right | None = None
) -> dict[str, Any]:
    """The flags of a role that has the rights of a use, but for one."""
    if use in READING:
        with workshop.pipeline(**flags(workshop.database_url)) as pipeline:
            pipeline.run([str(workshop.folder)])
    for line in block(use):
        if not line.startswith("GRANT"):
            owner.execute(line.replace("writer", role).encode())
    for right in rights(use):
        if right != without:
            on = right.on.replace("DATABASE app", f"DATABASE {owner.info.dbname}")
            owner.execute(f"GRANT {right.privilege} ON {on} TO {role}".encode())
    return flags(conninfo.make_conninfo(workshop.database_url, user=role, password="guest"))


@pytest.mark.parametrize("use", USES)
def test_what_the_page_lists_is_enough(workshop: Workshop, owner: psycopg.Connection, role: str, use: str) -> None:
    with workshop.pipeline(**as_role(workshop, owner, role, use)) as pipeline:
        if use not in READING:
            assert [(check.name, check.finding) for check in examine(pipeline) if not check.ok] == []

        USES[use](pipeline, workshop)

        if use not in READING:
            assert [(check.name, check.finding) for check in examine(pipeline) if not check.ok] == []


@pytest.mark.parametrize(
    ("use", "right"),
    [pytest.param(use, right, id=f"{use}: {' ON '.join(right)}") for use in USES for right in rights(use)],
)
def test_none_of_it_can_be_left_out_and_what_is_missing_is_named(
    workshop: Workshop, owner: psycopg.Connection, role: str, use: str, right: Right
) -> None:
    with (
        workshop.pipeline(**as_role(workshop, owner, role, use, without=right)) as pipeline,
        pytest.raises(UsageError) as caught,
    ):
        USES[use](pipeline, workshop)

    told = str(caught.value)
    privilege, name = right.privilege.split()[0], right.on.split()[-1].replace("app", owner.info.dbname).split(".")[-1]
    assert re.search(rf"GRANT [^.;]*\b{privilege}\b|{privilege} on it", told), told
    assert f" TO {role}" in told
    assert name in told or name == "docs"


def test_a_program_that_filters_reads_two_tables_and_no_more(
    workshop: Workshop, owner: psycopg.Connection, role: str
) -> None:
    with workshop.pipeline(**flags(workshop.database_url)) as pipeline:
        pipeline.run([str(workshop.folder)])
        query = pipeline.search_sql("One text.", filters=["bytes=9"], mode="vector")
    owner.execute(f"GRANT CONNECT ON DATABASE {owner.info.dbname} TO {role}".encode())
    owner.execute(f"GRANT USAGE ON SCHEMA docs, extensions TO {role}".encode())
    owner.execute(f"GRANT SELECT ON docs.documents, docs.chunks TO {role}".encode())
    found = []

    with psycopg.connect(conninfo.make_conninfo(workshop.database_url, user=role, password="guest")) as connection:
        cursor = connection.execute(query.encode())
        while cursor.nextset():
            if cursor.description and cursor.description[0].name == "distance":
                found = cursor.fetchall()

    assert [row[5] for row in found] == ["One text."]


def test_a_reader_is_told_by_the_doctor_what_it_cannot_write(
    workshop: Workshop, owner: psycopg.Connection, role: str
) -> None:
    with workshop.pipeline(**as_role(workshop, owner, role, "Search")) as pipeline:
        checks = {check.name: check for check in examine(pipeline)}

    assert (checks["database"].ok, checks["rights"].ok, checks["rights"].exit_status) == (True, False, 2)
    assert "GRANT" in checks["rights"].finding
