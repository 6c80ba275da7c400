"""When it will be done, by how long batches took before."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.batches.budget import Budget, InFlight
from ingest.batches.forecast import Forecast, Work, forecast_end, waves

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
ROOMY = Budget(max_enqueued_tokens=None, max_enqueued_requests=1_000_000, max_batches_per_hour=2_000)
NOTHING = Work(0, 0, 0)
IDLE = InFlight(0, 0, 0)
# One to ten hours: half took no more than five, nine of ten no more than nine.
HISTORY = [hours * HOUR_S for hours in (3, 1, 2, 10, 4, 5, 9, 6, 7, 8)]
durations = st.lists(st.floats(0, DAY_S), max_size=20)


def tokens_at_once(tokens: int) -> Budget:
    return Budget(tokens, 1_000_000, 2_000)


def test_where_nothing_waits_and_nothing_is_in_flight_there_is_nothing_to_tell() -> None:
    assert forecast_end(HISTORY, [], NOTHING, ROOMY, IDLE) is None


def test_without_a_history_a_batch_takes_a_day_at_most() -> None:
    assert forecast_end([], [], Work(3, 30, 300), ROOMY, IDLE) == Forecast(1, 0, None, None, DAY_S)


def test_half_of_the_past_and_nine_of_ten_are_told() -> None:
    told = forecast_end(HISTORY, [], Work(3, 30, 300), ROOMY, IDLE)

    assert told == Forecast(1, 10, 5 * HOUR_S, 9 * HOUR_S, DAY_S)


def test_a_batch_in_flight_is_measured_by_those_that_took_longer() -> None:
    told = forecast_end(HISTORY, [6 * HOUR_S], NOTHING, ROOMY, InFlight(100, 10, 1))

    # Of 7, 8, 9 and 10 hours, the half is 8 and nine of ten is 10.
    assert told == Forecast(0, 10, 2 * HOUR_S, 4 * HOUR_S, 18 * HOUR_S)


def test_a_batch_older_than_any_before_takes_as_long_again_or_until_it_expires() -> None:
    told = forecast_end(HISTORY, [11 * HOUR_S, 30 * HOUR_S], NOTHING, ROOMY, InFlight(100, 10, 2))
    late = forecast_end(HISTORY, [20 * HOUR_S], NOTHING, ROOMY, InFlight(100, 10, 1))

    assert told == Forecast(0, 10, 11 * HOUR_S, 13 * HOUR_S, 13 * HOUR_S)
    assert late == Forecast(0, 10, 4 * HOUR_S, 4 * HOUR_S, 4 * HOUR_S)


def test_what_has_no_room_waits_for_what_is_in_flight() -> None:
    in_flight = InFlight(900, 10, 1)

    beside = forecast_end(HISTORY, [HOUR_S], Work(1, 10, 100), tokens_at_once(1_000), in_flight)
    behind = forecast_end(HISTORY, [HOUR_S], Work(1, 10, 101), tokens_at_once(1_000), in_flight)

    assert beside == Forecast(1, 10, 5 * HOUR_S, 9 * HOUR_S, DAY_S)
    # Of those that took more than one hour the half took 6, nine of ten took 10.
    assert behind == Forecast(1, 10, 10 * HOUR_S, 18 * HOUR_S, 47 * HOUR_S)


@pytest.mark.parametrize(
    ("work", "budget", "expected"),
    [
        (NOTHING, ROOMY, 0),
        (Work(7, 70, 700), ROOMY, 1),
        (Work(7, 70, 700), tokens_at_once(700), 1),
        (Work(7, 70, 700), tokens_at_once(699), 2),
        (Work(7, 70, 700), tokens_at_once(200), 4),
        (Work(7, 70, 700), tokens_at_once(10), 7),  # one always goes
        (Work(7, 70, 700), Budget(None, 30, 2_000), 3),
    ],
)
def test_the_limits_make_waves(work: Work, budget: Budget, expected: int) -> None:
    assert waves(work, budget) == expected


def test_each_wave_takes_as_long_as_a_batch() -> None:
    told = forecast_end(HISTORY, [], Work(7, 70, 700), tokens_at_once(200), IDLE)

    assert told == Forecast(4, 10, 20 * HOUR_S, 36 * HOUR_S, 4 * DAY_S)


def test_batches_an_hour_are_kept_to() -> None:
    told = forecast_end([60.0], [], Work(25, 250, 2500), Budget(None, 1_000_000, 10), IDLE)

    assert told == Forecast(1, 1, 2 * HOUR_S + 60, 2 * HOUR_S + 60, 2 * HOUR_S + DAY_S)


@given(durations, durations, st.integers(0, 50), st.integers(1, 10**6))
def test_what_is_usual_is_no_later_than_what_is_likely_and_that_than_the_most(
    history: list[float], ages: list[float], batches: int, limit: int
) -> None:
    told = forecast_end(history, ages, Work(batches, batches * 10, batches * 10_000), tokens_at_once(limit), IDLE)

    assert (told is None) == (not ages and not batches)
    if told and told.typical_s is not None and told.likely_s is not None:
        assert 0 <= told.typical_s <= told.likely_s <= told.most_s + 1e-6
