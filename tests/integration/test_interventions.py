"""What a person does to batches: cancel them, free the stuck ones, clean up behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import openai
import pytest
from promises import CORPUS_FLAGS, check_promises, write_corpus

from ingest.emulator import Fault
from ingest.errors import UsageError

if TYPE_CHECKING:
    from workshop import Workshop

    from ingest.pipeline import Pipeline


def remote_files(workshop: Workshop) -> int:
    with openai.OpenAI(base_url=workshop.emulator.base_url, api_key=workshop.emulator.api_key) as client:
        return len(client.files.list().data)


def submitted(workshop: Workshop, pipeline: Pipeline) -> None:
    """A corpus whose batches are in flight."""
    write_corpus(workshop)
    pipeline.sync([str(workshop.folder)])
    assert [batch.state for batch in pipeline.submit()] == ["submitted"] * 3


def test_cancel_loads_what_is_done_and_leaves_the_rest_waiting(workshop: Workshop) -> None:
    with workshop.pipeline(**CORPUS_FLAGS, clean=True) as pipeline:
        workshop.emulator.set_faults(Fault("stuck_in_progress", count=2))
        submitted(workshop, pipeline)

        report = pipeline.cancel()
        status = pipeline.status()
        workshop.emulator.set_faults()
        pipeline.run([str(workshop.folder)])

    assert report.loaded + report.waiting_again == 11
    assert status.waiting_requests == report.waiting_again > 0
    assert status.batches == []
    check_promises(workshop)


def test_cancelled_requests_have_not_used_up_an_attempt(workshop: Workshop) -> None:
    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        workshop.emulator.set_faults(Fault("stuck_in_progress"))
        submitted(workshop, pipeline)

        report = pipeline.cancel()

    assert report.waiting_again == 11
    may_go_at_once = "SELECT DISTINCT attempts, failed, not_before IS NULL FROM requests"
    assert workshop.query(may_go_at_once) == [(0, False, True)]


def test_what_failed_by_itself_was_an_attempt_though_its_batch_was_to_be_cancelled(workshop: Workshop) -> None:
    workshop.emulator.set_faults(Fault("error_per_request_500", count=1))
    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        submitted(workshop, pipeline)
        workshop.query("UPDATE batches SET cancel_asked_at = now() RETURNING id")  # too late
        loaded = waiting = 0
        while loaded + waiting < 11:
            report = pipeline.load()
            loaded, waiting = loaded + report.loaded, waiting + report.waiting_again

    assert (loaded, waiting) == (10, 1)
    assert workshop.query("SELECT attempts, failed FROM requests") == [(1, False)]


def test_what_was_not_sent_yet_is_taken_back_without_a_call(workshop: Workshop) -> None:
    write_corpus(workshop)
    with workshop.pipeline(**CORPUS_FLAGS, max_enqueued_requests=4) as pipeline:
        pipeline.sync([str(workshop.folder)])
        pipeline.submit()
        pipeline.cancel()
        status = pipeline.status()

    assert status.batches == []
    assert status.waiting_requests + status.embedded == 11


@pytest.mark.parametrize(("fault", "was_created"), [("drop_after_create", True), ("drop_before_create", False)])
def test_a_creation_whose_answer_was_lost_is_looked_for_before_it_is_taken_back(
    workshop: Workshop, fault: str, was_created: bool
) -> None:
    write_corpus(workshop, 3)  # a batch
    workshop.emulator.set_faults(Fault(fault, count=1), Fault("stuck_in_progress"))
    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        pipeline.sync([str(workshop.folder)])
        assert [batch.state for batch in pipeline.submit()] == ["creating"]
        pipeline.cancel()

        assert workshop.query("SELECT state, provider_batch_id IS NOT NULL FROM batches") == [("done", was_created)]
        assert pipeline.status().waiting_requests == 3
        workshop.emulator.set_faults()
        pipeline.run([str(workshop.folder)])
    check_promises(workshop)


@pytest.mark.parametrize("where", ["validating", "in_progress", "finalizing"])
def test_a_stuck_batch_is_reported_cancelled_and_its_rest_sent_again(workshop: Workshop, where: str) -> None:
    with workshop.pipeline(**CORPUS_FLAGS, clean=True, stuck_hours=0) as pipeline:
        workshop.emulator.set_faults(Fault(f"stuck_{where}", count=1))
        submitted(workshop, pipeline)
        pipeline.load()

        stuck = [batch.stuck for batch in pipeline.status().batches]
        cancelled = pipeline.retry_stuck()
        workshop.emulator.set_faults()
        report = pipeline.run([str(workshop.folder)])

    assert any(stuck)
    assert cancelled
    assert report.failures == []
    check_promises(workshop)


def test_a_batch_stuck_even_in_its_cancelling_is_left_behind(workshop: Workshop) -> None:
    with workshop.pipeline(**CORPUS_FLAGS, clean=True, stuck_hours=0) as pipeline:
        workshop.emulator.set_faults(Fault("stuck_validating", count=1), Fault("stuck_cancelling"))
        submitted(workshop, pipeline)
        pipeline.load()

        pipeline.retry_stuck()
        pipeline.retry_stuck()
        workshop.emulator.set_faults()
        report = pipeline.run([str(workshop.folder)])

    assert report.failures == []
    check_promises(workshop)


def test_clean_leaves_nothing_of_a_loaded_corpus_at_the_provider(workshop: Workshop) -> None:
    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        submitted(workshop, pipeline)
        pipeline.run([str(workshop.folder)])
        before = remote_files(workshop)

        cleaned = pipeline.clean()
        again = pipeline.clean()

    assert before == 6
    assert (cleaned, again) == (6, 0)
    assert remote_files(workshop) == 0


def test_clean_deletes_what_lost_answers_left_and_nothing_of_others(workshop: Workshop) -> None:
    with openai.OpenAI(base_url=workshop.emulator.base_url, api_key=workshop.emulator.api_key) as client:
        client.files.create(file=(f"ingest-{'0' * 32}.jsonl", b"{}"), purpose="batch")
    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        write_corpus(workshop)
        workshop.emulator.set_faults(Fault("drop_after_upload", count=1), Fault("lagging_lists", count=2, seconds=5))
        pipeline.run([str(workshop.folder)])
        before = remote_files(workshop)

        cleaned = pipeline.clean()

    assert (before, cleaned) == (8, 7)
    assert remote_files(workshop) == 1
    check_promises(workshop)


def test_clean_spares_what_is_in_flight(workshop: Workshop) -> None:
    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        workshop.emulator.set_faults(Fault("stuck_in_progress"))
        submitted(workshop, pipeline)

        cleaned = pipeline.clean()

    assert cleaned == 0
    assert remote_files(workshop) == 3


def test_a_batch_that_only_the_list_knows_goes_on_by_the_list(workshop: Workshop) -> None:
    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        submitted(workshop, pipeline)
        pipeline.connection.execute("UPDATE batches SET provider_batch_id = 'batch_gone' WHERE id = 1")

        report = pipeline.run([str(workshop.folder)])

    assert report.failures == []
    check_promises(workshop)


def test_a_batch_that_the_provider_does_not_know_is_listed_not_paid_again(workshop: Workshop) -> None:
    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        submitted(workshop, pipeline)
        pipeline.connection.execute(
            "UPDATE batches SET provider_batch_id = 'batch_of_another_account', key = key || 'x' WHERE id = 1"
        )

        report = pipeline.run([str(workshop.folder)])
        pipeline.retry()
        after = pipeline.run([str(workshop.folder)])

    assert {failure.code for failure in report.failures} == {"batch_unknown"}
    assert len(report.failures) == 4
    assert after.failures == []


def test_results_that_the_provider_deleted_are_listed_not_paid_again(workshop: Workshop) -> None:
    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        submitted(workshop, pipeline)
        with openai.OpenAI(base_url=workshop.emulator.base_url, api_key=workshop.emulator.api_key) as client:
            while len(files := client.files.list(purpose="batch_output").data) < 3:
                pass
            client.files.delete(files[0].id)

        report = pipeline.run([str(workshop.folder)])

    assert {failure.code for failure in report.failures} == {"result_file_gone"}
    assert workshop.emulator.ledger()["billed_more_than_once"] == []


def test_a_run_for_another_provider_says_where_the_rest_is(workshop: Workshop) -> None:
    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        workshop.emulator.set_faults(Fault("stuck_in_progress"))
        submitted(workshop, pipeline)
        pipeline.connection.execute("UPDATE batches SET endpoint = 'https://elsewhere.example/v1'")

        with pytest.raises(UsageError, match=r"https://elsewhere\.example/v1 \(3 batches\)"):
            pipeline.run([str(workshop.folder)])
