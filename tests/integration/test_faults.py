"""Every fault that the emulator can play, alone: nothing lost, nothing paid twice, no vector on a wrong text."""

from __future__ import annotations

import random
from itertools import combinations
from typing import TYPE_CHECKING, Any

import pytest
from promises import CORPUS_FLAGS, check_promises, write_corpus

from ingest.emulator import FAULTS, Fault
from ingest.emulator.faults import OPERATIONS

if TYPE_CHECKING:
    from conftest import Workshop

FLAGS: dict[str, Any] = {**CORPUS_FLAGS, "clean": True, "max_attempts": 30}
# How often a fault strikes, where once or twice a corpus is not the interesting case.
SPECIAL = {
    "delay": Fault("delay", rate=0.3, seconds=0.05),
    "lagging_lists": Fault("lagging_lists", seconds=0.4),
    "read_after_write_404": Fault("read_after_write_404", seconds=0.4),
    "unknown_status": Fault("unknown_status", seconds=0.4),
    "bad_line_fails_validation": Fault("bad_line_fails_validation", rate=0.2),
    "null_request_counts": Fault("null_request_counts"),
    "shuffled": Fault("shuffled"),
    "no_trailing_newline": Fault("no_trailing_newline"),
    "zero_byte_error_file": Fault("zero_byte_error_file"),
}
REFUSING = {"bad_line_fails_validation", "error_per_request_400"}
STUCK = {name for name in FAULTS if name.startswith("stuck_")}
# The faults of a call stand for any call; of those for one call, the ones where an answer decides about money.
_ONE_CALL = {f"{base}_{operation}" for base in FAULTS for operation in OPERATIONS} & set(FAULTS)
_MONEY = {name for name in _ONE_CALL if name.endswith(("_upload", "_create", "_content"))}
ALONE = sorted(set(FAULTS) - STUCK - _ONE_CALL) + sorted(_MONEY)


# In a pair, those that end a line's or a batch's way in different manners; by default a few pairs, drawn by a seed.
PAIRED = [name for name in ALONE if not name.startswith("delay") and name != "embeddings"]
SOME_PAIRS = 12


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "pair" in metafunc.fixturenames:
        pairs = list(combinations(PAIRED, 2))
        if not metafunc.config.getoption("--all-pairs"):
            pairs = random.Random(3).sample(pairs, SOME_PAIRS)
        metafunc.parametrize("pair", pairs, ids="+".join)


def fault(name: str) -> Fault:
    return SPECIAL.get(name) or Fault(name, rate=0.5, count=3, seconds=0.2)


@pytest.mark.parametrize("name", ALONE)
def test_a_fault_alone_costs_nothing(workshop: Workshop, name: str) -> None:
    write_corpus(workshop)
    workshop.emulator.set_faults(fault(name))

    with workshop.pipeline(**FLAGS) as pipeline:
        report = pipeline.run([str(workshop.folder)])

    assert report.failures == [] or name in REFUSING
    check_promises(workshop, failed=len(report.failures))


def test_two_faults_at_once_cost_nothing(workshop: Workshop, pair: tuple[str, str]) -> None:
    write_corpus(workshop)
    workshop.emulator.set_faults(*map(fault, pair))

    with workshop.pipeline(**FLAGS) as pipeline:
        report = pipeline.run([str(workshop.folder)])

    assert report.failures == [] or REFUSING & set(pair)
    check_promises(workshop, failed=len(report.failures))
