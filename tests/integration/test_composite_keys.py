"""Keys of several columns: rows as documents, and a column of their table that is filled."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from filled_columns import change
from promises import check_corpora
from reembeddings import NEW

from ingest.emulator import hash_vectors
from ingest.errors import UsageError
from ingest.sources.tables import Table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workshop import Outcome, Workshop

    Ingest = Callable[..., Outcome]

PAPERS = Table("papers", key="tenant,doc_no", text="body")
FILLED = Table("papers", key="tenant,doc_no", text="body", into="embedding")
FLAGS = ("--table", "papers", "--text", "body", "--dimensions", "64", "-q")


def papers(workshop: Workshop, count: int = 3, key: str = "PRIMARY KEY (tenant, doc_no)") -> None:
    """Papers of two tenants under the same numbers."""
    change(workshop, f"CREATE TABLE public.papers (tenant text, doc_no int, body text, {key})")
    change(
        workshop,
        "INSERT INTO papers SELECT t, n, t || ' says ' || n FROM unnest(ARRAY['acme', 'b/olt']) t, "
        "generate_series(1, %s) n",
        count,
    )


def vectors_are_of_their_texts(workshop: Workshop, dimensions: int = 64) -> int:
    """How many rows have a vector; each is that of its text."""
    rows = workshop.query("SELECT body, embedding FROM papers WHERE embedding IS NOT NULL")
    expected = hash_vectors([body for body, _ in rows], "text-embedding-3-small", dimensions)
    for (_, vector), wanted in zip(rows, expected, strict=True):
        assert np.allclose(vector.to_numpy(), wanted, atol=1e-6)
    return len(rows)


def test_the_primary_key_is_found_and_each_row_is_a_document(
    ingest: Ingest, workshop: Workshop, environment: dict[str, str]
) -> None:
    papers(workshop)

    first = ingest("run", *FLAGS, environment=environment)
    change(workshop, "UPDATE papers SET body = 'edited' WHERE tenant = 'acme' AND doc_no = 2")
    change(workshop, "DELETE FROM papers WHERE tenant = 'b/olt' AND doc_no = 3")
    change(workshop, "INSERT INTO papers VALUES ('c', 1, 'a third tenant')")
    again = ingest("run", *FLAGS, "--id", "tenant,doc_no", "--json", environment=environment).json
    some = ingest("sync", *FLAGS, "--where", "tenant = 'acme'", "--json", environment=environment).json

    assert first.status == 0, first.err
    assert workshop.query("SELECT uri, metadata->'key' FROM documents WHERE title LIKE 'acme%%' ORDER BY 1") == [
        (f"postgres:///public.papers/acme/{n}", ["acme", str(n)]) for n in (1, 2, 3)
    ]
    counts = [again["sync"][f"documents_{what}"] for what in ("new", "changed", "gone", "unchanged")]
    assert counts == [1, 1, 1, 4]
    assert (some["documents_gone"], some["documents_unchanged"]) == (3, 3)


def test_a_column_is_filled_by_it_and_only_edits_are_paid(
    ingest: Ingest, workshop: Workshop, environment: dict[str, str]
) -> None:
    papers(workshop)
    flags = (*FLAGS, "--into", "embedding", "--json")

    first = ingest("run", *flags, environment=environment).json
    change(workshop, "UPDATE papers SET body = 'b/olt says 1' WHERE tenant = 'acme' AND doc_no = 2")  # of another row
    change(workshop, "UPDATE papers SET body = '' WHERE tenant = 'acme' AND doc_no = 3")
    change(workshop, "INSERT INTO papers VALUES ('c', 1, 'new')")
    before = workshop.emulator.ledger()["texts"]
    second = ingest("run", *flags, environment=environment).json
    change(workshop, "UPDATE papers SET embedding = NULL WHERE tenant = 'c'")
    third = ingest("run", *flags, environment=environment).json

    assert (first["load"]["rows_filled"], second["load"]["rows_filled"], third["load"]["rows_filled"]) == (6, 2, 1)
    assert workshop.emulator.ledger()["texts"] == before + 2  # the new row, and once more, as its vector was taken out
    assert vectors_are_of_their_texts(workshop) == 6
    assert workshop.query("SELECT tenant, doc_no FROM papers WHERE embedding IS NULL") == [("acme", 3)]
    check_corpora(workshop.database_url)


@pytest.mark.parametrize(
    ("types", "values"),
    [
        (("uuid", "date"), ("0b8f4c1e-6a0e-4b3c-9d2a-3f5d2f5b8a11", "2024-01-31")),
        (("numeric", "text"), ("1.50", "a,b/c%d'\"é日")),
        (("timestamptz", "boolean"), ("2024-01-31 10:00:00.123456+02", "true")),
        (("timestamp", "char(5)"), ("2024-01-31 10:00:00", "ab")),
        (("bigint", "varchar(9)"), ("-9223372036854775808", "")),
    ],
)
def test_columns_of_each_type(workshop: Workshop, types: tuple[str, str], values: tuple[str, str]) -> None:
    ((database,),) = workshop.query("SELECT current_database()")
    for setting in ("datestyle TO 'SQL, DMY'", "timezone TO 'Asia/Tokyo'"):
        change(workshop, f"ALTER DATABASE {database} SET {setting}")
    change(workshop, f"CREATE TABLE papers (a {types[0]}, b {types[1]}, body text, PRIMARY KEY (a, b))")
    change(workshop, f"INSERT INTO papers VALUES (%s::text::{types[0]}, %s::text::{types[1]}, 'one')", *values)
    table = Table("papers", text="body", into="embedding")

    with workshop.pipeline() as pipeline:
        report = pipeline.run(table)
        again = pipeline.run(table)

    assert (report.sync.documents_new, again.sync.documents_unchanged) == (1, 1)
    assert report.load.rows_filled == vectors_are_of_their_texts(workshop) == 1


@pytest.mark.parametrize("key", ["PRIMARY KEY (tenant, doc_no)", "CHECK (true)", "UNIQUE (doc_no, tenant)"])
def test_rows_are_read_whole_in_pages_or_at_one_look(workshop: Workshop, key: str) -> None:
    papers(workshop, 1300, key)

    with workshop.pipeline() as pipeline:
        report = pipeline.sync(PAPERS)
        again = pipeline.sync(PAPERS)

    assert (report.documents_new, again.documents_unchanged, again.documents_gone) == (2600, 2600, 0)


def test_rows_with_a_null_in_the_key_are_told_and_others_are_read(workshop: Workshop) -> None:
    papers(workshop, key="UNIQUE (tenant, doc_no)")
    change(workshop, "INSERT INTO papers VALUES ('acme', NULL, 'a'), (NULL, 1, 'b')")

    with workshop.pipeline() as pipeline:
        report = pipeline.sync(PAPERS)

    assert report.documents_new == 6
    assert [(each.name, each.reason) for each in report.skipped] == [
        ("2 rows of public.papers", "their tenant, doc_no has a null in it")
    ]


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("tenant", "several rows of public.papers have the tenant "),
        ("tenant,number", "has no column number"),
        ("tenant,details", "the column details of public.papers is of type jsonb"),
        (None, "has no column id"),
    ],
)
def test_what_is_no_key_is_told(workshop: Workshop, key: str | None, words: str) -> None:
    papers(workshop, key="details jsonb")

    with workshop.pipeline() as pipeline, pytest.raises(UsageError, match=words):
        pipeline.sync(Table("papers", key=key, text="body"))


def test_a_column_named_id_that_is_only_a_part_of_the_primary_key_is_not_taken_for_it(workshop: Workshop) -> None:
    change(workshop, "CREATE TABLE papers (tenant text, id int, body text, PRIMARY KEY (tenant, id))")
    change(workshop, "INSERT INTO papers VALUES ('a', 1, 'one'), ('b', 1, 'two')")

    with workshop.pipeline() as pipeline:
        assert pipeline.sync(Table("papers", text="body")).documents_new == 2


def test_another_key_is_asked_about(workshop: Workshop) -> None:
    papers(workshop)
    change(workshop, "ALTER TABLE papers ADD number serial UNIQUE")
    with workshop.pipeline() as pipeline:
        pipeline.run(FILLED)

        with pytest.raises(UsageError, match="filled with --id tenant,doc_no"):
            pipeline.run(Table("papers", key="number", text="body", into="embedding"))


def test_quoted_names_of_a_key(workshop: Workshop) -> None:
    change(workshop, 'CREATE TABLE papers ("The Tenant" text, "a,b" int, body text, PRIMARY KEY ("The Tenant", "a,b"))')
    change(workshop, "INSERT INTO papers VALUES ('x', 1, 'one')")

    with workshop.pipeline() as pipeline:
        named = pipeline.run(Table("papers", key='"The Tenant", "a,b"', text="body", into="embedding"))
        found = pipeline.run(Table("papers", text="body", into="embedding"))

    assert (named.load.rows_filled, found.sync.documents_unchanged) == (1, 1)


def test_a_declared_source_has_one(
    ingest: Ingest, workshop: Workshop, environment: dict[str, str], tmp_path: Path
) -> None:
    papers(workshop)
    (tmp_path / "ingest.toml").write_text(
        'dimensions = 64\n[[sources]]\ntable = "papers"\nid = ["tenant", "doc_no"]\ntext = "body"\ninto = "embedding"\n'
    )

    assert ingest("run", environment=environment).status == 0
    assert vectors_are_of_their_texts(workshop) == 6


def test_another_model_and_back(workshop: Workshop) -> None:
    papers(workshop)
    with workshop.pipeline() as pipeline:
        pipeline.run(FILLED)
    with workshop.pipeline(**NEW) as pipeline:
        pipeline.reembed()
        change(workshop, "UPDATE papers SET body = 'edited' WHERE tenant = 'acme' AND doc_no = 1")
        pipeline.run(FILLED)
        pipeline.roll_back()

    with workshop.pipeline() as pipeline:
        report = pipeline.run(FILLED)

    assert report.load.rows_filled == 1
    assert vectors_are_of_their_texts(workshop) == 6


def test_a_run_that_was_killed_is_resumed(workshop: Workshop, environment: dict[str, str], tmp_path: Path) -> None:
    papers(workshop, 600)
    variables = environment | {"INGEST_DATA_DIR": str(tmp_path / "killed"), "INGEST_MAX_BATCH_REQUESTS": "100"}
    run: dict[str, Any] = {
        "args": [sys.executable, "-m", "ingest", "run", *FLAGS, "--into", "embedding"],
        "env": os.environ | variables,
    }
    process = subprocess.Popen(**run)
    while process.poll() is None:
        if workshop.query("SELECT to_regclass('filled_rows') IS NOT NULL") == [(True,)] and workshop.query(
            "SELECT count(*) > 0 FROM filled_rows"
        ) == [(True,)]:
            break
        time.sleep(0.02)
    process.kill()
    process.wait()

    subprocess.run(**run, check=True)

    assert vectors_are_of_their_texts(workshop) == 1200
    assert workshop.emulator.ledger()["billed_more_than_once"] == []
