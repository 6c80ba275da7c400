"""Mistral's API, as its SDK and its description have it: over plain HTTP."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import openai
import pytest

from ingest.emulator import Fault, hash_vectors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ingest.emulator import RunningEmulator

    Start = Callable[..., RunningEmulator]

TEXTS = {f"record-{number}": f"This is text number {number}." for number in range(20)}
OPEN = ("QUEUED", "RUNNING", "CANCELLATION_REQUESTED")


class Client:
    """A few calls, each with its key."""

    def __init__(self, emulator: RunningEmulator) -> None:
        headers = {"authorization": f"Bearer {emulator.api_key}"}
        self.http = openai.DefaultHttpxClient(base_url=emulator.base_url, headers=headers)

    def ask(self, method: str, path: str, body: Any = None, *, status: int = 200, **options: Any) -> Any:
        """The answer to a call, which must have that status."""
        answer = self.http.request(method, path, json=body, **options)
        assert answer.status_code == status, answer.text
        return answer.json()

    def upload(self, lines: list[dict[str, Any]], name: str = "requests.jsonl") -> str:
        """Upload input lines; the file's id."""
        content = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        form = {"purpose": "batch", "visibility": "workspace"}
        answer = self.http.post("/files", data=form, files={"file": (name, content)})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    def create(self, file: str, *, status: int = 200, **fields: Any) -> Any:
        """The answer to the creation of a job."""
        job = {"input_files": [file], "endpoint": "/v1/embeddings", "model": "mistral-embed", **fields}
        return self.ask("POST", "/batch/jobs", job, status=status)

    def done(self, job: dict[str, Any]) -> dict[str, Any]:
        """The job at its end."""
        deadline = time.monotonic() + 60
        while job["status"] in OPEN:
            assert time.monotonic() < deadline, job
            time.sleep(0.01)
            job = self.ask("GET", f"/batch/jobs/{job['id']}")
        return job

    def run(self, lines: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
        """Upload, create, wait: the job at its end."""
        return self.done(self.create(self.upload(lines), **fields))

    def results(self, file: str | None) -> dict[str, Any]:
        """The lines of a result file, by their ids; none where there is no file."""
        content = self.http.get(f"/files/{file}/content").content if file else b""
        return {line["custom_id"]: line for line in map(json.loads, content.splitlines())}


@pytest.fixture
def connect() -> Iterator[Callable[[RunningEmulator], Client]]:
    clients: list[Client] = []

    def connect(emulator: RunningEmulator) -> Client:
        clients.append(Client(emulator))
        return clients[-1]

    yield connect
    for client in clients:
        client.http.close()


@pytest.fixture
def emulator(start: Start) -> RunningEmulator:
    return start(dialect="mistral")


@pytest.fixture
def client(emulator: RunningEmulator, connect: Callable[[RunningEmulator], Client]) -> Client:
    return connect(emulator)


def line(custom_id: str, text: Any, **body: Any) -> dict[str, Any]:
    return {"custom_id": custom_id, "body": {"input": text, **body}}


def lines(**body: Any) -> list[dict[str, Any]]:
    return [line(custom_id, text, **body) for custom_id, text in TEXTS.items()]


def vector(result: dict[str, Any]) -> np.ndarray:
    return np.array(result["response"]["body"]["data"][0]["embedding"])


def test_every_text_gets_its_own_vector(client: Client, emulator: RunningEmulator) -> None:
    job = client.run(lines(), metadata={"pgvector_ingest_key": "our key"})
    results = client.results(job["output_file"])

    assert (job["status"], job["metadata"], job["errors"]) == ("SUCCESS", {"pgvector_ingest_key": "our key"}, [])
    counts = [job[f"{kind}_requests"] for kind in ("total", "completed", "succeeded", "failed")]
    assert counts == [20, 20, 20, 0]
    assert results.keys() == TEXTS.keys()
    for custom_id, text in TEXTS.items():
        np.testing.assert_allclose(
            vector(results[custom_id]), hash_vectors([text], "mistral-embed", 1024)[0], atol=1e-6
        )
    # It counts more tokens than cl100k_base, of which each text has 7.
    assert {bill["tokens"] for bill in emulator.bills()} == {11}


@pytest.mark.parametrize(("dimensions", "length"), [(None, 1536), (3072, 3072), (256, 256)])
def test_codestral_s_vectors_have_a_length_that_is_chosen(client: Client, dimensions: int | None, length: int) -> None:
    asked = {} if dimensions is None else {"output_dimension": dimensions}

    job = client.run([line("1", "a text", **asked)], model="codestral-embed")

    assert vector(client.results(job["output_file"])["1"]).shape == (length,)


def test_requests_are_refused_one_by_one(client: Client) -> None:
    spoilt = [
        line("good", "a text", model="mistral-embed"),
        line("dimensions", "a text", dimensions=256),
        line("output-dimension", "a text", output_dimension=256),
        line("too-long", "word " * 8_192),
        line("too-many", ["a"] * 513),
        line("empty", ""),
    ]

    job = client.run(spoilt)
    refused = client.results(job["error_file"])

    assert (job["status"], job["succeeded_requests"], job["failed_requests"]) == ("SUCCESS", 1, 5)
    assert client.results(job["output_file"]).keys() == {"good"}
    assert refused.keys() == {each["custom_id"] for each in spoilt[1:]}
    assert {each["response"]["status_code"] for each in refused.values()} == {400, 422}
    assert refused["dimensions"]["response"]["body"]["message"].startswith("Object contains unknown field")


@pytest.mark.parametrize(
    "bad",
    [
        {"custom_id": "1"},
        {"custom_id": "1", "body": {"input": "a"}, "method": "POST", "url": "/v1/embeddings"},
        {"custom_id": "0", "body": {"input": "a"}},
        {"custom_id": "1", "body": {"input": "a", "model": "codestral-embed"}},
    ],
)
def test_a_bad_line_fails_the_job(client: Client, bad: dict[str, Any]) -> None:
    job = client.run([line("0", "a text"), bad])

    assert (job["status"], job["output_file"]) == ("FAILED", None)
    assert [error["count"] for error in job["errors"]] == [1]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"model": "mistral-large"}, 400),
        ({"endpoint": "/v1/chat/completions"}, 422),
        ({"input_files": []}, 422),
        ({"timeout_hours": 7 * 24}, 422),
        ({"metadata": {"k" * 33: "v"}}, 422),
        ({"metadata": {"k": "v" * 513}}, 422),
        ({"completion_window": "24h"}, 422),
        ({"input_files": ["none"]}, 404),
    ],
)
def test_a_job_that_cannot_be_is_refused(client: Client, fields: dict[str, Any], status: int) -> None:
    refused = client.create(client.upload(lines()), status=status, **fields)

    assert ("detail" in refused) == (status == 422)
    assert (refused.get("object") == "error") == (status != 422)


def test_lists_are_read_page_by_page(client: Client, emulator: RunningEmulator) -> None:
    emulator.set_faults(Fault("stuck_validating"))  # files of results would move what is on a page
    files = [client.upload(lines(), f"{number}.jsonl") for number in range(3)]
    jobs = [client.create(files[0])["id"] for _ in range(3)]

    for path, made in (("/files", files), ("/batch/jobs", jobs)):
        pages = [client.ask("GET", path, params={"page": number, "page_size": 2}) for number in range(3)]
        assert [[each["id"] for each in page["data"]] for page in pages] == [made[:0:-1], made[:1], []]
        assert {page["total"] for page in pages} == {3}
    assert [each["id"] for each in client.ask("GET", "/files", params={"search": "1.json"})["data"]] == [files[1]]
    in_order = client.ask("GET", "/batch/jobs", params={"order_by": "created"})["data"]
    assert [each["id"] for each in in_order] == jobs
    assert client.ask("GET", "/batch/jobs", params={"status": "FAILED"})["data"] == []


def test_a_job_that_times_out_has_its_results_and_no_line_for_the_rest(
    client: Client, emulator: RunningEmulator
) -> None:
    emulator.set_faults(Fault("expired_partial"))

    job = client.run(lines())

    assert (job["status"], job["succeeded_requests"], job["error_file"]) == ("TIMEOUT_EXCEEDED", 10, None)
    assert len(client.results(job["output_file"])) == 10


def test_a_job_is_cancelled_and_deleted(start: Start, connect: Callable[[RunningEmulator], Client]) -> None:
    client = connect(start(dialect="mistral", latency_s=60))
    job = client.create(client.upload(lines()))

    client.ask("DELETE", f"/batch/jobs/{job['id']}", status=400)
    assert client.ask("POST", f"/batch/jobs/{job['id']}/cancel")["status"] == "CANCELLATION_REQUESTED"
    assert client.done(job)["status"] == "CANCELLED"
    assert client.ask("DELETE", f"/batch/jobs/{job['id']}")["deleted"]
    client.ask("GET", f"/batch/jobs/{job['id']}", status=404)


def test_faults_are_played(client: Client, emulator: RunningEmulator) -> None:
    file = client.upload(lines())
    emulator.set_faults(Fault("http_429_create", count=1), Fault("null_metadata"), Fault("stringified_body", count=1))

    assert client.create(file, status=429)["object"] == "error"
    job = client.done(client.create(file, metadata={"key": "value"}))

    assert job["metadata"] is None
    bodies = [result["response"]["body"] for result in client.results(job["output_file"]).values()]
    assert sum(isinstance(body, str) for body in bodies) == 1


def test_a_call_has_its_limits(client: Client) -> None:
    request = {"model": "mistral-embed", "input": ["a text"] * 512}

    assert len(client.ask("POST", "/embeddings", request)["data"]) == 512
    for inputs in (["a"] * 513, ["word " * 4_000] * 4, []):
        client.ask("POST", "/embeddings", {**request, "input": inputs}, status=400)
    client.ask("POST", "/embeddings", {**request, "model": "another"}, status=400)
    client.ask("POST", "/embeddings", {**request, "dimensions": 256}, status=422)
    client.ask("POST", "/embeddings", {**request, "input": [1, 2]}, status=422)


def test_a_key_is_asked_for(client: Client) -> None:
    answer = client.http.get("/files", headers={"authorization": "Bearer wrong"})

    assert (answer.status_code, answer.json()) == (401, {"detail": "Unauthorized"})
