"""Gemini's lines and operations, as its reference and its clients have them."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.batches.budget import has_no_room, is_of_the_batch
from ingest.provider import Parameters, RemoteBatch
from ingest.provider.gemini import _Batch, _remote
from ingest.provider.gemini_lines import WIRE
from ingest.provider.jsonl import Malformed, Result

FAULT = {"code": 3, "message": "too long", "status": "INVALID_ARGUMENT"}


def parsed(line: dict[str, Any]) -> Result | Malformed:
    return WIRE.parse(json.dumps(line).encode())


def batch(**operation: object) -> RemoteBatch:
    return _remote(msgspec.convert({"name": "batches/1", **operation}, _Batch))


@given(text=st.text())
def test_a_request_has_its_task_and_stands_on_one_line(text: str) -> None:
    line = WIRE.writer(Parameters("gemini-embedding-001", 768, "document"))("7-ab", text)

    content = {"parts": [{"text": text}]}
    request = {"content": content, "taskType": "RETRIEVAL_DOCUMENT", "outputDimensionality": 768}
    assert json.loads(line) == {"key": "7-ab", "request": request}
    assert line.decode().splitlines(keepends=True) == [line.decode()]


@pytest.mark.parametrize(
    ("side", "before"), [("document", "title: none | text: "), ("query", "task: search result | query: ")]
)
def test_a_model_without_tasks_is_told_the_side_in_words(side: Any, before: str) -> None:
    line = WIRE.writer(Parameters("gemini-embedding-2", None, side))("7-ab", "text")

    assert json.loads(line)["request"] == {"content": {"parts": [{"text": f"{before}text"}]}}


@given(st.lists(st.floats(-1e9, 1e9), min_size=1).filter(lambda values: max(map(abs, values)) > 1e-9))
def test_a_vector_is_brought_to_unit_length(values: list[float]) -> None:
    result = parsed({"response": {"tokenCount": "12", "embedding": {"values": values}}, "key": "7-ab"})

    assert isinstance(result, Result)
    assert (result.custom_id, result.billed_tokens, result.failure) == ("7-ab", 12, None)
    vector = np.frombuffer(result.embedding or b"", "<f4")
    wanted = np.asarray(values) / np.linalg.norm(values)
    np.testing.assert_allclose(vector, wanted, atol=1e-6)


@pytest.mark.parametrize(
    ("line", "code", "retryable", "refused"),
    [
        ({"key": "7-ab", "error": FAULT}, "INVALID_ARGUMENT", False, "text"),
        ({"key": "7-ab", "response": {"error": FAULT}}, "INVALID_ARGUMENT", False, "text"),
        ({"key": "7-ab", "error": {"code": 3, "message": "too long"}}, "3", False, "text"),
        ({"key": "7-ab", "error": {"code": 400, "message": "too long"}}, "400", False, "text"),
        ({"key": "7-ab", "error": {"code": 8, "message": "quota"}}, "8", True, "rate"),
        ({"key": "7-ab", "error": {"code": 13, "message": "internal"}}, "13", True, None),
        ({"key": "7-ab", "error": {"status": "PERMISSION_DENIED"}}, "PERMISSION_DENIED", True, "account"),
        ({"key": "7-ab", "response": {}}, "no_vector", True, None),
        ({"key": "7-ab"}, "no_vector", True, None),
    ],
)
def test_a_failed_line_tells_whether_asking_again_can_help(
    line: dict[str, Any], code: str, retryable: bool, refused: str | None
) -> None:
    result = parsed(line)

    assert isinstance(result, Result)
    assert result.embedding is None
    assert result.failure is not None
    assert (result.failure.code, result.failure.retryable, result.failure.refused) == (code, retryable, refused)


@pytest.mark.parametrize("values", [[0.0, 0.0], [None, 1.0], [1e308, 1e308]])
def test_what_has_no_length_stays_as_it_came(values: list[float | None]) -> None:
    result = parsed({"key": "7-ab", "response": {"embedding": {"values": values}}})

    assert isinstance(result, Result)
    assert len(result.embedding or b"") == 8


@pytest.mark.parametrize(
    "line",
    [b"", b"{}", b"[]", b"\xff", b'{"key":7}', WIRE.writer(Parameters("gemini-embedding-2", None))("1-a", "t")],
)
def test_other_lines_are_no_results(line: bytes) -> None:
    assert isinstance(WIRE.parse(line), Malformed)


STATS = {"requestCount": "3", "successfulRequestCount": "2", "failedRequestCount": "1"}
TOLD = {"state": "BATCH_STATE_SUCCEEDED", "displayName": "ingest-1", "batchStats": STATS}


@pytest.mark.parametrize(
    "operation",
    [
        {"done": True, "metadata": {**TOLD, "output": {"responsesFile": "files/batch-1"}}},
        {"done": True, "metadata": TOLD, "response": {"responsesFile": "files/batch-1"}},
        {**TOLD, "output": {"responsesFile": "files/batch-1"}},
        {
            "done": True,
            "metadata": {**TOLD, "state": "BATCH_STATE_RUNNING"},
            "response": {"responsesFile": "files/batch-1"},
        },
    ],
)
def test_an_operation_tells_the_same_in_each_of_its_places(operation: dict[str, Any]) -> None:
    told = batch(**operation)

    assert (told.status, told.output_file_id, told.total, told.completed, told.failed) == (
        *("completed", "files/batch-1"),
        *(3, 2, 1),
    )
    assert told.metadata == {"pgvector_ingest_key": "ingest-1"}


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("BATCH_STATE_PENDING", "validating"),
        ("JOB_STATE_RUNNING", "in_progress"),
        ("BATCH_STATE_CANCELLED", "cancelled"),
        ("BATCH_STATE_EXPIRED", "expired"),
        ("BATCH_STATE_PAUSED", "paused"),
    ],
)
def test_a_state_is_told_in_our_words(state: str, status: str) -> None:
    assert batch(metadata={"state": state}).status == status


def test_an_operation_that_failed_tells_why() -> None:
    told = batch(done=True, metadata={"state": "BATCH_STATE_PENDING"}, error={"code": 3, "message": "no such file"})

    assert told.status == "failed"
    assert [(fault.code, fault.message) for fault in told.faults] == [("3", "no such file")]


def test_a_batch_that_failed_for_want_of_room_is_waited_out() -> None:
    told = batch(done=True, error={"code": 8, "message": "Resource has been exhausted (e.g. check quota)."})

    assert has_no_room(told.faults)
    assert not is_of_the_batch(told.faults)
