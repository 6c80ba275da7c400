"""A batch taken step by step, with what may come between two steps."""

from __future__ import annotations

import io
import json
import time
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from ingest.emulator import ledger, openai
from ingest.emulator.batches import Stepper
from ingest.emulator.faults import Fault, Faults
from ingest.emulator.limits import Limits
from ingest.emulator.records import Batch, Bill, NewFile, new_id
from ingest.emulator.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LINES = 2_500  # three slices


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    yield store
    store.close()


def a_batch(store: Store, lines: int = LINES) -> Batch:
    """A new batch of an uploaded file."""
    body = {"model": "hash", "dimensions": 4}
    content = "".join(
        json.dumps(
            {"custom_id": str(i), "method": "POST", "url": "/v1/embeddings", "body": {**body, "input": f"text {i}"}}
        )
        + "\n"
        for i in range(lines)
    )
    file_id = new_id("file-")
    store.write_content(file_id, io.BytesIO(content.encode()))
    store.add_file(NewFile(file_id, "requests.jsonl", "batch", time.time() + 3600))
    now = time.time()
    return store.add_batch(
        Batch(
            id=new_id("batch_"),
            input_file_id=file_id,
            metadata=None,
            created_at=now,
            expires_at=now + 3600,
            output_lifetime_s=3600,
            output_name=new_id("file-"),
            error_name=new_id("file-"),
        )
    )


def current(store: Store, batch: Batch) -> Batch:
    """The batch as it is now."""
    found = store.batch(batch.id)
    assert found is not None
    return found


def finish(store: Store, stepper: Stepper, batch: Batch) -> Batch:
    """Step the batch to its end."""
    while store.open_batches():
        stepper.step(current(store, batch))
    return current(store, batch)


def output_ids(store: Store, batch: Batch) -> list[str]:
    """The custom_ids in the output file."""
    lines = store.content_path(batch.output_name).read_bytes().splitlines()
    return [json.loads(line)["custom_id"] for line in lines]


def test_a_batch_goes_through_its_statuses(store: Store) -> None:
    stepper = Stepper(store, Faults(), Limits(), openai)
    batch = a_batch(store)

    seen = [batch.status]
    while store.open_batches():
        stepper.step(current(store, batch))
        seen.append(current(store, batch).status)

    assert seen == ["validating", *["in_progress"] * 4, "finalizing", "completed"]
    assert output_ids(store, batch) == [str(i) for i in range(LINES)]


@pytest.mark.parametrize("steps", range(1, 4))
def test_what_was_written_but_not_committed_is_cut_off(store: Store, steps: int) -> None:
    stepper = Stepper(store, Faults(), Limits(), openai)
    batch = a_batch(store)
    for _ in range(steps):
        stepper.step(current(store, batch))

    for name in (batch.output_name, batch.error_name):
        with store.content_path(name).open("ab") as file:
            file.write(b'{"half of a li' * 100_000)
    done = finish(store, stepper, batch)

    assert output_ids(store, done) == [str(i) for i in range(LINES)]
    assert done.error_file_id is None
    assert ledger.summary(store)["texts"] == LINES


@pytest.mark.parametrize("steps", range(5))
def test_a_batch_cancelled_while_a_slice_ran_gets_no_bill_for_it(store: Store, steps: int) -> None:
    stepper = Stepper(store, Faults(), Limits(), openai)
    batch = a_batch(store)
    for _ in range(steps):
        stepper.step(current(store, batch))
    before = current(store, batch)

    store.update_batch(before, replace(before, status="cancelling"))
    stepped = stepper.step(before)
    done = finish(store, stepper, batch)

    assert not stepped
    assert done.status == "cancelled"
    assert ledger.summary(store)["texts"] == before.completed
    assert (output_ids(store, done) if done.output_file_id else []) == [str(i) for i in range(before.completed)]


def test_a_step_from_a_state_that_is_past_changes_nothing(store: Store) -> None:
    batch = a_batch(store)
    store.update_batch(batch, replace(batch, status="in_progress"))
    bill = Bill(b"\0" * 32, "hash", 4, 1, batch.id, "0", 0.0)

    updated = store.update_batch(batch, replace(batch, status="failed"), bills=[bill])

    assert not updated
    assert current(store, batch).status == "in_progress"
    assert ledger.summary(store)["texts"] == 0


def test_bills_and_progress_are_committed_together_or_not_at_all(store: Store) -> None:
    batch = a_batch(store)
    bill = Bill(b"\0" * 32, "hash", 4, 1, batch.id, "0", 0.0)
    lost = NewFile("file-that-is-not-there", "a", "batch_output", 0.0)

    with pytest.raises(FileNotFoundError):
        store.update_batch(batch, replace(batch, status="completed"), bills=[bill], files=[lost])

    assert current(store, batch) == batch
    assert ledger.summary(store)["texts"] == 0


def test_a_batch_that_fails_in_the_middle_costs_nothing(store: Store) -> None:
    stepper = Stepper(store, Faults(), Limits(), openai)
    batch = a_batch(store)
    for _ in range(3):
        stepper.step(current(store, batch))
    billed = ledger.summary(store)["texts"]

    stepper.fail(current(store, batch), [])

    assert billed == 2_000
    assert ledger.summary(store)["texts"] == 0
    assert not store.content_path(batch.output_name).exists()


def test_a_newline_is_not_dropped_twice(store: Store) -> None:
    stepper = Stepper(store, Faults([Fault("no_trailing_newline")]), Limits(), openai)
    batch = a_batch(store)
    for _ in range(5):
        stepper.step(current(store, batch))
    before = current(store, batch)
    store.update_batch(before, replace(before))

    stepper.step(before)  # published, but not committed
    done = finish(store, stepper, batch)

    assert done.status == "completed"
    assert output_ids(store, done) == [str(i) for i in range(LINES)]
    assert store.content_path(batch.output_name).read_bytes().endswith(b"}")
