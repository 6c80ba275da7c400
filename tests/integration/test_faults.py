"""Every fault that the emulator plays, and was seen to play: nothing lost, nothing paid twice, no vector wrong."""

from __future__ import annotations

import random
from itertools import combinations
from typing import TYPE_CHECKING, Any

import pytest
from promises import CORPUS_FLAGS, check_promises, write_corpus

from ingest.emulator import FAULTS, Fault
from ingest.emulator.faults import ANSWER_FAULTS, LINE_FAULTS, OPERATIONS

if TYPE_CHECKING:
    from workshop import Workshop

FLAGS: dict[str, Any] = {**CORPUS_FLAGS, "clean": True, "max_attempts": 30}
# How often a fault strikes, where once or twice a corpus is not the interesting case.
SPECIAL = {
    "delay": Fault("delay", rate=0.3, seconds=0.05),
    "lagging_lists": Fault("lagging_lists", seconds=0.4),
    "read_after_write_404": Fault("read_after_write_404", seconds=0.4),
    "unknown_status": Fault("unknown_status", seconds=0.4),
    "bad_line_fails_validation": Fault("bad_line_fails_validation", rate=0.2),
    "null_request_counts": Fault("null_request_counts"),
    "null_usage": Fault("null_usage"),
    "shuffled": Fault("shuffled"),
    "no_trailing_newline": Fault("no_trailing_newline"),
    "zero_byte_error_file": Fault("zero_byte_error_file"),
}
REFUSING = {"bad_line_fails_validation", "error_per_request_400"}
STUCK = {name for name in FAULTS if name.startswith("stuck_")}
# The faults of a call stand for any call, or for one.
OF_CALLS = [name for name in FAULTS if f"{name}_upload" in FAULTS]
CALLS = [operation for operation in OPERATIONS if operation != "embeddings"]  # a search's, not a run's
ALONE = sorted(
    set(FAULTS)
    - STUCK
    - set(ANSWER_FAULTS)  # a run of batches makes none of these calls
    - {f"{name}_{operation}" for name in OF_CALLS for operation in OPERATIONS}
)
# A list is asked for only where an answer was lost.
LOSSES = {
    "list_files": [Fault("drop_after_upload", count=1)],
    "list_batches": [Fault("drop_after_create", count=1)],
    "lagging_lists": [Fault("drop_after_upload", count=1), Fault("drop_after_create", count=1)],
}
# In a pair, those that end a line's or a batch's way in different manners, and the calls where an answer decides about
# money; by default a few pairs, drawn by a seed.
PAIRED = [name for name in ALONE if name != "delay"] + [
    f"{name}_{call}" for name in OF_CALLS for call in ("content", "create", "upload") if name != "delay"
]
SOME_PAIRS = 12


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "pair" in metafunc.fixturenames:
        pairs = list(combinations(PAIRED, 2))
        if not metafunc.config.getoption("--all-pairs"):
            pairs = random.Random(3).sample(pairs, SOME_PAIRS)
        metafunc.parametrize("pair", pairs, ids="+".join)


def fault(name: str) -> Fault:
    return SPECIAL.get(name) or Fault(name, rate=0.5 if name in LINE_FAULTS else 1.0, count=2, seconds=0.2)


@pytest.mark.parametrize("name", ALONE)
def test_a_fault_alone_costs_nothing(workshop: Workshop, name: str) -> None:
    write_corpus(workshop)
    workshop.emulator.set_faults(fault(name), *LOSSES.get(name, []))

    with workshop.pipeline(**FLAGS) as pipeline:
        report = pipeline.run([str(workshop.folder)])

    assert workshop.emulator.fired()[name] > 0
    assert report.failures == [] or name in REFUSING
    check_promises(workshop, failed=len(report.failures))


@pytest.mark.parametrize("name", OF_CALLS)
@pytest.mark.parametrize("call", [call for call in CALLS if call != "cancel"])
def test_a_fault_of_one_call_costs_nothing(workshop: Workshop, call: str, name: str) -> None:
    write_corpus(workshop)
    workshop.emulator.set_faults(Fault(f"{name}_{call}", count=2, seconds=0.2), *LOSSES.get(call, []))

    with workshop.pipeline(**FLAGS) as pipeline:
        report = pipeline.run([str(workshop.folder)])

    assert workshop.emulator.fired()[f"{name}_{call}"] > 0
    assert report.failures == []
    check_promises(workshop)


@pytest.mark.parametrize("name", OF_CALLS)
def test_a_fault_while_batches_are_cancelled_costs_nothing(workshop: Workshop, name: str) -> None:
    write_corpus(workshop)
    stuck, struck = Fault("stuck_in_progress"), Fault(f"{name}_cancel", count=2, seconds=0.2)
    workshop.emulator.set_faults(stuck)
    with workshop.pipeline(**FLAGS) as pipeline:
        pipeline.sync([str(workshop.folder)])
        pipeline.submit()

        workshop.emulator.set_faults(stuck, struck)
        cancelled = pipeline.cancel()
        fired = workshop.emulator.fired()[struck.name]
        workshop.emulator.set_faults()
        report = pipeline.run([str(workshop.folder)])

    assert fired > 0
    assert cancelled.loaded + cancelled.back_in_line == 11
    assert report.failures == []
    check_promises(workshop)


def test_two_faults_at_once_cost_nothing(workshop: Workshop, pair: tuple[str, str]) -> None:
    write_corpus(workshop)
    workshop.emulator.set_faults(*map(fault, pair))

    with workshop.pipeline(**FLAGS) as pipeline:
        report = pipeline.run([str(workshop.folder)])

    assert report.failures == [] or REFUSING & set(pair)
    check_promises(workshop, failed=len(report.failures))
