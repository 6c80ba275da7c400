"""A provider that counts other tokens than we do: its limits are kept by its count, its bill is as estimated."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from promises import CORPUS_FLAGS

from ingest.emulator import Fault, Limits, RunningEmulator, running
from ingest.emulator.limits import STANDARD_LIMITS
from ingest.errors import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workshop import Workshop

FLAGS = {**CORPUS_FLAGS, "max_batch_requests": 1_000, "max_batch_tokens": 10**6, "refused_wait_seconds": 0.05}
DOCUMENTS = 24
TOKENS = 264  # of them all, by our count


def write(workshop: Workshop, word: str = "is") -> None:
    for number in range(DOCUMENTS):
        workshop.write(f"{number}.txt", f"This {word} document number {number}, nothing more.")


@contextmanager
def provider(
    workshop: Workshop, folder: Path, times: float, limits: Limits = STANDARD_LIMITS
) -> Iterator[RunningEmulator]:
    counts = Fault("counts_otherwise", times=times)
    with running(folder / "strict", faults=[counts], limits=limits) as emulator:
        workshop.emulator = emulator
        yield emulator


def run(workshop: Workshop, **flags: Any) -> Any:
    with workshop.pipeline(**FLAGS | flags) as pipeline:
        return pipeline.run([str(workshop.folder)])


def refusals(workshop: Workshop) -> int:
    """Creations that the provider refused."""
    messages = "SELECT count(*) FILTER (WHERE message LIKE '%%token_limit%%') + sum(refusals) FROM batches"
    return int(workshop.query(messages)[0][0])


def billed_once(workshop: Workshop, texts: int) -> bool:
    ledger = workshop.emulator.ledger()
    return (ledger["texts"], ledger["distinct_texts"]) == (texts, texts)


@pytest.mark.parametrize("times", [1.1, 1.5, 3.0])
def test_a_limit_is_kept_by_the_provider_s_count(workshop: Workshop, tmp_path: Path, times: float) -> None:
    write(workshop)

    with provider(workshop, tmp_path, times, Limits(enqueued_tokens=TOKENS // 3)):
        report = run(workshop)
        first = refusals(workshop)
        write(workshop, "was")
        again = run(workshop)

        assert billed_once(workshop, 2 * DOCUMENTS)
    assert (report.failures, again.failures) == ([], [])
    assert 1 <= first <= 5
    assert refusals(workshop) == first
    assert workshop.query("SELECT max(attempts) FROM requests") == [(None,)]


@pytest.mark.parametrize("times", [1.0, 3.0])
def test_a_limit_of_one_batch_is_found_by_halves(workshop: Workshop, tmp_path: Path, times: float) -> None:
    write(workshop)

    with provider(workshop, tmp_path, times, Limits(batch_tokens=TOKENS // 3)):
        report = run(workshop)

        assert billed_once(workshop, DOCUMENTS)
    assert report.failures == []
    assert 1 <= refusals(workshop) <= 5


def test_a_text_over_the_limit_is_listed_and_waits_for_nobody(workshop: Workshop, tmp_path: Path) -> None:
    write(workshop)
    workshop.write("long.txt", "All of this is one text of many more words than the others have. " * 3)

    with provider(workshop, tmp_path, 1.5, Limits(enqueued_tokens=50)):
        report = run(workshop, chunk_tokens=200)

        assert billed_once(workshop, DOCUMENTS)
    (failure,) = report.failures
    assert failure.uri.endswith("long.txt")
    assert failure.code == "over_enqueued_limit"
    assert "Limit: 50 enqueued tokens" in failure.message


def test_an_account_that_others_have_filled_is_waited_for_and_told_of(workshop: Workshop, tmp_path: Path) -> None:
    write(workshop)

    full = Fault("token_limit")
    with running(tmp_path / "full", faults=[full], limits=Limits(enqueued_tokens=10**6)) as emulator:
        workshop.emulator = emulator
        with pytest.raises(UnreachableError, match=r"token_limit_exceeded.*Nothing is lost"):
            run(workshop, refused_wait_seconds=0.01)
        sent = workshop.query("SELECT count(*) FROM batches")
        emulator.set_faults()
        report = run(workshop)

        assert billed_once(workshop, DOCUMENTS)
    assert sent == [(1,)]  # it was not cut: its size was no reason
    assert report.failures == []


def test_the_estimate_is_the_bill_once_the_count_is_known(workshop: Workshop, tmp_path: Path) -> None:
    write(workshop)

    with provider(workshop, tmp_path, 3.0) as emulator:
        run(workshop)
        write(workshop, "was")
        before = emulator.ledger()["tokens"]
        with workshop.pipeline(**FLAGS) as pipeline:
            estimate = pipeline.estimate([str(workshop.folder)])
            report = pipeline.run([str(workshop.folder)])
            costs = pipeline.costs()
        billed = emulator.ledger()["tokens"] - before

    assert estimate.token_ratio == 3.0
    assert estimate.tokens * 3 == billed
    assert estimate.dollars == pytest.approx(report.dollars) == pytest.approx(costs.runs[-1].billed_dollars)
    assert costs.runs[-1].estimated_tokens == costs.runs[-1].billed_tokens == billed


def test_a_count_that_falls_again_is_believed(workshop: Workshop, tmp_path: Path) -> None:
    ratios = []
    with provider(workshop, tmp_path, 3.0) as emulator:
        for word in ("is", "was", "has", "had"):
            write(workshop, word)
            run(workshop)
            ratios.append(workshop.query("SELECT billed_tokens / counted_tokens FROM learned_limits")[0][0])
            emulator.set_faults()

    assert ratios[0] == 3.0
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[-1] < 1.2
