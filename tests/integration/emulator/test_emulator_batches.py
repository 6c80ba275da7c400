"""The Batches API: a batch's life, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import openai
import pytest
from emulator_client import (
    create,
    custom_ids,
    finished,
    request_line,
    request_lines,
    results,
    run,
    until,
    upload,
    vector,
)

from ingest.emulator import Fault, Limits, hash_vectors

if TYPE_CHECKING:
    from collections.abc import Callable

    from openai import OpenAI

    from ingest.emulator import RunningEmulator

    Start = Callable[..., RunningEmulator]
    Connect = Callable[[RunningEmulator], OpenAI]


@pytest.mark.parametrize("encoding_format", ["float", "base64"])
@pytest.mark.parametrize(
    ("model", "dimensions"),
    [
        ("text-embedding-3-small", 1536),
        ("text-embedding-3-large", 3072),
        ("text-embedding-ada-002", 1536),
        ("hash", 1536),
    ],
)
def test_every_text_gets_its_own_vector(client: OpenAI, model: str, dimensions: int, encoding_format: str) -> None:
    lines = [
        request_line(f"record-{i}", f"text {i}", model=model, dimensions=None, encoding_format=encoding_format)
        for i in range(20)
    ]

    batch = run(client, lines)
    vectors = {line["custom_id"]: vector(line) for line in results(client, batch.output_file_id)}

    assert (batch.status, batch.model, batch.error_file_id) == ("completed", model, None)
    assert vectors.keys() == set(custom_ids(lines))
    for line in lines:
        expected = hash_vectors([line["body"]["input"]], model)[0]
        assert expected.shape == (dimensions,)
        np.testing.assert_array_equal(vectors[line["custom_id"]], expected)


def test_the_output_lines_have_the_form_of_the_api(client: OpenAI) -> None:
    batch = run(client, request_lines(1))

    (line,) = results(client, batch.output_file_id)

    assert line["id"].startswith("batch_req_")
    assert line["error"] is None
    assert line["response"]["status_code"] == 200
    assert line["response"]["request_id"]
    body = line["response"]["body"]
    assert (body["object"], body["model"]) == ("list", "hash")
    assert body["data"][0] | {"embedding": []} == {"object": "embedding", "index": 0, "embedding": []}
    assert body["usage"] == {"prompt_tokens": 7, "total_tokens": 7}


def test_a_request_of_many_inputs_gets_as_many_vectors(client: OpenAI) -> None:
    texts = [f"text {i}" for i in range(7)]

    batch = run(client, [request_line("all", "", input=texts)])
    (line,) = results(client, batch.output_file_id)
    vectors = [item["embedding"] for item in line["response"]["body"]["data"]]

    np.testing.assert_array_equal(np.array(vectors, np.float32), hash_vectors(texts, dimensions=8))


def test_a_batch_shows_its_progress(start: Start, connect: Connect) -> None:
    client = connect(start(latency_s=0.3))

    batch = create(client, upload(client, request_lines(100)), metadata={"key": "value"})
    begun = until(client, batch, lambda b: b.status == "in_progress" and b.request_counts is not None)
    half_way = until(client, batch, lambda b: b.request_counts is not None and b.request_counts.completed > 0)
    done = finished(client, batch)

    assert batch.status == "validating"
    assert batch.request_counts is not None
    assert batch.request_counts.total == 0
    assert batch.metadata == {"key": "value"}
    assert begun.request_counts is not None
    assert begun.request_counts.total == 100
    assert half_way.in_progress_at is not None
    assert done.request_counts is not None
    assert (done.request_counts.completed, done.request_counts.failed) == (100, 0)
    assert done.usage is not None
    assert done.usage.total_tokens == 100 * 7
    assert done.completed_at is not None
    assert done.finalizing_at is not None


def test_batches_are_listed_page_by_page_newest_first(client: OpenAI) -> None:
    file_id = upload(client, request_lines(1))
    created = [create(client, file_id).id for _ in range(5)]

    page = client.batches.list(limit=2)
    listed = [batch.id for batch in client.batches.list(limit=2)]

    assert page.has_more
    assert [batch.id for batch in page.data] == created[:2:-1]
    assert listed == created[::-1]


def test_requests_are_refused_one_by_one(client: OpenAI) -> None:
    lines = [
        request_line("good", "a text"),
        request_line("too-long", "word " * 8_192),
        request_line("one-too-long", "", input=["a", "word " * 8_192]),
        request_line("empty", ""),
        request_line("no-input", "", input=None),
        request_line("no-inputs", "", input=[]),
        request_line("number", "", input=3),
        request_line("too-many", "", input=["a"] * 2_049),
        request_line("too-much", "", input=["word " * 8_000] * 38),
        request_line("dimensions", "a text", dimensions=2_000),
        request_line("unknown", "a text", colour="red"),
    ]

    batch = run(client, lines)
    refused = {line["custom_id"]: line for line in results(client, batch.error_file_id)}
    messages = {key: line["response"]["body"]["error"]["message"] for key, line in refused.items()}

    assert batch.status == "completed"
    assert batch.request_counts is not None
    assert (batch.request_counts.completed, batch.request_counts.failed) == (1, 10)
    assert custom_ids(results(client, batch.output_file_id)) == ["good"]
    assert refused.keys() == {line["custom_id"] for line in lines[1:]}
    assert all(line["error"] is None and line["response"]["status_code"] == 400 for line in refused.values())
    assert messages["too-long"].startswith(
        "This model's maximum context length is 8192 tokens, however you requested 8193 tokens"
    )
    assert messages["one-too-long"] == "Invalid 'input[1]': maximum input length is 8192 tokens."
    assert messages["empty"] == messages["no-inputs"] == "'$.input' is invalid."
    assert messages["too-many"].startswith("Invalid 'input': array too long.")
    assert messages["too-much"].endswith("max 300000 tokens per request")


def test_when_all_requests_fail_the_batch_completes_without_output(client: OpenAI) -> None:
    batch = run(client, [request_line("a", ""), request_line("b", "")])

    assert batch.status == "completed"
    assert batch.output_file_id is None
    assert len(results(client, batch.error_file_id)) == 2


def bad(**changes: Any) -> dict[str, Any]:
    return {name: value for name, value in {**request_line("1", "a text"), **changes}.items() if value is not None}


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (bad(custom_id=None), "missing_required_parameter"),
        (bad(method=None), "missing_required_parameter"),
        (bad(url=None), "missing_required_parameter"),
        (bad(body=None), "missing_required_parameter"),
        (bad(body={"input": "a"}), "missing_required_parameter"),
        (bad(url="/v1/chat/completions"), "invalid_url"),
        (bad(method="GET"), "invalid_method"),
        (bad(body={"model": "gpt-9", "input": "a"}), "model_not_found"),
        (bad(body={"model": "text-embedding-3-small", "input": "a"}), "mismatched_model"),
        (bad(custom_id="0"), "duplicate_custom_id"),
        (bad(custom_id=17), "invalid_request"),
        (bad(custom_id="x" * 65), "invalid_request"),
        (bad(extra=True), "invalid_request"),
    ],
)
def test_a_bad_line_fails_the_batch_and_is_named(client: OpenAI, line: dict[str, Any], code: str) -> None:
    batch = run(client, [request_line("0", "a text"), line])

    assert batch.status == "failed"
    assert batch.failed_at is not None
    assert batch.errors is not None
    assert batch.errors.data is not None
    assert [(error.code, error.line) for error in batch.errors.data] == [(code, 2)]


@pytest.mark.parametrize("line", [b"{", b"\n", b"[]", b"\xff", b'{"custom_id": "1"} trailing'])
def test_a_line_that_is_no_json_object_fails_the_batch(client: OpenAI, line: bytes) -> None:
    file = client.files.create(file=("a.jsonl", line), purpose="batch")

    batch = finished(client, create(client, file.id))

    assert batch.errors is not None
    assert batch.errors.data is not None
    assert [(error.code, error.line) for error in batch.errors.data] == [("invalid_json_line", 1)]


def test_an_empty_file_fails_the_batch(client: OpenAI) -> None:
    file = client.files.create(file=("a.jsonl", b""), purpose="batch")

    batch = finished(client, create(client, file.id))

    assert batch.errors is not None
    assert batch.errors.data is not None
    assert [error.code for error in batch.errors.data] == ["empty_file"]


@pytest.mark.parametrize("limits", [Limits(batch_requests=2), Limits(batch_inputs=2)])
def test_too_many_requests_or_inputs_fail_the_batch(start: Start, connect: Connect, limits: Limits) -> None:
    client = connect(start(limits=limits))

    fits = run(client, request_lines(2))
    too_many = run(client, request_lines(3))

    assert fits.status == "completed"
    assert too_many.status == "failed"


def test_over_the_limit_of_enqueued_tokens_a_batch_fails_until_others_are_done(start: Start, connect: Connect) -> None:
    emulator = start(limits=Limits(enqueued_tokens=100), faults=[Fault("stuck_in_progress", count=1)])
    client = connect(emulator)
    file_id = upload(client, request_lines(14))  # 98 tokens
    first = create(client, file_id)
    until(client, first, lambda b: b.status == "in_progress")

    second = create(client, file_id)
    refused = finished(client, second)
    emulator.set_faults()
    finished(client, first)
    third = finished(client, create(client, file_id))

    assert second.status == "validating"
    assert refused.status == "failed"
    assert refused.errors is not None
    assert refused.errors.data is not None
    assert (refused.errors.data[0].code, refused.errors.data[0].line) == ("token_limit_exceeded", None)
    assert str(refused.errors.data[0].message).startswith("Enqueued token limit reached for hash in organization")
    assert "Limit: 100 enqueued tokens." in str(refused.errors.data[0].message)
    assert third.status == "completed"


def test_too_many_batches_in_an_hour_are_refused(start: Start, connect: Connect) -> None:
    client = connect(start(limits=Limits(batches_per_hour=2)))
    file_id = upload(client, request_lines(1))
    create(client, file_id)
    create(client, file_id)

    with pytest.raises(openai.RateLimitError) as refusal:
        create(client, file_id)

    assert refusal.value.code == "rate_limit_exceeded"
    assert int(refusal.value.response.headers["retry-after"]) >= 1


def test_a_cancelled_batch_keeps_what_is_done_and_lists_the_rest(start: Start, connect: Connect) -> None:
    emulator = start(latency_s=4)
    client = connect(emulator)
    lines = request_lines(500)
    batch = create(client, upload(client, lines))
    until(client, batch, lambda b: b.request_counts is not None and b.request_counts.completed > 0)

    cancelling = client.batches.cancel(batch.id)
    cancelled = finished(client, batch)
    done = results(client, cancelled.output_file_id)
    rest = results(client, cancelled.error_file_id)

    assert cancelling.status == "cancelling"
    assert cancelled.status == "cancelled"
    assert sorted(custom_ids(done + rest)) == sorted(custom_ids(lines))
    assert {line["error"]["code"] for line in rest} == {"batch_cancelled"}
    assert emulator.ledger()["texts"] == len(done) > 0


def test_an_expired_batch_keeps_what_is_done_and_lists_the_rest(start: Start, connect: Connect) -> None:
    emulator = start(latency_s=0.4, limits=Limits(completion_window_s=0.6))
    client = connect(emulator)
    lines = request_lines(500)

    batch = run(client, lines)
    done = results(client, batch.output_file_id)
    rest = results(client, batch.error_file_id)

    assert batch.status == "expired"
    assert sorted(custom_ids(done + rest)) == sorted(custom_ids(lines))
    assert {(line["response"], line["error"]["code"]) for line in rest} == {(None, "batch_expired")}
    assert emulator.ledger()["texts"] == len(done)


def test_a_batch_at_its_end_cannot_be_cancelled(client: OpenAI) -> None:
    batch = run(client, request_lines(1))

    with pytest.raises(openai.ConflictError, match="Cannot cancel a batch with status 'completed'"):
        client.batches.cancel(batch.id)


def test_a_batch_that_is_not_there_is_not_found(client: OpenAI) -> None:
    for call in (client.batches.retrieve, client.batches.cancel):
        with pytest.raises(openai.NotFoundError, match="No batch found with id 'batch_0'"):
            call("batch_0")


def test_a_batch_of_a_file_that_is_not_there_is_refused(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refusal:
        create(client, "file-0")

    assert refusal.value.param == "file_id"


@pytest.mark.parametrize(
    ("changes", "param", "code"),
    [
        ({"endpoint": "/v1/chat/completions"}, "endpoint", "invalid_value"),
        ({"endpoint": None}, "endpoint", "missing_required_parameter"),
        ({"completion_window": "1h"}, "completion_window", "invalid_value"),
        ({"input_file_id": None}, "input_file_id", "missing_required_parameter"),
        ({"colour": "red"}, "colour", "unknown_parameter"),
        ({"metadata": {str(i): "" for i in range(17)}}, "metadata", "object_above_max_properties"),
        ({"metadata": {"k" * 65: ""}}, "metadata", "string_above_max_length"),
        ({"metadata": {"k": "v" * 513}}, "metadata", "string_above_max_length"),
        ({"metadata": {"k": 1}}, "metadata.k", "invalid_type"),
        (
            {"output_expires_after": {"anchor": "created_at", "seconds": 1}},
            "output_expires_after.seconds",
            "invalid_value",
        ),
    ],
)
def test_a_call_to_create_is_judged(client: OpenAI, changes: dict[str, Any], param: str, code: str) -> None:
    body = {"input_file_id": upload(client, request_lines(1)), "endpoint": "/v1/embeddings"}

    with pytest.raises(openai.BadRequestError) as refusal:
        client.post("/batches", body={**body, "completion_window": "24h", **changes}, cast_to=object)

    assert (refusal.value.param, refusal.value.code) == (param, code)


def test_a_batch_whose_input_was_deleted_fails(emulator: RunningEmulator, client: OpenAI) -> None:
    emulator.set_faults(Fault("stuck_validating"))
    batch = create(client, upload(client, request_lines(1)))

    client.files.delete(batch.input_file_id)
    emulator.set_faults()
    failed = finished(client, batch)

    assert failed.status == "failed"
    assert failed.errors is not None
    assert failed.errors.data is not None
    assert failed.errors.data[0].code == "server_error"


def test_a_short_batch_does_not_wait_for_a_long_one(client: OpenAI) -> None:
    long = create(client, upload(client, request_lines(300, model="all-MiniLM-L6-v2", dimensions=384)))
    until(client, long, lambda b: b.status == "in_progress")

    short = run(client, request_lines(10))

    assert short.status == "completed"
    assert client.batches.retrieve(long.id).status == "in_progress"


def test_results_expire_when_they_were_asked_to(client: OpenAI) -> None:
    batch = finished(
        client,
        create(
            client,
            upload(client, request_lines(1)),
            output_expires_after={"anchor": "created_at", "seconds": 7200},
        ),
    )

    output = client.files.retrieve(batch.output_file_id or "")

    assert output.expires_at is not None
    assert output.expires_at - output.created_at in {7200, 7201}
