"""What the provider takes at once: whether a batch fits, and what a refusal says of the limit. Pure.

A limit is by the provider's count, and a batch's tokens are by ours: limits are turned into ours, and kept to so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.provider import BatchFault
    from ingest.settings import Settings

# A batch that failed with one of these was not run as the queue was full, and may be created anew.
NO_ROOM_CODES = frozenset({"token_limit_exceeded", "request_limit_exceeded"})
# OpenAI says: Enqueued token limit reached for MODEL in organization ORG. Limit: 3,000,000 enqueued tokens.
_LIMIT = re.compile(r"Limit:\s*([\d,._]+)\s*enqueued tokens", re.IGNORECASE)
# How large a batch is, in the words of those that say so.
_SIZE = re.compile(
    r"\b(?:requested|has|contains|have|with)[: ]{1,2}(\d[\d,._]{0,20}) (?:enqueued )?tokens", re.IGNORECASE
)
_OF_THE_QUEUE = re.compile(r"enqueue|in_progress|in progress|queue", re.IGNORECASE)

# No tokenizer that we know of makes so many times as many tokens as another.
_MOST_TIMES = 16
LEAST_RATIO, MOST_RATIO = 0.25, 8.0
# Where counts differ, they do not differ by the same in every batch: so much less than a limit is planned.
_MARGIN = 1 / 32


@dataclass(frozen=True, slots=True)
class Learned:
    """What the provider told lately, for one model.

    `enqueued_tokens`: what it takes at once, by its count; `refused_tokens`: of the smallest batch that it refused by
    itself, by our count; `ratio`: how many of its tokens go with one of ours; `has_taken`: a batch since that refusal.
    None: not known.
    """

    enqueued_tokens: int | None = None
    refused_tokens: int | None = None
    ratio: float = 1.0
    has_taken: bool = True

    def by_our_count(self, tokens: int) -> int:
        """The provider's tokens as we count them, with a margin where that is not the same."""
        if self.ratio == 1:
            return tokens
        return max(int(tokens / self.believed_ratio * (1 - _MARGIN)), 1)

    def is_over(self, tokens: int, limit: int, times: int = 1) -> bool:
        """Whether so many of our tokens, so many times, are more than a limit of the provider's."""
        return tokens * self.believed_ratio * times > limit

    @property
    def believed_ratio(self) -> float:
        """The ratio, unless it is told wrongly: then no limit and no estimate is to be lost, or burst, by it."""
        return min(max(self.ratio, LEAST_RATIO), MOST_RATIO)

    @property
    def largest_batch(self) -> int | None:
        """The most tokens of a batch, by our count, that may be no more than the provider takes; None: not known."""
        sizes = [] if self.enqueued_tokens is None else [self.by_our_count(self.enqueued_tokens)]
        refused = self.refused_tokens
        # What is over the limit by the ratio that was learned since needs no other reason.
        if refused and (self.enqueued_tokens is None or not self.is_over(refused, self.enqueued_tokens)):
            sizes.append(max(refused // 2, 1))
        return min(sizes, default=None)


@dataclass(frozen=True, slots=True)
class Budget:
    """The limits of an account, tokens by our count; None: none that is known. `max_batch_tokens`: of one batch."""

    max_enqueued_tokens: int | None
    max_enqueued_requests: int
    max_batches_per_hour: int
    max_batch_tokens: int | None = None
    token_ratio: float = 1.0
    """How many tokens of the provider's, and of its bill, go with one of ours."""

    def is_too_large(self, tokens: int, requests: int) -> bool:
        """Whether a batch would be refused by itself, and can be cut."""
        return self.max_batch_tokens is not None and tokens > self.max_batch_tokens and requests > 1


@dataclass(frozen=True, slots=True)
class InFlight:
    """What the provider has of ours: tokens and requests in flight, and batches created in the last hour."""

    tokens: int
    requests: int
    batches_last_hour: int


class Refused(Enum):
    """What becomes of a batch that was refused because the queue was full."""

    WAITS = auto()
    IS_CUT = auto()
    FAILS = auto()
    """Its one text is over the limit, or may be."""


def budget_by(settings: Settings, learned: Learned) -> Budget:
    """The limits of an account: as the settings say, and as the provider told lately."""
    named = [limit for limit in (settings.max_enqueued_tokens, learned.enqueued_tokens) if limit]
    enqueued = learned.by_our_count(min(named)) if named else None
    batch = [
        limit for limit in (enqueued, learned.largest_batch, learned.by_our_count(settings.max_batch_tokens)) if limit
    ]
    # The size that it takes is looked for with one batch at a time.
    at_once = enqueued if learned.has_taken else min(batch)
    accounts = 1 + len(settings.accounts)  # each takes as much
    return Budget(
        max_enqueued_tokens=at_once and at_once * accounts,
        max_enqueued_requests=settings.max_enqueued_requests * accounts,
        max_batches_per_hour=settings.max_batches_per_hour * accounts,
        max_batch_tokens=min(batch),
        token_ratio=learned.believed_ratio,
    )


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
        return f"token budget full: {in_flight.tokens:,} of {limit:,} are in flight"
    if in_flight.requests + requests > budget.max_enqueued_requests:
        return f"texts in flight: {in_flight.requests:,} of {budget.max_enqueued_requests:,}"
    return None


def after_refusal(learned: Learned, tokens: int, requests: int, *, by_itself: bool) -> Refused:
    """What becomes of a batch that was refused because the queue was full; `by_itself`: nothing else of ours was in it.

    It is cut only where its size may be the reason: others may have filled the account.
    """
    limit = learned.enqueued_tokens
    is_over = limit is not None and learned.is_over(tokens, limit)
    may_be_over = limit is None or learned.is_over(tokens, limit, _MOST_TIMES)
    if not is_over and not (by_itself and may_be_over):
        return Refused.WAITS
    return Refused.IS_CUT if requests > 1 else Refused.FAILS


def has_no_room(faults: Sequence[BatchFault]) -> bool:
    """Whether a batch failed only because too much is enqueued, or it is too large."""
    return any(fault.code in NO_ROOM_CODES for fault in faults)


def is_of_the_batch(faults: Sequence[BatchFault]) -> bool:
    """Whether it is a batch's own size that is refused, and not what is enqueued with it."""
    return not any(_OF_THE_QUEUE.search(fault.message) for fault in faults if fault.code in NO_ROOM_CODES)


def named_limit(faults: Sequence[BatchFault]) -> int | None:
    """The limit of enqueued tokens that a refusal names."""
    return _number(_LIMIT, faults)


def named_size(faults: Sequence[BatchFault], tokens: int) -> int | None:
    """The tokens of a batch by the provider's count, where a refusal names them; `tokens`: by ours."""
    size = _number(_SIZE, faults)
    return size if size and tokens <= size * _MOST_TIMES <= tokens * _MOST_TIMES**2 else None


def _number(pattern: re.Pattern[str], faults: Sequence[BatchFault]) -> int | None:
    for fault in faults:
        match = pattern.search(fault.message)
        digits = re.sub(r"\D", "", match[1]) if match else ""
        if digits and 0 < int(digits) < 2**62:
            return int(digits)
    return None
