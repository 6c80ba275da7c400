"""How soon the next call may go: what the provider's rate limits leave room for, so that it need not refuse. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest.provider import Rate, Room

_PERIOD_S = 60.0  # limits are those of a minute, where an answer does not tell when they are whole again
_MARGIN_S = 0.01  # what is told in whole milliseconds is a little late


@dataclass(slots=True)
class _Bucket:
    """Fills at a steady rate up to a limit; below 0 for what may go later only."""

    limit: int
    level: float
    per_second: float
    at_s: float

    def fill(self, now_s: float) -> None:
        self.level = min(self.limit, self.level + self.per_second * max(0.0, now_s - self.at_s))
        self.at_s = now_s

    def take(self, amount: int) -> float:
        """Seconds until there will have been room for so much."""
        self.level -= min(amount, self.limit)
        return -self.level / self.per_second + _MARGIN_S if self.level < 0 else 0.0


class Pace:
    """The pace of the calls of one process. Times are seconds of one clock. Of one thread at a time."""

    def __init__(self) -> None:
        self._buckets: dict[str, _Bucket] = {}
        self._not_before_s = 0.0

    @property
    def most_tokens(self) -> int | None:
        """The most tokens that a call may ever have; None: no limit is known."""
        bucket = self._buckets.get("tokens")
        return bucket.limit if bucket else None

    def take(self, tokens: int, now_s: float) -> float:
        """Seconds to wait before a call of so many tokens, which has its place from now on."""
        waits_s = [self._not_before_s - now_s]
        for kind, amount in (("requests", 1), ("tokens", tokens)):
            if bucket := self._buckets.get(kind):
                bucket.fill(now_s)
                waits_s.append(bucket.take(amount))
        return max(0.0, *waits_s)

    def hold(self, wait_s: float, now_s: float) -> None:
        """No call goes for so long: one was refused."""
        self._not_before_s = max(self._not_before_s, now_s + wait_s)

    def heard(self, room: Room, now_s: float) -> None:
        """An answer tells what room there is."""
        for kind, rate in (("requests", room.requests), ("tokens", room.tokens)):
            if rate:
                self._buckets[kind] = _bucket(self._buckets.get(kind), rate, now_s)


def _bucket(before: _Bucket | None, rate: Rate, now_s: float) -> _Bucket:
    used = rate.limit - rate.remaining
    per_second = used / rate.reset_s if used > 0 and rate.reset_s > 0 else rate.limit / _PERIOD_S
    level = float(rate.remaining)
    if before:  # it has what is in flight, and what waits for its place, deducted already
        before.fill(now_s)
        level = min(level, before.level)
    return _Bucket(rate.limit, level, per_second, now_s)
