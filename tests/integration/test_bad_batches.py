"""One batch in trouble, late or lost: the others go on, it is named, and nothing is paid again without a person."""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, Any

import pytest
from promises import CORPUS_FLAGS, check_promises, write_corpus

from ingest.emulator import Fault
from ingest.errors import UnreachableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from workshop import Outcome, Workshop

    from ingest.pipeline import Pipeline

FLAGS: dict[str, Any] = {**CORPUS_FLAGS, "clean": True}
HELD = [Fault("broken_content", count=1), Fault("broken_batch", count=1), Fault("refused_file", count=1)]
LATE = ["late_file_ids", "late_output_file", "empty_output_file"]


NAMED = re.compile(r"batch (\d+) .*got no further in \d+ tries.*run the same command again")


def named(error: pytest.ExceptionInfo[UnreachableError]) -> int:
    """The batch in trouble: the first whose file was asked for, and they are asked for side by side."""
    found = NAMED.search(str(error.value))
    assert found is not None
    return int(found[1])


def embedded(workshop: Workshop) -> int:
    return int(workshop.query("SELECT count(embedding) FROM chunks")[0][0])


def submitted(workshop: Workshop, pipeline: Pipeline) -> None:
    write_corpus(workshop)
    pipeline.sync([str(workshop.folder)])
    assert [batch.state for batch in pipeline.submit()] == ["submitted"] * 3


@pytest.mark.parametrize("fault", HELD, ids=lambda fault: fault.name)
def test_a_batch_in_trouble_holds_up_nobody_and_is_named(workshop: Workshop, fault: Fault) -> None:
    write_corpus(workshop)
    workshop.emulator.set_faults(fault)

    with workshop.pipeline(**FLAGS) as pipeline:
        with pytest.raises(UnreachableError, match=NAMED) as error:
            pipeline.run([str(workshop.folder)])
        there = embedded(workshop)
        (left,) = pipeline.status().batches
        workshop.emulator.set_faults()
        report = pipeline.run([str(workshop.folder)])

    assert there == 11 - left.requests
    assert left.id == named(error)
    assert "without success" in (left.why or "")
    assert report.failures == []
    check_promises(workshop)


@pytest.mark.parametrize("fault", HELD[:2], ids=lambda fault: fault.name)
def test_by_steps_it_holds_up_nobody_either(workshop: Workshop, fault: Fault) -> None:
    with workshop.pipeline(**FLAGS) as pipeline:
        workshop.emulator.set_faults(fault)
        submitted(workshop, pipeline)

        loaded, notes = 0, []
        while loaded < 7:
            report = pipeline.load()
            loaded += report.loaded
            notes = report.notes
        with pytest.raises(UnreachableError, match=NAMED) as error:
            deque(iter(pipeline.load, None), maxlen=0)  # until it is tried without success
        (left,) = pipeline.status().batches
        workshop.emulator.set_faults()
        pipeline.run([str(workshop.folder)])

    assert loaded == 11 - left.requests
    assert [note.partition(":")[0] for note in notes] == [f"batch {named(error)}"]
    check_promises(workshop)


@pytest.mark.parametrize("fault", HELD, ids=lambda fault: fault.name)
def test_a_batch_that_brings_nothing_is_given_up_by_hand(workshop: Workshop, fault: Fault) -> None:
    write_corpus(workshop)
    workshop.emulator.set_faults(fault)

    with workshop.pipeline(**FLAGS) as pipeline:
        with pytest.raises(UnreachableError, match="retry --stuck") as error:
            pipeline.run([str(workshop.folder)])
        given_up = [batch.id for batch in pipeline.retry_stuck()]
        if fault.name == "broken_batch":  # it was cancelled first, and is given up where it does not end by that
            with pytest.raises(UnreachableError, match="retry --stuck"):
                pipeline.run([str(workshop.folder)])
            given_up += [batch.id for batch in pipeline.retry_stuck()]
        report = pipeline.run([str(workshop.folder)])

    assert set(given_up) == {named(error)}
    assert (report.failures, embedded(workshop)) == ([], 11)


def test_a_shard_that_is_refused_as_the_one_before_was_ends_the_run_at_once(workshop: Workshop) -> None:
    write_corpus(workshop, 40)
    workshop.emulator.set_faults(Fault("refused_file"))

    with workshop.pipeline(**FLAGS) as pipeline:
        with pytest.raises(UsageError, match="The request was blocked"):
            pipeline.run([str(workshop.folder)])
        refused = workshop.emulator.fired()["refused_file"]
        workshop.emulator.set_faults()
        report = pipeline.run([str(workshop.folder)])

    assert refused == 2
    assert report.failures == []
    check_promises(workshop)


@pytest.mark.parametrize("fault", [*LATE, "backward_status", "falling_counts"])
def test_what_is_late_or_goes_backward_is_waited_for_and_not_paid_again(workshop: Workshop, fault: str) -> None:
    write_corpus(workshop)
    workshop.emulator.set_faults(Fault(fault, seconds=3, count=None if fault in LATE else 12))

    with workshop.pipeline(**FLAGS | {"list_lag_seconds": 2}, max_attempts=1) as pipeline:
        report = pipeline.run([str(workshop.folder)])

    assert workshop.emulator.fired()[fault] > 0
    assert report.failures == []
    check_promises(workshop)


@pytest.mark.parametrize("fault", LATE)
def test_what_never_comes_is_listed_and_paid_again_only_by_a_person(workshop: Workshop, fault: str) -> None:
    write_corpus(workshop)
    workshop.emulator.set_faults(Fault(fault, seconds=3_600, count=1))

    with workshop.pipeline(**FLAGS | {"list_lag_seconds": 0.2}) as pipeline:
        failed = pipeline.run([str(workshop.folder)])
        again = pipeline.run([str(workshop.folder)])
        ledger = workshop.emulator.ledger()
        workshop.emulator.set_faults()
        pipeline.retry()
        report = pipeline.run([str(workshop.folder)])

    assert {failure.code for failure in failed.failures} == {"result_file_gone"}
    assert len(failed.failures) == len(again.failures) in (3, 4)
    assert ledger["billed_more_than_once"] == []
    assert report.failures == []


def test_the_command_line_names_the_batch_and_exits_with_3(
    workshop: Workshop, ingest: Callable[..., Outcome], environment: dict[str, str]
) -> None:
    write_corpus(workshop, 8)
    workshop.emulator.set_faults(Fault("broken_content", count=1))
    environment |= {"INGEST_LIST_LAG_SECONDS": "0.2", "INGEST_MAX_BATCH_REQUESTS": "4", "INGEST_DIMENSIONS": "8"}

    outcome = ingest("run", workshop.folder, environment=environment)
    status = ingest("status", environment=environment)
    given_up = ingest("retry", "--stuck", environment=environment)
    done = ingest("run", workshop.folder, environment=environment)

    assert outcome.status == 3
    assert "got no further" in outcome.err
    assert "without success" in status.out
    assert (given_up.status, done.status) == (0, 0)
