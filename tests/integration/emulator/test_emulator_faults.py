"""Every fault, as a client sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import openai
import pytest
from emulator_client import (
    create,
    custom_ids,
    finished,
    request_lines,
    results,
    run,
    until,
    upload,
    vector,
)

from ingest.emulator import Fault, hash_vectors, running
from ingest.emulator.faults import LINE_FAULTS, is_billed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from openai import OpenAI
    from openai.types import Batch

    from ingest.emulator import RunningEmulator

    Connect = Callable[[RunningEmulator], OpenAI]

LINES = 40


def content(client: OpenAI, file_id: str | None) -> bytes:
    return client.files.content(file_id or "").content


def run_under(emulator: RunningEmulator, client: OpenAI, *faults: Fault, count: int = LINES, **body: Any) -> Batch:
    emulator.set_faults(*faults)
    return run(client, request_lines(count, **body))


# Calls


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("upload", lambda client, _: upload(client, request_lines(1))),
        ("list_files", lambda client, _: client.files.list()),
        ("retrieve_file", lambda client, batch: client.files.retrieve(batch.input_file_id)),
        ("content", lambda client, batch: client.files.content(batch.input_file_id)),
        ("create", lambda client, batch: create(client, batch.input_file_id)),
        ("list_batches", lambda client, _: client.batches.list()),
        ("retrieve", lambda client, batch: client.batches.retrieve(batch.id)),
        ("cancel", lambda client, batch: client.batches.cancel(batch.id)),
        ("embeddings", lambda client, _: client.embeddings.create(model="hash", input="a")),
        ("delete_file", lambda client, batch: client.files.delete(batch.input_file_id)),
    ],
)
def test_any_call_can_be_cut_or_refused(
    emulator: RunningEmulator, client: OpenAI, operation: str, call: Callable[[OpenAI, Batch], object]
) -> None:
    emulator.set_faults(Fault("stuck_validating"))
    batch = create(client, upload(client, request_lines(1)))

    for fault, error in (
        ("drop_before", openai.APIConnectionError),
        ("http_429", openai.RateLimitError),
        ("http_500", openai.InternalServerError),
        ("http_502", openai.InternalServerError),
    ):
        emulator.set_faults(Fault("stuck_validating"), Fault(f"{fault}_{operation}", count=1))
        with pytest.raises(error):
            call(client, batch)

    call(client, batch)


def test_a_cut_upload_is_not_carried_out_or_is(emulator: RunningEmulator, client: OpenAI) -> None:
    emulator.set_faults(Fault("drop_before_upload", count=1), Fault("drop_after_upload", count=1))

    with pytest.raises(openai.APIConnectionError):
        upload(client, request_lines(1), "before.jsonl")
    with pytest.raises(openai.APIConnectionError):
        upload(client, request_lines(1), "after.jsonl")

    assert [file.filename for file in client.files.list()] == ["after.jsonl"]


@pytest.mark.parametrize("fault", ["drop_after_create", "http_500_after_create"])
def test_a_batch_is_created_though_nobody_was_told(emulator: RunningEmulator, client: OpenAI, fault: str) -> None:
    file_id = upload(client, request_lines(1))
    emulator.set_faults(Fault(fault, count=1))

    with pytest.raises((openai.APIConnectionError, openai.InternalServerError)):
        create(client, file_id, metadata={"key": "ours"})

    (batch,) = client.batches.list().data
    assert batch.metadata == {"key": "ours"}
    assert finished(client, batch).status == "completed"


def test_a_refusal_for_the_rate_says_how_long_to_wait(emulator: RunningEmulator, client: OpenAI) -> None:
    emulator.set_faults(Fault("http_429", seconds=0.03))

    with pytest.raises(openai.RateLimitError) as refusal:
        client.batches.list()

    assert refusal.value.response.headers["retry-after"] == "1"
    assert refusal.value.response.headers["retry-after-ms"] == "30"


def test_an_answer_can_be_late(emulator: RunningEmulator, client: OpenAI) -> None:
    emulator.set_faults(Fault("delay_list_batches", seconds=2))

    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=0.2).batches.list()


def test_a_proxy_answers_502_for_content_for_a_while(emulator: RunningEmulator, client: OpenAI) -> None:
    batch = run(client, request_lines(1))
    emulator.set_faults(Fault("http_502_content", count=2))

    for _ in range(2):
        with pytest.raises(openai.InternalServerError) as refusal:
            content(client, batch.output_file_id)
        assert refusal.value.status_code == 502

    assert content(client, batch.output_file_id)


# Downloads and lists


def test_a_download_can_end_early_as_if_whole(emulator: RunningEmulator, client: OpenAI) -> None:
    batch = run(client, request_lines(LINES))
    whole = content(client, batch.output_file_id)
    emulator.set_faults(Fault("truncated_download", count=1))

    part = content(client, batch.output_file_id)

    assert part == whole[: len(whole) // 2]
    assert content(client, batch.output_file_id) == whole


def test_a_download_can_be_cut(emulator: RunningEmulator, client: OpenAI) -> None:
    batch = run(client, request_lines(LINES))
    whole = content(client, batch.output_file_id)
    emulator.set_faults(Fault("cut_download", count=1))

    with pytest.raises(openai.APIConnectionError):
        content(client, batch.output_file_id)

    assert content(client, batch.output_file_id) == whole


def test_lists_can_lag(emulator: RunningEmulator, client: OpenAI) -> None:
    emulator.set_faults(Fault("lagging_lists", seconds=3600))
    batch = run(client, request_lines(1))

    files, batches = client.files.list().data, client.batches.list().data
    emulator.set_faults(Fault("lagging_lists", seconds=1e-6))  # all of it is older

    assert (files, batches) == ([], [])
    assert [each.id for each in client.batches.list()] == [batch.id]
    assert {each.id for each in client.files.list()} == {batch.input_file_id, batch.output_file_id}


def test_a_file_can_be_missing_straight_after_upload(emulator: RunningEmulator, client: OpenAI) -> None:
    emulator.set_faults(Fault("read_after_write_404", seconds=3600))
    file_id = upload(client, request_lines(1))

    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(file_id)
    with pytest.raises(openai.BadRequestError) as refusal:
        create(client, file_id)
    emulator.set_faults(Fault("read_after_write_404", seconds=1e-6))

    assert refusal.value.param == "file_id"
    assert client.files.retrieve(file_id).id == file_id
    assert finished(client, create(client, file_id)).status == "completed"


# Lines


def test_lines_can_be_lost_and_are_not_billed(emulator: RunningEmulator, client: OpenAI) -> None:
    batch = run_under(emulator, client, Fault("lost_lines", rate=0.3))

    seen = custom_ids(results(client, batch.output_file_id) + results(client, batch.error_file_id))

    assert batch.status == "completed"
    assert 0 < len(seen) < LINES
    assert emulator.ledger()["texts"] == len(seen)
    assert emulator.fired() == {"lost_lines": LINES - len(seen)}


def test_lines_can_come_twice_and_are_billed_once(emulator: RunningEmulator, client: OpenAI) -> None:
    batch = run_under(emulator, client, Fault("duplicated_lines", rate=0.3))

    seen = custom_ids(results(client, batch.output_file_id))

    assert len(set(seen)) == LINES < len(seen)
    assert emulator.ledger()["texts"] == LINES


def test_lines_of_a_stranger_can_be_among_ours(emulator: RunningEmulator, client: OpenAI) -> None:
    batch = run_under(emulator, client, Fault("foreign_lines", count=1))

    seen = custom_ids(results(client, batch.output_file_id))

    assert set(seen) - {str(i) for i in range(LINES)} == {str(LINES)}
    assert emulator.ledger()["texts"] == LINES


def test_the_order_of_lines_can_be_any(emulator: RunningEmulator, client: OpenAI) -> None:
    batch = run_under(emulator, client, Fault("shuffled"))

    lines = results(client, batch.output_file_id)

    assert custom_ids(lines) != [str(i) for i in range(LINES)]
    assert {line["custom_id"]: tuple(vector(line)) for line in lines} == {
        str(i): tuple(row)
        for i, row in enumerate(hash_vectors([f"This is text number {i}." for i in range(LINES)], dimensions=8))
    }


@pytest.mark.parametrize("encoding_format", ["float", "base64"])
def test_a_vector_can_be_short(emulator: RunningEmulator, client: OpenAI, encoding_format: str) -> None:
    batch = run_under(emulator, client, Fault("wrong_dimensions", count=1), encoding_format=encoding_format)

    lengths = [len(vector(line)) for line in results(client, batch.output_file_id)]

    assert sorted(lengths) == [7] + [8] * (LINES - 1)
    assert emulator.ledger()["texts"] == LINES - 1


@pytest.mark.parametrize(("fault", "test"), [("nan", np.isnan), ("inf", np.isinf)])
def test_a_vector_can_be_not_finite(
    emulator: RunningEmulator, client: OpenAI, fault: str, test: Callable[[np.ndarray], np.ndarray]
) -> None:
    batch = run_under(emulator, client, Fault(fault, count=1), encoding_format="base64")

    odd = [line for line in results(client, batch.output_file_id) if test(vector(line)).any()]

    assert len(odd) == 1
    assert emulator.ledger()["texts"] == LINES - 1


def test_a_batch_can_be_created_twice(emulator: RunningEmulator, client: OpenAI) -> None:
    batch = run_under(emulator, client, Fault("duplicated_create", count=1))

    batches = client.batches.list().data

    assert [each.input_file_id for each in batches] == [batch.input_file_id] * 2
    assert len({each.id for each in batches}) == 2
    assert batch.id in {each.id for each in batches}


def test_a_vector_can_be_zeros_or_null(emulator: RunningEmulator, client: OpenAI) -> None:
    batch = run_under(emulator, client, Fault("zeros", count=1), Fault("null_vector", count=1))

    embeddings = [line["response"]["body"]["data"][0]["embedding"] for line in results(client, batch.output_file_id)]

    assert len([embedding for embedding in embeddings if embedding is None]) == 1
    assert len([embedding for embedding in embeddings if embedding and not any(embedding)]) == 1
    assert emulator.ledger()["texts"] == LINES - 2


def test_a_number_that_is_not_finite_is_null_among_floats(emulator: RunningEmulator, client: OpenAI) -> None:
    batch = run_under(emulator, client, Fault("nan", count=1))

    embeddings = [line["response"]["body"]["data"][0]["embedding"] for line in results(client, batch.output_file_id)]

    assert sum(None in embedding for embedding in embeddings) == 1


@pytest.mark.parametrize("status_code", [0, 400, 429, 500])
def test_a_request_can_fail(emulator: RunningEmulator, client: OpenAI, status_code: int) -> None:
    fault = f"error_per_request_{status_code}" if status_code else "status_0"

    batch = run_under(emulator, client, Fault(fault, rate=0.5))
    failed = results(client, batch.error_file_id)

    assert batch.status == "completed"
    assert 0 < len(failed) < LINES
    assert {(line["error"], line["response"]["status_code"]) for line in failed} == {(None, status_code)}
    assert batch.request_counts is not None
    assert batch.request_counts.failed == len(failed)
    assert emulator.ledger()["texts"] == LINES - len(failed)


def test_a_body_can_be_a_string(emulator: RunningEmulator, client: OpenAI) -> None:
    batch = run_under(emulator, client, Fault("stringified_body"))

    bodies = [line["response"]["body"] for line in results(client, batch.output_file_id)]

    assert all(isinstance(body, str) and body.startswith('{"data":[{') for body in bodies)
    assert emulator.ledger()["texts"] == LINES


@pytest.mark.parametrize("fault", ["truncated_output_line", "non_json_line"])
def test_a_line_can_be_no_json(emulator: RunningEmulator, client: OpenAI, fault: str) -> None:
    batch = run_under(emulator, client, Fault(fault, count=1))

    lines = content(client, batch.output_file_id).splitlines()

    assert len(lines) == LINES
    assert sum(line.startswith(b"{") and line.endswith(b"}") for line in lines) == LINES - 1
    assert emulator.ledger()["texts"] == LINES - 1


def test_the_last_line_can_lack_its_newline(emulator: RunningEmulator, client: OpenAI) -> None:
    batch = run_under(emulator, client, Fault("no_trailing_newline"))

    output = content(client, batch.output_file_id)

    assert output.endswith(b"}")
    assert len(output.splitlines()) == LINES


# Batches


@pytest.mark.parametrize(("fault", "file_id"), [("null_file_ids", None), ("empty_file_ids", "")])
def test_a_batch_can_complete_with_nothing(
    emulator: RunningEmulator, client: OpenAI, fault: str, file_id: str | None
) -> None:
    batch = run_under(emulator, client, Fault(fault))

    assert (batch.status, batch.output_file_id, batch.error_file_id) == ("completed", file_id, file_id)
    assert emulator.ledger()["texts"] == 0


@pytest.mark.parametrize(
    ("fault", "code"),
    [("error_per_request_no_credit", "insufficient_quota"), ("error_per_request_dimensions", None)],
)
def test_requests_can_be_refused_whatever_their_text(
    emulator: RunningEmulator, client: OpenAI, fault: str, code: str | None
) -> None:
    batch = run_under(emulator, client, Fault(fault))

    errors = [line["response"]["body"]["error"]["code"] for line in results(client, batch.error_file_id)]

    assert (batch.status, errors) == ("completed", [code] * LINES)
    assert emulator.ledger()["texts"] == 0


def test_a_batch_can_fail_for_want_of_credit(emulator: RunningEmulator, client: OpenAI) -> None:
    batch = run_under(emulator, client, Fault("no_credit_batch"))

    assert batch.errors is not None
    assert batch.errors.data is not None
    assert (batch.status, batch.errors.data[0].code) == ("failed", "billing_hard_limit_reached")


def test_the_files_of_a_completed_batch_can_be_named_late(emulator: RunningEmulator, client: OpenAI) -> None:
    batch = run_under(emulator, client, Fault("late_file_ids", seconds=3_600))

    emulator.set_faults()
    named = until(client, batch, lambda b: b.output_file_id is not None)

    assert (batch.status, batch.output_file_id) == ("completed", None)
    assert len(results(client, named.output_file_id)) == LINES


def test_a_result_file_can_come_late_or_be_empty_at_first(emulator: RunningEmulator, client: OpenAI) -> None:
    emulator.set_faults(Fault("late_output_file", seconds=3_600, count=1))
    late = run(client, request_lines(1))
    with pytest.raises(openai.NotFoundError):
        content(client, late.output_file_id)

    emulator.set_faults(Fault("empty_output_file", seconds=3_600))
    size = client.files.retrieve(late.output_file_id or "").bytes
    empty = content(client, late.output_file_id)
    emulator.set_faults()

    assert (size, empty) == (0, b"")
    assert content(client, late.output_file_id)


def test_a_status_can_go_back_and_counts_can_fall(emulator: RunningEmulator, client: OpenAI) -> None:
    batch = run(client, request_lines(LINES))
    emulator.set_faults(Fault("backward_status", count=1), Fault("falling_counts", count=1))

    first, then = client.batches.retrieve(batch.id), client.batches.retrieve(batch.id)

    assert (first.status, first.output_file_id, then.status) == ("in_progress", None, "completed")
    assert [seen.request_counts and seen.request_counts.completed for seen in (first, then)] == [LINES // 2, LINES]


def test_one_batch_one_file_can_be_broken_until_the_fault_is_taken_away(
    emulator: RunningEmulator, client: OpenAI
) -> None:
    bad, good = run(client, request_lines(1)), run(client, request_lines(1))
    emulator.set_faults(Fault("broken_batch", count=1), Fault("broken_content", count=1))

    for _ in range(2):
        with pytest.raises(openai.InternalServerError):
            client.batches.retrieve(bad.id)
        with pytest.raises(openai.InternalServerError):
            content(client, bad.output_file_id)
    seen = client.batches.retrieve(good.id).status, content(client, good.output_file_id)
    emulator.set_faults()

    assert seen[0] == "completed"
    assert seen[1]
    assert client.batches.retrieve(bad.id).status == "completed"


def test_one_input_file_can_be_refused_each_time(emulator: RunningEmulator, client: OpenAI) -> None:
    emulator.set_faults(Fault("refused_file", count=1))
    file_id = upload(client, request_lines(1))

    for _ in range(2):
        with pytest.raises(openai.BadRequestError, match="blocked"):
            create(client, file_id)

    assert finished(client, create(client, upload(client, request_lines(1)))).status == "completed"


def test_an_error_file_can_be_empty(emulator: RunningEmulator, client: OpenAI) -> None:
    batch = run_under(emulator, client, Fault("zero_byte_error_file"))

    assert batch.error_file_id
    assert content(client, batch.error_file_id) == b""
    assert len(results(client, batch.output_file_id)) == LINES


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("expired_partial", "expired", "batch_expired"),
        ("cancelled_partial", "cancelled", "batch_cancelled"),
    ],
)
def test_a_batch_can_end_half_done(
    emulator: RunningEmulator, client: OpenAI, fault: str, status: str, code: str
) -> None:
    batch = run_under(emulator, client, Fault(fault))

    done = results(client, batch.output_file_id)
    rest = results(client, batch.error_file_id)

    assert batch.status == status
    assert (len(done), len(rest)) == (LINES // 2, LINES // 2)
    assert {line["error"]["code"] for line in rest} == {code}
    assert emulator.ledger()["texts"] == len(done)


@pytest.mark.parametrize("status", ["validating", "in_progress", "finalizing"])
def test_a_batch_can_be_stuck_until_the_fault_is_taken_away(
    emulator: RunningEmulator, client: OpenAI, status: str
) -> None:
    emulator.set_faults(Fault(f"stuck_{status}", count=1))
    stuck = create(client, upload(client, request_lines(1)))
    other = run(client, request_lines(1))
    until(client, stuck, lambda b: b.status == status)

    seen = client.batches.retrieve(stuck.id).status
    emulator.set_faults()

    assert other.status == "completed"
    assert seen == status
    assert finished(client, stuck).status == "completed"


def test_a_stuck_batch_can_be_cancelled_and_be_stuck_in_that(emulator: RunningEmulator, client: OpenAI) -> None:
    emulator.set_faults(Fault("stuck_in_progress"), Fault("stuck_cancelling"))
    batch = create(client, upload(client, request_lines(1)))
    until(client, batch, lambda b: b.status == "in_progress")

    client.batches.cancel(batch.id)
    run_time = client.batches.retrieve(batch.id).status
    emulator.set_faults()

    assert run_time == "cancelling"
    assert finished(client, batch).status == "cancelled"


def test_a_batch_can_be_over_the_token_limit(emulator: RunningEmulator, client: OpenAI) -> None:
    batch = run_under(emulator, client, Fault("token_limit", count=1))

    assert batch.status == "failed"
    assert batch.errors is not None
    assert batch.errors.data is not None
    assert batch.errors.data[0].code == "token_limit_exceeded"
    assert run(client, request_lines(LINES)).status == "completed"


def test_one_line_can_fail_the_validation_each_time(emulator: RunningEmulator, client: OpenAI) -> None:
    batch = run_under(emulator, client, Fault("bad_line_fails_validation", count=1, after=5))
    assert batch.errors is not None
    assert batch.errors.data is not None
    (error,) = batch.errors.data
    lines = request_lines(LINES)

    again = run(client, lines)
    without = run(client, lines[: (error.line or 0) - 1] + lines[error.line or 0 :])

    assert (batch.status, error.code, error.line) == ("failed", "invalid_request", 6)
    assert again.status == "failed"
    assert without.status == "completed"


def test_a_status_can_be_unknown_for_a_while(emulator: RunningEmulator, client: OpenAI) -> None:
    emulator.set_faults(Fault("unknown_status", seconds=0.5))
    batch = create(client, upload(client, request_lines(1)))

    first = str(batch.status)

    assert first == "scheduling"
    assert finished(client, batch).status == "completed"


def test_counts_can_be_null_at_first(emulator: RunningEmulator, client: OpenAI) -> None:
    emulator.set_faults(Fault("null_request_counts"))

    batch = create(client, upload(client, request_lines(1)))

    assert batch.request_counts is None
    assert finished(client, batch).request_counts is not None


def test_a_batch_may_keep_its_usage_to_itself(emulator: RunningEmulator, client: OpenAI) -> None:
    emulator.set_faults(Fault("null_usage"))

    batch = finished(client, create(client, upload(client, request_lines(1))))

    assert batch.status == "completed"
    assert batch.usage is None


def test_a_batch_may_lose_its_metadata(emulator: RunningEmulator, client: OpenAI) -> None:
    emulator.set_faults(Fault("null_metadata"))

    batch = create(client, upload(client, request_lines(1)), metadata={"key": "value"})

    assert batch.metadata is None


# The dice


def test_the_same_seed_plays_the_same_faults(connect: Connect, tmp_path: Path) -> None:
    def survivors(folder: Path, seed: int) -> list[str]:
        with running(folder, seed=seed, faults=[Fault("lost_lines", rate=0.5)]) as emulator:
            client = connect(emulator)
            return custom_ids(results(client, run(client, request_lines(LINES)).output_file_id))

    first = survivors(tmp_path / "first", seed=1)
    same = survivors(tmp_path / "same", seed=1)
    other = survivors(tmp_path / "other", seed=2)

    assert first == same != other


def test_a_fault_that_is_not_known_is_refused(emulator: RunningEmulator) -> None:
    with openai.DefaultHttpxClient() as http:
        response = http.put(
            emulator.base_url.removesuffix("v1") + "_emulator/faults",
            json=[{"name": "earthquake"}],
            headers={"authorization": f"Bearer {emulator.api_key}"},
        )

    assert response.status_code == 400
    assert "unknown fault 'earthquake'" in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path", "status_code"),
    [
        ("GET", "_emulator/faults", 401),
        ("PUT", "_emulator/faults", 401),
        ("GET", "_emulator/ledger", 401),
        ("GET", "healthz", 200),
        ("GET", "v1/nothing", 404),
    ],
)
def test_faults_and_ledger_need_the_key(emulator: RunningEmulator, method: str, path: str, status_code: int) -> None:
    with openai.DefaultHttpxClient() as http:
        response = http.request(method, emulator.base_url.removesuffix("v1") + path)

    assert response.status_code == status_code


def test_under_all_faults_of_lines_the_ledger_shows_no_text_twice(emulator: RunningEmulator, client: OpenAI) -> None:
    batch = run_under(emulator, client, *(Fault(name, rate=0.2, count=4) for name in LINE_FAULTS), count=300)

    fired = emulator.fired()

    assert batch.status == "completed"
    assert all(fired.values())
    assert emulator.ledger()["billed_more_than_once"] == []
    assert emulator.ledger()["texts"] == 300 - sum(count for name, count in fired.items() if not is_billed(name))


def embedded(client: OpenAI, *texts: str) -> list[tuple[int, list[float]]]:
    """What a call that embeds at once brings: indexes and vectors, in its order."""
    answer = client.embeddings.create(model="hash", input=list(texts), dimensions=8, encoding_format="float")
    return [(item.index, item.embedding) for item in answer.data]


def test_an_answer_can_lack_its_first_vector_and_the_others_move_up(emulator: RunningEmulator, client: OpenAI) -> None:
    whole = embedded(client, "a", "b", "c")
    emulator.set_faults(Fault("short_answer"))

    short = embedded(client, "a", "b", "c")

    assert short == [(0, whole[1][1]), (1, whole[2][1])]
    assert emulator.ledger()["texts"] == 3


def test_the_vectors_of_an_answer_can_be_in_any_order(emulator: RunningEmulator, client: OpenAI) -> None:
    whole = embedded(client, "a", "b", "c")
    emulator.set_faults(Fault("shuffled_answer"))

    assert embedded(client, "a", "b", "c") == whole[::-1]


def test_a_vector_of_an_answer_can_be_not_finite_and_is_not_billed(emulator: RunningEmulator, client: OpenAI) -> None:
    emulator.set_faults(Fault("nan_answer"))

    answer = client.embeddings.create(model="hash", input=["a", "b"], dimensions=8)  # the SDK decodes base64

    assert [np.isnan(item.embedding).any() for item in answer.data] == [True, False]
    assert emulator.ledger()["texts"] == 1


def test_a_text_can_be_refused_each_time_and_with_it_every_call_that_holds_it(
    emulator: RunningEmulator, client: OpenAI
) -> None:
    emulator.set_faults(Fault("refused_text", count=1, after=1))  # the second text that it meets

    for texts in (["a", "b"], ["b"]):
        with pytest.raises(openai.BadRequestError, match="is invalid"):
            embedded(client, *texts)

    assert len(embedded(client, "a", "c")) == 2
    assert emulator.ledger()["texts"] == 2


def test_an_account_can_be_without_credit(emulator: RunningEmulator, client: OpenAI) -> None:
    emulator.set_faults(Fault("no_credit"))

    with pytest.raises(openai.RateLimitError) as refused:
        embedded(client, "a")

    assert refused.value.code == refused.value.type == "insufficient_quota"
    assert emulator.ledger()["texts"] == 0
