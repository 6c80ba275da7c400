"""Why a batch does not move."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from ingest.batches import Batch
from ingest.budget import Budget, InFlight
from ingest.database.corpus import Indexing
from ingest.shards import ShardPlan
from ingest.status import Terms, why_it_waits

HERE, THERE = "https://api.example/v1", "https://api.elsewhere/v1"
INDEXING = Indexing("text-embedding-3-small", 8, "vector", 512, 0, embed_headings=True)
TERMS = Terms(
    endpoint=HERE,
    budget=Budget(max_enqueued_tokens=100, max_enqueued_requests=10, max_batches_per_hour=5),
    plan=ShardPlan(INDEXING, None, "base64", HERE, 50_000, 10**8, 100),
    stuck_s=3600.0,
)
ROOM, FULL = InFlight(0, 0, 0), InFlight(90, 3, 1)


def batch(**values: Any) -> Batch:
    fields: dict[str, Any] = {
        "id": 1,
        "key": "ingest-key",
        "state": "submitted",
        "mode": "batch",
        "model": INDEXING.model,
        "dimensions": 8,
        "endpoint": HERE,
        "shard_path": "/nowhere",
        "shard_sha256": b"",
        "request_count": 3,
        "token_count": 30,
        "byte_count": 300,
        "input_file_id": None,
        "provider_batch_id": None,
        "provider_status": None,
        "provider_completed": 0,
        "output_file_id": None,
        "error_file_id": None,
        "waiting": False,
        "message": None,
        "tries": 0,
        "cancel_asked": False,
        "idle_s": 0.0,
        "created_at": datetime.now(UTC),
        "submitted_at": None,
    }
    return Batch(**fields | values)


@pytest.mark.parametrize(
    ("waits", "in_flight", "why"),
    [
        (batch(), FULL, None),
        (batch(cancel_asked=True), FULL, "to be cancelled"),
        (batch(idle_s=7200.0), FULL, "stuck: nothing new for 2 h"),
        (batch(endpoint=THERE), FULL, f"at {THERE}; these settings are for {HERE}"),
        (batch(endpoint=THERE, state="exported"), FULL, "exported: its results are loaded by hand"),
        (batch(endpoint=THERE, state="ready"), ROOM, "sent by the next run"),
        (batch(state="ready"), FULL, "token budget full: 90 of 100 are on their way"),
        (batch(state="uploaded"), InFlight(9, 9, 1), "texts on their way: 9 of 10"),
        (batch(state="ready"), InFlight(0, 0, 5), "batches of the last hour: 5 of 5"),
        (batch(state="uploaded", waiting=True, wait_s=41.7), FULL, "waits 42 s more"),
        (batch(state="creating", waiting=True, wait_s=1.0, tries=3), FULL, "waits 1 s more, tried 3 times"),
        (batch(state="creating"), FULL, "was being sent: the next run looks it up"),
        (batch(state="finished"), FULL, "over: the next run loads it"),
    ],
)
def test_a_batch_says_why_it_does_not_move(waits: Batch, in_flight: InFlight, why: str | None) -> None:
    assert why_it_waits(waits, TERMS, in_flight) == why
