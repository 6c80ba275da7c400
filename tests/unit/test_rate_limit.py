"""How soon the next call may go."""

from __future__ import annotations

import pytest

from ingest.batches.rate_limit import Pace
from ingest.provider import Rate, Room

SOON = pytest.approx(0, abs=0.1)


def test_nothing_waits_where_nothing_is_told() -> None:
    pace = Pace()

    pace.heard(Room(), 0.0)

    assert [pace.take(300_000, 0.0) for _ in range(3)] == [0, 0, 0]
    assert pace.most_tokens is None


def test_calls_take_what_is_left_and_then_wait_for_what_comes_back() -> None:
    pace = Pace()
    pace.heard(Room(tokens=Rate(limit=6_000, remaining=1_000, reset_s=50.0)), 0.0)  # 100 come back each second

    waits_s = [pace.take(600, 0.0) for _ in range(3)]

    assert waits_s == [0, pytest.approx(2, abs=0.1), pytest.approx(8, abs=0.1)]
    assert pace.take(600, 20.0) == SOON


def test_the_tighter_of_two_limits_decides() -> None:
    pace = Pace()
    tokens = Rate(limit=1_000_000, remaining=900_000, reset_s=6.0)
    pace.heard(Room(requests=Rate(limit=60, remaining=1, reset_s=59.0), tokens=tokens), 0.0)

    assert [pace.take(10, 0.0), pace.take(10, 0.0)] == [0, pytest.approx(1, abs=0.1)]


def test_an_answer_does_not_give_back_what_is_in_flight() -> None:
    pace = Pace()
    pace.heard(Room(tokens=Rate(6_000, 1_000, 50.0)), 0.0)
    pace.take(1_000, 0.0)

    pace.heard(Room(tokens=Rate(6_000, 1_000, 50.0)), 0.0)

    assert pace.take(1_000, 0.0) == pytest.approx(10, abs=0.1)


def test_an_answer_that_tells_of_less_is_believed() -> None:
    pace = Pace()
    pace.heard(Room(tokens=Rate(6_000, 5_000, 10.0)), 0.0)

    pace.heard(Room(tokens=Rate(6_000, 0, 60.0)), 0.0)  # others use the account, too

    assert pace.take(500, 0.0) == pytest.approx(5, abs=0.1)


def test_a_call_over_the_limit_waits_for_the_whole_of_it() -> None:
    pace = Pace()
    pace.heard(Room(tokens=Rate(6_000, 6_000, 0.0)), 0.0)

    assert pace.most_tokens == 6_000
    assert pace.take(9_000, 0.0) == 0
    assert pace.take(6_000, 0.0) == pytest.approx(60, abs=0.1)


def test_all_calls_wait_after_a_refusal() -> None:
    pace = Pace()

    pace.hold(5.0, 100.0)
    pace.hold(1.0, 100.0)

    assert [pace.take(1, 100.0), pace.take(1, 103.0), pace.take(1, 105.0)] == [5, 2, 0]
