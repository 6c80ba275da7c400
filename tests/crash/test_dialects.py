"""Each vendor's own API under kills and faults: nothing lost, nothing billed twice, each vector on its text."""

from __future__ import annotations

import random
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from dialects import SPOKEN
from preloaded import KILLED, outcome, start
from promises import CORPUS_FLAGS, MODEL, PASSAGES, check_promises, judge, write_corpus
from workshop import Workshop

from ingest.emulator import Fault, running
from ingest.emulator.faults import GEMINI_FAULTS, LINE_FAULTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DIALECTS = pytest.mark.parametrize("name", SPOKEN)
# What a vendor's calls have a part in; the rest of the way is the same for all.
POINTS = [
    "after-uploading",
    "after-upload",
    "after-creating",
    "after-create",
    "after-submitted",
    "before-refused",
    "after-refused",
    "after-finished",
    "download-written",
    "load-before-commit",
    "clean-before-delete",
    "clean-after-delete",
]
NO_ROOM = (Fault("token_limit", count=1),)
CALLS = ["upload", "create", "retrieve", "content", "list_batches", "delete_file"]
OF_CALLS = ["delay", "drop_before", "drop_after", "http_429", "http_500", "http_500_after", "http_502"]
LOST_CREATE = Fault("drop_after_create", count=1)  # a list is asked for where an answer was lost
OF_BATCHES = [
    *("lost_lines", "nan", "null_vector", "wrong_dimensions", "zeros", "duplicated_lines", "foreign_lines"),
    *("truncated_output_line", "non_json_line", "error_per_request_429", "error_per_request_500", "shuffled"),
    *("expired_partial", "cancelled_partial", "token_limit", "backward_status", "unknown_status"),
    *("late_output_file", "empty_output_file", "truncated_download", "cut_download", "lagging_lists"),
]
SPECIAL = {
    "lagging_lists": Fault("lagging_lists", seconds=0.4),
    "unknown_status": Fault("unknown_status", seconds=0.4),
    "late_output_file": Fault("late_output_file", seconds=1),
    "empty_output_file": Fault("empty_output_file", seconds=1),
}


# What a vendor's API does not have: its results stand in the answer that tells of a batch.
LACKING = {"openrouter": {"upload", "content", "delete_file", "truncated_download", "cut_download"}}
SOME_OTHERS = 8


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Faults of calls: all of those where an answer decides about money; of the others some, drawn by a seed."""
    if "call" in metafunc.fixturenames:
        calls = list(product(CALLS, OF_CALLS))
        if not metafunc.config.getoption("--all-pairs"):
            others = [(call, fault) for call, fault in calls if call != "create"]
            calls = [("create", fault) for fault in OF_CALLS] + random.Random(5).sample(others, SOME_OTHERS)
        metafunc.parametrize(("call", "fault"), calls, ids=lambda each: each)


@pytest.fixture
def speaking(database_url: str, tmp_path: Path, name: str) -> Iterator[Workshop]:
    """A workshop whose provider speaks a vendor's API."""
    folder = tmp_path / "files"
    folder.mkdir()
    with running(tmp_path / "emulator", dialect=name) as emulator:
        yield Workshop(database_url, emulator, folder, tmp_path / "data")


@pytest.fixture
def flags(name: str) -> dict[str, Any]:
    return SPOKEN[name] | {"clean": True, "max_attempts": 30}


@DIALECTS
@pytest.mark.parametrize("point", POINTS)
def test_a_run_killed_at_any_point_is_finished_by_the_next(
    speaking: Workshop, flags: dict[str, Any], point: str
) -> None:
    write_corpus(speaking)
    flags, paths = speaking.flags | flags, [str(speaking.folder)]
    speaking.emulator.set_faults(*(NO_ROOM if "refused" in point else ()))

    first = outcome(start("run", flags, paths, point, quiet=True))
    second = outcome(start("run", flags, paths))

    assert (first, second) == (KILLED, 0)
    check_promises(speaking)


@DIALECTS
def test_a_fault_of_a_call_costs_nothing(speaking: Workshop, flags: dict[str, Any], call: str, fault: str) -> None:
    if call in LACKING.get(flags["provider"], ()):
        pytest.skip("there is no such call")
    write_corpus(speaking)
    lost = [LOST_CREATE] if call == "list_batches" else []
    speaking.emulator.set_faults(Fault(f"{fault}_{call}", count=2, seconds=0.2), *lost)

    with speaking.pipeline(**flags) as pipeline:
        report = pipeline.run([str(speaking.folder)])

    assert speaking.emulator.fired()[f"{fault}_{call}"] > 0
    assert report.failures == []
    check_promises(speaking)


@DIALECTS
@pytest.mark.parametrize("fault", OF_BATCHES)
def test_a_fault_of_a_batch_costs_nothing(speaking: Workshop, flags: dict[str, Any], fault: str) -> None:
    if fault in LACKING.get(flags["provider"], ()):
        pytest.skip("there are no such files")
    write_corpus(speaking)
    lost = [LOST_CREATE] if fault == "lagging_lists" else []
    speaking.emulator.set_faults(
        SPECIAL.get(fault, Fault(fault, rate=0.5 if fault in LINE_FAULTS else 1.0, count=2)), *lost
    )

    with speaking.pipeline(**flags) as pipeline:
        report = pipeline.run([str(speaking.folder)])

    assert speaking.emulator.fired()[fault] > 0
    assert report.failures == []
    check_promises(speaking)


@pytest.mark.parametrize("name", ["gemini"])
@pytest.mark.parametrize("fault", GEMINI_FAULTS)
@pytest.mark.parametrize("also", ["error_per_request_429", "expired_partial"])
def test_an_answer_is_read_wherever_it_stands(speaking: Workshop, flags: dict[str, Any], fault: str, also: str) -> None:
    write_corpus(speaking)
    speaking.emulator.set_faults(Fault(fault), Fault(also, count=2))

    with speaking.pipeline(**flags) as pipeline:
        report = pipeline.run([str(speaking.folder)])

    assert report.failures == []
    check_promises(speaking)


@DIALECTS
def test_a_text_that_is_refused_is_listed_and_the_others_loaded(speaking: Workshop, flags: dict[str, Any]) -> None:
    write_corpus(speaking)
    speaking.emulator.set_faults(Fault("error_per_request_400", rate=0.5, count=2))

    with speaking.pipeline(**flags) as pipeline:
        report = pipeline.run([str(speaking.folder)])

    assert 0 < len(report.failures) <= 2
    check_promises(speaking, failed=len(report.failures))


@DIALECTS
def test_texts_are_embedded_at_once_and_found_by_a_question(speaking: Workshop, flags: dict[str, Any]) -> None:
    write_corpus(speaking)
    with speaking.pipeline(**flags, mode="sync") as pipeline:
        report = pipeline.run([str(speaking.folder)])
        found = pipeline.search("This is document number 7, and nothing else is.", mode="vector")

    assert report.embedded == 11
    assert found[0].uri.endswith("/7.txt")
    stored = speaking.query("SELECT content, embedding FROM chunks")
    assert {len(vector.to_list()) for _, vector in stored} == {flags["dimensions"]}


@DIALECTS
def test_a_corpus_goes_over_to_another_vendor_and_back(
    workshop: Workshop, tmp_path: Path, flags: dict[str, Any], name: str
) -> None:
    """The old version is searched until the swap; what is left of each vendor is known by its address."""
    write_corpus(workshop)
    question = "This is document number 7, and nothing else is."
    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        pipeline.run([str(workshop.folder)])
    with running(tmp_path / "theirs", dialect=name) as emulator:
        theirs = flags | {"base_url": emulator.base_url, "api_key": emulator.api_key}
        with workshop.pipeline(**theirs) as pipeline:
            there = pipeline.reembed()
            found = pipeline.search(question, mode="vector")[0]
            judged = judge(workshop.query(PASSAGES), flags["dimensions"], flags["model"])
            pipeline.finish()
    with workshop.pipeline(**CORPUS_FLAGS, model=MODEL) as pipeline:
        back = pipeline.reembed()

    assert (there.load.loaded, judged, found.uri.rpartition("/")[2]) == (11, (0, 0), "7.txt")
    assert (back.load.loaded, judge(workshop.query(PASSAGES))) == (11, (0, 0))
    assert workshop.query("SELECT model, has_sides FROM corpus") == [(MODEL, False)]
