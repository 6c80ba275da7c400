"""What becomes of requests that no line of a result file answers."""

from __future__ import annotations

from typing import Any

import pytest
from batch_rows import batch_row
from hypothesis import given
from hypothesis import strategies as st

from ingest.batches.records import ABANDONED, INTERRUPTED, UNKNOWN, Batch, words
from ingest.batches.unanswered import faulty_requests, refused_alike, remedy, why_unanswered
from ingest.provider import BatchFault
from ingest.provider.jsonl import RequestFailure

IDS = [10, 20, 30]
faults = st.builds(
    BatchFault,
    st.sampled_from(["invalid_request", "invalid_json_line", "model_not_found", ""]),
    st.text(),
    st.none() | st.integers(-2, 6),
)


def batch(**values: Any) -> Batch:
    """A batch of three requests that ended."""
    files = {"input_file_id": "file-1", "provider_batch_id": "batch_1"}
    return batch_row(**{"state": "finished", "provider_status": "failed"} | files | values)


def test_a_refusal_of_the_account_has_its_code_once() -> None:
    fault = BatchFault("billing_hard_limit_reached", "Billing hard limit has been reached", None)

    failure = why_unanswered(batch(), [fault], None, isolated=False)

    assert (failure.refused, failure.code, failure.message) == ("account", fault.code, fault.message)


@pytest.mark.parametrize("code", ["result_file_gone", "batch_unknown"])
def test_what_may_be_had_for_nothing_is_advised_before_what_is_paid_again(code: str) -> None:
    command, purpose = remedy([code, "over_limit"], "docs")

    assert command == "ingest load --corpus docs"
    assert "free" in purpose
    assert "paid again by `ingest retry --corpus docs && ingest run --corpus docs …`" in purpose


def test_the_lines_that_are_named_fail_for_good_and_cost_the_others_no_attempt() -> None:
    fault = BatchFault("invalid_request", "bad on purpose", 2)

    faulty = faulty_requests([fault], IDS, batch())
    rest = why_unanswered(batch(), [fault], None, isolated=bool(faulty))

    assert {chunk_id: (failure.retryable, failure.message) for chunk_id, failure in faulty.items()} == {
        20: (False, "bad on purpose")
    }
    assert (rest.retryable, rest.counted) == (True, False)


@pytest.mark.parametrize(
    "fault",
    [
        BatchFault("invalid_request", "no line is named"),
        BatchFault("invalid_request", "no such line", 4),
    ],
)
def test_a_batch_that_failed_as_a_whole_costs_an_attempt(fault: BatchFault) -> None:
    faulty = faulty_requests([fault], IDS, batch())
    rest = why_unanswered(batch(), [fault], None, isolated=bool(faulty))

    assert faulty == {}
    assert (rest.retryable, rest.counted) == (True, True)


@pytest.mark.parametrize(
    "fault",
    [
        BatchFault("model_not_found", "no such model", 1),  # stands for every line
        BatchFault("billing_hard_limit_reached", "Billing hard limit has been reached"),
        BatchFault("insufficient_quota", "You exceeded your current quota"),
    ],
)
def test_a_batch_that_is_refused_to_the_account_costs_none(fault: BatchFault) -> None:
    faulty = faulty_requests([fault], IDS, batch())
    rest = why_unanswered(batch(), [fault], None, isolated=bool(faulty))

    assert faulty == {}
    assert (rest.retryable, rest.counted, rest.refused) == (True, False, "account")


def refused(*messages: str) -> dict[int, RequestFailure]:
    return {
        number: RequestFailure("invalid_request_error", message, retryable=False, refused="text")
        for number, message in enumerate(messages)
    }


@pytest.mark.parametrize(
    ("failures", "requests", "whose"),
    [
        (refused("no dimensions for model 3", "no dimensions for model 12"), 2, "account"),
        (refused("no dimensions", "no dimensions"), 3, "text"),  # another was answered
        (refused("no dimensions", "no such format"), 2, "text"),
        (refused("no dimensions"), 1, "text"),  # nothing to tell it from the text
        (refused("maximum context length is 8192 tokens", "maximum context length is 8192 tokens"), 2, "text"),
        (refused("'$.input' is invalid.", "'$.input' is invalid."), 2, "text"),
        ({}, 0, None),
    ],
)
def test_what_is_refused_alike_in_every_text_is_no_fault_of_the_texts(
    failures: dict[int, RequestFailure], requests: int, whose: str | None
) -> None:
    judged = refused_alike(failures, requests)

    assert judged.keys() == failures.keys()
    assert {failure.refused for failure in judged.values()} == ({whose} if whose else set())


def test_lines_are_not_told_apart_where_some_requests_are_answered_already() -> None:
    assert faulty_requests([BatchFault("invalid_request", "bad", 1)], IDS[1:], batch()) == {}


@given(st.lists(faults))
def test_every_failed_batch_counts_an_attempt_or_takes_a_request_out_of_line(found: list[BatchFault]) -> None:
    faulty = faulty_requests(found, IDS, batch())
    rest = why_unanswered(batch(), found, None, isolated=bool(faulty))

    assert rest.counted or rest.refused == "account" or any(not failure.retryable for failure in faulty.values())
    assert faulty.keys() <= set(IDS)


@pytest.mark.parametrize(
    ("ended", "gone", "retryable"),
    [
        ({"provider_status": UNKNOWN}, None, False),
        ({"provider_status": "completed"}, "no file file-2", False),
        ({"provider_status": ABANDONED}, None, True),
        ({"provider_status": "completed"}, None, True),
        ({"provider_status": "cancelled", "cancel_asked": True}, None, True),
    ],
)
def test_what_may_have_been_billed_is_sent_again_only_by_a_person(
    ended: dict[str, Any], gone: str | None, *, retryable: bool
) -> None:
    assert why_unanswered(batch(**ended), [], gone, isolated=False).retryable == retryable


@given(st.lists(faults))
def test_a_provider_s_words_fit_on_a_line_of_the_database(found: list[BatchFault]) -> None:
    said = words(found)

    assert (said is None) == (not found)
    assert said is None or ("\0" not in said and "\n" not in said and len(said) < 600)


def test_what_was_not_answered_when_a_run_stopped_was_no_attempt() -> None:
    failure = why_unanswered(batch(mode="sync", provider_status=INTERRUPTED), [], None, isolated=False)

    assert (failure.retryable, failure.counted) == (True, False)
