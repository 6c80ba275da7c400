"""Every fault that the emulator plays, and was seen to play: nothing lost, nothing paid twice, no vector wrong."""

from __future__ import annotations

import random
from contextlib import suppress
from itertools import combinations
from typing import TYPE_CHECKING, Any

import pytest
from promises import CORPUS_FLAGS, check_promises, write_corpus

from ingest.emulator import FAULTS, Fault
from ingest.emulator.faults import ANSWER_FAULTS, GEMINI_FAULTS, LINE_FAULTS, OPERATIONS
from ingest.errors import UnreachableError

if TYPE_CHECKING:
    from workshop import Workshop

    from ingest.reporting.run_report import RunReport

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
    "late_file_ids": Fault("late_file_ids", seconds=2),
    "late_output_file": Fault("late_output_file", seconds=2),
    "empty_output_file": Fault("empty_output_file", seconds=2),
    "backward_status": Fault("backward_status", rate=0.5, count=20),
    "falling_counts": Fault("falling_counts", rate=0.5),
}
REFUSING = {"bad_line_fails_validation", "error_per_request_400", "error_per_request_dimensions"}
# They end the run, with status 3; the next one goes on.
ENDING = {"error_per_request_no_credit", "error_per_request_dimensions", "no_credit_batch"}
# They last until they are taken away: test_interventions.py and test_bad_batches.py.
STUCK = {name for name in FAULTS if name.startswith(("stuck_", "broken_"))} | {"refused_file"}
# The faults of a call stand for any call, or for one.
OF_CALLS = [name for name in FAULTS if f"{name}_upload" in FAULTS]
OTHERS = ("embeddings", "rerank", "models", "start_upload", "delete_batch", "count_tokens")  # not a run's
CALLS = [operation for operation in OPERATIONS if operation not in OTHERS]
ALONE = sorted(
    set(FAULTS)
    - STUCK
    - {"duplicated_create"}  # it is billed twice by what stands between: test_duplicates.py
    - {"counts_otherwise"}  # it strikes at no moment: test_token_counts.py
    - set(GEMINI_FAULTS)  # another API's
    - set(ANSWER_FAULTS)  # a run of batches makes none of these calls
    - {f"{name}_{operation}" for name in OF_CALLS for operation in OPERATIONS}
)
# A list of files is asked for only where an answer was lost, one of batches for duplicates, too.
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
# And always those in which what is late meets what is lost, refused or told wrong.
LATE_PAIRS = [
    ("late_file_ids", "falling_counts"),
    ("late_file_ids", "http_500_after_create"),
    ("late_output_file", "cut_download"),
    ("late_output_file", "backward_status"),
    ("empty_output_file", "truncated_download"),
    ("empty_output_file", "expired_partial"),
    ("backward_status", "token_limit"),
    ("no_credit_batch", "late_file_ids"),
    ("error_per_request_no_credit", "lost_lines"),
    ("error_per_request_no_credit", "error_per_request_400"),
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "pair" in metafunc.fixturenames:
        pairs = list(combinations(PAIRED, 2))
        if not metafunc.config.getoption("--all-pairs"):
            pairs = random.Random(3).sample(pairs, SOME_PAIRS)
            pairs += [pair for pair in LATE_PAIRS if pair not in pairs]
        metafunc.parametrize("pair", pairs, ids="+".join)


def run_through(workshop: Workshop, *names: str) -> RunReport:
    """Runs until one comes to its end; faults of these names may end one before."""
    for _ in range(10):
        with workshop.pipeline(**FLAGS) as pipeline, suppress(*[UnreachableError][: len(ENDING & {*names})]):
            return pipeline.run([str(workshop.folder)])
    raise AssertionError("no run came to its end")


def fault(name: str) -> Fault:
    return SPECIAL.get(name) or Fault(name, rate=0.5 if name in LINE_FAULTS else 1.0, count=2, seconds=0.2)


@pytest.mark.parametrize("name", ALONE)
def test_a_fault_alone_costs_nothing(workshop: Workshop, name: str) -> None:
    write_corpus(workshop)
    workshop.emulator.set_faults(fault(name), *LOSSES.get(name, []))

    report = run_through(workshop, name)

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
    assert cancelled.loaded + cancelled.waiting_again == 11
    assert report.failures == []
    check_promises(workshop)


def test_two_faults_at_once_cost_nothing(workshop: Workshop, pair: tuple[str, str]) -> None:
    write_corpus(workshop)
    workshop.emulator.set_faults(*map(fault, pair))

    report = run_through(workshop, *pair)

    assert report.failures == [] or REFUSING & set(pair)
    check_promises(workshop, failed=len(report.failures))
