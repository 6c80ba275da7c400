"""Lines in, lines out, whatever is in them."""

from __future__ import annotations

import json

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.emulator import openai
from ingest.emulator.embeddings import EmbeddingsRequest
from ingest.emulator.errors import ApiError
from ingest.emulator.faults import Faults
from ingest.emulator.lines import BatchError, delivered, foreign_custom_id
from ingest.emulator.openai.embeddings import read_request
from ingest.emulator.openai.lines import judged_line, never_ran_line, refused_line, request_of
from ingest.emulator.openai.parameters import new_batch

# A few characters of each kind: to draw from all of Unicode takes seconds to prepare.
TEXT = st.text('aZ09é日😀\0\n"\\{}[]:-_ ', max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=4,
)
NAMES = st.sampled_from(["custom_id", "method", "url", "body", "model", "input", "dimensions", "encoding_format"])


@given(st.binary())
def test_any_bytes_are_judged(line: bytes) -> None:
    judged = judged_line(line, 3)

    assert isinstance(judged, BatchError)
    assert judged.line == 3


def test_brackets_without_end_are_judged() -> None:
    nested = b'{"custom_id":"1","body":' + b"[" * 200_000 + b"]" * 200_000 + b"}"

    assert isinstance(judged_line(nested, 3), BatchError)
    with pytest.raises(ApiError, match="parse"):
        read_request(nested)
    with pytest.raises(ApiError, match="parse"):
        new_batch(nested)


@given(st.dictionaries(NAMES, JSON))
def test_any_object_is_judged(line: dict[str, object]) -> None:
    judged = judged_line(json.dumps(line).encode(), 3)

    assert isinstance(judged, BatchError)


@given(st.dictionaries(NAMES, JSON))
def test_any_body_is_a_request_or_refused(body: dict[str, object]) -> None:
    texts: list[str] = []
    status_code = 400
    try:
        texts = read_request(json.dumps(body).encode()).texts
    except ApiError as refusal:
        status_code = refusal.status_code

    assert status_code == 400
    assert all(isinstance(text, str) for text in texts)


@given(TEXT)
def test_a_good_line_is_read_whatever_its_text(text: str) -> None:
    line = {
        "custom_id": "doc-1",
        "method": "POST",
        "url": "/v1/embeddings",
        "body": {"model": "hash", "input": text},
    }
    encoded = json.dumps(line).encode()

    judged = judged_line(encoded, 1)
    assert not isinstance(judged, BatchError)
    found, request = request_of(encoded, "")

    assert judged.model == "hash"
    assert judged.custom_id == openai.custom_id(encoded) == found == "doc-1"
    assert not isinstance(request, ApiError)
    assert request.texts == [text]


def test_result_lines_differ_in_response_and_error() -> None:
    request = EmbeddingsRequest("hash", ["a text"])

    done, nothing = delivered(openai, request, "1", np.ones((1, 2), np.float32), 3, Faults())
    failed = refused_line("2", ApiError(400, "no", param="input", code="bad"), Faults())
    cut_off = never_ran_line("3", "batch_expired")

    assert nothing == b""
    assert json.loads(done)["response"]["body"]["data"][0]["embedding"] == [1.0, 1.0]
    assert json.loads(failed)["response"]["body"] == {
        "error": {"message": "no", "type": "invalid_request_error", "param": "input", "code": "bad"}
    }
    assert json.loads(failed)["error"] is None
    assert json.loads(cut_off)["response"] is None
    assert json.loads(cut_off)["error"]["code"] == "batch_expired"
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in (done, failed, cut_off))


def test_a_vector_in_base64_is_little_endian_float32() -> None:
    request = EmbeddingsRequest("hash", ["a text"], encoding_format="base64")

    done, _ = delivered(openai, request, "1", np.array([[1.0, -2.0]], np.float32), 3, Faults())

    assert json.loads(done)["response"]["body"]["data"][0]["embedding"] == "AACAPwAAAMA="


@given(st.frozensets(st.from_regex(r"[a-z0-9_-]{1,64}", fullmatch=True), min_size=1, max_size=5))
def test_a_strange_custom_id_is_none_of_ours(custom_ids: frozenset[str]) -> None:
    for custom_id in custom_ids:
        foreign = foreign_custom_id(custom_ids, custom_id)

        assert foreign not in custom_ids
        assert 1 <= len(foreign) <= 64


def test_numbers_are_followed_by_the_next_number() -> None:
    assert foreign_custom_id({"1", "2", "4"}, "1") == "3"


def test_a_result_line_is_read_by_a_strict_reader() -> None:
    vectors = np.ones((1, 2), np.float32)

    done, _ = delivered(openai, EmbeddingsRequest("hash", ["a"]), "1", vectors, 1, Faults(), fault="stringified_body")

    assert msgspec.json.decode(msgspec.json.decode(done)["response"]["body"])["object"] == "list"
