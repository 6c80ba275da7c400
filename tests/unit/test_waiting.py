"""Why a batch does not move, and what a person at a terminal is told of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from batch_rows import batch_row

from ingest.batches.budget import Budget, InFlight
from ingest.batches.shards import ShardPlan
from ingest.batches.waiting import what_is_awaited
from ingest.database.corpus import Indexing
from ingest.provider.jsonl import WIRE
from ingest.reporting.status import Terms, why_it_waits

if TYPE_CHECKING:
    from ingest.batches.records import Batch

HERE, THERE = "https://api.example/v1", "https://api.elsewhere/v1"
INDEXING = Indexing("text-embedding-3-small", 8, "vector", 512, 0, embed_headings=True)
TERMS = Terms(
    endpoint=HERE,
    budget=Budget(max_enqueued_tokens=100, max_enqueued_requests=10, max_batches_per_hour=5),
    plan=ShardPlan(INDEXING, WIRE, INDEXING.parameters(WIRE, "document", None, "base64"), HERE, 50_000, 10**8, 100),
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
        (batch_row(state="ready"), FULL, "token budget full: 90 of 100 are in flight"),
        (batch_row(state="uploaded"), InFlight(9, 9, 1), "texts in flight: 9 of 10"),
        (batch_row(state="ready"), InFlight(0, 0, 5), "batches of the last hour: 5 of 5"),
        (batch_row(state="uploaded", waiting=True, wait_s=41.7), FULL, "waits 42 s more"),
        (batch_row(state="creating", waiting=True, wait_s=1.0, tries=3), FULL, "waits 1 s more, tried 3 times"),
        (batch_row(state="creating"), FULL, "was being sent: the next run looks it up"),
        (batch_row(state="finished"), FULL, "over: the next run loads it"),
    ],
)
def test_a_batch_says_why_it_does_not_move(waits: Batch, in_flight: InFlight, why: str | None) -> None:
    assert why_it_waits(waits, TERMS, in_flight) == why


NOW = datetime.now(UTC)


def test_who_waits_is_told_for_which_batches_since_when_until_when_and_that_nobody_need() -> None:
    one = batch_row(provider_batch_id="batch_1", submitted_at=NOW, age_s=60.0)

    told = what_is_awaited([one, batch_row(state="ready")], [120.0, 180.0], TERMS.budget, 30.0)

    assert re.fullmatch(
        r"waiting for 1 batch \(batch_1\), sent (\d{4}-\d\d-\d\d )?\d\d:\d\d; expected: about 1 min, 90 % of batches "
        r"within 2 min \(by 2 batches before\); next look at \d\d:\d\d:\d\d\. This terminal may be closed: the same "
        r"command goes on from here, and nothing is sent twice",
        told,
    )


def test_of_many_batches_two_are_named_and_when_the_oldest_was_sent() -> None:
    batches = [
        batch_row(provider_batch_id=f"batch_{number}", submitted_at=NOW, age_s=3600.0 * 24 * number)
        for number in range(1, 5)
    ]

    told = what_is_awaited(batches, [], TERMS.budget, 30.0)

    assert told.startswith("waiting for 4 batches (batch_1, batch_2 and 2 more), the oldest sent ")
    assert re.search(r"the oldest sent \d{4}-\d\d-\d\d \d\d:\d\d; expected: at most 24 h a batch", told)


def test_nothing_is_said_where_nothing_is_at_the_provider() -> None:
    assert what_is_awaited([batch_row(state="ready")], [], TERMS.budget, 30.0) == ""
