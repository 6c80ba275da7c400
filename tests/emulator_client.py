"""A client of the emulator as anybody would write it, on the official SDK; every answer is checked against the API."""

from __future__ import annotations

import base64
import json
import re
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import numpy as np
import openai
from openai import OpenAI
from openai.types import Batch, CreateEmbeddingResponse, FileDeleted, FileObject, Model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pydantic import BaseModel

    from ingest.emulator import RunningEmulator

SCHEMA = Path(__file__).parents[2] / "shared" / "openai-files-batches-embeddings.schema.json"

# What each call answers: OpenAI's own schema of it, and the SDK's type.
_ANSWERS: list[tuple[str, str, str, type[BaseModel] | None]] = [
    ("POST", r"/v1/files", "OpenAIFile", FileObject),
    ("GET", r"/v1/files", "ListFilesResponse", None),
    ("GET", r"/v1/files/[^/]+", "OpenAIFile", FileObject),
    ("DELETE", r"/v1/files/[^/]+", "DeleteFileResponse", FileDeleted),
    ("POST", r"/v1/batches", "Batch", Batch),
    ("GET", r"/v1/batches", "ListBatchesResponse", None),
    ("GET", r"/v1/batches/[^/]+", "Batch", Batch),
    ("POST", r"/v1/batches/[^/]+/cancel", "Batch", Batch),
    ("POST", r"/v1/embeddings", "CreateEmbeddingResponse", CreateEmbeddingResponse),
]


def sdk(emulator: RunningEmulator, *, api_key: str | None = None) -> OpenAI:
    """The SDK, without retries, that checks every answer."""
    return OpenAI(
        base_url=emulator.base_url,
        api_key=api_key or emulator.api_key,
        max_retries=0,
        http_client=openai.DefaultHttpxClient(event_hooks={"response": [_check]}),
    )


def _check(response: Any) -> None:
    path = response.request.url.path
    if path.endswith("/content") and response.status_code == 200:
        return
    response.read()
    if response.status_code == 502:
        return
    body = json.loads(response.content)
    if response.status_code != 200:
        validate("ErrorResponse", body)
        return
    if path.startswith(("/v1/openai/models", "/v1/models")):  # of which the schema does not tell
        for each in body.get("data", [body]):
            Model.model_validate(each, strict=True)
        return
    schema, model = next(
        (schema, model)
        for method, pattern, schema, model in _ANSWERS
        if method == response.request.method and re.fullmatch(pattern, path)
    )
    if body.get("status") == "scheduling":
        return
    validate(schema, body)
    if schema == "CreateEmbeddingResponse" and isinstance(body["data"][0]["embedding"], str):
        return  # base64, which the SDK itself asks for, is not what its type says
    if model is not None:
        model.model_validate_json(response.content, strict=True)


def validate(name: str, body: object) -> None:
    """Check an object against OpenAI's description of the API, where that is at hand."""
    if SCHEMA.exists():
        _validator(name).validate(body)


@cache
def _validator(name: str) -> Any:
    components = json.loads(SCHEMA.read_text())["components"]
    return jsonschema.Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": components})


def request_line(custom_id: str, text: str | list[int] | list[list[int]], **body: Any) -> dict[str, Any]:
    """A good input line, or one made bad by what is given for its body."""
    return {
        "custom_id": custom_id,
        "method": "POST",
        "url": "/v1/embeddings",
        "body": {"model": "hash", "input": text, "dimensions": 8, **body},
    }


def request_lines(count: int, **body: Any) -> list[dict[str, Any]]:
    """As many good input lines, of different texts."""
    return [request_line(str(i), f"This is text number {i}.", **body) for i in range(count)]


def upload(client: OpenAI, lines: Iterable[dict[str, Any]], filename: str = "requests.jsonl") -> str:
    """Upload input lines; the file's id."""
    content = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    return client.files.create(file=(filename, content), purpose="batch").id


def create(client: OpenAI, file_id: str, **options: Any) -> Batch:
    """Create a batch of an uploaded file."""
    return client.batches.create(input_file_id=file_id, endpoint="/v1/embeddings", completion_window="24h", **options)


def until(client: OpenAI, batch: Batch, reached: Callable[[Batch], bool]) -> Batch:
    """Look at a batch until it has reached something, within a bound."""
    deadline = time.monotonic() + 60
    while not reached(batch := client.batches.retrieve(batch.id)):
        assert time.monotonic() < deadline, f"the batch is still {batch.status}"
        time.sleep(0.01)
    return batch


def finished(client: OpenAI, batch: Batch) -> Batch:
    """The batch at its end."""
    return until(client, batch, lambda b: b.status in {"completed", "failed", "expired", "cancelled"})


def run(client: OpenAI, lines: Iterable[dict[str, Any]]) -> Batch:
    """Upload, create, wait: the batch at its end."""
    return finished(client, create(client, upload(client, lines)))


def results(client: OpenAI, file_id: str | None) -> list[dict[str, Any]]:
    """The lines of a result file; none where there is no file."""
    if not file_id:
        return []
    return [json.loads(line) for line in client.files.content(file_id).content.splitlines()]


def custom_ids(lines: Iterable[dict[str, Any]]) -> list[str]:
    """The custom_ids of lines, in their order."""
    return [line["custom_id"] for line in lines]


def vector(result: dict[str, Any]) -> np.ndarray:
    """The one vector of a result line, whichever way it is written."""
    embedding = result["response"]["body"]["data"][0]["embedding"]
    if isinstance(embedding, str):
        return np.frombuffer(base64.b64decode(embedding), "<f4")
    return np.array(embedding, np.float32)
