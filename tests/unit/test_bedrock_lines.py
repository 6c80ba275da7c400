"""Bedrock's lines, ids and jobs, as AWS's documents have them."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import UsageError
from ingest.provider import MODELS, Parameters
from ingest.provider.bedrock_lines import WIRE, chunk_id_of, read_answer, record_id
from ingest.provider.jsonl import Malformed, Result
from ingest.provider.presets import storage_folder
from ingest.provider.request_ids import make_custom_id

TITAN, COHERE, COHERE_4 = "amazon.titan-embed-text-v2:0", "cohere.embed-multilingual-v3", "cohere.embed-v4:0"
LARGEST = 12_000_000_000  # more rows than a table of vectors can hold
HASHES = st.binary(min_size=32, max_size=32)


def parsed(line: dict[str, Any]) -> Result | Malformed:
    return WIRE.parse(json.dumps({"recordId": "0000000007B", "modelInput": {"inputText": "t"}, **line}).encode())


@given(st.integers(0, LARGEST), HASHES)
def test_a_record_id_is_eleven_letters_and_digits_that_hold_the_record(chunk_id: int, text_hash: bytes) -> None:
    told = record_id(make_custom_id(chunk_id, text_hash, TITAN, 1024))

    assert re.fullmatch("[0-9A-Za-z]{11}", told)
    assert chunk_id_of(told) == chunk_id


@given(st.integers(LARGEST, 10**18 - 1), HASHES)
def test_a_record_beyond_those_is_told_all_the_same(chunk_id: int, text_hash: bytes) -> None:
    assert chunk_id_of(record_id(make_custom_id(chunk_id, text_hash, TITAN, 1024))) == chunk_id


@given(HASHES, HASHES)
def test_a_record_id_binds_the_text_the_model_and_the_length(one: bytes, other: bytes) -> None:
    ids = {
        record_id(make_custom_id(7, *bound))
        for bound in [(one, TITAN, 1024), (other, TITAN, 1024), (one, COHERE, 1024), (one, TITAN, 512)]
    }

    assert len(ids) == (3 if one == other else 4)


@pytest.mark.parametrize("told", ["", "7-27fabc0b969cfb98", "0000", "0" * 23, "ÄÖÜ00000000", "request-001", "z" * 22])
def test_the_id_of_others_names_no_record(told: str) -> None:
    assert chunk_id_of(told) is None


@given(text=st.text())
def test_a_line_of_titan_has_one_text(text: str) -> None:
    line = WIRE.writer(Parameters(TITAN, 256))("7-27fabc0b969cfb98", text)

    assert json.loads(line) == {
        "recordId": record_id("7-27fabc0b969cfb98"),
        "modelInput": {"inputText": text, "dimensions": 256},
    }
    assert line.decode().splitlines(keepends=True) == [line.decode()]


@pytest.mark.parametrize(("side", "input_type"), [("document", "search_document"), ("query", "search_query")])
def test_a_line_of_cohere_has_a_list_of_one_and_its_side(side: Any, input_type: str) -> None:
    line = WIRE.writer(Parameters(COHERE_4, 512, side))("7-27fabc0b969cfb98", "text")

    assert json.loads(line)["modelInput"] == {
        "texts": ["text"],
        "input_type": input_type,
        "truncate": "NONE",
        "embedding_types": ["float"],
        "output_dimension": 512,
    }


@pytest.mark.parametrize(
    ("output", "billed"),
    [
        ({"embedding": [3, 4], "embeddingsByType": {"float": [3, 4]}, "inputTextTokenCount": 8}, 8),
        ({"embeddings": [[3, 4]], "response_type": "embeddings_floats", "texts": ["t"]}, None),
        ({"embeddings": {"float": [[3, 4]]}, "response_type": "embeddings_by_type"}, None),
    ],
)
def test_a_vector_is_read_and_brought_to_unit_length(output: dict[str, Any], billed: int | None) -> None:
    result = parsed({"modelOutput": output})

    assert isinstance(result, Result)
    assert (result.custom_id, result.billed_tokens, result.failure) == ("0000000007B", billed, None)
    assert np.frombuffer(result.embedding or b"", "<f4") == pytest.approx([0.6, 0.8])
    vector, told = read_answer(json.dumps(output).encode())
    assert vector == pytest.approx([0.6, 0.8])
    assert told == billed


@pytest.mark.parametrize(
    ("line", "code", "retryable", "refused"),
    [
        ({"error": {"errorCode": 400, "errorMessage": "bad request"}}, "400", False, "text"),
        ({"error": {"errorCode": "400", "errorMessage": "bad request"}}, "400", False, "text"),
        ({"error": {"errorCode": 429, "errorMessage": "slow down"}}, "429", True, "rate"),
        ({"error": {"errorCode": 500, "errorMessage": "oops"}}, "500", True, None),
        ({"error": {"errorCode": 403, "errorMessage": "no access"}}, "403", True, "account"),
        ({"error": {}}, "no_vector", True, None),
        ({"modelOutput": {"embedding": None}}, "no_vector", True, None),
        ({"modelOutput": {"embeddings": {"float": []}}}, "no_vector", True, None),
    ],
)
def test_a_failure_is_in_awss_words(line: dict[str, Any], code: str, retryable: bool, refused: str | None) -> None:
    result = parsed(line)

    assert isinstance(result, Result)
    assert result.failure is not None
    assert (result.failure.code, result.failure.retryable, result.failure.refused) == (code, retryable, refused)


@pytest.mark.parametrize(
    "line", [b"", b"{}", b"[]", b"\xff", b'{"recordId":7}', WIRE.writer(Parameters(TITAN, None))("1-ab", "t")]
)
def test_a_line_that_is_none_is_malformed(line: bytes) -> None:
    assert isinstance(WIRE.parse(line), Malformed)


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"embedding":"x"}'])
def test_an_answer_that_is_none_is_no_vector(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_answer(body)


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ("Submitted", "validating"),
        ("Scheduled", "in_progress"),
        ("Stopping", "cancelling"),
        ("Stopped", "cancelled"),
        ("Completed", "completed"),
        ("PartiallyCompleted", "expired"),
        ("Expired", "expired"),
        ("Paused", "Paused"),
    ],
)
def test_a_jobs_status_is_told_in_our_words(told: str, status: str) -> None:
    bedrock = pytest.importorskip("ingest.provider.bedrock")

    job = bedrock._remote({"jobArn": "arn:1", "jobName": "ingest-1", "status": told, "successRecordCount": 2})

    assert (job.status, job.completed, job.metadata) == (status, 2, {"pgvector_ingest_key": "ingest-1"})
    assert job.is_terminal == (status in ("completed", "expired", "cancelled"))


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("The batch contains less records (50) than the required minimum of: 1000", "too_few_requests"),
        ("Access denied when assuming the role", "AccessDeniedException"),
        ("Internal error", "job_failed"),
        (None, "job_failed"),
    ],
)
def test_a_job_that_failed_tells_why(message: str | None, code: str) -> None:
    bedrock = pytest.importorskip("ingest.provider.bedrock")

    job = bedrock._remote({"jobArn": "arn:1", "jobName": "n", "status": "Failed", "message": message})

    assert [fault.code for fault in job.faults] == [code]


def test_a_length_that_a_model_has_not_is_refused_before_anything_is_sent() -> None:
    assert MODELS[TITAN].check_dimensions(512) == 512
    with pytest.raises(UsageError, match="256, 512, 1024 dimensions, not 300"):
        MODELS[TITAN].check_dimensions(300)
    with pytest.raises(UsageError, match="1024 dimensions only"):
        MODELS[COHERE].check_dimensions(512)


@pytest.mark.parametrize(
    ("given_folder", "folder"), [("s3://bucket", "s3://bucket"), ("s3://a.bucket/of/mine/", "s3://a.bucket/of/mine")]
)
def test_a_folder_has_no_slash_at_its_end(given_folder: str, folder: str) -> None:
    assert storage_folder(given_folder) == folder


@pytest.mark.parametrize(
    "given_folder", ["bucket", "gs://bucket/x", "s3://", "s3://Bucket", "s3://bucket//x", "s3://b/x y"]
)
def test_what_is_no_folder_is_refused(given_folder: str) -> None:
    with pytest.raises(ValueError, match="s3://bucket/folder"):
        storage_folder(given_folder)
