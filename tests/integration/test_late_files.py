"""A result file that comes after its batch was given up: its texts were paid, and are not paid again."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openai
import pytest
from promises import CORPUS_FLAGS, check_promises, write_corpus
from spoiling import Answer, spoiling
from workshop import Told

from ingest.emulator import Fault
from ingest.errors import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from workshop import Workshop

    from ingest.pipeline import Pipeline

FLAGS: dict[str, Any] = {**CORPUS_FLAGS, "clean": True, "list_lag_seconds": 0.2}
LATE = ["late_file_ids", "late_output_file", "empty_output_file"]


def given_up(workshop: Workshop, pipeline: Pipeline, fault: str) -> int:
    """A corpus one of whose batches was given up, as its file did not come; how many texts failed by it."""
    write_corpus(workshop)
    workshop.emulator.set_faults(Fault(fault, seconds=3_600, count=1))
    failures = pipeline.run([str(workshop.folder)]).failures
    assert {failure.code for failure in failures} == {"result_file_gone"}
    workshop.emulator.set_faults()  # the file is there from now on
    return len(failures)


def fetched(workshop: Workshop, folder: Path) -> list[Path]:
    """The result files of all batches, fetched by hand."""
    with openai.OpenAI(base_url=workshop.emulator.base_url, api_key=workshop.emulator.api_key) as client:
        files = [batch.output_file_id for batch in client.batches.list().data if batch.output_file_id]
        there = {file.id for file in client.files.list().data}
        paths = [folder / f"{file_id}.jsonl" for file_id in files if file_id in there]
        for path in paths:
            path.write_bytes(client.files.content(path.stem).content)
    return paths


@pytest.mark.parametrize("fault", LATE)
def test_it_is_asked_for_again_by_every_run(workshop: Workshop, fault: str) -> None:
    with workshop.pipeline(**FLAGS) as pipeline:
        failed = given_up(workshop, pipeline, fault)
        report = pipeline.run([str(workshop.folder)])
        cost = pipeline.costs().total

    assert failed in (3, 4)
    assert (report.failures, report.load.loaded, report.tokens) == ([], failed, 0)
    assert cost.wasted_tokens == 0
    check_promises(workshop)


def test_load_asks_for_it_again(workshop: Workshop) -> None:
    with workshop.pipeline(**FLAGS) as pipeline:
        failed = given_up(workshop, pipeline, "late_output_file")
        report = pipeline.load()

    assert (report.loaded, report.failed) == (failed, 0)
    check_promises(workshop)


def test_retry_asks_for_it_before_anything_is_paid_again(workshop: Workshop) -> None:
    with workshop.pipeline(**FLAGS) as pipeline:
        given_up(workshop, pipeline, "late_output_file")
        returned = pipeline.retry()
        report = pipeline.run([str(workshop.folder)])

    assert (returned, report.tokens, report.failures) == (0, 0, [])
    check_promises(workshop)


def test_what_retry_put_waiting_again_is_asked_for_once_more_before_it_is_sent(workshop: Workshop) -> None:
    write_corpus(workshop)
    with workshop.pipeline(**FLAGS) as pipeline:
        workshop.emulator.set_faults(Fault("late_output_file", seconds=3_600, count=1))
        failed = pipeline.run([str(workshop.folder)]).failures
        returned = pipeline.retry()
        workshop.emulator.set_faults()
        sent = pipeline.submit()

    assert returned == len(failed) > 0
    assert sent == []
    check_promises(workshop)


def test_a_file_that_is_fetched_by_hand_is_booked_once(workshop: Workshop, tmp_path: Path) -> None:
    with workshop.pipeline(**FLAGS) as pipeline:
        failed = given_up(workshop, pipeline, "late_output_file")
        before = pipeline.costs().total
        report = pipeline.load(fetched(workshop, tmp_path))
        after = pipeline.costs().total

    billed = workshop.emulator.ledger()["tokens"]
    assert report.loaded == failed
    assert (before.billed_tokens, after.billed_tokens) == (billed, billed)
    assert before.wasted_tokens > after.wasted_tokens == 0
    check_promises(workshop)


@pytest.mark.parametrize("fault", ["broken_content", "broken_batch"])
def test_what_a_person_gave_up_and_comes_after_all_is_not_paid_again(workshop: Workshop, fault: str) -> None:
    write_corpus(workshop)
    workshop.emulator.set_faults(Fault(fault, count=1))

    with workshop.pipeline(**FLAGS) as pipeline:
        with pytest.raises(UnreachableError, match="retry --stuck"):
            pipeline.run([str(workshop.folder)])
        pipeline.retry_stuck()
        if fault == "broken_batch":  # it is asked to cancel it first, and given up where it does not end by that
            with pytest.raises(UnreachableError, match="retry --stuck"):
                pipeline.run([str(workshop.folder)])
            pipeline.retry_stuck()
        workshop.emulator.set_faults()
        report = pipeline.run([str(workshop.folder)])

    assert report.failures == []
    check_promises(workshop)


def test_what_is_not_to_be_had_is_fetched_by_hand_before_anything_is_paid(workshop: Workshop, tmp_path: Path) -> None:
    write_corpus(workshop)
    workshop.emulator.set_faults(Fault("broken_content", count=1))
    with workshop.pipeline(**FLAGS) as pipeline:
        with pytest.raises(UnreachableError) as caught:
            pipeline.run([str(workshop.folder)])
        ((state, file_id),) = workshop.query("SELECT state, output_file_id FROM batches WHERE state <> 'done'")
        workshop.emulator.set_faults()
        by_hand = fetched(workshop, tmp_path)
        workshop.emulator.set_faults(Fault("broken_content"))
        pipeline.load([path for path in by_hand if path.stem == file_id])
        report = pipeline.run([str(workshop.folder)])

    said = str(caught.value)
    assert state == "finished"
    assert 0 < said.index(file_id) < said.index("ingest load FILE") < said.index("retry --stuck") < said.index("paid")
    assert (report.failures, report.embedded) == ([], 11)
    check_promises(workshop)


def test_it_is_not_asked_for_when_the_provider_keeps_it_no_longer(workshop: Workshop) -> None:
    with workshop.pipeline(**FLAGS) as pipeline:
        failed = given_up(workshop, pipeline, "late_output_file")
        workshop.query("UPDATE batches SET finished_at = now() - interval '31 days' RETURNING id")
        workshop.emulator.set_faults(Fault("delay_content", seconds=0))
        report = pipeline.run([str(workshop.folder)])

    assert len(report.failures) == failed
    assert workshop.emulator.fired().get("delay_content", 0) == 0


def test_a_file_that_is_still_late_is_kept_at_the_provider(workshop: Workshop) -> None:
    write_corpus(workshop)
    with workshop.pipeline(**FLAGS) as pipeline:
        workshop.emulator.set_faults(Fault("late_output_file", seconds=3_600, count=1))
        pipeline.run([str(workshop.folder)])
        workshop.emulator.set_faults()
        pipeline.clean()
        report = pipeline.run([str(workshop.folder)])
        left = pipeline.clean()

    assert (report.failures, left) == ([], 0)
    check_promises(workshop)


def line_changed(change: Callable[[bytes], bytes]) -> Callable[[Answer], Answer]:
    """The file with another second line, as long as before; the size that is told is right."""

    def spoil(answer: Answer) -> Answer:
        first, second, *rest = answer.body.splitlines(keepends=True)
        return answer._replace(body=b"".join([first, change(second), *rest]))

    return spoil


LINES = {
    "broken": line_changed(lambda line: b"#" * (len(line) - 1) + b"\n"),
    "no base64": line_changed(lambda line: re.sub(rb'("embedding":\s*").', rb"\1?", line)),
    "of another corpus": line_changed(lambda line: re.sub(rb'("custom_id":\s*")\d', rb"\g<1>9", line)),
    "empty": line_changed(lambda line: b" " * (len(line) - 1) + b"\n"),
}
CONTENT = ("GET", "files/*/content")


@pytest.mark.parametrize("name", LINES)
def test_a_line_that_cannot_be_read_is_asked_for_again_before_its_text_is_paid_again(
    workshop: Workshop, name: str
) -> None:
    write_corpus(workshop)
    with spoiling(workshop.emulator.base_url) as spoiler:
        spoiler.call, spoiler.spoil, spoiler.count = CONTENT, LINES[name], 1
        with workshop.pipeline(**FLAGS, base_url=spoiler.base_url) as pipeline:
            report = pipeline.run([str(workshop.folder)])
            wasted = pipeline.costs().total.wasted_tokens

    assert spoiler.spoilt == 1
    assert (report.failures, report.embedded, report.load.loaded, wasted) == ([], 11, 11, 0)
    check_promises(workshop)


def test_a_line_of_another_batch_is_no_line_of_this_one(workshop: Workshop) -> None:
    write_corpus(workshop, 8)
    with (
        spoiling(workshop.emulator.base_url) as spoiler,
        workshop.pipeline(**FLAGS, base_url=spoiler.base_url, retry_wait_seconds=600) as pipeline,
        openai.OpenAI(base_url=workshop.emulator.base_url, api_key=workshop.emulator.api_key) as client,
    ):
        pipeline.sync([str(workshop.folder)])
        shards = [Path(batch.shard_path).read_bytes() for batch in pipeline.submit()]
        (own, *_), (other, *_) = (re.findall(rb'"custom_id":\s*"([^"]+)"', shard) for shard in shards)
        while {batch.status for batch in client.batches.list().data} != {"completed"}:
            time.sleep(0.05)
        spoiler.call, spoiler.spoil = CONTENT, lambda answer: answer._replace(body=answer.body.replace(own, other))
        loaded = pipeline.load()
        spoiler.call = None
        report = pipeline.run([str(workshop.folder)])

    assert (loaded.loaded, loaded.waiting_again, loaded.unknown) == (7, 1, 1)
    assert (report.failures, report.embedded, report.tokens) == ([], 8, 0)
    check_promises(workshop)


def test_what_a_run_could_not_read_the_next_asks_for_before_it_is_paid_again(workshop: Workshop) -> None:
    write_corpus(workshop, 4)
    with spoiling(workshop.emulator.base_url) as spoiler:
        spoiler.call, spoiler.spoil, spoiler.count = CONTENT, LINES["broken"], 2  # `load` asks twice by itself
        with workshop.pipeline(**FLAGS, base_url=spoiler.base_url, retry_wait_seconds=600) as pipeline:
            pipeline.sync([str(workshop.folder)])
            pipeline.submit()
            loaded = 0
            while not loaded:
                loaded = pipeline.load().loaded
            pipeline.clean()
            report = pipeline.run([str(workshop.folder)])

    assert (loaded, report.load.loaded, report.tokens, report.failures) == (3, 1, 0, [])
    check_promises(workshop)


@pytest.mark.parametrize("usage", ["told", "untold"])
def test_a_line_that_stays_unreadable_is_sent_again_once_and_told_as_paid_again(workshop: Workshop, usage: str) -> None:
    write_corpus(workshop, 4)
    workshop.emulator.set_faults(*[Fault("null_usage")] * (usage == "untold"))
    files: list[str] = []

    with spoiling(workshop.emulator.base_url) as spoiler:

        def of_the_first_batch(answer: Answer) -> Answer:
            files.append([path for path in spoiler.asked if path.endswith("/content")][-1])
            return LINES["broken"](answer) if files[-1] == files[0] else answer

        spoiler.call, spoiler.spoil = CONTENT, of_the_first_batch
        with workshop.telling(told := Told(), FLAGS | {"base_url": spoiler.base_url}) as pipeline:
            report = pipeline.run([str(workshop.folder)])
            cost = pipeline.costs().total

    ledger = workshop.emulator.ledger()
    assert (report.failures, report.embedded, report.load.loaded) == ([], 4, 4)
    assert (report.load.malformed, report.load.unknown) == (1, 0)
    assert (len(ledger["billed_more_than_once"]), files.count(files[0])) == (1, 2)
    assert cost.billed_tokens == ledger["tokens"]
    assert 0 < cost.wasted_tokens < ledger["tokens"] / 4
    assert [line for line in told.lines if "has no line that can be read for 1 texts" in line and "paid again" in line]


def test_of_texts_without_a_line_as_many_are_taken_as_billed_as_there_are_lines_that_cannot_be_read(
    workshop: Workshop,
) -> None:
    write_corpus(workshop, 4)
    workshop.emulator.set_faults(Fault("null_usage"))
    files: list[str] = []

    with spoiling(workshop.emulator.base_url) as spoiler:

        def of_the_first_batch(answer: Answer) -> Answer:
            files.append([path for path in spoiler.asked if path.endswith("/content")][-1])
            if files[-1] != files[0]:
                return answer
            first, second, *rest = answer.body.splitlines(keepends=True)
            lines = [b"#" * (len(first) - 1), b" " * (len(second) - 1), b"".join(rest)]
            return answer._replace(body=b"\n".join(lines))

        spoiler.call, spoiler.spoil = CONTENT, of_the_first_batch
        with workshop.pipeline(**FLAGS, base_url=spoiler.base_url) as pipeline:
            report = pipeline.run([str(workshop.folder)])
            wasted = pipeline.costs().total.wasted_tokens

    ledger = workshop.emulator.ledger()
    assert (report.failures, report.embedded, files.count(files[0])) == ([], 4, 2)
    assert (ledger["texts"], wasted) == (6, ledger["tokens"] // 6)


def test_a_file_without_a_line_of_its_batch_is_waited_for_and_sent_again_only_by_a_person(workshop: Workshop) -> None:
    write_corpus(workshop, 4)

    with spoiling(workshop.emulator.base_url) as spoiler:
        spoiler.call, spoiler.spoil = CONTENT, lambda answer: answer._replace(body=b"#" * len(answer.body))
        with workshop.pipeline(**FLAGS, base_url=spoiler.base_url, max_attempts=1) as pipeline:
            failures = pipeline.run([str(workshop.folder)]).failures
            spoiler.call = None
            report = pipeline.run([str(workshop.folder)])

    assert {(failure.code, failure.message.partition(" file-")[0]) for failure in failures} == {
        ("result_file_gone", "no result of this batch stands in the provider's file")
    }
    assert (len(failures), report.failures, report.load.loaded, report.tokens) == (4, [], 4, 0)
    check_promises(workshop)


def test_a_failure_of_its_batch_is_a_line_that_can_be_read(workshop: Workshop) -> None:
    write_corpus(workshop, 4)
    workshop.emulator.set_faults(Fault("error_per_request_400", count=1))

    def spoil(answer: Answer) -> Answer:
        return (
            answer
            if b'"status_code":400' in answer.body.replace(b" ", b"")
            else answer._replace(body=b"#" * len(answer.body))
        )

    with spoiling(workshop.emulator.base_url) as spoiler:
        spoiler.call, spoiler.spoil = CONTENT, spoil
        with workshop.pipeline(**FLAGS, base_url=spoiler.base_url, max_attempts=1) as pipeline:
            failures = pipeline.run([str(workshop.folder)]).failures

    assert len(failures) == 4
    assert [failure.code for failure in failures].count("no_answer") == 3


@pytest.mark.parametrize("spoilt", [1, 2])
@pytest.mark.parametrize("name", ["broken", "of another corpus"])
def test_a_text_that_failed_by_an_unreadable_line_is_asked_for_once_more_for_nothing(
    workshop: Workshop, name: str, spoilt: int
) -> None:
    write_corpus(workshop, 4)
    with spoiling(workshop.emulator.base_url) as spoiler:
        spoiler.call, spoiler.spoil, spoiler.count = CONTENT, LINES[name], spoilt
        with workshop.pipeline(**FLAGS, base_url=spoiler.base_url, max_attempts=1) as pipeline:
            reports = [pipeline.run([str(workshop.folder)]) for _ in range(3)]

    looks = [path for path in spoiler.asked if path.endswith("/content")]
    assert [len(report.failures) for report in reports] == [1, spoilt - 1, spoilt - 1]
    assert [report.tokens for report in reports[1:]] == [0, 0]
    assert "lines there that are no results of its batch: 1" in reports[0].failures[0].message
    assert len(looks) == 2
    assert reports[-1].embedded == 5 - spoilt
    assert workshop.emulator.ledger()["billed_more_than_once"] == []
