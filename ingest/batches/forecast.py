"""When it will be done, by how long this account's batches took before and what the provider takes at once. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from ingest.batches.budget import InFlight, obstacle
from ingest.formatting import counted, roughly

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.batches.budget import Budget

EXPIRY_S = 24 * 3600.0  # the completion window of every batch
_HOUR_S = 3600.0
_TYPICAL, _LIKELY = 0.5, 0.9


@dataclass(frozen=True, slots=True)
class Work:
    """What is still to be sent: batches, and the requests and tokens in them."""

    batches: int
    requests: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """Seconds until all that is in flight, or waits, has come back.

    `waves`: how many times what waits must be sent, one after the other, as the queue was full; 0: nothing waits.
    `typical_s` is what half of the past batches kept, `likely_s` nine of ten; None without any. `most_s`: each batch
    expires after a day.
    """

    waves: int
    history: int
    """The past batches that this is told by."""
    typical_s: float | None
    likely_s: float | None
    most_s: float


def forecast_end(
    history: Sequence[float], ages: Sequence[float], work: Work, budget: Budget, in_flight: InFlight
) -> Forecast | None:
    """When all is back; None where there is nothing to wait for.

    `history`: how long past batches took; `ages`: how long those in flight have been; both in seconds.
    """
    if not ages and not work.batches:
        return None
    count = waves(work, budget)
    pace_s = (work.batches - 1) // budget.max_batches_per_hour * _HOUR_S
    # What has no room waits for what is in flight; else it goes beside it.
    beside = obstacle(budget, in_flight, work.tokens, work.requests) is None

    def after(left_s: float, each_s: float) -> float:
        sending_s = max(count * each_s, pace_s + each_s) if count else 0.0
        return max(left_s, sending_s) if beside else left_s + sending_s

    def by_history(share: float) -> float | None:
        if not history:
            return None
        return after(max((_left(history, age, share) for age in ages), default=0.0), _quantile(history, share))

    return Forecast(
        waves=count,
        history=len(history),
        typical_s=by_history(_TYPICAL),
        likely_s=by_history(_LIKELY),
        most_s=after(max((_left((), age, 1.0) for age in ages), default=0.0), EXPIRY_S),
    )


def expected(forecast: Forecast) -> str:
    """How long it takes until all is back."""
    in_waves = f", in {forecast.waves:,} waves of what the provider takes at once" if forecast.waves > 1 else ""
    if forecast.typical_s is None or forecast.likely_s is None:
        most = f", {roughly(forecast.most_s)} in all" if forecast.waves > 1 else ""
        return f"at most 24 h a batch{in_waves}{most} (no history yet)"
    by = f"by {counted(forecast.history, 'batch', 'batches')} before"
    return f"about {roughly(forecast.typical_s)}, 90 % of batches within {roughly(forecast.likely_s)}{in_waves} ({by})"


def waves(work: Work, budget: Budget) -> int:
    """How many times what the provider takes at once must be sent."""
    if not work.batches:
        return 0
    at_once = [work.batches, budget.max_enqueued_requests * work.batches // max(work.requests, 1)]
    if budget.max_enqueued_tokens is not None:
        at_once.append(budget.max_enqueued_tokens * work.batches // max(work.tokens, 1))
    return ceil(work.batches / max(min(at_once), 1))


def _left(history: Sequence[float], age: float, share: float) -> float:
    """How much longer a batch of that age takes, by those that took longer.

    Where none did: as long again, and to be sure until it expires.
    """
    if longer := [taken for taken in history if taken > age]:
        return _quantile(longer, share) - age
    expiry = max(EXPIRY_S - age, 0.0)
    return min(age, expiry) if share <= _TYPICAL else expiry


def _quantile(values: Sequence[float], share: float) -> float:
    """The least of the values that so large a share of them does not pass."""
    return sorted(values)[ceil(share * len(values)) - 1]
