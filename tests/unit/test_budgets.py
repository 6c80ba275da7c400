"""What fits into an account's limits, and what its refusals say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.batches.budget import (
    Budget,
    InFlight,
    Learned,
    Refused,
    after_refusal,
    budget_by,
    fits,
    has_no_room,
    is_of_the_batch,
    named_limit,
    named_size,
    obstacle,
)
from ingest.provider import BatchFault
from ingest.settings import load_settings

counts = st.integers(0, 10**9)


@pytest.mark.parametrize(
    ("message", "limit"),
    [
        (
            "Enqueued token limit reached for embedding-3 in organization org-1. Limit: 3,000,000 enqueued tokens.",
            3_000_000,
        ),
        ("limit: 90000 enqueued tokens", 90_000),
        ("Limit: 1 enqueued tokens", 1),
        ("Limit: 0 enqueued tokens", None),
        (f"Limit: {2**62 - 1:,} enqueued tokens", 2**62 - 1),
        (f"Limit: {2**62:,} enqueued tokens", None),  # the database's numbers end, too
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


@pytest.mark.parametrize(
    ("message", "size"),
    [
        ("The batch has 1,098 tokens. The maximum is 1,000 tokens.", 1_098),
        ("Limit: 1,000 enqueued tokens, requested: 1,500 tokens", 1_500),
        ("Requested 1 tokens", None),  # no tokenizer counts so
        ("Enqueued token limit reached. Limit: 1,000 enqueued tokens.", None),
    ],
)
def test_a_refusal_names_the_size_of_its_batch(message: str, size: int | None) -> None:
    assert named_size([BatchFault("token_limit_exceeded", message)], 1_000) == size


def test_a_batch_s_own_size_is_told_from_what_is_enqueued() -> None:
    assert is_of_the_batch([BatchFault("token_limit_exceeded", "The batch has 9 tokens. The maximum is 8 tokens.")])
    assert not is_of_the_batch([BatchFault("token_limit_exceeded", "Limit: 3,000,000 enqueued tokens.")])


@given(st.integers(100, 10**9), st.floats(0.25, 8.0))
def test_what_is_planned_is_under_the_limit_by_the_provider_s_count(limit: int, ratio: float) -> None:
    budget = budget_by(load_settings({}), Learned(enqueued_tokens=limit, ratio=ratio))

    assert budget.max_enqueued_tokens is not None
    assert budget.max_enqueued_tokens * ratio <= limit
    assert budget.max_batch_tokens is not None
    assert budget.max_batch_tokens <= budget.max_enqueued_tokens


@given(st.floats(min_value=0, allow_infinity=False), st.integers(1, 10**9))
def test_no_usage_that_is_told_makes_a_limit_of_nothing_or_of_everything(ratio: float, limit: int) -> None:
    planned = Learned(limit, ratio=ratio).by_our_count(limit)

    assert 1 <= planned <= 4 * limit


def test_the_smallest_limit_leaves_a_token() -> None:
    assert Learned(ratio=8.0).by_our_count(1) == 1
    assert Learned(ratio=8.0).by_our_count(17) == 2


def test_the_size_that_was_refused_holds_until_the_count_explains_it() -> None:
    unknown = Learned(enqueued_tokens=1_000, refused_tokens=998)
    known = Learned(enqueued_tokens=1_000, refused_tokens=998, ratio=1.1)

    assert unknown.largest_batch == 499
    assert known.largest_batch == int(1_000 / 1.1 * 31 / 32)


@given(st.none() | st.integers(1, 10**6), st.integers(1, 10**6), st.integers(1, 1_000), st.floats(0.3, 8))
def test_a_refusal_by_itself_ends_in_smaller_batches_in_a_failure_or_in_patience(
    limit: int | None, tokens: int, requests: int, ratio: float
) -> None:
    for _ in range(64):
        learned = Learned(limit, ratio=ratio)
        match after_refusal(learned, tokens, requests, by_itself=True):
            case Refused.IS_CUT:
                tokens, requests = max(tokens // 2, 1), max(requests // 2, 1)
            case _:
                break
    else:
        pytest.fail("it is cut for ever")


def test_what_others_fill_is_no_reason_to_cut() -> None:
    learned = Learned(enqueued_tokens=1_000_000)

    assert after_refusal(learned, 900, 10, by_itself=True) is Refused.WAITS
    assert after_refusal(learned, 900_000, 10, by_itself=False) is Refused.WAITS
    assert after_refusal(learned, 900_000, 10, by_itself=True) is Refused.IS_CUT
    assert after_refusal(learned, 1_100_000, 1, by_itself=False) is Refused.FAILS


def test_the_limits_of_an_account_are_the_settings_and_what_the_provider_told() -> None:
    settings = load_settings({}).saying(max_batch_tokens=1_000, max_enqueued_requests=7, max_batches_per_hour=3)

    nothing_known = budget_by(settings, Learned())
    told = budget_by(settings, Learned(enqueued_tokens=600, ratio=2.0))
    looked_for = budget_by(settings, Learned(enqueued_tokens=900, refused_tokens=500, has_taken=False))
    found = budget_by(settings, Learned(enqueued_tokens=900, refused_tokens=500, has_taken=True))

    assert nothing_known == Budget(None, 7, 3, 1_000, 1.0)
    assert (told.max_enqueued_tokens, told.max_batch_tokens, told.token_ratio) == (290, 290, 2.0)
    assert (looked_for.max_enqueued_tokens, looked_for.max_batch_tokens) == (250, 250)
    assert (found.max_enqueued_tokens, found.max_batch_tokens) == (900, 250)


@pytest.mark.parametrize(
    ("budget", "tokens", "requests", "is_in_the_way"),
    [
        (Budget(100, 1_000, 10), 50, 1, None),
        (Budget(100, 1_000, 10), 51, 1, "token budget full: 50 of 100 are in flight"),
        (Budget(None, 1_000, 10), 10**9, 1, None),
        (Budget(100, 12, 10), 1, 2, None),
        (Budget(100, 12, 10), 1, 3, "texts in flight: 10 of 12"),
        (Budget(100, 12, 3), 1, 1, "batches of the last hour: 3 of 3"),
    ],
)
def test_a_limit_may_be_reached_and_not_passed(
    budget: Budget, tokens: int, requests: int, is_in_the_way: str | None
) -> None:
    assert obstacle(budget, InFlight(50, 10, 3), tokens, requests) == is_in_the_way


@pytest.mark.parametrize(
    ("most", "tokens", "requests", "is_too_large"),
    [(100, 101, 2, True), (100, 100, 2, False), (100, 101, 1, False), (None, 10**9, 2, False)],
)
def test_a_batch_is_too_large_where_it_is_over_the_limit_and_can_be_cut(
    most: int | None, tokens: int, requests: int, *, is_too_large: bool
) -> None:
    assert Budget(None, 1, 1, most).is_too_large(tokens, requests) is is_too_large


def test_what_is_just_the_limit_is_not_over_it() -> None:
    assert not Learned(ratio=2.0).is_over(50, 100)
    assert Learned(ratio=2.0).is_over(51, 100)
    assert after_refusal(Learned(enqueued_tokens=100), 101, 2, by_itself=False) is Refused.IS_CUT
    assert after_refusal(Learned(enqueued_tokens=100), 101, 1, by_itself=False) is Refused.FAILS


@pytest.mark.parametrize(("told", "believed"), [(6, None), (7, 7), (1_792, 1_792), (1_793, None)])
def test_a_size_that_no_tokenizer_would_count_is_not_believed(told: int, believed: int | None) -> None:
    assert named_size([BatchFault("", f"requested {told} tokens")], 112) == believed
