"""Amounts and times as people read them."""

from __future__ import annotations

import pytest

from ingest.batches.forecast import Forecast, expected
from ingest.formatting import roughly

HOUR_S = 3600.0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0.0 s"), (59, "59.0 s"), (60, "1 min"), (3599, "1 h"), (3660, "1 h 1 min"), (72 * HOUR_S, "72 h")],
)
def test_a_time_to_come_is_told_by_the_minute(seconds: float, words: str) -> None:
    assert roughly(seconds) == words


@pytest.mark.parametrize(
    ("forecast", "words"),
    [
        (Forecast(1, 0, None, None, 24 * HOUR_S), "at most 24 h a batch (no history yet)"),
        (
            Forecast(3, 0, None, None, 72 * HOUR_S),
            "at most 24 h a batch, in 3 waves of what the provider takes at once, 72 h in all (no history yet)",
        ),
        (
            Forecast(0, 34, 2 * HOUR_S, 5.5 * HOUR_S, 20 * HOUR_S),
            "about 2 h, 90 % of batches within 5 h 30 min (by 34 batches before)",
        ),
    ],
)
def test_a_forecast_says_what_it_is_told_by(forecast: Forecast, words: str) -> None:
    assert expected(forecast) == words
