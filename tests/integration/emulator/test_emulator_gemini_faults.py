"""The faults, and what there is no room for, where the Gemini API is spoken."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from gemini_client import MODEL, TEXTS, line, lines, output, values

from ingest.emulator import DIALECTS, Fault
from ingest.emulator.faults import LINE_FAULTS, is_billed

if TYPE_CHECKING:
    from collections.abc import Callable

    from gemini_client import GeminiClient

    from ingest.emulator import Limits, RunningEmulator

    Start = Callable[..., RunningEmulator]
    Connect = Callable[[RunningEmulator], GeminiClient]

NAME = "files/ingest-0123456789abcdef0123456789abcdef"


@pytest.fixture
def emulator(start: Start) -> RunningEmulator:
    return start(dialect="gemini")


@pytest.fixture
def client(emulator: RunningEmulator, connect_gemini: Connect) -> GeminiClient:
    return connect_gemini(emulator)


def limits(**changes: Any) -> Limits:
    return replace(DIALECTS["gemini"].limits, **changes)


def done(client: GeminiClient, batch: dict[str, Any]) -> dict[str, Any]:
    """The batch at its end."""
    return client.until(batch, lambda batch: batch.get("done", False))


# Calls

CALLS: dict[str, Callable[[GeminiClient, str, str], Any]] = {
    "start_upload": lambda client, _file, _batch: client.begun(10),
    "upload": lambda client, _file, batch: client.sent(batch, b"{}"),
    "list_files": lambda client, _file, _batch: client.http.get("/v1beta/files"),
    "retrieve_file": lambda client, file, _batch: client.http.get(f"/v1beta/{file}"),
    "delete_file": lambda client, file, _batch: client.http.delete(f"/v1beta/{file}"),
    "content": lambda client, file, _batch: client.http.get(f"/v1beta/{file}:download?alt=media"),
    "create": lambda client, file, _batch: client.http.post(
        f"/v1beta/{MODEL}:asyncBatchEmbedContent",
        json={"batch": {"displayName": "x", "inputConfig": {"fileName": file}}},
    ),
    "list_batches": lambda client, _file, _batch: client.http.get("/v1beta/batches"),
    "retrieve": lambda client, _file, batch: client.http.get(f"/v1beta/{batch}"),
    "cancel": lambda client, _file, batch: client.http.post(f"/v1beta/{batch}:cancel"),
    "delete_batch": lambda client, _file, batch: client.http.delete(f"/v1beta/{batch}"),
    "embeddings": lambda client, _file, _batch: client.http.post(
        f"/v1beta/{MODEL}:embedContent", json=line("", "a text")["request"]
    ),
    "count_tokens": lambda client, _file, _batch: client.http.post(
        f"/v1beta/{MODEL}:countTokens", json={"contents": [{"parts": [{"text": "a"}]}]}
    ),
    "models": lambda client, _file, _batch: client.http.get("/v1beta/models"),
}


@pytest.mark.parametrize("operation", CALLS)
def test_a_call_can_be_refused_and_its_connection_cut(
    emulator: RunningEmulator, client: GeminiClient, operation: str
) -> None:
    ended = client.run(lines())
    file = output(ended) if operation == "content" else client.upload(lines())
    waits = Fault("stuck_validating")  # else what is to be cancelled may be over
    emulator.set_faults(waits)
    batch = client.create(client.upload(lines()))["name"] if operation == "cancel" else ended["name"]
    if operation == "upload":
        batch = client.begun(2).headers["x-goog-upload-url"]

    told = {}
    for fault in ("http_429", "http_500", "http_502"):
        emulator.set_faults(waits, Fault(f"{fault}_{operation}"))
        told[fault] = CALLS[operation](client, file, batch)
    emulator.set_faults(waits, Fault(f"drop_before_{operation}", count=1), Fault(f"drop_after_{operation}"))
    for _ in range(2):
        with pytest.raises(httpx2.TransportError):
            CALLS[operation](client, file, batch)

    fired = emulator.fired()
    assert (fired[f"drop_before_{operation}"], fired[f"drop_after_{operation}"]) == (1, 1)
    refused = {fault: (answer.status_code, answer.headers["content-type"]) for fault, answer in told.items()}
    assert refused["http_429"] == (429, "application/json")
    assert refused["http_500"] == (500, "application/json")
    assert refused["http_502"][0] == 502
    assert told["http_429"].json()["error"]["status"] == "RESOURCE_EXHAUSTED"
    assert told["http_500"].json()["error"]["status"] == "INTERNAL"
    assert not any("retry" in header for header in told["http_429"].headers)


def test_an_upload_whose_answer_was_lost_is_there_under_its_name(
    emulator: RunningEmulator, client: GeminiClient
) -> None:
    emulator.set_faults(Fault("drop_after_upload"))
    address = client.begun(2, name=NAME).headers["x-goog-upload-url"]

    with pytest.raises(httpx2.TransportError):
        client.sent(address, b"{}")

    assert client.ask("GET", f"/v1beta/{NAME}")["sizeBytes"] == "2"
    assert client.begun(2, name=NAME).status_code == 409


def test_a_batch_whose_creation_was_not_answered_is_in_the_list(
    emulator: RunningEmulator, client: GeminiClient
) -> None:
    file = client.upload(lines())
    emulator.set_faults(Fault("drop_after_create"))

    with pytest.raises(httpx2.TransportError):
        client.create(file)

    (batch,) = client.ask("GET", "/v1beta/batches")["operations"]
    assert batch["metadata"]["displayName"] == "our key"


# What there is no room for


def test_a_batch_there_is_no_room_for_is_refused_when_it_is_created(start: Start, connect_gemini: Connect) -> None:
    emulator = start(dialect="gemini", limits=limits(enqueued_tokens=200))
    client = connect_gemini(emulator)
    file = client.upload(lines())
    emulator.set_faults(Fault("stuck_in_progress"))
    first = client.create(file)

    refused = client.create(file, status=429)
    listed = client.ask("GET", "/v1beta/batches")["operations"]
    emulator.set_faults()
    done(client, first)
    second = client.create(file)

    assert refused["error"]["status"] == "RESOURCE_EXHAUSTED"
    assert "20" not in refused["error"]["message"]  # no limit is told
    assert [batch["name"] for batch in listed] == [first["name"]]
    assert second["name"] != first["name"]


def test_there_are_so_many_batches_at_once(start: Start, connect_gemini: Connect) -> None:
    client = connect_gemini(start(dialect="gemini", limits=limits(open_batches=2), latency_s=60))
    file = client.upload(lines())

    for status in (200, 200, 429):
        client.create(file, status=status)


def test_a_fault_refuses_a_creation_as_a_full_queue_does(emulator: RunningEmulator, client: GeminiClient) -> None:
    file = client.upload(lines())
    emulator.set_faults(Fault("token_limit", count=2))

    for status in (429, 429, 200):
        client.create(file, status=status)
    emulator.set_faults(Fault("token_limit", after=1))
    taken = client.create(file)

    assert done(client, taken)["metadata"]["state"] == "BATCH_STATE_SUCCEEDED"


# Where things stand


@pytest.mark.parametrize("place", ["output_in_metadata", "output_in_response", "output_at_top_level"])
def test_the_file_of_results_is_named_in_one_place(emulator: RunningEmulator, client: GeminiClient, place: str) -> None:
    emulator.set_faults(Fault(place))

    batch = client.run(lines())

    named = {
        "output_in_metadata": batch["metadata"].get("output"),
        "output_in_response": batch.get("response", {}),
        "output_at_top_level": batch.get("output"),
    }
    assert client.results(named[place]["responsesFile"]).keys() == TEXTS.keys()
    assert not any("responsesFile" in (found or {}) for other, found in named.items() if other != place)
    assert batch["done"]
    state = batch["metadata"]["state"]
    assert (batch.get("state", state), state) == (
        "BATCH_STATE_SUCCEEDED",
        "BATCH_STATE_RUNNING" if place == "output_at_top_level" else "BATCH_STATE_SUCCEEDED",
    )


def test_the_error_of_a_line_is_told_in_several_ways(emulator: RunningEmulator, client: GeminiClient) -> None:
    told = []
    for faults in ((), (Fault("error_in_response"),), (Fault("http_codes_in_lines"),)):
        emulator.set_faults(Fault("error_per_request_429"), *faults)
        told.append(client.results(output(client.run([line("1", "a text")])))["1"])

    plain, inside, http = told
    assert plain == {"key": "1", "error": {"code": 8, "message": "Rate limit reached for requests."}}
    assert inside == {"key": "1", "response": {"error": plain["error"]}}
    assert http["error"] == {**plain["error"], "code": 429, "status": "RESOURCE_EXHAUSTED"}


# Batches


def test_a_batch_that_expires_has_no_line_for_what_it_did_not_come_to(
    emulator: RunningEmulator, client: GeminiClient
) -> None:
    emulator.set_faults(Fault("expired_partial"))

    batch = client.run(lines())

    assert batch["metadata"]["state"] == "BATCH_STATE_EXPIRED"
    assert (batch["error"]["code"], "response" in batch) == (4, False)
    assert len(client.results(output(batch))) == 10
    assert batch["metadata"]["batchStats"] == {
        "requestCount": "20",
        "successfulRequestCount": "10",
        "pendingRequestCount": "10",
    }
    assert emulator.ledger()["texts"] == 10


def test_a_batch_is_cancelled_and_deleted(start: Start, connect_gemini: Connect) -> None:
    emulator = start(dialect="gemini", latency_s=60)
    client = connect_gemini(emulator)
    batch = client.create(client.upload(lines()))

    early = client.refused("DELETE", f"/v1beta/{batch['name']}")
    assert client.ask("POST", f"/v1beta/{batch['name']}:cancel") == {}
    batch = done(client, batch)
    late = client.refused("POST", f"/v1beta/{batch['name']}:cancel")
    client.ask("DELETE", f"/v1beta/{batch['name']}")

    assert early == late == (400, "FAILED_PRECONDITION")
    assert (batch["metadata"]["state"], batch["error"]["code"]) == ("BATCH_STATE_CANCELLED", 1)
    assert "output" not in batch["metadata"]
    assert client.refused("GET", f"/v1beta/{batch['name']}") == (404, "NOT_FOUND")
    assert client.ask("GET", "/v1beta/batches") == {}


@pytest.mark.parametrize("status", ["validating", "in_progress", "finalizing"])
def test_a_batch_is_stuck_until_the_fault_is_taken_away(
    emulator: RunningEmulator, client: GeminiClient, status: str
) -> None:
    emulator.set_faults(Fault(f"stuck_{status}"))
    batch = client.create(client.upload(lines()))
    state = f"BATCH_STATE_{'PENDING' if status == 'validating' else 'RUNNING'}"

    stuck = client.until(batch, lambda batch: batch["metadata"]["state"] == state)
    emulator.set_faults()

    assert "done" not in stuck
    assert done(client, batch)["metadata"]["state"] == "BATCH_STATE_SUCCEEDED"


def test_what_a_batch_does_not_tell(emulator: RunningEmulator, client: GeminiClient) -> None:
    emulator.set_faults(
        Fault("null_metadata"),
        Fault("null_request_counts"),
        Fault("unknown_status", seconds=60),
        Fault("late_file_ids"),
    )
    file = client.upload(lines())

    batch = client.create(file)

    assert batch["metadata"]["state"] == "BATCH_STATE_SCHEDULING"
    assert not {"displayName", "batchStats", "output"} & batch["metadata"].keys()
    emulator.set_faults(Fault("late_file_ids", seconds=3_600))
    batch = client.create(file)
    assert "output" not in done(client, batch)["metadata"]
    emulator.set_faults()
    client.until(batch, lambda batch: "output" in batch["metadata"])


def test_a_file_can_be_created_of_twice_and_never(emulator: RunningEmulator, client: GeminiClient) -> None:
    file = client.upload(lines())
    emulator.set_faults(Fault("duplicated_create", count=1))
    client.create(file)
    emulator.set_faults(Fault("refused_file"), Fault("lagging_lists", seconds=60))

    client.create(file, status=400)

    assert client.ask("GET", "/v1beta/batches") == {}
    emulator.set_faults()
    assert len(client.ask("GET", "/v1beta/batches")["operations"]) == 2


# Results


def test_under_all_faults_of_lines_the_ledger_shows_no_text_twice(
    emulator: RunningEmulator, client: GeminiClient
) -> None:
    emulator.set_faults(*(Fault(name, rate=0.2, count=4) for name in LINE_FAULTS))

    client.run([line(str(number), f"text {number}") for number in range(300)])
    fired = emulator.fired()

    assert all(fired.values())
    assert emulator.ledger()["billed_more_than_once"] == []
    assert emulator.ledger()["texts"] == 300 - sum(count for name, count in fired.items() if not is_billed(name))


@pytest.mark.parametrize(
    ("fault", "result"),
    [
        ("status_0", {"error": {}}),
        ("null_vector", {"response": {"embedding": {"values": None}, "tokenCount": "2"}}),
        (
            "error_per_request_500",
            {"error": {"code": 13, "message": "The server had an error while processing your request."}},
        ),
    ],
)
def test_a_line_can_be_without_a_vector(
    emulator: RunningEmulator, client: GeminiClient, fault: str, result: dict[str, Any]
) -> None:
    emulator.set_faults(Fault(fault))

    batch = client.run([line("1", "a text")])

    assert client.results(output(batch)) == {"1": {**result, "key": "1"}}
    assert emulator.ledger()["texts"] == 0


def test_a_line_can_be_another_s_and_doubled(emulator: RunningEmulator, client: GeminiClient) -> None:
    for fault, keys in (("foreign_lines", ["1", "2"]), ("duplicated_lines", ["1", "1"]), ("lost_lines", [])):
        emulator.set_faults(Fault(fault))
        batch = client.run([line("1", "a text")])
        named = batch["metadata"].get("output")
        content = client.http.get(f"/v1beta/{output(batch)}:download?alt=media").content if named else b""
        assert [json.loads(each)["key"] for each in content.splitlines()] == keys


@pytest.mark.parametrize("fault", ["late_output_file", "empty_output_file", "broken_content", "truncated_download"])
def test_a_download_fails_for_a_while(emulator: RunningEmulator, client: GeminiClient, fault: str) -> None:
    batch = client.run(lines())
    whole = client.http.get(f"/v1beta/{output(batch)}:download?alt=media")
    emulator.set_faults(Fault(fault, seconds=60))

    spoilt = client.http.get(f"/v1beta/{output(batch)}:download?alt=media")

    expected = {"late_output_file": (404, None), "empty_output_file": (200, 0), "broken_content": (500, None)}
    status, size = expected.get(fault, (200, len(whole.content) // 2))
    assert spoilt.status_code == status
    assert size is None or len(spoilt.content) == size


# Embeddings at once


def test_an_answer_can_lack_a_vector_and_a_text_be_refused(emulator: RunningEmulator, client: GeminiClient) -> None:
    body = {"requests": [line("", text, taskType="RETRIEVAL_QUERY")["request"] for text in ("a", "b", "c")]}
    path = f"/v1beta/{MODEL}:batchEmbedContents"

    whole = client.ask("POST", path, body)["embeddings"]
    emulator.set_faults(Fault("short_answer"))
    short = client.ask("POST", path, body)["embeddings"]
    emulator.set_faults(Fault("refused_text"))
    refused = client.refused("POST", path, body)
    emulator.set_faults(Fault("no_credit"))
    without_credit = client.refused("POST", path, body)

    assert len(whole) == 3
    assert short == whole[1:]
    assert (refused, without_credit) == ((400, "INVALID_ARGUMENT"), (429, "RESOURCE_EXHAUSTED"))
    assert emulator.ledger()["texts"] == 3


def test_a_call_has_its_limits(start: Start, connect_gemini: Connect) -> None:
    client = connect_gemini(start(dialect="gemini", limits=limits(requests_per_minute=1)))
    request = line("", "a text")["request"]
    path = f"/v1beta/{MODEL}:batchEmbedContents"

    for wrong in ([], [request] * 101, [{**request, "model": "models/another"}]):
        assert client.refused("POST", path, {"requests": wrong}) == (400, "INVALID_ARGUMENT")
    assert client.refused("POST", "/v1beta/models/another:embedContent", request) == (404, "NOT_FOUND")
    assert len(client.ask("POST", path, {"requests": [request] * 100})["embeddings"]) == 100
    assert client.refused("POST", path, {"requests": [request]}) == (429, "RESOURCE_EXHAUSTED")


def test_tokens_are_counted_and_models_listed(client: GeminiClient) -> None:
    contents = [{"parts": [{"text": text}]} for text in TEXTS.values()]

    counted = client.ask("POST", f"/v1/{MODEL}:countTokens", {"contents": contents})
    listed = client.ask("GET", "/v1beta/models")["models"]
    one = client.ask("GET", f"/v1beta/{MODEL}")

    assert counted == {"totalTokens": 7 * len(TEXTS)}
    assert one in listed
    assert one["inputTokenLimit"] == 2_048


def test_one_text_is_embedded_at_once_as_by_a_batch(client: GeminiClient) -> None:
    wanted = line("1", "a text", taskType="RETRIEVAL_DOCUMENT", outputDimensionality=128)

    at_once = client.ask("POST", f"/v1beta/{MODEL}:embedContent", wanted["request"])
    by_batch = client.results(output(client.run([wanted])))["1"]

    assert at_once["embedding"]["values"] == values(by_batch).tolist()
