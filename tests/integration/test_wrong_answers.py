"""Answers that are no answers, to every call: no run is broken, hung or misled by one, and nothing is paid twice."""

from __future__ import annotations

from itertools import cycle, product
from typing import TYPE_CHECKING, Any, NamedTuple

import openai._base_client
import pytest
from promises import CORPUS_FLAGS, check_promises, write_corpus
from spoiling import PAGE, SPOILT, Answer, Spoiler, spoiling

from ingest.doctor import examine
from ingest.emulator import Fault
from ingest.errors import IngestError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workshop import Workshop

CALLS = {
    "upload": ("POST", "files"),
    "list_files": ("GET", "files"),
    "create": ("POST", "batches"),
    "list_batches": ("GET", "batches"),
    "retrieve": ("GET", "batches/*"),
    "retrieve_file": ("GET", "files/*"),
    "content": ("GET", "files/*/content"),
    "delete_file": ("DELETE", "files/*"),
}
# A list is asked for only where an answer was lost.
LOSSES = {
    "list_files": [Fault("drop_after_upload", count=1)],
    "list_batches": [Fault("drop_after_create", count=1)],
}
CHANGES = ("upload", "create")
OFTEN: dict[str, int | None] = {"once": 1, "for_a_while": 9, "for_ever": None}
# Exit statuses, where they are not 0 or 3. A result file that is empty for ever is given up: its texts are listed.
ENDS = {(call, "once"): [0] for call in CALLS} | {("content", "for_ever"): [0, 1, 3]}
FLAGS: dict[str, Any] = {**CORPUS_FLAGS, "list_lag_seconds": 0.1, "clean": True}


class Case(NamedTuple):
    """A call, how often its answers are wrong, and whether it was carried out."""

    call: str
    often: str
    carried_out: bool


CASES = [
    Case(call, often, carried_out)
    for call, often in product(CALLS, OFTEN)
    for carried_out in ([True, False] if call in CHANGES else [True])
]
SOME_KINDS = 2  # of each case, in turn; all of them with --all-pairs, so many at a time


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "kinds" not in metafunc.fixturenames:
        return
    kinds = list(SPOILT)
    if metafunc.config.getoption("--all-pairs"):
        some = [kinds[first : first + SOME_KINDS] for first in range(0, len(kinds), SOME_KINDS)]
        chosen = list(product(CASES, some))
    else:
        turns = [kinds[place % len(kinds) :] + kinds for place in range(0, len(CASES) * SOME_KINDS, SOME_KINDS)]
        chosen = [(case, turn[:SOME_KINDS]) for case, turn in zip(CASES, turns, strict=True)]
    names = [[case.call, case.often, "done" if case.carried_out else "never_done", *some] for case, some in chosen]
    metafunc.parametrize(("case", "kinds"), chosen, ids=map("-".join, names))


@pytest.fixture
def spoiler(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Spoiler]:
    monkeypatch.setattr(openai._base_client, "INITIAL_RETRY_DELAY", 0.005)
    monkeypatch.setattr(openai._base_client, "MAX_RETRY_DELAY", 0.01)
    monkeypatch.setattr("ingest.batches.submitter._FIRST_WAIT_S", 0.01)
    monkeypatch.setattr("ingest.batches.submitter._LONGEST_WAIT_S", 0.05)
    monkeypatch.setattr("ingest.batches.downloads._PAUSE_S", 0.001)
    with spoiling(workshop.emulator.base_url) as spoiler:
        yield spoiler


def exit_status(workshop: Workshop, spoiler: Spoiler) -> int:
    """How a run ends, as the program would say it; any other exception is a fault of ours."""
    try:
        with workshop.pipeline(**FLAGS, base_url=spoiler.base_url) as pipeline:
            return int(bool(pipeline.run([str(workshop.folder)]).failures))
    except IngestError as error:
        return error.exit_status


def test_wrong_answers_break_nothing(workshop: Workshop, spoiler: Spoiler, case: Case, kinds: list[str]) -> None:
    texts = 0
    for kind in kinds:
        for _ in range(3):
            workshop.write(f"{texts}.txt", f"This is document number {texts}, and nothing else is.")
            texts += 1
        workshop.emulator.set_faults(*LOSSES.get(case.call, []))
        spoiler.call, spoiler.spoil, spoiler.spoilt = CALLS[case.call], SPOILT[kind], 0
        spoiler.count, spoiler.carried_out = OFTEN[case.often], case.carried_out

        with_it = exit_status(workshop, spoiler)
        ((embedded,),) = workshop.query("SELECT count(embedding) FROM chunks")
        billed, spoilt, spoiler.count = workshop.emulator.ledger()["texts"], spoiler.spoilt, 0
        after_it = exit_status(workshop, spoiler)

        seen = f"{'-'.join(map(str, case))} {kind}: {with_it}, {billed} billed, {embedded} embedded, {spoilt} spoilt"
        print(seen)  # noqa: T201 - the matrix, with -rP
        assert spoilt > 0, seen
        assert with_it in ENDS.get((case.call, case.often), [0, 3]), seen
        assert (after_it, workshop.emulator.ledger()["texts"]) == (0, texts), seen
        check_promises(workshop)


REFUSALS = dict.fromkeys((400, 401, 403, 404, 429), b'{"error":{"message":"No.","type":"invalid_request_error"}}')


@pytest.mark.parametrize("status", [*REFUSALS, 302, 307])
def test_a_create_that_took_effect_and_was_refused_is_found(workshop: Workshop, spoiler: Spoiler, status: int) -> None:
    write_corpus(workshop, 5)
    headers = {"content-type": "application/json", "location": f"{spoiler.base_url}/batches"}
    spoiler.call, spoiler.count = CALLS["create"], 2
    spoiler.spoil = lambda _: Answer(status, headers, REFUSALS.get(status, PAGE))

    status_of_run = exit_status(workshop, spoiler)

    assert (status_of_run, spoiler.spoilt) == (0, 2)
    check_promises(workshop)


@pytest.mark.parametrize(("call", "status"), list(zip(CALLS, cycle([301, 302, 303, 307, 308]), strict=False)))
def test_a_key_goes_nowhere_but_to_the_address_that_was_named(
    workshop: Workshop, spoiler: Spoiler, call: str, status: int
) -> None:
    write_corpus(workshop, 2)
    workshop.emulator.set_faults(*LOSSES.get(call, []))
    spoiler.call, spoiler.carried_out = CALLS[call], False
    with spoiling(workshop.emulator.base_url, workshop.emulator.api_key) as elsewhere:
        address = elsewhere.base_url.removesuffix("/v1")
        spoiler.spoil = lambda _: Answer(status, {"location": address + spoiler.asked[-1].split()[1]}, b"")

        status_of_run = exit_status(workshop, spoiler)

    assert spoiler.spoilt > 0
    assert status_of_run == (0 if call in ("content", "delete_file") else 3)
    # A file may lie on another server, which needs no key of ours.
    assert {asked.rpartition("/")[2] for asked in elsewhere.asked} == ({"content"} if call == "content" else set())
    assert workshop.emulator.api_key in str(spoiler.heard)
    assert workshop.emulator.api_key not in str(elsewhere.heard)
    assert "authorization" not in str(elsewhere.heard).lower()


def test_a_list_whose_pages_never_end_is_read_to_its_end(workshop: Workshop, spoiler: Spoiler) -> None:
    write_corpus(workshop, 5)
    workshop.emulator.set_faults(Fault("drop_before_create", count=1))
    spoiler.call = CALLS["list_batches"]
    spoiler.spoil = lambda answer: answer._replace(body=answer.body.replace(b'"has_more":false', b'"has_more":true'))

    status = exit_status(workshop, spoiler)

    assert (status, spoiler.spoilt > 1) == (0, True)
    check_promises(workshop)


@pytest.mark.parametrize("wrong", ["a portal", "another path"])
def test_the_doctor_says_that_there_is_no_api_at_an_address(workshop: Workshop, spoiler: Spoiler, wrong: str) -> None:
    spoiler.call, spoiler.spoil = CALLS["list_batches"], SPOILT["page"]
    address = spoiler.base_url if wrong == "a portal" else spoiler.base_url.removesuffix("/v1")

    with workshop.pipeline(**FLAGS, base_url=address) as pipeline:
        (found,) = [check for check in examine(pipeline) if check.name == "provider"]

    more = "" if wrong == "a portal" else f", but at {address}/v1"
    assert f"no API at this address: {address}{more}?" in found.finding
