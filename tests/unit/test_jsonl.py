from __future__ import annotations

import base64
import io
import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.provider import Parameters, jsonl
from ingest.provider.jsonl import (
    WIRE,
    Malformed,
    RequestFailure,
    Result,
    parse_result,
    read_array,
    read_results,
    told_tokens,
)
from ingest.provider.request_ids import chunk_id_of, make_custom_id

HASH = bytes(range(32))
NESTED = b"[" * 200_000 + b"]" * 200_000
DETAIL = {"message": "the prompt is too long", "type": "BadRequestError", "param": None, "code": 400}


def answer(embedding: object, **changes: object) -> dict[str, object]:
    body = {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": embedding}], "model": "m"}
    line = {
        "id": "batch_req_1",
        "custom_id": "7-0011223344556677",
        "response": {"status_code": 200, "request_id": "r", "body": body},
        "error": None,
    }
    return line | changes


def parse(line: object) -> Result | Malformed:
    return parse_result(json.dumps(line).encode())


def failure_of(line: object) -> tuple[str, str, bool]:
    result = parse(line)
    assert isinstance(result, Result)
    assert result.failure is not None
    return result.failure.code, result.failure.message, result.failure.retryable


@given(text=st.text(), dimensions=st.none() | st.integers(1, 3072))
def test_a_request_line_is_what_the_api_asks_for(text: str, dimensions: int | None) -> None:
    line = WIRE.writer(Parameters("text-embedding-3-small", dimensions, None, "base64"))("7-ab", text)

    body = {"model": "text-embedding-3-small", "input": text, "encoding_format": "base64"}
    if dimensions is not None:
        body["dimensions"] = dimensions  # type: ignore[assignment]
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert json.loads(line) == {"custom_id": "7-ab", "method": "POST", "url": "/v1/embeddings", "body": body}


@given(text=st.text(st.sampled_from("a\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029\u0105\u2030")))
def test_no_character_of_a_text_ends_its_line(text: str) -> None:
    line = WIRE.writer(Parameters("m", None))("7-ab", text)

    assert line.decode().splitlines(keepends=True) == [line.decode()]
    assert json.loads(line)["body"]["input"] == text


def test_floats_are_asked_for_by_saying_nothing() -> None:
    line = WIRE.writer(Parameters("m", None))("7-ab", "text")

    assert json.loads(line)["body"] == {"model": "m", "input": "text"}


@given(chunk_id=st.integers(0, 2**62), model=st.text(min_size=1), dimensions=st.integers(1, 16_000))
def test_a_custom_id_is_portable_and_holds_the_record_id(chunk_id: int, model: str, dimensions: int) -> None:
    custom_id = make_custom_id(chunk_id, HASH, model, dimensions)

    assert len(custom_id) <= 64
    assert set(custom_id) <= set("0123456789abcdef-")
    assert chunk_id_of(custom_id) == (chunk_id if chunk_id < 10**18 else None)


def test_a_custom_id_is_bound_to_text_model_and_dimensions() -> None:
    ids = {
        make_custom_id(1, HASH, "m", 8),
        make_custom_id(1, HASH[::-1], "m", 8),
        make_custom_id(1, HASH, "n", 8),
        make_custom_id(1, HASH, "m", 9),
    }

    assert len(ids) == 4


@pytest.mark.parametrize("custom_id", ["", "7", "-7", "x-1", "7x-1", "٧-1", "9" * 19 + "-1", "request-1"])
def test_a_custom_id_of_others_names_no_record(custom_id: str) -> None:
    assert chunk_id_of(custom_id) is None


@given(st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=20))
def test_floats_and_base64_give_the_same_bytes(numbers: list[float]) -> None:
    packed = struct.pack(f"<{len(numbers)}f", *numbers)

    as_floats = parse(answer([number if np.isfinite(number) else 0.0 for number in numbers]))
    as_base64 = parse(answer(base64.b64encode(packed).decode()))

    assert isinstance(as_base64, Result)
    assert as_base64.embedding == packed
    if np.isfinite(numbers).all():
        assert isinstance(as_floats, Result)
        assert as_floats.embedding == packed


def test_a_body_as_a_string_is_understood() -> None:
    line = answer([1.0, 2.0])
    line["response"]["body"] = json.dumps(line["response"]["body"])  # type: ignore[index]

    result = parse(line)

    assert isinstance(result, Result)
    assert result.embedding == struct.pack("<2f", 1, 2)


def test_a_line_without_the_error_key_is_understood() -> None:
    line = answer([1.0])
    del line["error"]

    assert isinstance(parse(line), Result)


def test_a_refusal_is_final_and_keeps_the_providers_words() -> None:
    body = {"error": {"message": "too long", "type": "invalid_request_error", "param": None, "code": None}}

    assert failure_of(answer(None, response={"status_code": 400, "body": body})) == (
        "invalid_request_error",
        "too long",
        False,
    )


@pytest.mark.parametrize("status", [0, 408, 409, 429, 500, 502, 503])
def test_what_may_be_otherwise_next_time_is_asked_again(status: int) -> None:
    *_, retryable = failure_of(answer(None, response={"status_code": status, "body": None}))

    assert retryable


@pytest.mark.parametrize("code", ["batch_expired", "batch_cancelled", "request_timeout"])
def test_what_never_ran_is_asked_again(code: str) -> None:
    line = {"custom_id": "7-a", "response": None, "error": {"code": code, "message": "never ran"}}

    assert failure_of(line) == (code, "never ran", True)


def test_a_failure_without_a_response_key_is_understood() -> None:
    assert failure_of({"custom_id": "7-a", "error": "engine died"})[1] == "engine died"


@pytest.mark.parametrize("error", [DETAIL, {"error": DETAIL}], ids=["at first", "since"])
def test_what_vllm_says_of_a_failure_is_kept(error: object) -> None:
    """As `model_dump_json` writes vLLM's BatchRequestOutput, in run_batch.py; its ErrorResponse has had two forms."""
    response = {"status_code": 400, "request_id": "vllm-batch-2", "body": None}
    line = {"id": "vllm-1", "custom_id": "7-a", "response": response, "error": error}

    assert failure_of(line) == ("400", "the prompt is too long", False)


def test_an_answer_without_a_vector_is_no_success() -> None:
    code, _, retryable = failure_of(answer(None, response={"status_code": 200, "body": {"data": []}}))

    assert (code, retryable) == ("200", True)


@pytest.mark.parametrize(
    "line",
    [
        b'{"custom_id":"7-a","response":{"status_code":200,"body":{"data":[{"embedd',
        b"<html>502 Bad Gateway</html>",
        b"[]",
        b"{}",
        b'{"custom_id":7}',
        b'{"custom_id":"7-a","response":{"status_code":200,"body":{"data":[{"embedding":[NaN]}]}}}',
        b'{"custom_id":"7-a","response":{"status_code":200,"body":{"data":[{"embedding":"%%%"}]}}}',
        b'{"custom_id":"7-a","response":{"status_code":200,"body":{"data":[{"embedding":["x"]}]}}}',
        b"\xff\xfe\n",
        pytest.param(b'{"custom_id":"7-a","x":' + NESTED + b"}", id="nested"),
    ],
)
def test_what_is_no_result_is_told_so(line: bytes) -> None:
    result = parse_result(line)

    assert isinstance(result, Malformed)
    assert result.reason.startswith("not a result line: ")


def test_an_answer_to_an_array_that_is_nested_without_end_has_no_vectors() -> None:
    assert read_array(b'{"data":[],"x":' + NESTED + b"}", 1) == (None, None)


@given(st.binary())
def test_no_bytes_raise(content: bytes) -> None:
    for line in read_results(io.BytesIO(content), parse_result):
        assert isinstance(line, (Result, Malformed))


KEYS = ["custom_id", "response", "error", "body", "data", "embedding", "status_code", "message"]
LEAVES = st.none() | st.booleans() | st.floats() | st.text()


@given(st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(KEYS), inner)))
def test_no_json_raises(value: object) -> None:
    assert isinstance(parse_result(json.dumps(value).encode(errors="replace")), (Result, Malformed))


def test_blank_lines_and_a_missing_last_newline_are_no_matter() -> None:
    line = json.dumps(answer([1.0])).encode()

    assert len(list(read_results(io.BytesIO(line + b"\n\n\n" + line), parse_result))) == 2


def array(*items: tuple[int, object], **changes: object) -> bytes:
    data = [{"object": "embedding", "index": index, "embedding": embedding} for index, embedding in items]
    usage = {"prompt_tokens": 9, "total_tokens": 9}
    return json.dumps({"object": "list", "data": data, "model": "m", "usage": usage} | changes).encode()


def test_the_vectors_of_an_array_are_its_texts_whatever_their_order() -> None:
    assert jsonl.read_array(array((1, "Yg=="), (0, "YQ==")), 2) == (["YQ==", "Yg=="], 9)


def test_vectors_of_numbers_become_base64() -> None:
    embeddings, _ = jsonl.read_array(array((0, [1.0, None])), 1)

    assert embeddings is not None
    np.testing.assert_array_equal(np.frombuffer(base64.b64decode(embeddings[0]), "<f4"), [1.0, np.nan])


def test_a_number_beyond_float32_is_infinite() -> None:
    embeddings, _ = jsonl.read_array(array((0, [1e39, -1e39])), 1)

    assert embeddings is not None
    np.testing.assert_array_equal(np.frombuffer(base64.b64decode(embeddings[0]), "<f4"), [np.inf, -np.inf])


def test_what_is_said_to_be_base64_is_handed_on_as_it_is() -> None:
    """Whether it is base64 is found where its result line is read, one text at a time."""
    assert jsonl.read_array(array((0, "%%%"), (1, "YQ==")), 2) == (["%%%", "YQ=="], 9)


@pytest.mark.parametrize(
    "items",
    [[], [(0, "YQ==")], [(0, "YQ=="), (0, "Yg==")], [(1, "YQ=="), (2, "Yg==")], [(i, "YQ==") for i in range(3)]],
    ids=["none", "one too few", "one twice", "counted from one", "one too many"],
)
def test_vectors_that_are_not_one_for_each_text_are_none(items: list[tuple[int, object]]) -> None:
    assert jsonl.read_array(array(*items), 2) == (None, 9)


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'{"data": [{"index": 0}]}', b"\xff"])
def test_an_answer_that_cannot_be_read_holds_no_vectors(body: bytes) -> None:
    assert jsonl.read_array(body, 1) == (None, None)


def test_lines_of_our_own_are_read_like_the_provider_s() -> None:
    vector = base64.b64encode(struct.pack("<2f", 1, 2)).decode()

    result = parse_result(jsonl.result_line("7-ab", vector, 5))
    refused = parse_result(jsonl.failure_line("7-ab", 400, "invalid", "'$.input' is invalid."))
    spoilt = parse_result(jsonl.failure_line("7-ab", 200, "wrong_answer", "no vectors", 5))

    assert result == Result("7-ab", struct.pack("<2f", 1, 2), None, 5)
    said = jsonl.RequestFailure("invalid", "'$.input' is invalid.", retryable=False, refused="text")
    assert refused == Result("7-ab", None, said)
    assert spoilt == Result("7-ab", None, jsonl.RequestFailure("wrong_answer", "no vectors", retryable=True), 5)


@pytest.mark.parametrize(
    ("error", "refused"),
    [
        ({"type": "request_failed", "message": "Error code: 400 - {'error': {'message': 'too long'}}"}, "text"),
        ({"code": "inference_failed", "message": "Client error '400 Bad Request' for url 'http://a/v1'"}, "text"),
        ({"code": "request_failed", "message": "422 Client Error: Unprocessable Entity for url: http://a/v1"}, "text"),
        ({"code": 400, "message": "no"}, "text"),
        ({"code": "400", "message": "no"}, "text"),
        ({"message": "no", "type": "invalid_request_error"}, "text"),
        ("HTTP 400: no", "text"),
        ({"code": "401", "message": "no key"}, "account"),
        ({"type": "request_failed", "message": "Error code: 403 - no"}, "account"),
        ({"type": "request_failed", "message": "Error code: 429 - slow down"}, "rate"),
        ({"code": "rate_limit_exceeded", "message": "slow down"}, "rate"),
        ({"type": "request_failed", "message": "Server error '503 Service Unavailable' for url 'http://a/v1'"}, None),
        ({"type": "request_failed", "message": "about 400 of them"}, None),
        ({"code": "batch_expired", "message": "not executed"}, None),
        ({"code": "odd", "message": "a code of three letters"}, None),
        ({"code": "٤٠٠", "message": "digits that HTTP does not know"}, None),
    ],
)
def test_a_status_that_is_wrapped_into_an_error_is_understood(error: object, refused: str | None) -> None:
    result = parse({"id": "b", "custom_id": "7-0011223344556677", "error": error})

    assert isinstance(result, Result)
    assert result.failure is not None
    assert (result.failure.refused, result.failure.retryable) == (refused, refused != "text")


def test_null_in_a_vector_is_a_failure_of_its_text_and_not_a_broken_line() -> None:
    none, some = parse(answer(None)), parse(answer([0.5, None]))

    assert isinstance(none, Result)
    assert isinstance(some, Result)
    assert (none.embedding, none.failure and none.failure.retryable) == (None, True)
    assert np.isnan(np.frombuffer(some.embedding or b"", "<f4")).tolist() == [False, True]


def test_custom_ids_stay_as_they_are() -> None:
    """Another form of them would know nothing of the batches in flight."""
    assert make_custom_id(7, HASH, "m", 3) == "7-27fabc0b969cfb98"


@pytest.mark.parametrize(
    ("custom_id", "chunk_id"),
    [("7-ab-cd", 7), (f"{10**18 - 1}-ab", 10**18 - 1), (f"{10**18}-ab", None), ("7", None), ("٧-ab", None)],
)
def test_the_record_stands_before_the_first_dash(custom_id: str, chunk_id: int | None) -> None:
    assert chunk_id_of(custom_id) == chunk_id


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"prompt_tokens": 7, "total_tokens": 8}, 7),
        ({"total_tokens": 8}, 8),
        ({"prompt_tokens": 1}, 1),
        ({"prompt_tokens": 2**31 - 1}, 2**31 - 1),
        ({"prompt_tokens": 2**31}, None),
        ({"prompt_tokens": 0}, None),
        ({"prompt_tokens": True}, None),
        ({"prompt_tokens": 7.0}, None),
        ({}, None),
        ([7], None),
    ],
)
def test_a_usage_is_believed_where_it_can_be_right(usage: object, tokens: int | None) -> None:
    assert told_tokens(usage) == tokens


@pytest.mark.parametrize(
    ("status", "error", "failure"),
    [
        (200, None, RequestFailure("200", "the answer holds no vector", retryable=True)),
        (500, None, RequestFailure("500", "HTTP status 500", retryable=True)),
        (None, None, RequestFailure("no_vector", "HTTP status None", retryable=True)),
        (400, {"message": "x" * 2_000}, RequestFailure("400", "x" * 1_000, retryable=False, refused="text")),
        (
            401,
            {"code": "invalid_api_key", "message": "no such key"},
            RequestFailure("invalid_api_key", "no such key", retryable=True, counted=False, refused="account"),
        ),
        (None, {"code": "4000", "message": "odd"}, RequestFailure("4000", "odd", retryable=True)),
    ],
)
def test_a_failure_is_told_by_its_code_and_the_provider_s_words(
    status: int | None, error: object, failure: RequestFailure
) -> None:
    response = {"status_code": status, "request_id": "r", "body": {"error": error} if error else {}}
    result = parse(answer(None, response=response if status else None, error=None if status else error))

    assert isinstance(result, Result)
    assert result.failure == failure


def test_a_line_of_an_input_file_is_no_result() -> None:
    line = WIRE.writer(Parameters("model", None))("1-0123456789abcdef", "text")

    assert parse_result(line) == Malformed("a line of an input file")
