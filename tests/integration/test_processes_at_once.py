"""Two, four and sixteen processes at work on one corpus share the work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from preloaded import outcome, start
from promises import CORPUS_FLAGS, check_promises, write_corpus

from ingest.emulator import Fault

if TYPE_CHECKING:
    from workshop import Workshop

FLAGS: dict[str, Any] = {**CORPUS_FLAGS, "clean": True}


@pytest.mark.parametrize(
    ("processes", "shared_folder"),
    [(2, True), (4, True), (16, True), (2, False), (4, False)],
    ids=lambda value: {True: "one machine", False: "a machine each"}.get(value, str(value)),
)
def test_runs_at_once_submit_and_load_everything_once(
    workshop: Workshop, processes: int, *, shared_folder: bool
) -> None:
    write_corpus(workshop, 40)
    workshop.emulator.set_faults(Fault("drop_after_create", rate=0.3), Fault("lagging_lists", rate=0.5, seconds=0.3))

    started = []
    for number in range(processes):
        flags = workshop.flags | FLAGS | {"max_enqueued_requests": 16}
        if not shared_folder:
            flags["data_dir"] = workshop.data_dir / str(number)
        started.append(start("run", flags, [str(workshop.folder)]))

    assert [outcome(process) for process in started] == [0] * processes
    check_promises(workshop)


def test_submits_and_loads_at_once_do_everything_once(workshop: Workshop) -> None:
    write_corpus(workshop, 40)
    flags = workshop.flags | FLAGS
    assert outcome(start("sync", flags, [str(workshop.folder)])) == 0

    submits = [outcome(process) for process in [start("submit", flags, []) for _ in range(4)]]
    loads = [outcome(process) for process in [start("load", flags, []) for _ in range(4)]]
    last = outcome(start("run", flags, [str(workshop.folder)]))

    assert submits + loads == [0] * 8
    assert last == 0
    check_promises(workshop)


@pytest.mark.parametrize("verbs", [["run", "submit"], ["run", "submit", "load", "clean"]], ids=" ".join)
def test_different_commands_at_once_do_everything_once(workshop: Workshop, verbs: list[str]) -> None:
    write_corpus(workshop, 40)
    flags = workshop.flags | FLAGS
    paths = [str(workshop.folder)]
    assert outcome(start("sync", flags, paths)) == 0
    workshop.emulator.set_faults(Fault("delay", rate=0.3, seconds=0.1), Fault("drop_after_create", rate=0.3))

    together = [outcome(process) for process in [start(verb, flags, paths) for verb in verbs]]
    last = outcome(start("run", flags, paths))

    assert together == [0] * len(verbs)
    assert last == 0
    check_promises(workshop)


def test_a_killed_machine_s_shards_are_written_again_on_another(workshop: Workshop) -> None:
    write_corpus(workshop)
    flags = workshop.flags | FLAGS
    here, there = flags | {"data_dir": workshop.data_dir / "here"}, flags | {"data_dir": workshop.data_dir / "there"}
    killed = outcome(start("run", here, [str(workshop.folder)], "after-uploading", quiet=True))
    before = workshop.query("SELECT key, shard_sha256 FROM batches ORDER BY id")
    for path in (workshop.data_dir / "here").rglob("*.jsonl"):
        path.unlink()

    status = outcome(start("run", there, [str(workshop.folder)]))

    assert (killed, status) == (-9, 0)
    assert workshop.query("SELECT key, shard_sha256 FROM batches ORDER BY id LIMIT 1") == before
    check_promises(workshop)


def test_a_damaged_shard_is_written_again_before_it_is_sent(workshop: Workshop) -> None:
    write_corpus(workshop)
    flags = workshop.flags | FLAGS
    killed = outcome(start("run", flags, [str(workshop.folder)], "before-uploading", quiet=True))
    for path in workshop.data_dir.rglob("*.jsonl"):
        path.write_bytes(path.read_bytes().replace(b"document", b"DOCUMENT"))

    status = outcome(start("run", flags, [str(workshop.folder)]))

    assert (killed, status) == (-9, 0)
    check_promises(workshop)
