"""What the headers of an answer tell of the rate limits, and of when to ask again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ingest.provider.protocol import Rate, Room

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST_WAIT_S = 3600.0  # that a header may ask for
_LONGEST_RESET_S = 86_400.0  # limits are told by the day at most
_AMOUNT = re.compile(r"\d{1,15}", re.ASCII)
_DURATION = re.compile(r"(?<![\d.])(\d++(?:\.\d++)?+)(ms|s|m|h|d)")  # 6m0s, 120ms
_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds to wait before asking again, as the provider says, but no longer than an hour; else one."""
    try:
        if "retry-after-ms" in headers:
            wait_s = float(headers["retry-after-ms"]) / 1000
        else:
            wait_s = float(headers.get("retry-after", "1"))
    except ValueError:
        return 1.0
    return min(max(0.0, wait_s), _LONGEST_WAIT_S)


def room(headers: Mapping[str, str]) -> Room:
    """The rate limits that an answer tells: x-ratelimit-limit-tokens and its kin, in OpenAI's rate limits guide."""

    def rate(kind: str) -> Rate | None:
        told = [headers.get(f"x-ratelimit-{what}-{kind}", "") for what in ("limit", "remaining")]
        if not all(map(_AMOUNT.fullmatch, told)) or not (limit := int(told[0])):
            return None
        reset = _DURATION.findall(headers.get(f"x-ratelimit-reset-{kind}", ""))
        reset_s = sum(float(number) * _UNIT_S[unit] for number, unit in reset)
        return Rate(limit, int(told[1]), min(reset_s, _LONGEST_RESET_S))

    return Room(rate("requests"), rate("tokens"))
