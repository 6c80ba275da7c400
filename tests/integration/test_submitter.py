"""Batches reach the provider once, whatever happens on the way."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import TYPE_CHECKING

import pytest
from process_checks import eventually, waits_for
from spoiling import Answer, spoiling

from ingest.batches.records import cancel_sending
from ingest.database.locks import budget_lock, try_batch_lock
from ingest.emulator import Fault
from ingest.errors import StoppedError, UnreachableError
from ingest.runs.opening import open_corpus
from ingest.runs.sending import open_flow

if TYPE_CHECKING:
    from workshop import Workshop

    from ingest.pipeline import Pipeline
    from ingest.reporting.run_report import RunReport

QUICK = {"list_lag_seconds": 0.6, "refused_wait_seconds": 0.5, "max_batch_requests": 2, "chunk_tokens": 64}
LOOKED = "not in the provider's list yet; looking once more before it is created again"
# A batch's state, the call that is due, and what the books say of it while that is under way: state, tries, message.
UNDER_WAY = [
    ("ready", "files", ("uploading", 0, None)),
    ("uploaded", "batches", ("creating", 3, None)),
    ("creating", "batches", ("creating", 3, None)),  # announced anew: both looks are due again
]


def run(workshop: Workshop, *faults: Fault, **flags: object) -> RunReport:
    for number in range(5):
        workshop.write(f"{number}.txt", f"Document number {number}.")
    workshop.emulator.set_faults(*faults)
    with workshop.pipeline(**{**QUICK, **flags}) as pipeline:
        return pipeline.run([str(workshop.folder)])


def billed_once(workshop: Workshop, report: RunReport) -> bool:
    ledger = workshop.emulator.ledger()
    everything: bool = ledger["texts"] == ledger["distinct_texts"] == report.chunks == report.embedded == 5
    return everything


@pytest.mark.parametrize(
    "fault",
    [
        Fault("drop_after_upload", count=2),
        Fault("drop_before_upload", count=2),
        Fault("http_500_after_upload", count=2),
        Fault("drop_after_create", count=2),
        Fault("drop_before_create", count=2),
        Fault("http_500_after_create", count=2),
        Fault("http_429_create", count=1, seconds=0.1),
        Fault("read_after_write_404", seconds=0.5),
        Fault("lagging_lists", seconds=0.5),
        Fault("drop_after_retrieve", count=2),
        Fault("unknown_status", seconds=0.5),
        Fault("null_request_counts"),
        Fault("token_limit", count=2),
    ],
    ids=lambda fault: fault.name,
)
def test_a_fault_on_the_way_costs_nothing(workshop: Workshop, fault: Fault) -> None:
    report = run(workshop, fault)

    assert billed_once(workshop, report), workshop.emulator.ledger()
    assert report.failures == []


def test_a_creation_whose_answer_is_lost_is_found_though_lists_lag(workshop: Workshop) -> None:
    faults = (Fault("drop_after_create", count=3), Fault("lagging_lists", seconds=1.5))

    report = run(workshop, *faults, list_lag_seconds=2.0)

    assert billed_once(workshop, report)
    assert report.load.batches == 3


def test_the_intent_is_committed_before_the_call(workshop: Workshop) -> None:
    """The state that a killed process leaves: the batch was created, and nobody noted it."""
    for number in range(2):
        workshop.write(f"{number}.txt", f"Document number {number}.")
    with workshop.pipeline(**QUICK) as pipeline:
        pipeline.sync([str(workshop.folder)])
        (batch,) = pipeline.submit()
        pipeline.connection.execute(
            "UPDATE batches SET state = 'creating', provider_batch_id = NULL, message = NULL WHERE id = %s", (batch.id,)
        )

    with workshop.pipeline(**QUICK) as pipeline:
        report = pipeline.run([str(workshop.folder)])

    assert report.embedded == 2
    assert workshop.emulator.ledger()["texts"] == 2


def waiting(workshop: Workshop, pipeline: Pipeline, documents: int = 1) -> None:
    """Texts that wait to be sent, two in a batch."""
    for number in range(documents):
        workshop.write(f"{number}.txt", f"Document number {number}.")
    pipeline.sync([str(workshop.folder)])


def altered(workshop: Workshop, values: str, batch_id: int = 1) -> None:
    """What the books say of a batch, otherwise; its pause is over."""
    workshop.query(f"UPDATE batches SET not_before = NULL, {values} WHERE id = %s RETURNING id", batch_id)


def pause(workshop: Workshop) -> tuple[str, int, str, float]:
    """Of the one batch: its state, the tries in a row, its message, and for how many seconds it waits."""
    (row,) = workshop.query(
        "SELECT state, tries, message, extract(epoch FROM not_before - clock_timestamp())::float FROM batches"
    )
    return row


def test_without_trouble_each_batch_is_two_calls_and_no_list_is_asked_for(workshop: Workshop) -> None:
    with (
        spoiling(workshop.emulator.base_url) as spoiler,
        workshop.pipeline(**QUICK, base_url=spoiler.base_url) as pipeline,
    ):
        waiting(workshop, pipeline, 5)
        batches = pipeline.submit()

    sent = [call for call in spoiler.asked if not call.startswith("GET /v1/batches?")]  # of duplicates, afterwards
    assert sent == ["POST /v1/files", "POST /v1/batches"] * 3
    assert len(spoiler.asked) - len(sent) <= 1
    assert [(batch.state, batch.tries, batch.message) for batch in batches] == [("submitted", 0, None)] * 3
    assert all(batch.provider_batch_id for batch in batches)


@pytest.mark.parametrize(("state", "call", "written"), UNDER_WAY)
def test_what_is_under_way_is_in_the_books_before_its_call(
    workshop: Workshop, state: str, call: str, written: tuple[str, int, None]
) -> None:
    seen = []

    def look(answer: Answer) -> Answer:
        seen.extend(workshop.query("SELECT state, tries, message FROM batches"))
        return answer

    with (
        spoiling(workshop.emulator.base_url) as spoiler,
        workshop.pipeline(**QUICK, base_url=spoiler.base_url) as pipeline,
    ):
        waiting(workshop, pipeline)
        pipeline.submit()
        altered(workshop, f"state = '{state}', provider_batch_id = NULL, key = key || 'x', tries = 3")
        workshop.query("UPDATE batches SET message = %s RETURNING id", LOOKED)
        spoiler.call, spoiler.spoil = ("POST", call), look
        submitted = open_flow(pipeline, open_corpus(pipeline)).submit()

    assert (submitted, seen) == (1, [written])
    assert workshop.query("SELECT state, tries, message FROM batches") == [("submitted", 0, None)]


def test_what_was_written_before_a_standby_took_over_is_looked_up_before_it_is_created(workshop: Workshop) -> None:
    with (
        spoiling(workshop.emulator.base_url) as spoiler,
        workshop.pipeline(**QUICK, base_url=spoiler.base_url) as pipeline,
    ):
        waiting(workshop, pipeline)
        (before,) = pipeline.submit()
        altered(workshop, "state = 'uploaded', provider_batch_id = NULL")  # as far as the standby knew
        workshop.query("UPDATE batches SET sent_from = jsonb_set(sent_from, '{timeline}', '99') RETURNING id")
        (found,) = pipeline.submit()

    assert (found.state, found.provider_batch_id) == ("submitted", before.provider_batch_id)
    assert [call for call in spoiler.asked if call.startswith("POST")] == ["POST /v1/files", "POST /v1/batches"]


@pytest.mark.parametrize(("tries", "least", "most"), [(0, 0, 0.5), (6, 16, 32), (9, 32, 60)])
def test_what_is_unclear_is_tried_again_after_a_pause_that_doubles_up_to_a_minute(
    workshop: Workshop, tries: int, least: float, most: float
) -> None:
    workshop.emulator.set_faults(Fault("drop_before_upload"))
    with workshop.pipeline(**QUICK) as pipeline:
        waiting(workshop, pipeline)
        pipeline.submit()
        altered(workshop, f"tries = {tries}")
        pipeline.submit()
        upload = pause(workshop)
        workshop.emulator.set_faults(Fault("drop_before_create"))
        altered(workshop, f"tries = {tries}")
        pipeline.submit()
        creation = pause(workshop)

    assert (upload[:2], creation[:2]) == (("uploading", tries + 1), ("creating", tries + 1))
    assert upload[2].startswith("upload unclear: ")
    assert creation[2].startswith("creation unclear: ")
    assert least < upload[3] <= most
    assert least < creation[3] <= most


def test_what_may_have_been_created_is_looked_for_twice_before_it_is_created_again(workshop: Workshop) -> None:
    workshop.emulator.set_faults(Fault("drop_before_create"))
    with workshop.pipeline(**QUICK | {"list_lag_seconds": 100}) as pipeline:
        waiting(workshop, pipeline)
        pipeline.submit()
        altered(workshop, "tries = 3")
        pipeline.submit()
        looked = pause(workshop)
        pipeline.submit()
        waits_on = pause(workshop)
        altered(workshop, "tries = 3")
        pipeline.submit()
        created = pause(workshop)
        altered(workshop, "tries = 4")
        pipeline.submit()
        looked_again = pause(workshop)
        creations = workshop.emulator.fired()["drop_before_create"]
        workshop.emulator.set_faults()
        altered(workshop, "tries = 4")
        batches = pipeline.submit()

    assert looked[:2] == ("creating", 3)
    assert looked[2].endswith("looking once more before it is created again")
    assert 60 < looked[3] <= 100
    assert waits_on[:3] == looked[:3]
    assert (created[:2], created[2].partition(":")[0]) == (("creating", 4), "creation unclear")
    assert looked_again[2] == looked[2]
    assert [(batch.state, batch.tries, batch.message) for batch in batches] == [("submitted", 0, None)]
    assert creations == 2


@pytest.mark.parametrize("call", ["upload", "create"])
def test_a_call_that_may_be_repeated_later_is_repeated_when_the_provider_says(workshop: Workshop, call: str) -> None:
    workshop.emulator.set_faults(Fault(f"http_429_{call}", count=1, seconds=200))
    with workshop.pipeline(**QUICK) as pipeline:
        waiting(workshop, pipeline, 3)
        first, second = pipeline.submit()
        altered(workshop, "tries = 1")
        again = pipeline.submit()

    assert (first.state, first.tries, second.state) == ("uploading" if call == "upload" else "uploaded", 1, "submitted")
    assert first.wait_s is not None
    assert 100 < first.wait_s <= 200
    assert "429" in (first.message or "") or "ate limit" in (first.message or "")
    assert [batch.state for batch in again] == ["submitted"] * 2
    assert workshop.emulator.fired()[f"http_429_{call}"] == 1


@pytest.mark.parametrize(("tries", "state"), [(5, "uploaded"), (6, "uploading")])
def test_an_input_file_that_is_not_known_is_waited_for_and_then_uploaded_again(
    workshop: Workshop, tries: int, state: str
) -> None:
    workshop.emulator.set_faults(Fault("http_429_create", count=1, seconds=0))
    with workshop.pipeline(**QUICK) as pipeline:
        waiting(workshop, pipeline)
        pipeline.submit()
        altered(workshop, f"tries = {tries}, input_file_id = 'file-gone'")
        pipeline.submit()
        missing = pause(workshop)
        workshop.query("UPDATE batches SET not_before = NULL, key = key || 'x' RETURNING id")  # nor is it in the list
        batches = pipeline.submit()

    assert missing[:2] == (state, tries + 1)
    assert "file-gone" in missing[2]
    assert [batch.state for batch in batches] == [{"uploaded": "uploading", "uploading": "submitted"}[state]]


def test_what_cannot_go_now_holds_nothing_up_that_can(workshop: Workshop) -> None:
    with workshop.pipeline(**QUICK, max_enqueued_requests=3) as pipeline:
        waiting(workshop, pipeline, 5)
        batches = pipeline.submit()

    assert [(batch.request_count, batch.state) for batch in batches] == [
        (2, "submitted"),
        (2, "ready"),  # one too many
        (1, "submitted"),
    ]


@pytest.mark.parametrize("state", ["uploading", "uploaded", "creating"])
def test_what_is_on_its_way_to_another_provider_waits_for_that_one_but_for_an_upload(
    workshop: Workshop, state: str
) -> None:
    workshop.emulator.set_faults(Fault("stuck_in_progress"), Fault("drop_before_upload", count=1))
    with workshop.pipeline(**QUICK) as pipeline:
        waiting(workshop, pipeline, 3)
        pipeline.submit()
        file = "NULL" if state == "uploading" else "'file-there'"
        there = "tries = 0, message = NULL, endpoint = 'https://elsewhere.example/v1'"
        altered(workshop, f"state = '{state}', {there}, input_file_id = {file}")
        ready = "state = 'ready', provider_batch_id = NULL, endpoint = 'https://elsewhere.example/v1'"
        altered(workshop, ready, batch_id=2)  # what was written for another goes to the one that is in use
        left, here = pipeline.submit()

    ours = ("submitted", workshop.emulator.base_url)
    assert (here.state, here.endpoint) == ours
    assert (left.state, left.endpoint) == (ours if state == "uploading" else (state, "https://elsewhere.example/v1"))
    assert (left.tries, left.message) == (0, None)


@pytest.mark.parametrize("state", ["ready", "uploaded"])
def test_what_is_larger_than_the_provider_takes_by_now_is_cut_anew_and_sent_in_the_same_run(
    workshop: Workshop, state: str
) -> None:
    with workshop.pipeline(**QUICK) as pipeline:
        waiting(workshop, pipeline, 2)
        (batch,) = pipeline.submit()
        altered(workshop, f"state = '{state}', provider_batch_id = NULL, key = key || 'x'")
    with workshop.pipeline(**QUICK, max_batch_tokens=batch.token_count - 1) as pipeline:
        report = pipeline.run([str(workshop.folder)])

    (old, *new) = workshop.query("SELECT state, request_count, message FROM batches ORDER BY id")
    assert old == ("done", 2, f"over the limit of {batch.token_count - 1:,} tokens: cut anew")
    assert new == [("done", 1, None)] * 2
    assert (report.embedded, report.failures) == (2, [])


@pytest.mark.parametrize("state", ["ready", "uploading"])
def test_what_cannot_be_written_again_as_it_was_is_cut_anew_and_sent_in_the_same_run(
    workshop: Workshop, state: str
) -> None:
    with workshop.pipeline(**QUICK) as pipeline:
        waiting(workshop, pipeline, 2)
        pipeline.submit()
        file = "key = key || 'x', shard_sha256 = sha256('of other texts')"
        altered(workshop, f"state = '{state}', provider_batch_id = NULL, {file}")
        report = pipeline.run([str(workshop.folder)])

    (old, *new) = workshop.query("SELECT state, request_count, message FROM batches ORDER BY id")
    assert old == ("done", 2, "its file is gone, and its texts have changed: cut anew")
    assert new == [("done", 2, None)]
    assert (report.embedded, report.failures) == (2, [])


@pytest.mark.parametrize("state", ["ready", "uploading", "uploaded", "creating"])
def test_nothing_is_sent_any_further_after_a_cancel(workshop: Workshop, state: str) -> None:
    with spoiling(workshop.emulator.base_url) as spoiler, workshop.pipeline(**QUICK, base_url=spoiler.base_url) as ours:
        waiting(workshop, ours)
        ours.submit()
        altered(workshop, f"state = '{state}', provider_batch_id = NULL, key = key || 'x', input_file_id = 'file-none'")
        workshop.query("UPDATE batches SET message = %s RETURNING id", LOOKED)
        asked = len(spoiler.asked)
        flow = open_flow(ours, open_corpus(ours))
        with workshop.pipeline(**QUICK) as another:
            cancel_sending(another.connection)

        with pytest.raises(StoppedError, match="stopped by `ingest cancel`"):
            flow.submit()

    assert [call for call in spoiler.asked[asked:] if call.startswith("POST")] == []
    assert workshop.query("SELECT state FROM batches") == [(state,)]


def test_of_what_is_uploaded_as_much_is_created_as_the_budget_allows_and_counted(workshop: Workshop) -> None:
    with workshop.pipeline(**QUICK, max_enqueued_requests=2) as pipeline:
        waiting(workshop, pipeline, 5)
        pipeline.submit()
        uploaded = "state = 'uploaded', provider_batch_id = NULL, key = key || 'x'"
        workshop.query("UPDATE batches SET state = 'ready' WHERE id > 1 RETURNING id")
        for batch_id in (1, 2):
            altered(workshop, f"{uploaded}, input_file_id = (SELECT input_file_id FROM batches WHERE id = 1)", batch_id)
        flow = open_flow(pipeline, open_corpus(pipeline))
        counts = [flow.submit(), flow.submit()]
        states = workshop.query("SELECT state FROM batches ORDER BY id")

    assert counts == [1, 0]
    assert states == [("submitted",), ("uploaded",), ("ready",)]


def test_what_another_process_works_on_is_left_to_it_and_the_rest_is_counted(workshop: Workshop) -> None:
    with workshop.pipeline(**QUICK) as pipeline, workshop.pipeline(**QUICK) as another:
        waiting(workshop, pipeline, 7)
        pipeline.submit()
        for batch_id in range(1, 5):
            altered(workshop, "state = 'ready', provider_batch_id = NULL, key = key || 'x'", batch_id)
        workshop.emulator.set_faults(Fault("http_429_create", count=1, seconds=200))
        flow = open_flow(pipeline, open_corpus(pipeline))
        open_corpus(another)
        with try_batch_lock(another.connection, "corpus", 2) as held:
            submitted = flow.submit()

    assert held
    assert submitted == 2
    assert workshop.query("SELECT state FROM batches ORDER BY id") == [
        ("uploaded",),  # refused for now
        ("ready",),  # left alone
        ("submitted",),
        ("submitted",),
    ]


@pytest.mark.parametrize("state", ["ready", "uploaded"])
def test_two_processes_count_what_is_in_flight_one_after_the_other(workshop: Workshop, state: str) -> None:
    with (
        ThreadPoolExecutor() as threads,
        workshop.pipeline(**QUICK, max_enqueued_requests=2) as pipeline,
        workshop.pipeline(**QUICK) as another,
    ):
        waiting(workshop, pipeline, 3)
        pipeline.submit()
        altered(workshop, f"state = '{state}', provider_batch_id = NULL, key = key || 'x'")
        workshop.query("UPDATE batches SET not_before = now() + interval '1 hour' WHERE id = 2 RETURNING id")
        flow = open_flow(pipeline, open_corpus(pipeline))
        with another.connection.transaction():
            budget_lock(another.connection, "corpus")
            submitting = threads.submit(flow.submit)
            eventually(lambda: waits_for(workshop, another.connection) or submitting.done())
            meanwhile = workshop.query("SELECT state FROM batches WHERE id = 1")
            another.connection.execute("UPDATE corpus.batches SET state = 'submitted' WHERE id = 2")

        assert submitting.result() == 0
    assert (meanwhile, workshop.query("SELECT state FROM batches WHERE id = 1")) == ([(state,)], [(state,)])


@pytest.mark.parametrize("call", ["files", "batches"])
def test_what_the_provider_refuses_is_named_and_sent_by_the_next_run(workshop: Workshop, call: str) -> None:
    words = "Not on a Friday.\ud800"  # half of a pair, which no text has
    refusal = json.dumps({"error": {"message": words, "code": "policy", "type": "invalid_request_error"}})
    with (
        spoiling(workshop.emulator.base_url) as spoiler,
        workshop.pipeline(**QUICK, base_url=spoiler.base_url) as pipeline,
    ):
        spoiler.call, spoiler.carried_out = ("POST", call), False
        spoiler.spoil = lambda answer: answer._replace(status=400, body=refusal.encode())
        waiting(workshop, pipeline)
        with pytest.raises(UnreachableError, match=r"batch 1 got no further .*Not on a Friday"):
            pipeline.submit()
        state, _, message, wait_s = pause(workshop)
        spoiler.call = None
        report = pipeline.run([str(workshop.folder)])

    assert state == {"files": "ready", "batches": "uploaded"}[call]
    assert "Not on a Friday" in message
    assert wait_s > 0
    assert (report.failures, report.embedded) == ([], 1)
    assert spoiler.spoilt == 1


@pytest.mark.parametrize("call", ["files", "batches"])
def test_want_of_credit_counts_as_one_more_try_and_the_next_batch_is_tried_all_the_same(
    workshop: Workshop, call: str
) -> None:
    refusal = json.dumps({"error": {"message": "No credit.", "code": "insufficient_quota"}})
    with (
        spoiling(workshop.emulator.base_url) as spoiler,
        workshop.pipeline(**QUICK, base_url=spoiler.base_url) as pipeline,
    ):
        spoiler.call, spoiler.carried_out = ("POST", call), False
        spoiler.spoil = lambda answer: answer._replace(status=402, body=refusal.encode())
        waiting(workshop, pipeline, 3)
        pipeline.submit()
        for batch_id in (1, 2):
            altered(workshop, "tries = 11", batch_id)
        before = spoiler.spoilt
        submitted = open_flow(pipeline, open_corpus(pipeline)).submit()

    assert (submitted, spoiler.spoilt - before) == (0, 2)
    assert workshop.query("SELECT tries FROM batches") == [(12,)] * 2


@pytest.mark.parametrize("keeps_metadata", [True, False], ids=["by its key", "by its file"])
def test_a_creation_that_is_refused_and_took_effect_is_found_at_once(workshop: Workshop, keeps_metadata: bool) -> None:
    workshop.emulator.set_faults(*([] if keeps_metadata else [Fault("null_metadata")]))
    with (
        spoiling(workshop.emulator.base_url) as spoiler,
        workshop.pipeline(**QUICK, base_url=spoiler.base_url) as pipeline,
    ):
        spoiler.call = ("POST", "batches")
        spoiler.spoil = lambda answer: answer._replace(status=400, body=b'{"error": {"message": "no"}}')
        waiting(workshop, pipeline, 3)
        batches = pipeline.submit()
        report = pipeline.run([str(workshop.folder)])

    assert [(batch.state, batch.provider_batch_id is None) for batch in batches] == [("submitted", False)] * 2
    assert (report.failures, workshop.emulator.ledger()["texts"]) == ([], 3)
    assert spoiler.spoilt == 2


@pytest.mark.parametrize("keeps_metadata", [True, False], ids=["by its key", "by its file"])
def test_what_lost_answers_left_is_found_by_its_name_and_never_sent_twice(
    workshop: Workshop, keeps_metadata: bool
) -> None:
    kept = [] if keeps_metadata else [Fault("null_metadata")]
    workshop.emulator.set_faults(Fault("drop_after_upload", count=1), Fault("drop_after_create", count=1), *kept)
    with (
        spoiling(workshop.emulator.base_url) as spoiler,
        workshop.pipeline(**QUICK, base_url=spoiler.base_url) as pipeline,
    ):
        waiting(workshop, pipeline)
        pipeline.submit()
        for _ in range(2):
            altered(workshop, "tries = 1")
            batches = pipeline.submit()

    assert [(batch.state, batch.provider_batch_id is None) for batch in batches] == [("submitted", False)]
    assert [call for call in spoiler.asked if call.startswith("POST")] == ["POST /v1/files", "POST /v1/batches"]


def test_only_the_batch_before_tells_whether_a_refusal_is_of_every_batch(workshop: Workshop) -> None:
    uploads = count()

    def every_other(answer: Answer) -> Answer:
        return answer if next(uploads) % 2 else answer._replace(status=400, body=b'{"error": {"message": "no"}}')

    with (
        spoiling(workshop.emulator.base_url) as spoiler,
        workshop.pipeline(**QUICK, base_url=spoiler.base_url) as pipeline,
    ):
        spoiler.call, spoiler.spoil = ("POST", "files"), every_other
        waiting(workshop, pipeline, 7)
        with pytest.raises(UnreachableError, match=r"batch 1, and 1 more, got no further"):
            pipeline.submit()

    states = workshop.query("SELECT state FROM batches ORDER BY id")
    assert states == [("ready",), ("submitted",), ("ready",), ("submitted",)]


@pytest.mark.parametrize("before", ["uploading", "submitted"])
def test_a_batch_that_waits_or_is_in_flight_tells_nothing_of_the_refusal_of_the_next(
    workshop: Workshop, before: str
) -> None:
    uploads = count()

    def first(answer: Answer) -> Answer:
        return answer if next(uploads) else answer._replace(status=400, body=b'{"error": {"message": "no"}}')

    with (
        spoiling(workshop.emulator.base_url) as spoiler,
        workshop.pipeline(**QUICK, base_url=spoiler.base_url) as pipeline,
    ):
        waiting(workshop, pipeline, 2)
        pipeline.submit()
        altered(workshop, f"state = '{before}', tries = {12 if before == 'submitted' else 1}")
        workshop.query("UPDATE batches SET not_before = now() + interval '1 hour' RETURNING id")
        spoiler.call, spoiler.spoil = ("POST", "files"), first
        waiting(workshop, pipeline, 6)
        with pytest.raises(UnreachableError, match=r"batch 2 got no further"):
            pipeline.submit()

    assert workshop.query("SELECT state FROM batches ORDER BY id") == [(before,), ("ready",), ("submitted",)]
