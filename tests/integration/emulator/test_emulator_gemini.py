"""The Gemini API, as its reference and its SDK have it: over plain HTTP."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from gemini_client import MODEL, TEXTS, line, lines, output, values

from ingest.emulator import DIALECTS, hash_vectors, running
from ingest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gemini_client import GeminiClient

    from ingest.emulator import Limits, RunningEmulator

    Start = Callable[..., RunningEmulator]
    Connect = Callable[[RunningEmulator], GeminiClient]


@pytest.fixture
def emulator(start: Start) -> RunningEmulator:
    return start(dialect="gemini")


@pytest.fixture
def client(emulator: RunningEmulator, connect_gemini: Connect) -> GeminiClient:
    return connect_gemini(emulator)


def limits(**changes: Any) -> Limits:
    return replace(DIALECTS["gemini"].limits, **changes)


# From files to vectors


@pytest.mark.parametrize("is_snake", [True, False])
def test_every_text_gets_its_own_vector_which_below_the_full_length_is_not_of_length_one(
    client: GeminiClient, emulator: RunningEmulator, *, is_snake: bool
) -> None:
    wanted = {"task_type": "RETRIEVAL_DOCUMENT", "output_dimensionality": 768}
    camel = {"taskType": "RETRIEVAL_DOCUMENT", "outputDimensionality": 768}

    batch = client.run(lines(**(wanted if is_snake else camel)))
    results = client.results(output(batch))

    assert batch["metadata"]["state"] == "BATCH_STATE_SUCCEEDED"
    assert batch["metadata"]["batchStats"] == {"requestCount": "20", "successfulRequestCount": "20"}
    assert batch["metadata"]["displayName"] == "our key"
    assert batch["response"]["responsesFile"] == output(batch)
    assert results.keys() == TEXTS.keys()
    for key, text in TEXTS.items():
        vector = values(results[key])
        length = float(np.linalg.norm(vector))
        expected = hash_vectors([text], "gemini-embedding-001", 768, "RETRIEVAL_DOCUMENT")[0]
        assert 0.3 < length < 0.7
        np.testing.assert_allclose(vector / length, expected, atol=1e-6)
        assert results[key]["response"]["tokenCount"] == "7"
    bills = list(emulator.bills())
    assert sorted(bill["custom_id"] for bill in bills) == sorted(TEXTS)
    assert {(bill["model"], bill["dimensions"], bill["tokens"]) for bill in bills} == {("gemini-embedding-001", 768, 7)}


@pytest.mark.parametrize(("model", "dimensions"), [("gemini-embedding-001", 3072), ("gemini-embedding-2", 256)])
def test_other_vectors_have_length_one(client: GeminiClient, model: str, dimensions: int) -> None:
    batch = client.run(lines(outputDimensionality=dimensions), model=f"models/{model}")

    for result in client.results(output(batch)).values():
        assert values(result).shape == (dimensions,)
        assert np.linalg.norm(values(result)) == pytest.approx(1, abs=1e-5)


def test_the_two_sides_of_a_text_are_near_each_other_and_not_the_same(client: GeminiClient) -> None:
    requests = [
        {"content": {"parts": [{"text": text}]}, "taskType": task}
        for text in ("cats sleep", "dogs bark")
        for task in ("RETRIEVAL_DOCUMENT", "RETRIEVAL_QUERY")
    ]

    answer = client.ask("POST", f"/v1beta/{MODEL}:batchEmbedContents", {"requests": requests})
    cats, cats_asked, dogs, dogs_asked = (np.array(each["values"]) for each in answer["embeddings"])

    assert 0.7 < cats @ cats_asked < 0.9
    assert 0.7 < dogs @ dogs_asked < 0.9
    assert abs(dogs @ cats_asked) < 0.1


def test_requests_are_refused_one_by_one_in_the_same_file(client: GeminiClient) -> None:
    spoilt = [
        line("good", "a text"),
        line("empty", ""),
        line("too-long", "word " * 2_049),
        line("dimensions", "a text", outputDimensionality=64),
        line("task", "a text", taskType="SEARCH"),
        line("title", "a text", taskType="RETRIEVAL_QUERY", title="A title"),
        line("unknown", "a text", colour="red"),
        {"key": "no-content", "request": {}},
    ]

    batch = client.run(spoilt)
    results = client.results(output(batch))

    assert batch["metadata"]["state"] == "BATCH_STATE_SUCCEEDED"
    assert batch["metadata"]["batchStats"] == {
        "requestCount": "8",
        "successfulRequestCount": "1",
        "failedRequestCount": "7",
    }
    assert results.keys() == {each["key"] for each in spoilt}
    for key, result in results.items():
        assert result.keys() == ({"key", "response"} if key == "good" else {"key", "error"})
        assert key == "good" or (result["error"]["code"], bool(result["error"]["message"])) == (3, True)


@pytest.mark.parametrize(
    "bad",
    [
        b"{",
        b"[]",
        b'{"key": "1"}',
        b'{"request": {}}',
        b'{"key": "", "request": {}}',
        b'{"key": "0", "request": {}}',
        b'{"key": "1", "request": {"content": {"parts": [{"text": "a"}]}, "model": "models/gemini-embedding-2"}}',
    ],
)
def test_a_bad_line_fails_the_batch(client: GeminiClient, bad: bytes) -> None:
    content = b'{"key": "0", "request": {"content": {"parts": [{"text": "a"}]}}}\n' + bad
    file = client.sent(client.begun(len(content)).headers["x-goog-upload-url"], content).json()["file"]["name"]

    batch = client.until(client.create(file), lambda batch: batch.get("done", False))

    assert batch["metadata"]["state"] == "BATCH_STATE_FAILED"
    assert batch["error"]["code"] == 3
    assert batch["error"]["message"].startswith("line 2: ")
    assert "response" not in batch


def test_a_batch_of_a_model_without_tasks_refuses_them(client: GeminiClient) -> None:
    batch = client.run([line("1", "a", taskType="RETRIEVAL_QUERY")], model="models/gemini-embedding-2")

    assert "Task types are not supported" in client.results(output(batch))["1"]["error"]["message"]


# Keys and files


@pytest.mark.parametrize(
    ("headers", "status", "name"),
    [
        ({}, 403, "PERMISSION_DENIED"),
        ({"authorization": "Bearer KEY"}, 403, "PERMISSION_DENIED"),
        ({"x-goog-api-key": "wrong"}, 400, "INVALID_ARGUMENT"),
    ],
)
def test_a_key_stands_in_its_header(
    client: GeminiClient, emulator: RunningEmulator, headers: dict[str, str], status: int, name: str
) -> None:
    told = {header: value.replace("KEY", emulator.api_key) for header, value in headers.items()}

    answer = client.without_key.get("/v1beta/batches", headers=told)

    assert (answer.status_code, answer.json()["error"]["status"]) == (status, name)
    assert (answer.json()["error"].get("details", [{}])[0].get("reason") == "API_KEY_INVALID") == (status == 400)


def test_a_file_has_the_name_that_it_is_given_once(client: GeminiClient) -> None:
    name = "files/ingest-0123456789abcdef0123456789abcdef"

    assert client.upload(lines(), name=name, displayName="requests.jsonl") == name
    file = client.ask("GET", f"/v1beta/{name}")
    again = client.begun(10, name=name)
    client.ask("DELETE", f"/v1beta/{name}")

    assert (file["name"], file["displayName"], file["state"], file["source"]) == (
        name,
        "requests.jsonl",
        "ACTIVE",
        "UPLOADED",
    )
    assert int(file["sizeBytes"]) == sum(len(json.dumps(each)) + 1 for each in lines())
    assert (again.status_code, again.json()["error"]["status"]) == (409, "ALREADY_EXISTS")
    for method in ("GET", "DELETE"):
        assert client.refused(method, f"/v1beta/{name}") == (403, "PERMISSION_DENIED")
    assert client.upload(lines(), name=name) == name


def test_of_two_uploads_under_one_name_the_second_is_refused(client: GeminiClient) -> None:
    first, second = (client.begun(2, name="files/twice").headers["x-goog-upload-url"] for _ in range(2))

    assert client.sent(first, b"{}").status_code == 200
    assert client.sent(second, b"[]").status_code == 409


@pytest.mark.parametrize(
    "name", ["mine", "files/", "files/-a", "files/a-", "files/A", "files/a_b", f"files/{'a' * 41}"]
)
def test_a_name_that_is_none_is_refused(client: GeminiClient, name: str) -> None:
    answer = client.begun(10, name=name)

    assert (answer.status_code, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")


def test_a_file_is_sent_in_pieces_and_goes_on_where_it_was(client: GeminiClient, emulator: RunningEmulator) -> None:
    piece = b'{"key":"1"}' + b" " * (262_144 - 11)
    address = client.begun(2 * len(piece) + 1).headers["x-goog-upload-url"]

    first = client.sent(address, piece, command="upload")
    uneven = client.sent(address, b"x", len(piece), command="upload")
    elsewhere = client.sent(address, piece, 7, command="upload")
    asked = client.sent(address, b"", command="query")
    early = client.sent(address, piece, len(piece))
    last = client.sent(address, b"\n", 2 * len(piece))
    over = client.sent(address, b"", 0)

    assert (first.status_code, first.headers["x-goog-upload-status"]) == (200, "active")
    assert (uneven.status_code, elsewhere.status_code, early.status_code, over.status_code) == (400, 400, 400, 404)
    assert asked.headers["x-goog-upload-size-received"] == str(len(piece))
    assert last.json()["file"]["sizeBytes"] == str(2 * len(piece) + 1)
    assert emulator.api_key not in address


def test_lists_are_read_page_by_page(client: GeminiClient) -> None:
    names = [client.upload(lines()) for _ in range(3)]
    batches = [client.create(names[0], name=str(number))["name"] for number in range(3)]

    for path, kind, made in (("files", "files", names), ("batches", "operations", batches)):
        first = client.ask("GET", f"/v1beta/{path}", params={"pageSize": 2})
        second = client.ask("GET", f"/v1beta/{path}", params={"pageSize": 2, "pageToken": first["nextPageToken"]})
        assert [each["name"] for each in first[kind] + second[kind]] == made[::-1]
        assert "nextPageToken" not in second


def test_a_file_of_results_can_be_downloaded_and_no_more(client: GeminiClient) -> None:
    file = client.upload(lines())
    batch = client.until(client.create(file), lambda batch: batch.get("done", False))

    content = client.http.get(f"/v1beta/{output(batch)}:download", params={"alt": "media"})
    other_way = client.http.get(f"/download/v1beta/{output(batch)}:download", params={"alt": "media"})

    assert content.content == other_way.content
    assert len(content.content) == int(content.headers["content-length"])
    assert client.refused("GET", f"/v1beta/{output(batch)}:download") == (400, "INVALID_ARGUMENT")
    for method in ("GET", "DELETE"):
        assert client.refused(method, f"/v1beta/{output(batch)}") == (400, "INVALID_ARGUMENT")
    assert client.refused("GET", f"/v1beta/{file}:download?alt=media") == (400, "INVALID_ARGUMENT")
    assert [each["name"] for each in client.ask("GET", "/v1beta/files")["files"]] == [file]


def test_files_expire_and_their_names_are_free_again(start: Start, connect_gemini: Connect) -> None:
    client = connect_gemini(start(dialect="gemini", limits=limits(file_lifetime_s=0.2)))
    client.upload(lines(), name="files/mine")

    time.sleep(0.3)

    assert client.refused("GET", "/v1beta/files/mine") == (403, "PERMISSION_DENIED")
    assert client.upload(lines(), name="files/mine") == "files/mine"


def test_a_file_is_there_after_a_restart(connect_gemini: Connect, tmp_path: Path) -> None:
    with running(tmp_path, dialect="gemini") as first:
        connect_gemini(first).upload(lines(), name="files/mine")

    with running(tmp_path, dialect="gemini") as second:
        client = connect_gemini(second)
        batch = client.until(client.create("files/mine"), lambda batch: batch.get("done", False))

        assert client.results(output(batch)).keys() == TEXTS.keys()


def test_a_vendor_without_openai_s_webhooks_has_none(tmp_path: Path) -> None:
    with (
        pytest.raises(UsageError, match="gemini has no webhooks"),
        running(tmp_path, dialect="gemini", webhook=("http://127.0.0.1:9", "whsec_MTIz")),
    ):
        pass
