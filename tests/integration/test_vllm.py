"""`vllm run-batch` between `ingest export` and `ingest load`.

Lines as vLLM reads and writes them: BatchRequestInput, BatchRequestOutput, EmbeddingResponse and ErrorResponse, written
by `model_dump_json`, of vllm/entrypoints/openai/run_batch.py and vllm/entrypoints/pooling/embed/protocol.py.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ingest.emulator import hash_vectors, running

if TYPE_CHECKING:
    from collections.abc import Callable

    from workshop import Outcome, Workshop

    Ingest = Callable[..., Outcome]

MODEL, DIMENSIONS = "BAAI/bge-m3", 1024
TEXTS = [f"Document number {number}." for number in range(6)]
TOO_LONG = {
    "error": {"message": "This model's maximum context length is 8192 tokens.", "type": "BadRequestError"}
    | {"param": None, "code": 400}
}


def written_by_vllm(request: dict[str, Any]) -> dict[str, Any]:
    """The line that a request line comes to: what is fifth is refused, what is sixth meets an exception."""
    text = request["body"]["input"]
    response: dict[str, Any] = {"status_code": 200, "request_id": "vllm-batch-5d41", "body": None}
    error: object = None
    if "number 4" in text or "number 5" in text:
        response["status_code"] = 400
        error = TOO_LONG if "number 4" in text else "Request must not be sent in stream mode"
    else:
        (vector,) = hash_vectors([text], MODEL, DIMENSIONS)
        response["body"] = {
            "id": "embd-1a2b",
            "object": "list",
            "created": 1_790_000_000,
            "model": request["body"]["model"],
            "data": [{"index": 0, "object": "embedding", "embedding": vector.tolist()}],
            "usage": {"prompt_tokens": 7, "total_tokens": 7, "completion_tokens": 0, "prompt_tokens_details": None},
        }
    return {"id": "vllm-7c1f", "custom_id": request["custom_id"], "response": response, "error": error}


@pytest.fixture
def environment(workshop: Workshop) -> dict[str, str]:
    return {"DATABASE_URL": workshop.database_url, "INGEST_PROVIDER": "vllm"}


def test_what_vllm_makes_of_an_export_is_loaded(
    ingest: Ingest, workshop: Workshop, environment: dict[str, str], tmp_path: Path
) -> None:
    for number, text in enumerate(TEXTS):
        workshop.write(f"{number}.txt", text)
    described = ("--model", MODEL, "--dimensions", DIMENSIONS, "--chunk-tokens", 500)
    assert ingest("sync", workshop.folder, *described, environment=environment).status == 0

    exported = ingest("export", tmp_path / "requests", "--json", environment=environment)
    requests = [json.loads(line) for line in Path(exported.json["shards"][0]["path"]).read_text().splitlines()]
    results = [written_by_vllm(request) for request in requests]
    random.Random(1).shuffle(results)
    (tmp_path / "results").write_text("".join(json.dumps(result) + "\n" for result in results))
    loaded = ingest("load", tmp_path / "results", environment=environment)
    status = ingest("status", "--json", environment=environment)

    assert {request["url"] for request in requests} == {"/v1/embeddings"}
    assert {tuple(request["body"]) for request in requests} == {("model", "input")}
    assert loaded.status == 1
    assert sorted(failure["message"] for failure in status.json["failures"]) == [
        "Request must not be sent in stream mode",
        "This model's maximum context length is 8192 tokens.",
    ]
    stored = workshop.query("SELECT content, embedding FROM chunks WHERE embedding IS NOT NULL ORDER BY content")
    assert [content for content, _ in stored] == TEXTS[:4]
    vectors = np.array([vector.to_numpy() for _, vector in stored])
    assert vectors == pytest.approx(hash_vectors(TEXTS[:4], MODEL, DIMENSIONS), abs=1e-6)


def test_a_question_is_embedded_by_a_vllm_server_that_needs_no_key(
    ingest: Ingest, workshop: Workshop, environment: dict[str, str], tmp_path: Path
) -> None:
    workshop.write("0.txt", TEXTS[0])
    flags = {"provider": "vllm", "model": MODEL, "dimensions": DIMENSIONS, "chunk_tokens": 500}
    with workshop.pipeline(**flags) as pipeline:
        pipeline.sync([str(workshop.folder)])
        (shard,) = pipeline.export(tmp_path / "requests")
        (tmp_path / "results").write_text(json.dumps(written_by_vllm(json.loads(shard.path.read_text()))))
        pipeline.load([tmp_path / "results"])

    with running(tmp_path / "vllm", api_key="none", dialect="deepinfra") as server:
        search = ingest("search", TEXTS[0], "--json", environment=environment | {"VLLM_BASE_URL": server.base_url})

    assert search.json["passages"][0]["similarity"] == pytest.approx(1, abs=1e-3)


def test_a_vllm_server_embeds_a_corpus_in_sync_mode(
    ingest: Ingest, workshop: Workshop, environment: dict[str, str], tmp_path: Path
) -> None:
    for number, text in enumerate(TEXTS):
        workshop.write(f"{number}.txt", text)
    described = ("--model", MODEL, "--dimensions", DIMENSIONS, "--chunk-tokens", 500)

    with running(tmp_path / "vllm", api_key="none", dialect="deepinfra") as server:
        url = {"VLLM_BASE_URL": server.base_url}
        run = ingest("run", workshop.folder, *described, "--mode", "sync", "--json", environment=environment | url)

    assert run.status == 0, run.err
    assert (run.json["embedded"], run.json["failures"]) == (len(TEXTS), [])


def test_without_a_batch_api_nothing_is_begun_and_nothing_is_amiss(
    ingest: Ingest, workshop: Workshop, environment: dict[str, str]
) -> None:
    workshop.write("0.txt", TEXTS[0])
    described = ("--model", MODEL, "--dimensions", DIMENSIONS, "--chunk-tokens", 500)

    run = ingest("run", workshop.folder, *described, environment=environment)
    doctor = ingest("doctor", environment=environment)
    cost = ingest("cost", "--json", environment=environment)

    assert (run.status, doctor.status) == (2, 0)
    assert "`ingest export DIR`" in run.err
    assert "vllm: no Batch API" in doctor.out
    assert cost.json["runs"] == []


def test_a_served_model_name_is_what_the_lines_ask_for(workshop: Workshop, tmp_path: Path) -> None:
    workshop.write("0.txt", TEXTS[0])
    flags = {"provider": "vllm", "model": MODEL, "dimensions": DIMENSIONS, "chunk_tokens": 500, "deployment": "mine"}
    with workshop.pipeline(**flags) as pipeline:
        pipeline.sync([str(workshop.folder)])
        (shard,) = pipeline.export(tmp_path / "requests")

    assert json.loads(shard.path.read_text())["body"]["model"] == "mine"
