"""When faults fire."""

from __future__ import annotations

import pytest

from ingest.emulator.faults import FAULTS, OPERATIONS, Fault, Faults
from ingest.errors import UsageError


def test_every_call_can_meet_every_fault_of_calls() -> None:
    kinds = ("delay", "drop_before", "drop_after", "http_429", "http_500", "http_500_after", "http_502")

    named = {f"{kind}_{operation}" for kind in kinds for operation in OPERATIONS}

    assert named <= FAULTS.keys()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("nan", Fault("nan")),
        ("nan:0.5", Fault("nan", rate=0.5)),
        ("nan:0.5:3", Fault("nan", rate=0.5, count=3)),
        ("delay::2::0.1", Fault("delay", count=2, seconds=0.1)),
        ("nan:1:1:7", Fault("nan", count=1, after=7)),
    ],
)
def test_a_fault_is_read_from_a_line(text: str, fault: Fault) -> None:
    assert Fault.parse(text) == fault


@pytest.mark.parametrize("text", ["earthquake", "nan:much", "nan:2", "nan:1:1:1:1:1:1", "nan:1:0.5", ""])
def test_a_fault_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        Fault.parse(text)


def test_a_fault_that_is_not_played_never_fires() -> None:
    assert not Faults([Fault("nan")]).fires("inf")


def test_a_fault_fires_after_so_many_chances_and_so_many_times() -> None:
    faults = Faults([Fault("nan", after=2, count=3)])

    fired = [faults.fires("nan") for _ in range(8)]

    assert fired == [False, False, True, True, True, False, False, False]


def test_a_fault_fires_at_its_rate() -> None:
    faults = Faults([Fault("nan", rate=0.25)])

    fired = sum(faults.fires("nan", str(key)) for key in range(10_000))

    assert 2_300 < fired < 2_700


def test_what_fires_for_a_key_does_not_hang_on_the_order() -> None:
    one, other = (Faults([Fault("nan", rate=0.5)], seed=7) for _ in range(2))
    keys = [str(key) for key in range(100)]

    fired_upwards = {key for key in keys if one.fires("nan", key)}
    fired_downwards = {key for key in reversed(keys) if other.fires("nan", key)}

    assert fired_upwards == fired_downwards


def test_what_holds_for_a_key_holds_until_the_faults_are_changed() -> None:
    faults = Faults([Fault("stuck_validating", count=1)])

    held = [faults.holds("stuck_validating", key) for key in "ababa"]
    faults.set([])

    assert held == [True, False, True, False, True]
    assert not faults.holds("stuck_validating", "a")


def test_the_report_tells_how_often_each_fired() -> None:
    faults = Faults([Fault("nan", count=2), Fault("inf")])
    for _ in range(5):
        faults.fires("nan")

    report = {fault["name"]: fault["fired"] for fault in faults.report()}

    assert report == {"nan": 2, "inf": 0}
