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

from ingest.database.connection import connect
from ingest.database.vectors import BinaryArray, id_array, vector_array, vector_literal
from ingest.errors import UsageError

if TYPE_CHECKING:
    from workshop import Workshop

    from ingest.settling import LoadReport

DIMENSIONS = 4


@pytest.fixture
def custom_ids(workshop: Workshop, tmp_path: Path) -> list[str]:
    """The custom_ids of a corpus of five chunks that wait for results."""
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

    stored = workshop.query("SELECT id, embedding::text FROM chunks ORDER BY id")
    assert stored == [(row, f"[{row},{row},{row},{row}]") for row, _ in stored]


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

    assert (report.loaded, report.repeated, report.back_in_line, report.failed) == (1, 1, 2, 1)
    assert (report.unknown, report.malformed) == (2, 1)
    assert workshop.query("SELECT embedding::text FROM chunks WHERE embedding IS NOT NULL") == [("[1,1,1,1]",)]
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
            with pytest.raises(UsageError, match="no regular file"):
                pipeline.load([path])


@pytest.mark.parametrize("vector_type", ["vector", "halfvec"])
def test_binary_arrays_arrive_as_they_were_sent(database_url: str, vector_type: str) -> None:
    random = np.random.default_rng(1)
    vectors = random.standard_normal((50, 33)).astype(np.float16 if vector_type == "halfvec" else np.float32)
    ids = random.integers(-(2**62), 2**62, 50)
    with connect(database_url, "corpus") as connection:
        (oid,) = connection.execute("SELECT %s::regtype::oid::int", (vector_type,)).fetchone() or (0,)

        rows = connection.execute(
            f"SELECT id, v::text FROM unnest(%s::bigint[], %s::{vector_type}[]) AS u(id, v)".encode(),
            (id_array(ids.tolist()), vector_array(vectors.astype(np.float32), vector_type, oid)),
        ).fetchall()
        (literal,) = connection.execute("SELECT %s::vector::text", (vector_literal(vectors[0]),)).fetchone() or ("",)

    assert [row for row, _ in rows] == ids.tolist()
    arrived = np.array([json.loads(vector) for _, vector in rows], dtype=vectors.dtype)
    assert (arrived == vectors).all()
    assert np.allclose(json.loads(literal), vectors[0], atol=1e-6)
    assert isinstance(id_array(ids.tolist()), BinaryArray)


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
