"""Killed between any two effects, then run again: all is embedded, each text paid once, each vector on its text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from preloaded import KILLED, outcome, start
from promises import CORPUS_FLAGS, check_promises, write_corpus

from ingest.emulator import Fault
from ingest.failpoints import POINTS

if TYPE_CHECKING:
    from workshop import Workshop

# What it takes to pass certain points at all.
FAULTS = {
    "after-look": (Fault("drop_after_create", count=1), Fault("lagging_lists", seconds=3.0)),
    "before-refused": (Fault("token_limit", count=1),),
    "after-refused": (Fault("token_limit", count=1),),
}
FLAGS: dict[str, Any] = {**CORPUS_FLAGS, "clean": True}
PASSAGES = [
    (point, passage)
    for point in POINTS
    if not point.startswith(("answer", "cancel", "column", "swap"))
    for passage in ((1, 2) if point.startswith(("after-create", "after-creating", "load-after")) else (1,))
]


@pytest.mark.parametrize(("point", "passage"), PASSAGES, ids=str)
def test_a_run_killed_at_any_point_is_finished_by_the_next(workshop: Workshop, point: str, passage: int) -> None:
    write_corpus(workshop)
    flags = workshop.flags | FLAGS
    if point == "after-look":
        flags["list_lag_seconds"] = 3.0  # the first look comes before the list has caught up, the second after it
    if point.startswith("gone"):
        workshop.write("gone.txt", "A document that will be gone.")
        assert outcome(start("sync", flags, [str(workshop.folder)])) == 0
        (workshop.folder / "gone.txt").unlink()
    if point.startswith("terms"):  # of passages that were there without any
        assert outcome(start("sync", flags | {"keywords": False}, [str(workshop.folder)])) == 0
    workshop.emulator.set_faults(*FAULTS.get(point, ()))

    first = outcome(start("run", flags, [str(workshop.folder)], f"{point}:{passage}", quiet=True))
    second = outcome(start("run", flags, [str(workshop.folder)]))

    assert (first, second) == (KILLED, 0)
    check_promises(workshop)


@pytest.mark.parametrize("point", [point for point, passage in PASSAGES if passage == 1])
def test_a_round_killed_at_any_point_is_finished_by_the_next_four_at_once(workshop: Workshop, point: str) -> None:
    write_corpus(workshop)
    flags, paths = workshop.flags | FLAGS | {"list_lag_seconds": 3.0}, [str(workshop.folder)]
    if point.startswith("gone"):
        workshop.write("gone.txt", "A document that will be gone.")
        assert outcome(start("sync", flags, paths)) == 0
        (workshop.folder / "gone.txt").unlink()
    if point.startswith("terms"):
        assert outcome(start("sync", flags | {"keywords": False}, paths)) == 0
    workshop.emulator.set_faults(*FAULTS.get(point, ()))

    first = outcome(start("advance", flags, paths, point, quiet=True))
    others = [start("advance", flags, paths) for _ in range(4)]

    assert first == KILLED
    assert {outcome(other) for other in others} == {0}
    check_promises(workshop)


def test_a_second_creation_is_looked_up_just_like_the_first(workshop: Workshop) -> None:
    """Killed after the call that two looks had found necessary: nothing says yet that it was carried out."""
    write_corpus(workshop, 3)  # one shard: the first creation never arrives, the second does
    flags = workshop.flags | FLAGS
    paths = [str(workshop.folder)]
    workshop.emulator.set_faults(Fault("drop_before_create", count=1))

    first = outcome(start("run", flags, paths, "after-create", quiet=True))
    workshop.emulator.set_faults(Fault("lagging_lists", seconds=4))
    second = outcome(start("run", flags | {"list_lag_seconds": 5}, paths))

    assert (first, second) == (KILLED, 0)
    check_promises(workshop)


@pytest.mark.parametrize("point", ["cancel-asked", "cancel-noted", "after-finished", "load-before-commit"])
def test_a_killed_cancel_is_finished_by_the_next(workshop: Workshop, point: str) -> None:
    write_corpus(workshop)
    flags = workshop.flags | FLAGS
    paths = [str(workshop.folder)]
    assert outcome(start("sync", flags, paths)) == 0
    workshop.emulator.set_faults(Fault("stuck_in_progress"))
    assert outcome(start("submit", flags, paths)) == 0

    first = outcome(start("cancel", flags, paths, point, quiet=True))
    second = outcome(start("cancel", flags, paths))
    workshop.emulator.set_faults()
    third = outcome(start("run", flags, paths))

    assert (first, second, third) == (KILLED, 0, 0)
    check_promises(workshop)
