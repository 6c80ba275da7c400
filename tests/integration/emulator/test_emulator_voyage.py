"""What the dialect of Voyage refuses, as its reference has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import openai
import pytest

from ingest.emulator import running

if TYPE_CHECKING:
    from pathlib import Path

SHORT = {"model": "voyage-4", "input": "x"}
BATCH = {
    "endpoint": "/v1/embeddings",
    "completion_window": "12h",
    "request_params": {"model": "voyage-4"},
    "input_file_id": "none",
}


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("embeddings", SHORT | {"encoding_format": "float"}, 400, "float"),
        ("embeddings", SHORT | {"output_dimension": 300}, 400, "300"),
        ("embeddings", SHORT | {"input_type": "passage"}, 400, "passage"),
        ("batches", BATCH, 404, "Input file not found"),
        ("batches", BATCH | {"completion_window": "24h"}, 400, "24h"),
        ("batches", BATCH | {"request_params": {}}, 400, "model"),
        ("batches", BATCH | {"model": "voyage-4"}, 400, "model"),
    ],
)
def test_what_it_refuses_is_refused(tmp_path: Path, path: str, body: Any, status: int, words: str) -> None:
    with (
        running(tmp_path, dialect="voyage") as emulator,
        openai.DefaultHttpxClient(headers={"authorization": f"Bearer {emulator.api_key}"}) as client,
    ):
        answer = client.post(f"{emulator.base_url}/{path}", json=body)

        assert answer.status_code == status, answer.text
        assert answer.json().keys() == {"detail"}
        assert words in answer.json()["detail"]
        client.headers.pop("authorization")
        assert client.get(f"{emulator.base_url}/files").status_code == 401
