"""What becomes of each line of a result file, written by hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psycopg
import pytest
from pgvector import SparseVector, Vector
from process_checks import eventually, waits_for
from workshop import Told

from ingest.database.connection import connect
from ingest.database.vectors import id_array, one_vector, register_vectors, vector_array, vector_types
from ingest.errors import UnreachableError, UsageError
from ingest.telemetry import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workshop import Workshop

    from ingest.batches.reconcile import LoadReport
    from ingest.telemetry import Bar

DIMENSIONS = 4


@pytest.fixture
def custom_ids(request: pytest.FixtureRequest, workshop: Workshop, tmp_path: Path) -> list[str]:
    """The custom_ids of a corpus of five chunks that wait for results, in two batches."""
    request.node.add_marker(pytest.mark.made_up_vectors("results are written by hand"))
    for number in range(5):
        workshop.write(f"{number}.txt", f"Document number {number}.")
    with workshop.pipeline(dimensions=DIMENSIONS, max_batch_requests=3) as pipeline:
        pipeline.sync([str(workshop.folder)])
        shards = pipeline.export(tmp_path / "export")
    return [json.loads(line)["custom_id"] for shard in shards for line in shard.path.read_text().splitlines()]


def result(custom_id: str, embedding: list[float], billed: int | None = None) -> dict[str, Any]:
    body = {"data": [{"embedding": embedding}], "usage": {"prompt_tokens": billed}}
    return {"custom_id": custom_id, "response": {"status_code": 200, "body": body}}


def failing(
    custom_id: str, status: int, message: str, code: str | None = None, billed: int | None = None
) -> dict[str, Any]:
    body = {"error": {"message": message, "code": code}, "usage": {"prompt_tokens": billed}}
    return {"custom_id": custom_id, "response": {"status_code": status, "body": body}}


def what_is_told(report: LoadReport) -> dict[str, Any]:
    """All of a report that is not zero or empty."""
    return {name: value for name, value in asdict(report).items() if value}


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
        '{"custom_id": "truncat',
        result(one, [1, 1, 1, 1]),
        result(one, [2, 2, 2, 2]),  # repeated
        result(two, [1, 1, 1]),  # of a wrong length
        result(three, [1e39, 1, 1, 1]),  # infinite as a float4
        refused,
        result("999-0000000000000000", [1, 1, 1, 1]),  # of no request
        result(five.replace("-", "-f"), [1, 1, 1, 1]),  # of another text
    )

    assert (report.loaded, report.repeated, report.waiting_again, report.failed) == (1, 1, 2, 1)
    assert (report.unknown, report.malformed) == (2, 1)
    assert workshop.query("SELECT embedding FROM chunks WHERE embedding IS NOT NULL") == [(Vector([1, 1, 1, 1]),)]
    assert workshop.query("SELECT error_code, error_message FROM requests WHERE failed") == [("bad", "no")]
    waiting = workshop.query("SELECT error_code, error_message FROM requests WHERE NOT failed AND attempts = 1")
    assert sorted(waiting) == [
        ("not_finite", "the vector holds NaN or infinity"),
        ("wrong_dimensions", "the vector has 3 dimensions, not 4"),
    ]


def test_a_vector_counts_after_a_failure_of_its_text_and_nothing_counts_after_a_vector(
    workshop: Workshop, custom_ids: list[str]
) -> None:
    one, two, *_ = custom_ids

    report = load(
        workshop,
        failing(one, 500, "at first"),
        result(one, [1, 1, 1, 1]),
        result(two, [2, 2, 2, 2]),
        failing(two, 400, "afterwards"),
        result(two, [3, 3, 3]),
    )

    assert what_is_told(report) == {"loaded": 2, "repeated": 2, "files": 1}
    assert workshop.query("SELECT embedding FROM chunks WHERE embedding IS NOT NULL ORDER BY id") == [
        (Vector([1, 1, 1, 1]),),
        (Vector([2, 2, 2, 2]),),
    ]
    assert workshop.query("SELECT texts, billed_tokens FROM ledger") == [(2, None)]  # which no line told


def test_what_is_billed_for_no_vector_is_wasted(workshop: Workshop, custom_ids: list[str]) -> None:
    one, two, three, four, five = custom_ids

    report = load(
        workshop,
        result(one, [1, 1, 1, 1], billed=7),
        result(two, [1, 1, 1], billed=20),  # of a wrong length
        result(three, [0, 0, 0, 0], billed=300),
        failing(four, 500, "no", billed=4_000),
        failing(five, 500, "no"),  # which is free
    )

    assert (report.loaded, report.waiting_again, report.wasted_tokens) == (1, 4, 4_320)
    ledger = workshop.query("SELECT texts, billed_tokens, wasted_tokens FROM ledger ORDER BY wasted_tokens")
    assert ledger == [(1, 7, 320), (0, 0, 4_000)]
    assert workshop.query("SELECT count(*) FROM learned_limits") == [(0,)]  # nobody knows whose file it was


@pytest.mark.parametrize("vector_type", ["vector", "halfvec"])
def test_a_vector_is_refused_where_its_column_would_hold_infinity_or_zeros(
    workshop: Workshop, tmp_path: Path, request: pytest.FixtureRequest, vector_type: str
) -> None:
    request.node.add_marker(pytest.mark.made_up_vectors("results are written by hand"))
    is_half = vector_type == "halfvec"
    largest, least = (65_504.0, float(np.nextafter(np.float32(2.0**-25), np.float32(1)))) if is_half else (1e38, 1e-45)
    too_large, too_small = (65_536.0, 2.0**-25) if is_half else (1e39, 0.0)
    vectors = {
        "largest": [largest, 1, 1, 1],
        "least": [0, 0, 0, -least],
        "too large": [1, 1, 1, -too_large],
        "too small": [-too_small, too_small, 0, 0],
    }
    for name in vectors:
        workshop.write(f"{name}.txt", name)
    with workshop.pipeline(dimensions=DIMENSIONS, vector_type=vector_type) as pipeline:
        pipeline.sync([str(workshop.folder)])
        (shard,) = pipeline.export(tmp_path / "export")
    lines = [json.loads(line) for line in shard.path.read_text().splitlines()]

    report = load(workshop, *(result(line["custom_id"], vectors[line["body"]["input"]]) for line in lines))

    assert (report.loaded, report.waiting_again) == (2, 2)
    stored = dict(workshop.query("SELECT content, embedding::real[] FROM chunks WHERE embedding IS NOT NULL"))
    assert stored.keys() == {"largest", "least"}
    assert stored["largest"][0] == pytest.approx(largest)
    assert stored["least"][3] < 0
    refused = dict(workshop.query("SELECT content, error_code FROM requests r JOIN chunks c ON c.id = r.chunk_id"))
    assert refused == {"too large": "not_finite", "too small": "zero_vector"}
    messages = {message for (message,) in workshop.query("SELECT error_message FROM requests")}
    assert messages == {"the vector holds NaN or infinity", "the vector holds zeros alone"}


def test_passages_whose_successors_came_in_several_slices_are_all_retired(
    workshop: Workshop, custom_ids: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.batches.reconcile.SLICE_ROWS", 2)
    first = load(workshop, *(result(custom_id, [1, 1, 1, 1]) for custom_id in custom_ids))
    for number in range(5):
        workshop.write(f"{number}.txt", f"Document number {number}, edited.")
    with workshop.pipeline(dimensions=None) as pipeline:
        pipeline.sync([str(workshop.folder)])
        (shard,) = pipeline.export(tmp_path / "edited")
    edited = [json.loads(line)["custom_id"] for line in shard.path.read_text().splitlines()]

    second = load(
        workshop,
        result("999-0000000000000000", [1, 1, 1, 1]),
        result("998-0000000000000000", [1, 1, 1, 1]),  # a slice of nobody's
        *(result(custom_id, [2, 2, 2, 2]) for custom_id in edited[:4]),
        failing(edited[4], 400, "no"),
        "no result",
        "no result, either",
    )

    assert what_is_told(first) == {"loaded": 5, "files": 1}
    assert what_is_told(second) == {"loaded": 4, "failed": 1, "unknown": 2, "malformed": 2, "files": 1}
    stored = workshop.query("SELECT content LIKE '%%edited.', embedding FROM chunks ORDER BY id")
    assert [row for row in stored if row[0]] == [(True, Vector([2, 2, 2, 2]))] * 4 + [(True, None)]
    assert [row for row in stored if not row[0]] == [(False, Vector([1, 1, 1, 1]))]  # of the text that failed


def test_of_two_loads_that_bring_the_last_vectors_of_a_document_the_second_sees_those_of_the_first(
    workshop: Workshop, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    request.node.add_marker(pytest.mark.made_up_vectors("results are written by hand"))
    flags = {"dimensions": DIMENSIONS, "chunk_tokens": 32}
    for edition in ("first", "second"):
        workshop.write("a.txt", " ".join(f"Sentence {number} of the {edition} edition." for number in range(8)))
        with workshop.pipeline(**flags) as pipeline:
            pipeline.sync([str(workshop.folder)])
            (shard,) = pipeline.export(tmp_path / edition)
        custom_ids = [json.loads(line)["custom_id"] for line in shard.path.read_text().splitlines()]
        if edition == "first":
            load(workshop, *(result(custom_id, [1, 1, 1, 1]) for custom_id in custom_ids))
    *others, last = custom_ids
    ids = [int(custom_id.partition("-")[0]) for custom_id in others]

    with ThreadPoolExecutor() as threads, connect(workshop.database_url, "corpus") as other:
        with other.transaction():
            other.execute("SELECT FROM corpus.documents FOR NO KEY UPDATE")
            other.execute("DELETE FROM corpus.requests WHERE chunk_id = ANY(%s)", (ids,))
            other.execute("UPDATE corpus.chunks SET embedding = '[2, 2, 2, 2]' WHERE id = ANY(%s)", (ids,))
            loading = threads.submit(load, workshop, result(last, [2, 2, 2, 2]))
            eventually(lambda: waits_for(workshop, other) or loading.done())
        report = loading.result()

    assert (len(ids) > 0, report.loaded) == (True, 1)
    stored = workshop.query("SELECT superseded, embedding FROM chunks")
    assert stored == [(False, Vector([2, 2, 2, 2]))] * len(custom_ids)


class Amounts(Stage):
    """A bar that keeps by how much it went on."""

    def __init__(self) -> None:
        self.all: list[int] = []

    def advance(self, amount: int) -> None:
        self.all.append(amount)


class Counted(Told):
    """One that shows no bar but its own."""

    def __init__(self) -> None:
        super().__init__()
        self.amounts = Amounts()

    @contextmanager
    def stage(self, name: str, *, unit: str, total: int | None = None) -> Iterator[Bar]:
        with super().stage(name, unit=unit, total=total) as bar:
            yield self.amounts if name == "loading" else bar


def test_the_bar_goes_on_by_the_lines_that_were_read_whatever_they_brought(
    workshop: Workshop, custom_ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.batches.reconcile.SLICE_ROWS", 2)
    path = workshop.folder.parent / "results.jsonl"
    lines = [json.dumps(result(custom_id, [1, 1, 1, 1])) for custom_id in custom_ids[:4]]
    path.write_text("\n".join([*lines, "no result"]))

    with workshop.telling(counted := Counted(), workshop.flags | {"dimensions": None}) as pipeline:
        pipeline.load([path])

    assert counted.amounts.all == [2, 2, 1]


def test_a_refused_account_is_told_in_the_provider_s_words_and_no_text_of_it_is_refused(
    workshop: Workshop, custom_ids: list[str]
) -> None:
    one, two, three, *_ = custom_ids

    with pytest.raises(UnreachableError) as caught:
        load(
            workshop,
            failing(one, 400, "No such text.", code="invalid_value"),
            failing(two, 401, "Wrong\0 key...", code="invalid_api_key"),
            failing(three, 500, "Later."),
        )

    assert "whatever the text: invalid_api_key: Wrong\ufffd key. Nothing is lost" in str(caught.value)
    failures = workshop.query("SELECT error_code, failed, refused, attempts FROM requests WHERE error_code <> ''")
    assert sorted(failures) == [
        ("500", False, False, 1),
        ("invalid_api_key", False, False, 0),
        ("invalid_value", True, True, 1),
    ]


def test_words_of_a_provider_are_stored_whatever_they_hold(workshop: Workshop, custom_ids: list[str]) -> None:
    load(workshop, failing(custom_ids[0], 400, "not\0 so" + "." * 2_000, code="a\0b"))

    assert workshop.query("SELECT error_code, error_message FROM requests WHERE failed") == [
        ("a\ufffdb", "not\ufffd so" + "." * 993)
    ]


def test_a_name_that_is_no_text_is_stored_as_far_as_it_is_one(workshop: Workshop, custom_ids: list[str]) -> None:
    path = workshop.folder.parent / os.fsdecode(b"by hand \xff.jsonl")
    path.write_text(json.dumps(result(custom_ids[0], [1, 1, 1, 1])))

    with workshop.pipeline(dimensions=None) as pipeline:
        report = pipeline.load([path])

    assert report.loaded == 1
    assert workshop.query("SELECT name FROM loaded_files") == [("by hand ?.jsonl",)]


def test_a_request_that_keeps_failing_is_listed_in_the_end(workshop: Workshop, custom_ids: list[str]) -> None:
    for attempt in range(5):
        load(workshop, {"custom_id": custom_ids[0], "response": {"status_code": 500 + attempt, "body": None}})

    with workshop.pipeline(dimensions=None) as pipeline:
        (failure,) = pipeline.status().failures
    assert (failure.attempts, failure.code) == (5, "504")


def test_a_text_that_is_gone_by_the_time_it_fails_is_not_sent_again(workshop: Workshop, custom_ids: list[str]) -> None:
    gone = "SELECT r.chunk_id FROM requests r LEFT JOIN chunks c USING (text_hash) WHERE c.id IS NULL"
    (chunk_id,) = workshop.query("SELECT id FROM chunks WHERE content LIKE '%%number 0.'")[0]
    (custom_id,) = (each for each in custom_ids if each.startswith(f"{chunk_id}-"))
    workshop.write("0.txt", "Document number 0, edited.")
    with workshop.pipeline(dimensions=None) as pipeline:
        pipeline.sync([str(workshop.folder)])
    before = workshop.query(gone)

    load(workshop, failing(custom_id, 500, "no"))

    assert (before, workshop.query(gone)) == ([(chunk_id,)], [])
    assert workshop.query("SELECT count(*) FROM requests") == [(5,)]


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
