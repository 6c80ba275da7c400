"""What servers answer otherwise than the API says: each text's own failure, and none of what is there is lost."""

from __future__ import annotations

import json
import threading
import time
from codecs import BOM_UTF8
from itertools import count
from typing import TYPE_CHECKING, Any

import openai._base_client
import pytest
from process_checks import reserved_port
from promises import CORPUS_FLAGS, check_promises, write_corpus
from spoiling import Answer, spoiling

from ingest.emulator import Fault, running
from ingest.errors import IngestError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workshop import Workshop

FLAGS: dict[str, Any] = {**CORPUS_FLAGS, "clean": True}
REFUSAL = b'{"error":{"message":"No.","type":"invalid_request_error"}}'


@pytest.mark.parametrize("status", [400, 403, 404, 405, 501])
def test_a_file_that_is_told_nothing_of_is_loaded(
    workshop: Workshop, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_corpus(workshop)
    monkeypatch.setattr("ingest.batches.downloads._PAUSE_S", 0.001)
    with spoiling(workshop.emulator.base_url) as spoiler:
        spoiler.call = ("GET", "files/*")
        spoiler.spoil = lambda _: Answer(status, {"content-type": "application/json"}, REFUSAL)

        with workshop.pipeline(**FLAGS, base_url=spoiler.base_url) as pipeline:
            report = pipeline.run([str(workshop.folder)])

    assert report.failures == []
    assert spoiler.spoilt <= 2 * 3  # once a download: what is not implemented is not asked for again and again
    check_promises(workshop)


def changed(**fields: object) -> Callable[[Answer], Answer]:
    """The answer with other fields: in each that is in it, where it is a list."""

    def change(answer: Answer) -> Answer:
        body = json.loads(answer.body)
        for each in body.get("data", [body]):
            each.update({name: value for name, value in fields.items() if name in each})
        return answer._replace(body=json.dumps(body).encode())

    return change


def refused(status: int, error: object, **headers: str) -> Callable[[Answer], Answer]:
    return lambda _: Answer(
        status, {"content-type": "application/json"} | headers, json.dumps({"error": error}).encode()
    )


ODD = {"code": ["insufficient_quota"], "type": {"a": 1}, "message": {"x": 1}, "param": ["input_file_id"]}
UNTOLD = {"total": None, "completed": None, "failed": None}
ODDITIES: dict[str, tuple[tuple[str, str], Callable[[Answer], Answer], list[Fault]]] = {
    "a size below zero": (("GET", "files/*"), changed(bytes=-1), []),
    "a size in words": (("GET", "files/*"), changed(bytes="12 bytes"), []),
    "a size that is none, of what was sent": (("POST", "files"), changed(bytes=1.5), []),
    "counts of nothing": (("GET", "batches/*"), changed(request_counts=UNTOLD), []),
    "metadata of another kind": (
        ("GET", "batches"),
        changed(metadata={"pgvector_ingest_key": ["x"], "other": {"a": 1}}),
        [Fault("drop_after_create", count=1)],
    ),
    "a byte order mark": (("GET", "files/*/content"), lambda answer: answer._replace(body=BOM_UTF8 + answer.body), []),
}


@pytest.mark.parametrize("name", ODDITIES)
def test_what_is_odd_and_no_matter_costs_nothing(
    workshop: Workshop, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_corpus(workshop)
    monkeypatch.setattr("ingest.batches.downloads._PAUSE_S", 0.001)
    call, spoil, faults = ODDITIES[name]
    workshop.emulator.set_faults(*faults)
    with spoiling(workshop.emulator.base_url) as spoiler:
        spoiler.call, spoiler.spoil = call, spoil
        with workshop.pipeline(**FLAGS, base_url=spoiler.base_url) as pipeline:
            report = pipeline.run([str(workshop.folder)])

    assert spoiler.spoilt > 0
    assert report.failures == []
    assert workshop.emulator.ledger()["texts"] == report.embedded
    check_promises(workshop)


@pytest.mark.parametrize("status", [400, 402, 413])
def test_a_refusal_in_whatever_form_ends_a_run_in_words(workshop: Workshop, status: int) -> None:
    write_corpus(workshop, 2)
    with spoiling(workshop.emulator.base_url) as spoiler:
        spoiler.call, spoiler.carried_out = ("POST", "batches"), False
        for error in (ODD, ["no"], "no", None, 5):
            spoiler.spoil = refused(status, error)
            with workshop.pipeline(**FLAGS, base_url=spoiler.base_url) as pipeline, pytest.raises(IngestError):
                pipeline.run([str(workshop.folder)])

        spoiler.call = None
        with workshop.pipeline(**FLAGS, base_url=spoiler.base_url) as pipeline:
            pipeline.run([str(workshop.folder)])
    check_promises(workshop)


@pytest.mark.parametrize("after", ["inf", "1e300", "864000", "-1", "nan", "soon"])
def test_a_refusal_holds_nothing_up_for_longer_than_an_hour(workshop: Workshop, after: str) -> None:
    write_corpus(workshop, 2)
    with spoiling(workshop.emulator.base_url) as spoiler:
        spoiler.call, spoiler.carried_out = ("POST", "batches"), False
        spoiler.spoil = refused(429, {"message": "Slow down."}, **{"retry-after": after})
        with workshop.pipeline(**FLAGS, base_url=spoiler.base_url) as pipeline:
            pipeline.sync([str(workshop.folder)])
            pipeline.submit()

    ((wait_s,),) = workshop.query("SELECT extract(epoch FROM max(not_before) - now())::float FROM batches")
    assert spoiler.spoilt == 1
    assert wait_s <= 3600


@pytest.mark.parametrize("number", ["9" * 400, "-5", "inf", "1e3", "", "0"])
def test_a_rate_limit_that_is_none_breaks_no_call(workshop: Workshop, number: str) -> None:
    write_corpus(workshop, 3)
    told = {f"x-ratelimit-{what}-{kind}": number for what in ("limit", "remaining") for kind in ("requests", "tokens")}
    told |= {f"x-ratelimit-reset-{kind}": f"{number}d" for kind in ("requests", "tokens")}
    with spoiling(workshop.emulator.base_url) as spoiler:
        spoiler.call = ("POST", "embeddings")
        spoiler.spoil = lambda answer: answer._replace(headers=answer.headers | told)
        with workshop.pipeline(**FLAGS, base_url=spoiler.base_url, mode="sync") as pipeline:
            report = pipeline.run([str(workshop.folder)])

    assert spoiler.spoilt > 0
    assert (report.failures, report.embedded) == ([], 3)


@pytest.mark.parametrize("call", [("GET", "batches"), ("GET", "files")])
def test_a_list_without_end_is_left(workshop: Workshop, call: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    write_corpus(workshop, 2)
    monkeypatch.setattr("ingest.provider.openai._MOST_PAGES", 50)
    monkeypatch.setattr("ingest.batches.submitter._FIRST_WAIT_S", 0.01)
    workshop.emulator.set_faults(Fault(f"drop_after_{'create' if call[1] == 'batches' else 'upload'}", count=1))
    numbers = count()

    def others(_: Answer) -> Answer:
        each = {"id": f"other-{next(numbers)}", "status": "completed", "filename": "theirs"}
        return Answer(
            200, {"content-type": "application/json"}, json.dumps({"data": [each], "has_more": True}).encode()
        )

    with spoiling(workshop.emulator.base_url) as spoiler:
        spoiler.call, spoiler.spoil = call, others
        with (
            workshop.pipeline(**FLAGS, base_url=spoiler.base_url) as pipeline,
            pytest.raises(UnreachableError, match="a list of over 50 pages"),
        ):
            pipeline.run([str(workshop.folder)])

        spoiler.call = None
        with workshop.pipeline(**FLAGS, base_url=spoiler.base_url) as pipeline:
            pipeline.run([str(workshop.folder)])
    check_promises(workshop)


def test_what_is_told_of_another_batch_is_no_answer(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch that was over by that was over again and again, and no run ended."""
    write_corpus(workshop, 2)
    monkeypatch.setattr(openai._base_client, "INITIAL_RETRY_DELAY", 0.005)
    monkeypatch.setattr(openai._base_client, "MAX_RETRY_DELAY", 0.01)
    with spoiling(workshop.emulator.base_url) as spoiler:
        spoiler.call, spoiler.spoil = ("GET", "batches/*"), changed(id="batch_other")
        with (
            workshop.pipeline(**FLAGS | {"list_lag_seconds": 0.1}, base_url=spoiler.base_url) as pipeline,
            pytest.raises(UnreachableError, match="batch batch_other"),
        ):
            pipeline.run([str(workshop.folder)])

        spoiler.call = None
        with workshop.pipeline(**FLAGS, base_url=spoiler.base_url) as pipeline:
            pipeline.run([str(workshop.folder)])
    check_promises(workshop)


def as_its_input(answer: Answer) -> Answer:
    """A batch whose input file is named as its output."""
    batch = json.loads(answer.body)
    return answer._replace(
        body=json.dumps(batch | {"output_file_id": batch["output_file_id"] and batch["input_file_id"]}).encode()
    )


UNREADABLE: dict[str, tuple[tuple[str, str], Callable[[Answer], Answer]]] = {
    "no line of it is JSON": (
        ("GET", "files/*/content"),
        lambda answer: answer._replace(body=b"no JSON\n" * answer.body.count(b"\n")),
    ),
    "lines of another": (
        ("GET", "files/*/content"),
        lambda answer: answer._replace(body=answer.body.replace(b'"custom_id":"', b'"custom_id":"0')),
    ),
    "one of each, and a blank one": (
        ("GET", "files/*/content"),
        lambda answer: answer._replace(
            body=b"no JSON\n" + answer.body.splitlines()[0].replace(b'"custom_id":"', b'"custom_id":"0') + b"\n\n"
        ),
    ),
    "nulls": (("GET", "files/*/content"), lambda answer: answer._replace(body=bytes(len(answer.body)))),
    "the input file": (("GET", "batches/*"), as_its_input),
}


@pytest.mark.parametrize("name", UNREADABLE)
@pytest.mark.parametrize("often", ["once", "for a run"])
def test_a_result_file_without_a_readable_line_is_asked_for_again_and_not_paid_again(
    workshop: Workshop, name: str, often: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_corpus(workshop, 3)
    monkeypatch.setattr("ingest.batches.downloads._PAUSE_S", 0.001)
    flags = FLAGS | {"list_lag_seconds": 0.1, "max_batch_requests": 3}
    with spoiling(workshop.emulator.base_url) as spoiler:
        spoiler.call, spoiler.spoil = UNREADABLE[name]
        spoiler.count = 1 if often == "once" and spoiler.call[1] == "files/*/content" else None
        with workshop.pipeline(**flags, base_url=spoiler.base_url) as pipeline:
            first = pipeline.run([str(workshop.folder)])
            spoilt, spoiler.call = spoiler.spoilt, None
            second = pipeline.run([str(workshop.folder)])

    assert spoilt > 0
    codes = {failure.code for failure in first.failures}
    assert codes == (set() if spoiler.count else {"result_file_gone"})
    assert (second.failures, second.embedded, second.tokens) == ([], 3, 0)
    assert workshop.emulator.ledger()["texts"] == 3
    check_promises(workshop)


def test_a_result_file_that_answers_for_another_batch_brings_neither_a_vector(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_corpus(workshop, 2)
    monkeypatch.setattr("ingest.batches.downloads._PAUSE_S", 0.001)
    flags = FLAGS | {"list_lag_seconds": 0.1, "max_batch_requests": 1}
    with (
        spoiling(workshop.emulator.base_url) as spoiler,
        workshop.pipeline(**flags, base_url=spoiler.base_url) as pipeline,
    ):
        pipeline.sync([str(workshop.folder)])
        pipeline.submit()
        shards = [path.read_bytes() for path in workshop.data_dir.rglob("*.jsonl")]
        one, other = (json.loads(shard)["custom_id"].encode() for shard in shards)

        def of_the_other(answer: Answer) -> Answer:
            body = answer.body.replace(one, b"?").replace(other, one).replace(b"?", other)
            return answer._replace(body=body)

        spoiler.call, spoiler.spoil, spoiler.count = ("GET", "files/*/content"), of_the_other, 2
        report = pipeline.run([str(workshop.folder)])

    assert spoiler.spoilt == 2
    assert (report.failures, report.embedded) == ([], 2)
    check_promises(workshop)


@pytest.mark.parametrize("times", [2, 0.5], ids=["too large", "too small"])
def test_an_error_file_whose_size_is_told_wrongly_is_whole_by_its_lines(
    workshop: Workshop, times: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_corpus(workshop, 6)
    monkeypatch.setattr("ingest.batches.downloads._PAUSE_S", 0.001)
    workshop.emulator.set_faults(Fault("error_per_request_400", count=2))

    def otherwise(answer: Answer) -> Answer:
        file = json.loads(answer.body)
        return answer._replace(body=json.dumps(file | {"bytes": int(file["bytes"] * times)}).encode())

    with spoiling(workshop.emulator.base_url) as spoiler:
        spoiler.call, spoiler.spoil = ("GET", "files/*"), otherwise
        with workshop.pipeline(**FLAGS, base_url=spoiler.base_url) as pipeline:
            report = pipeline.run([str(workshop.folder)])

    assert spoiler.spoilt > 0
    assert (len(report.failures), report.embedded) == (2, 4)


def test_a_usage_that_cannot_be_is_told_and_not_believed(workshop: Workshop) -> None:
    """It made the next estimate a million times what it was."""
    told = 10**9
    write_corpus(workshop, 3)
    with spoiling(workshop.emulator.base_url) as spoiler:
        spoiler.call, spoiler.spoil = ("GET", "batches/*"), changed(usage={"prompt_tokens": told, "total_tokens": told})
        with workshop.pipeline(**FLAGS, base_url=spoiler.base_url) as pipeline:
            pipeline.run([str(workshop.folder)])
            billed = pipeline.costs().total.billed_tokens
            workshop.write("more.txt", "This is one document more, and nothing else is.")
            estimate = pipeline.estimate([str(workshop.folder)])

    assert billed == told
    assert 1 < estimate.token_ratio <= 8


@pytest.mark.parametrize("status", ["expired", "cancelled"])
def test_a_batch_that_ends_without_files_says_so_for_its_texts(workshop: Workshop, status: str) -> None:
    write_corpus(workshop, 3)

    def without_files(answer: Answer) -> Answer:
        batch = json.loads(answer.body) | {"status": status, "output_file_id": None, "error_file_id": None}
        batch["request_counts"] = {"total": 3, "completed": 0, "failed": 0}
        return answer._replace(body=json.dumps(batch).encode())

    with spoiling(workshop.emulator.base_url) as spoiler:
        spoiler.call, spoiler.spoil = ("GET", "batches/*"), without_files
        with workshop.pipeline(**FLAGS, base_url=spoiler.base_url, max_attempts=1) as pipeline:
            report = pipeline.run([str(workshop.folder)])

    assert {failure.code for failure in report.failures} == {f"batch_{status}"}
    assert all(status in failure.message for failure in report.failures)


@pytest.mark.parametrize("vector_type", ["vector", "halfvec"])
@pytest.mark.parametrize(("fault", "code"), [("zeros", "zero_vector"), ("null_vector", "200")])
def test_a_vector_that_is_none_is_that_text_s_failure(
    workshop: Workshop, fault: str, code: str, vector_type: str
) -> None:
    write_corpus(workshop)
    workshop.emulator.set_faults(Fault(fault, count=2))

    with workshop.pipeline(**FLAGS, max_attempts=1, vector_type=vector_type) as pipeline:
        report = pipeline.run([str(workshop.folder)])
        pipeline.retry()
        again = pipeline.run([str(workshop.folder)])

    assert [failure.code for failure in report.failures] == [code] * 2
    assert (report.embedded, report.load.malformed, again.failures) == (9, 0, [])


def test_a_provider_that_answers_no_more_is_waited_for_at_an_upload(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.provider.http._FIRST_PAUSE_S", 0.2)
    monkeypatch.setattr(openai._base_client, "INITIAL_RETRY_DELAY", 0.2)
    write_corpus(workshop)
    is_over = threading.Event()

    def come_back(port: int) -> None:
        time.sleep(1)
        with running(tmp_path / "other", port=port, api_key="sk-gone"):
            is_over.wait()

    with reserved_port() as port:
        back = threading.Thread(target=come_back, args=(port,))
        back.start()
        try:
            with workshop.pipeline(**FLAGS, base_url=f"http://127.0.0.1:{port}/v1", api_key="sk-gone") as pipeline:
                report = pipeline.run([str(workshop.folder)])
        finally:
            is_over.set()
            back.join()

    assert (report.failures, report.embedded) == ([], 11)
