"""What the provider takes at once: whether a batch fits, and what a refusal says of the limit. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.provider import BatchFault

# A batch that failed with one of these was not run for want of room, and may be created anew.
NO_ROOM_CODES = frozenset({"token_limit_exceeded", "request_limit_exceeded"})
# OpenAI says: Enqueued token limit reached for MODEL in organization ORG. Limit: 3,000,000 enqueued tokens.
_LIMIT = re.compile(r"Limit:\s*([\d,._]+)\s*enqueued tokens", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Budget:
    """The limits of an account; None: none that is known."""

    max_enqueued_tokens: int | None
    max_enqueued_requests: int
    max_batches_per_hour: int


@dataclass(frozen=True, slots=True)
class InFlight:
    """What the provider has of ours: tokens and requests on the way, and batches created in the last hour."""

    tokens: int
    requests: int
    batches_last_hour: int


def fits(budget: Budget, in_flight: InFlight, tokens: int, requests: int) -> bool:
    """Whether a batch may go now. With nothing in flight one always may, but for the batches an hour."""
    return obstacle(budget, in_flight, tokens, requests) is None


def obstacle(budget: Budget, in_flight: InFlight, tokens: int, requests: int) -> str | None:
    """Why a batch may not go now, in words; None where it may."""
    if in_flight.batches_last_hour >= budget.max_batches_per_hour:
        return f"batches of the last hour: {in_flight.batches_last_hour:,} of {budget.max_batches_per_hour:,}"
    if in_flight.requests == 0:
        return None
    limit = budget.max_enqueued_tokens
    if limit is not None and in_flight.tokens + tokens > limit:
        return f"token budget full: {in_flight.tokens:,} of {limit:,} are on their way"
    if in_flight.requests + requests > budget.max_enqueued_requests:
        return f"texts on their way: {in_flight.requests:,} of {budget.max_enqueued_requests:,}"
    return None


def has_no_room(faults: Sequence[BatchFault]) -> bool:
    """Whether a batch failed only because too much is enqueued."""
    return any(fault.code in NO_ROOM_CODES for fault in faults)


def named_limit(faults: Sequence[BatchFault]) -> int | None:
    """The limit of enqueued tokens that a refusal names."""
    for fault in faults:
        match = _LIMIT.search(fault.message)
        digits = re.sub(r"\D", "", match[1]) if match else ""
        if digits and int(digits) > 0:
            return int(digits)
    return None
