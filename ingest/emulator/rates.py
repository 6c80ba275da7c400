"""Rate limits of calls: buckets that fill steadily, and what is told of them in the headers of an answer."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.emulator.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.emulator.limits import Limits

_MINUTE_S = 60.0


@dataclass(slots=True)
class _Bucket:
    limit: int
    level: float
    at_s: float

    def fill(self, now_s: float) -> None:
        self.level = min(self.limit, self.level + (now_s - self.at_s) * self.limit / _MINUTE_S)
        self.at_s = now_s

    def wait_s(self, amount: int) -> float:
        """Until there is so much in it; 0: it is there."""
        return max(0.0, amount - self.level) * _MINUTE_S / self.limit


class Rates:
    """The calls and tokens of a minute, for each model; no limit, no headers."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = {"requests": limits.requests_per_minute, "tokens": limits.tokens_per_minute}
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[tuple[str, str], _Bucket] = {}

    def take(self, model: str, tokens: int) -> dict[str, str]:
        """Let a call of so many tokens pass; the headers of its answer.

        Raises:
            ApiError: there is no room for it now, or never.
        """
        with self._lock:
            now_s = self._clock()
            buckets: dict[str, _Bucket] = {}
            for kind, limit in self._limits.items():
                if limit is not None:
                    buckets[kind] = self._buckets.setdefault((model, kind), _Bucket(limit, limit, now_s))
                    buckets[kind].fill(now_s)
            for kind, amount in (("requests", 1), ("tokens", tokens)):
                if kind in buckets and (wait_s := buckets[kind].wait_s(amount)):
                    raise _refusal(model, kind, buckets, amount, wait_s)
            for kind, amount in (("requests", 1), ("tokens", tokens)):
                if kind in buckets:
                    buckets[kind].level -= amount
            return _headers(buckets)


def _headers(buckets: dict[str, _Bucket]) -> dict[str, str]:
    headers = {}
    for kind, bucket in buckets.items():
        headers[f"x-ratelimit-limit-{kind}"] = str(bucket.limit)
        headers[f"x-ratelimit-remaining-{kind}"] = str(int(bucket.level))
        headers[f"x-ratelimit-reset-{kind}"] = _duration(bucket.wait_s(bucket.limit))
    return headers


def _duration(seconds: float) -> str:
    """As OpenAI writes it: 17ms, 6.5s, 1m30s."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}m{round(rest)}s" if minutes else f"{rest:.3f}s"


def _refusal(model: str, kind: str, buckets: dict[str, _Bucket], amount: int, wait_s: float) -> ApiError:
    bucket = buckets[kind]
    unit = "requests per min (RPM)" if kind == "requests" else "tokens per min (TPM)"
    if amount > bucket.limit:
        said = f"Request too large for {model} in organization org-emulator on {unit}: Limit {bucket.limit}, "
        said += f"Requested {amount}. The input or output tokens must be reduced in order to run successfully."
    else:
        said = f"Rate limit reached for {model} in organization org-emulator on {unit}: Limit {bucket.limit}, "
        said += f"Used {bucket.limit - int(bucket.level)}, Requested {amount}. Please try again in {_duration(wait_s)}."
    told = {"retry-after": str(max(1, round(wait_s))), "retry-after-ms": str(round(wait_s * 1000))}
    return ApiError(429, said, kind=kind, code="rate_limit_exceeded", headers=_headers(buckets) | told)
