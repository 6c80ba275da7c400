"""Batches reach the provider once, whatever happens on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ingest.emulator import Fault

if TYPE_CHECKING:
    from workshop import Workshop

    from ingest.reporting.run_report import RunReport

QUICK = {"list_lag_seconds": 0.6, "refused_wait_seconds": 0.5, "max_batch_requests": 2, "chunk_tokens": 64}


def run(workshop: Workshop, *faults: Fault, **flags: object) -> RunReport:
    for number in range(5):
        workshop.write(f"{number}.txt", f"Document number {number}.")
    workshop.emulator.set_faults(*faults)
    with workshop.pipeline(**{**QUICK, **flags}) as pipeline:
        return pipeline.run([str(workshop.folder)])


def billed_once(workshop: Workshop, report: RunReport) -> bool:
    ledger = workshop.emulator.ledger()
    everything: bool = ledger["texts"] == ledger["distinct_texts"] == report.chunks == report.embedded == 5
    return everything


@pytest.mark.parametrize(
    "fault",
    [
        Fault("drop_after_upload", count=2),
        Fault("drop_before_upload", count=2),
        Fault("http_500_after_upload", count=2),
        Fault("drop_after_create", count=2),
        Fault("drop_before_create", count=2),
        Fault("http_500_after_create", count=2),
        Fault("http_429_create", count=1, seconds=0.1),
        Fault("read_after_write_404", seconds=0.5),
        Fault("lagging_lists", seconds=0.5),
        Fault("drop_after_retrieve", count=2),
        Fault("unknown_status", seconds=0.5),
        Fault("null_request_counts"),
        Fault("token_limit", count=2),
    ],
    ids=lambda fault: fault.name,
)
def test_a_fault_on_the_way_costs_nothing(workshop: Workshop, fault: Fault) -> None:
    report = run(workshop, fault)

    assert billed_once(workshop, report), workshop.emulator.ledger()
    assert report.failures == []


def test_a_creation_whose_answer_is_lost_is_found_though_lists_lag(workshop: Workshop) -> None:
    faults = (Fault("drop_after_create", count=3), Fault("lagging_lists", seconds=1.5))

    report = run(workshop, *faults, list_lag_seconds=2.0)

    assert billed_once(workshop, report)
    assert report.load.batches == 3


def test_the_intent_is_committed_before_the_call(workshop: Workshop) -> None:
    """The state that a killed process leaves: the batch was created, and nobody noted it."""
    for number in range(2):
        workshop.write(f"{number}.txt", f"Document number {number}.")
    with workshop.pipeline(**QUICK) as pipeline:
        pipeline.sync([str(workshop.folder)])
        (batch,) = pipeline.submit()
        pipeline.connection.execute(
            "UPDATE batches SET state = 'creating', provider_batch_id = NULL, message = NULL WHERE id = %s", (batch.id,)
        )

    with workshop.pipeline(**QUICK) as pipeline:
        report = pipeline.run([str(workshop.folder)])

    assert report.embedded == 2
    assert workshop.emulator.ledger()["texts"] == 2
