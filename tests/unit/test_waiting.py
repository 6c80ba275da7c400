"""Why a batch does not move."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from batch_rows import batch_row

from ingest.budget import Budget, InFlight
from ingest.database.corpus import Indexing
from ingest.shards import ShardPlan
from ingest.status import Terms, why_it_waits

if TYPE_CHECKING:
    from ingest.batches import Batch

HERE, THERE = "https://api.example/v1", "https://api.elsewhere/v1"
INDEXING = Indexing("text-embedding-3-small", 8, "vector", 512, 0, embed_headings=True)
TERMS = Terms(
    endpoint=HERE,
    budget=Budget(max_enqueued_tokens=100, max_enqueued_requests=10, max_batches_per_hour=5),
    plan=ShardPlan(INDEXING, None, "base64", HERE, 50_000, 10**8, 100),
    stuck_s=3600.0,
)
ROOM, FULL = InFlight(0, 0, 0), InFlight(90, 3, 1)


@pytest.mark.parametrize(
    ("waits", "in_flight", "why"),
    [
        (batch_row(), FULL, None),
        (batch_row(cancel_asked=True), FULL, "to be cancelled"),
        (batch_row(idle_s=7200.0), FULL, "stuck: nothing new for 2 h"),
        (batch_row(endpoint=THERE), FULL, f"at {THERE}; these settings are for {HERE}"),
        (batch_row(endpoint=THERE, state="exported"), FULL, "exported: its results are loaded by hand"),
        (batch_row(endpoint=THERE, state="ready"), ROOM, "sent by the next run"),
        (batch_row(state="ready"), FULL, "token budget full: 90 of 100 are on their way"),
        (batch_row(state="uploaded"), InFlight(9, 9, 1), "texts on their way: 9 of 10"),
        (batch_row(state="ready"), InFlight(0, 0, 5), "batches of the last hour: 5 of 5"),
        (batch_row(state="uploaded", waiting=True, wait_s=41.7), FULL, "waits 42 s more"),
        (batch_row(state="creating", waiting=True, wait_s=1.0, tries=3), FULL, "waits 1 s more, tried 3 times"),
        (batch_row(state="creating"), FULL, "was being sent: the next run looks it up"),
        (batch_row(state="finished"), FULL, "over: the next run loads it"),
    ],
)
def test_a_batch_says_why_it_does_not_move(waits: Batch, in_flight: InFlight, why: str | None) -> None:
    assert why_it_waits(waits, TERMS, in_flight) == why
