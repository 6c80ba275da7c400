"""What becomes of each line of a result file, written by hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psycopg
import pytest
from pgvector import SparseVector, Vector

from ingest.database.connection import connect
from ingest.database.vectors import id_array, one_vector, register_vectors, vector_array, vector_types
from ingest.errors import UsageError

if TYPE_CHECKING:
    from workshop import Workshop

    from ingest.batches.reconcile import LoadReport

DIMENSIONS = 4


@pytest.fixture
def custom_ids(request: pytest.FixtureRequest, workshop: Workshop, tmp_path: Path) -> list[str]:
    """The custom_ids of a corpus of five chunks that wait for results."""
    request.node.add_marker(pytest.mark.made_up_vectors("results are written by hand"))
    for number in range(5):
        workshop.write(f"{number}.txt", f"Document number {number}.")
    with workshop.pipeline(dimensions=DIMENSIONS) as pipeline:
        pipeline.sync([str(workshop.folder)])
        (shard,) = pipeline.export(tmp_path / "export")
    return [json.loads(line)["custom_id"] for line in shard.path.read_text().splitlines()]


def result(custom_id: str, embedding: list[float]) -> dict[str, Any]:
    return {"custom_id": custom_id, "response": {"status_code": 200, "body": {"data": [{"embedding": embedding}]}}}


def load(workshop: Workshop, *lines: object) -> LoadReport:
    path = workshop.folder.parent / "results.jsonl"
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    with workshop.pipeline(dimensions=None) as pipeline:
        return pipeline.load([path])


def test_each_vector_lands_on_its_own_text(workshop: Workshop, custom_ids: list[str]) -> None:
    load(workshop, *(result(custom_id, [float(custom_id.partition("-")[0])] * 4) for custom_id in reversed(custom_ids)))

    stored = workshop.query("SELECT id, embedding FROM chunks ORDER BY id")
    assert stored == [(row, Vector([row] * 4)) for row, _ in stored]


def test_lines_that_bring_no_vector_are_told_apart(workshop: Workshop, custom_ids: list[str]) -> None:
    one, two, three, four, five = custom_ids
    refused = {"custom_id": four, "response": {"status_code": 400, "body": {"error": {"message": "no", "code": "bad"}}}}

    report = load(
        workshop,
        result(one, [1, 1, 1, 1]),
        result(one, [2, 2, 2, 2]),  # repeated
        result(two, [1, 1, 1]),  # of a wrong length
        result(three, [1e39, 1, 1, 1]),  # infinite as a float4
        refused,
        result("999-0000000000000000", [1, 1, 1, 1]),  # of no request
        result(five.replace("-", "-f"), [1, 1, 1, 1]),  # of another text
        '{"custom_id": "truncat',
    )

    assert (report.loaded, report.repeated, report.waiting_again, report.failed) == (1, 1, 2, 1)
    assert (report.unknown, report.malformed) == (2, 1)
    assert workshop.query("SELECT embedding FROM chunks WHERE embedding IS NOT NULL") == [(Vector([1, 1, 1, 1]),)]
    assert workshop.query("SELECT error_code, error_message FROM requests WHERE failed") == [("bad", "no")]


def test_a_request_that_keeps_failing_is_listed_in_the_end(workshop: Workshop, custom_ids: list[str]) -> None:
    for attempt in range(5):
        load(workshop, {"custom_id": custom_ids[0], "response": {"status_code": 500 + attempt, "body": None}})

    with workshop.pipeline(dimensions=None) as pipeline:
        (failure,) = pipeline.status().failures
    assert (failure.attempts, failure.code) == (5, "504")


def test_a_file_that_breaks_off_in_the_database_leaves_nothing(workshop: Workshop, custom_ids: list[str]) -> None:
    with psycopg.connect(workshop.database_url) as connection:
        connection.execute("ALTER TABLE corpus.loaded_files ADD CHECK (loaded_count < 0) NOT VALID")

    with pytest.raises(Exception, match="check constraint"):
        load(workshop, *(result(custom_id, [1, 1, 1, 1]) for custom_id in custom_ids))

    assert workshop.query("SELECT count(embedding) FROM chunks") == [(0,)]
    assert workshop.query("SELECT count(*) FROM requests") == [(5,)]
    assert not (workshop.folder.parent / "results.jsonl.done").exists()


def test_a_file_that_is_not_there_is_a_usage_error(workshop: Workshop, custom_ids: list[str]) -> None:
    assert custom_ids

    with workshop.pipeline(dimensions=None) as pipeline, pytest.raises(UsageError, match=r"cannot be read"):
        pipeline.load([workshop.folder / "nowhere.jsonl"])


def test_what_is_no_regular_file_is_not_waited_for(workshop: Workshop, custom_ids: list[str], tmp_path: Path) -> None:
    assert custom_ids
    os.mkfifo(tmp_path / "results.jsonl")

    with workshop.pipeline(dimensions=None) as pipeline:
        for path in (tmp_path / "results.jsonl", Path("/dev/zero"), tmp_path):
            with pytest.raises(UsageError, match="not a regular file"):
                pipeline.load([path])


@pytest.mark.parametrize("vector_type", ["vector", "halfvec"])
def test_arrays_of_ours_are_read_as_pgvectors_package_reads_them(database_url: str, vector_type: str) -> None:
    random = np.random.default_rng(1)
    vectors = random.standard_normal((50, 33)).astype(np.float16 if vector_type == "halfvec" else np.float32)
    ids = random.integers(-(2**62), 2**62, 50)
    with connect(database_url, "docs") as connection:
        register_vectors(connection)
        oid = vector_types(connection)[vector_type].oid

        rows = connection.execute(
            f"SELECT id, v FROM unnest(%s::bigint[], %s::public.{vector_type}[]) AS u(id, v)".encode(),
            (id_array(ids.tolist()), vector_array(vectors.astype(np.float32), vector_type, oid)),
        ).fetchall()

    assert [row for row, _ in rows] == ids.tolist()
    assert (np.array([vector.to_numpy() for _, vector in rows]) == vectors).all()


def test_vectors_go_and_come_by_pgvectors_package_wherever_the_extension_is(database_url: str) -> None:
    sparse = SparseVector({1: 0.5, 30: -2.0}, 33)
    floats = np.random.default_rng(1).standard_normal(33).astype(np.float32)
    with psycopg.connect(database_url) as other:
        other.execute("""CREATE SCHEMA "it's elsewhere"; ALTER EXTENSION vector SET SCHEMA "it's elsewhere" """)
    with connect(database_url, "docs") as connection:
        register_vectors(connection)
        sent = [one_vector(floats, "vector"), one_vector(floats, "halfvec"), sparse]

        row = connection.execute("SELECT %s, %s, %s, %s", [*sent, floats]).fetchone()
        types = connection.execute("SELECT pg_typeof(%s)::text", sent[1:2]).fetchone()

    assert row == (*sent, sent[0])
    assert types == ('"it\'s elsewhere".halfvec',)


LOST = """
import sys

import psycopg

from ingest.database.connection import connect

with connect(sys.argv[1], None) as other, connect(sys.argv[1], None) as connection:
    try:
        with connection.transaction(), connection.pipeline():
            cursor = connection.execute("SELECT pg_sleep(10)")
            other.execute("SELECT pg_terminate_backend(%s)", (connection.info.backend_pid,))
            cursor.fetchall()
    except psycopg.OperationalError:
        print("lost")
"""


def test_a_connection_lost_while_a_slice_is_under_way_is_told_of_once(database_url: str) -> None:
    done = subprocess.run([sys.executable, "-c", LOST, database_url], capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ("lost\n", "")
