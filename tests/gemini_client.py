"""A client of the Gemini API over plain HTTP, as its reference has it."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import openai

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.emulator import RunningEmulator

MODEL = "models/gemini-embedding-001"
TEXTS = {f"record-{number}": f"This is text number {number}." for number in range(20)}


class GeminiClient:
    """A few calls, each with its key."""

    def __init__(self, emulator: RunningEmulator) -> None:
        self.http = openai.DefaultHttpxClient(base_url=emulator.base_url, headers={"x-goog-api-key": emulator.api_key})
        self.without_key = openai.DefaultHttpxClient(base_url=emulator.base_url)

    def ask(self, method: str, path: str, body: Any = None, *, status: int = 200, **options: Any) -> Any:
        """The answer to a call, which must have that status."""
        answer = self.http.request(method, path, json=body, **options)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else {}

    def refused(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        """The status and its name by which a call is refused."""
        answer = self.http.request(method, path, json=body)
        error = answer.json()["error"]
        assert error["code"] == answer.status_code
        return answer.status_code, error["status"]

    def begun(self, size: int, **file: Any) -> Any:
        """The answer to the first step of an upload."""
        headers = {
            "x-goog-upload-protocol": "resumable",
            "x-goog-upload-command": "start",
            "x-goog-upload-header-content-length": str(size),
            "x-goog-upload-header-content-type": "application/jsonl",
        }
        return self.http.post("/upload/v1beta/files", json={"file": file}, headers=headers)

    def sent(self, address: str, content: bytes, offset: int = 0, command: str = "upload, finalize") -> Any:
        """The answer to the second, which needs no key."""
        headers = {"x-goog-upload-command": command, "x-goog-upload-offset": str(offset)}
        return self.without_key.post(address, content=content, headers=headers)

    def upload(self, lines: list[dict[str, Any]], **file: Any) -> str:
        """Upload input lines; the file's name."""
        content = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        address = self.begun(len(content), **file).headers["x-goog-upload-url"]
        answer = self.sent(address, content)
        assert answer.headers["x-goog-upload-status"] == "final"
        return str(answer.json()["file"]["name"])

    def create(self, file: str, *, model: str = MODEL, status: int = 200, name: str = "our key") -> dict[str, Any]:
        """The answer to the creation of a batch."""
        batch = {"displayName": name, "inputConfig": {"fileName": file}}
        answer: dict[str, Any] = self.ask(
            "POST", f"/v1beta/{model}:asyncBatchEmbedContent", {"batch": batch}, status=status
        )
        return answer

    def until(self, batch: dict[str, Any], reached: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Look at a batch until it has reached something, within a bound."""
        deadline = time.monotonic() + 60
        while not reached(batch := self.ask("GET", f"/v1beta/{batch['name']}")):
            assert time.monotonic() < deadline, batch
            time.sleep(0.01)
        return batch

    def run(self, lines: list[dict[str, Any]], **options: Any) -> dict[str, Any]:
        """Upload, create, wait: the batch at its end."""
        return self.until(self.create(self.upload(lines), **options), lambda batch: batch.get("done", False))

    def results(self, file: str) -> dict[str, Any]:
        """The lines of a file of results, by their keys."""
        answer = self.http.get(f"/v1beta/{file}:download", params={"alt": "media"})
        assert answer.status_code == 200, answer.text
        return {line["key"]: line for line in map(json.loads, answer.content.splitlines())}


def line(key: str, text: str, **request: Any) -> dict[str, Any]:
    """An input line."""
    return {"key": key, "request": {"content": {"parts": [{"text": text}]}, **request}}


def lines(**request: Any) -> list[dict[str, Any]]:
    """The input lines of all texts."""
    return [line(key, text, **request) for key, text in TEXTS.items()]


def output(batch: dict[str, Any]) -> str:
    """The file of results of a batch."""
    return str(batch["metadata"]["output"]["responsesFile"])


def values(result: dict[str, Any]) -> np.ndarray:
    """The vector of a result line."""
    return np.array(result["response"]["embedding"]["values"])
