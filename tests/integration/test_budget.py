"""The limits of an account: learned from its refusals, kept to, and waited out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from promises import CORPUS_FLAGS, check_promises, write_corpus

from ingest.emulator import Limits, running

if TYPE_CHECKING:
    from pathlib import Path

    from workshop import Workshop

DOCUMENTS = 40


def tokens_of_the_corpus(workshop: Workshop) -> int:
    write_corpus(workshop, DOCUMENTS)
    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        return pipeline.sync([str(workshop.folder)]).tokens_to_pay


@pytest.mark.parametrize("batch_requests", [4, 50_000], ids=["ten shards of one limit", "one shard of ten limits"])
def test_ten_shards_finish_under_a_limit_of_one_shard_that_only_the_provider_knows(
    workshop: Workshop, tmp_path: Path, batch_requests: int
) -> None:
    limit = tokens_of_the_corpus(workshop) // 10 + 10

    with running(tmp_path / "strict", latency_s=0.3, limits=Limits(enqueued_tokens=limit)) as emulator:
        workshop.emulator = emulator
        flags = {**CORPUS_FLAGS, "max_batch_requests": batch_requests, "clean": True}
        with workshop.pipeline(**flags) as pipeline:
            report = pipeline.run([str(workshop.folder)])

        check_promises(workshop)
    assert report.failures == []
    assert report.load.batches >= 10
    assert workshop.query("SELECT enqueued_tokens FROM learned_limits") == [(limit,)]
    assert workshop.query("SELECT max(attempts) FROM requests") == [(None,)]


def test_a_limit_that_was_learned_is_kept_to_by_the_next_run(workshop: Workshop, tmp_path: Path) -> None:
    limit = tokens_of_the_corpus(workshop) // 4

    with running(tmp_path / "strict", latency_s=0.3, limits=Limits(enqueued_tokens=limit)) as emulator:
        workshop.emulator = emulator
        with workshop.pipeline(**CORPUS_FLAGS, max_batch_tokens=10**6) as pipeline:
            pipeline.run([str(workshop.folder)])
            refused = pipeline.connection.execute("SELECT count(*) FROM batches WHERE message LIKE 'over%'").fetchone()
            for number in range(DOCUMENTS):
                workshop.write(f"{number}.txt", f"This is document number {number}, which reads otherwise now.")
            pipeline.run([str(workshop.folder)])
            again = pipeline.connection.execute("SELECT count(*) FROM batches WHERE message LIKE 'over%'").fetchone()

        check_promises_of_texts(workshop, 2 * DOCUMENTS)
    assert refused == again


def check_promises_of_texts(workshop: Workshop, texts: int) -> None:
    ledger = workshop.emulator.ledger()
    assert (ledger["texts"], ledger["distinct_texts"]) == (texts, texts)


@pytest.mark.parametrize("setting", ["max_enqueued_requests", "max_enqueued_tokens"])
def test_a_limit_that_is_set_is_kept_to(workshop: Workshop, setting: str) -> None:
    limit = {"max_enqueued_requests": 8, "max_enqueued_tokens": 120}[setting]
    write_corpus(workshop, DOCUMENTS)

    with workshop.pipeline(**CORPUS_FLAGS, **{setting: limit}) as pipeline:
        pipeline.sync([str(workshop.folder)])
        column = "request_count" if setting == "max_enqueued_requests" else "token_count"
        sent = [getattr(batch, column) for batch in pipeline.submit() if batch.state == "submitted"]
        pipeline.run([str(workshop.folder)])

    assert 0 < sum(sent) <= limit
    check_promises_of_texts(workshop, DOCUMENTS)


def test_batches_beyond_those_of_an_hour_wait(workshop: Workshop) -> None:
    write_corpus(workshop, DOCUMENTS)

    with workshop.pipeline(**CORPUS_FLAGS, max_batches_per_hour=3) as pipeline:
        pipeline.sync([str(workshop.folder)])
        batches = pipeline.submit()
        with_an_hour_gone = "UPDATE batches SET submitted_at = submitted_at - interval '1 hour'"
        pipeline.connection.execute(with_an_hour_gone)
        later = pipeline.submit()

    assert sorted(batch.state for batch in batches) == ["ready"] * 7 + ["submitted"] * 3
    assert sorted(batch.state for batch in later) == ["ready"] * 4 + ["submitted"] * 6


def test_an_account_that_takes_no_more_batches_is_waited_for(workshop: Workshop, tmp_path: Path) -> None:
    write_corpus(workshop)

    with running(tmp_path / "strict", limits=Limits(batches_per_hour=2)) as emulator:
        workshop.emulator = emulator
        with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
            pipeline.sync([str(workshop.folder)])
            batches = pipeline.submit()

    assert sorted(batch.state for batch in batches) == ["submitted", "submitted", "uploaded"]
    (waiting,) = [batch for batch in batches if batch.state == "uploaded"]
    assert waiting.waiting
    assert "Rate limit" in (waiting.message or "")
