"""The lines of vendors whose files are not OpenAI's: written as their makers show them, and read whatever comes."""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.provider import Parameters, Wire, wire_of
from ingest.provider.jsonl import Malformed, RequestFailure, Result

NESTED = b"[" * 200_000 + b"]" * 200_000
VENDORS = ["mistral", "openrouter", "voyage"]
ANSWER = {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -2]}], "model": "m"}


def written(vendor: str, parameters: Parameters, text: str = "a text") -> Any:
    line = wire_of(vendor).writer(parameters)("7-ab", text)
    assert line.endswith(b"\n")
    assert len(line.decode().splitlines()) == 1
    return json.loads(line)


def read(vendor: str, line: object) -> Result | Malformed:
    return wire_of(vendor).parse(json.dumps(line).encode())


def failure_of(vendor: str, line: object) -> RequestFailure:
    result = read(vendor, line)
    assert isinstance(result, Result)
    assert result.failure is not None
    return result.failure


def test_lines_are_as_their_makers_show_them() -> None:
    assert written("mistral", Parameters("mistral-embed", None)) == {"custom_id": "7-ab", "body": {"input": "a text"}}
    assert written("mistral", Parameters("codestral-embed", 64, None, "base64")) == {
        "custom_id": "7-ab",
        "body": {"input": "a text", "output_dimension": 64, "encoding_format": "base64"},
    }
    assert written("openrouter", Parameters("openai/text-embedding-3-small", 64)) == {
        "custom_id": "7-ab",
        "body": {"input": "a text", "dimensions": 64},
    }
    assert written("voyage", Parameters("voyage-4", 256, "document", "base64")) == {
        "custom_id": "7-ab",
        "body": {"input": ["a text"]},
    }


@pytest.mark.parametrize("vendor", VENDORS)
@given(text=st.text())
def test_any_text_is_one_line(vendor: str, text: str) -> None:
    body = written(vendor, Parameters("m", None), text)["body"]

    assert body["input"] in (text, [text])


@pytest.mark.parametrize(
    ("vendor", "line", "billed"),
    [
        (
            "mistral",
            {
                "id": "batch-1",
                "custom_id": "7-ab",
                "response": {"status_code": 200, "body": ANSWER | {"usage": {"prompt_tokens": 9, "total_tokens": 9}}},
                "error": None,
            },
            9,
        ),
        (
            "voyage",
            {
                "batch_id": "batch-1",
                "custom_id": "7-ab",
                "response": {"status_code": 200, "body": ANSWER | {"usage": {"total_tokens": 33}}},
                "error": None,
            },
            33,
        ),
    ],
)
def test_a_result_is_read(vendor: str, line: object, billed: int) -> None:
    result = read(vendor, line)

    assert result == Result("7-ab", np.array([0.5, -2], "<f4").tobytes(), None, billed)


def test_vectors_in_base64_are_read() -> None:
    encoded = base64.b64encode(struct.pack("<2f", 0.5, -2)).decode()
    body = {"data": [{"embedding": encoded, "index": 0}]}

    result = read("voyage", {"custom_id": "7-ab", "response": {"status_code": 200, "body": body}})

    assert result == Result("7-ab", struct.pack("<2f", 0.5, -2), None, None)


TOO_LONG = (
    "Request to model 'voyage-4' failed. The example at index 0 in your batch has too many tokens and does not fit "
    "into the model's context window of 32000 tokens."
)


@pytest.mark.parametrize(
    ("vendor", "line", "code", "refused", "retryable"),
    [
        ("voyage", {"response": {"status_code": 500, "message": "Internal"}, "error": None}, "500", None, True),
        ("voyage", {"response": {"status_code": 400, "message": TOO_LONG}, "error": None}, "400", "text", False),
        ("voyage", {"error": {"message": TOO_LONG}}, "400", "text", False),
        ("voyage", {"error": {"message": "Something else."}}, "no_vector", None, True),
        ("voyage", {"error": {"message": "Too many tokens per minute."}}, "no_vector", None, True),
        (
            "voyage",
            {"response": None, "error": {"code": "batch_expired", "message": "not in time"}},
            "batch_expired",
            None,
            True,
        ),
        (
            "mistral",
            {"response": {"status_code": 422, "body": {"detail": [{"msg": "extra"}]}}, "error": None},
            "422",
            "text",
            False,
        ),
        (
            "mistral",
            {"response": {"status_code": 429, "body": {"object": "error", "message": "later", "type": "busy"}}},
            "busy",
            "rate",
            True,
        ),
        (
            "openrouter",
            {"response": None, "error": {"message": "too long", "type": "t", "error_type": "context_length_exceeded"}},
            "t",
            "text",
            False,
        ),
        (
            "openrouter",
            {
                "response": None,
                "error": {"message": "pay", "type": "t", "param": None, "error_type": "payment_required"},
            },
            "t",
            "account",
            True,
        ),
        (
            "openrouter",
            {"error": {"message": "later", "type": "t", "error_type": "provider_overloaded"}},
            "t",
            None,
            True,
        ),
    ],
)
def test_a_failure_says_whether_it_is_sent_again(
    vendor: str, line: dict[str, object], code: str, refused: str | None, *, retryable: bool
) -> None:
    failure = failure_of(vendor, {"custom_id": "7-ab", **line})

    assert (failure.code, failure.refused, failure.retryable) == (code, refused, retryable)
    assert not failure.message.startswith("HTTP status")


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"custom_id": 7}',
        b'{"custom_id": "7-ab", "response": {"status_code": 200, "body": {"data": [{"embedding": {}}]}}}',
        b'{"custom_id": "7-ab", "response": {"status_code": 200, "body": {"data": [{"embedding": "!"}]}}}',
        b"\xff\xfe",
        NESTED,
    ],
)
def test_a_line_that_is_no_result_is_told(vendor: str, line: bytes) -> None:
    assert isinstance(wire_of(vendor).parse(line), Malformed)


@pytest.mark.parametrize("vendor", VENDORS)
def test_what_one_file_and_one_call_take_is_within_the_vendors_limits(vendor: str) -> None:
    most = {
        "mistral": (1_000_000, 512_000_000, 512, 16_384),
        "openrouter": (50_000, 200_000_000, 100, 20_000),
        "voyage": (100_000, 1_000_000_000, 1_000, 120_000),
    }
    wire: Wire = wire_of(vendor)

    asked = (wire.max_requests, wire.max_bytes, wire.call_texts, wire.call_tokens)

    assert all(ours <= theirs for ours, theirs in zip(asked, most[vendor], strict=True))
