"""What fits into an account's limits, and what its refusals say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.budget import Budget, InFlight, fits, has_no_room, named_limit
from ingest.provider import BatchFault

counts = st.integers(0, 10**9)


@pytest.mark.parametrize(
    ("message", "limit"),
    [
        (
            "Enqueued token limit reached for embedding-3 in organization org-1. Limit: 3,000,000 enqueued tokens.",
            3_000_000,
        ),
        ("limit: 90000 enqueued tokens", 90_000),
        ("Limit: 0 enqueued tokens", None),
        ("Enqueued token limit reached.", None),
        ("", None),
    ],
)
def test_a_refusal_names_its_limit(message: str, limit: int | None) -> None:
    assert named_limit([BatchFault("token_limit_exceeded", message)]) == limit


@given(st.text())
def test_no_words_of_a_provider_are_too_much_for_it(message: str) -> None:
    limit = named_limit([BatchFault("token_limit_exceeded", message)])

    assert limit is None or limit > 0


def test_only_want_of_room_is_want_of_room() -> None:
    assert has_no_room([BatchFault("token_limit_exceeded", "")])
    assert not has_no_room([BatchFault("invalid_request", "", 3)])
    assert not has_no_room([])


@given(st.none() | st.integers(1, 10**9), st.integers(1, 10**6), counts, counts)
def test_one_batch_may_always_go_so_that_no_limit_stops_a_corpus(
    max_tokens: int | None, max_requests: int, tokens: int, requests: int
) -> None:
    budget = Budget(max_tokens, max_requests, max_batches_per_hour=1)

    assert fits(budget, InFlight(0, 0, 0), tokens, requests)
    assert not fits(budget, InFlight(0, 0, 1), tokens, requests)


@given(st.integers(1, 10**9), counts, st.integers(1, 10**9), counts, counts)
def test_with_something_in_flight_the_limits_hold(
    max_tokens: int, tokens_in_flight: int, requests_in_flight: int, tokens: int, requests: int
) -> None:
    budget = Budget(max_tokens, 1_000_000, 2_000)

    if fits(budget, InFlight(tokens_in_flight, requests_in_flight, 0), tokens, requests):
        assert tokens_in_flight + tokens <= max_tokens
        assert requests_in_flight + requests <= 1_000_000
