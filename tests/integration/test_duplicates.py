"""A creation that something between us and the provider repeats: the duplicate is found, cancelled and told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import openai
import pytest
from promises import CORPUS_FLAGS, write_corpus
from workshop import Told

from ingest.emulator import Fault

if TYPE_CHECKING:
    from workshop import Workshop

    from ingest.pipeline import Pipeline

FLAGS: dict[str, Any] = {**CORPUS_FLAGS, "list_lag_seconds": 0.2}


def statuses(workshop: Workshop) -> list[str]:
    with openai.OpenAI(base_url=workshop.emulator.base_url, api_key=workshop.emulator.api_key) as client:
        return [batch.status for batch in client.batches.list().data]


def remote_files(workshop: Workshop) -> int:
    with openai.OpenAI(base_url=workshop.emulator.base_url, api_key=workshop.emulator.api_key) as client:
        return len(client.files.list().data)


def followed(workshop: Workshop, pipeline: Pipeline) -> None:
    """Look on until the duplicates are over."""
    while workshop.query("SELECT 1 FROM duplicates WHERE ended_at IS NULL"):
        pipeline.load()


@pytest.mark.parametrize("metadata", [[], [Fault("null_metadata")]], ids=["by its key", "by its file"])
def test_a_duplicate_is_cancelled_and_its_bill_is_told(workshop: Workshop, metadata: list[Fault]) -> None:
    write_corpus(workshop)
    workshop.emulator.set_faults(Fault("duplicated_create", count=1), Fault("stuck_validating"), *metadata)
    told = Told()

    with workshop.telling(told, workshop.flags | FLAGS) as pipeline:
        pipeline.sync([str(workshop.folder)])
        pipeline.submit()
        pipeline.load()
        asked = statuses(workshop)
        workshop.emulator.set_faults(*metadata)
        report = pipeline.run([str(workshop.folder)])
        followed(workshop, pipeline)
        cost = pipeline.costs().total
        cleaned = pipeline.clean()

    assert [status.startswith("cancel") for status in asked].count(True) == 1
    assert (report.failures, sorted(statuses(workshop))) == ([], ["cancelled"] + ["completed"] * 3)
    assert len([line for line in told.lines if "batch 1 was created twice" in line]) == 1
    assert (cost.billed_tokens, cost.wasted_tokens) == (workshop.emulator.ledger()["tokens"], 0)
    assert workshop.emulator.ledger()["billed_more_than_once"] == []
    assert (cleaned, remote_files(workshop)) == (6, 0)  # the duplicate never came to make any


@pytest.mark.parametrize("usage", [[], [Fault("null_usage")]], ids=["by its word", "by its share"])
def test_what_a_duplicate_was_billed_before_it_was_seen_is_in_the_ledger(
    workshop: Workshop, usage: list[Fault]
) -> None:
    write_corpus(workshop)
    workshop.emulator.set_faults(Fault("duplicated_create", count=1), Fault("lagging_lists", seconds=1), *usage)
    told = Told()

    with workshop.telling(told, workshop.flags | FLAGS) as pipeline:
        report = pipeline.run([str(workshop.folder)])
        while not workshop.query("SELECT 1 FROM duplicates"):
            pipeline.load()
        followed(workshop, pipeline)
        costs = pipeline.costs()
        cleaned = pipeline.clean()

    assert (cleaned, remote_files(workshop)) == (7, 0)
    billed = workshop.emulator.ledger()
    assert report.failures == []
    assert len(billed["billed_more_than_once"]) in (3, 4)
    assert costs.total.billed_tokens == billed["tokens"]
    assert costs.total.wasted_tokens == billed["tokens"] - costs.total.estimated_tokens > 0
    assert len([line for line in told.lines if "tokens, wasted" in line]) == 1


def test_what_is_created_once_has_no_duplicate(workshop: Workshop) -> None:
    write_corpus(workshop)
    workshop.emulator.set_faults(Fault("token_limit", count=2), Fault("drop_after_create", count=1))

    with workshop.pipeline(**FLAGS) as pipeline:
        pipeline.run([str(workshop.folder)])
        pipeline.load()

    assert workshop.query("SELECT * FROM duplicates") == []
    assert workshop.emulator.ledger()["billed_more_than_once"] == []
