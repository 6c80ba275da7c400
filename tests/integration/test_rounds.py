"""Rounds: a run in steps that never wait, by whomever, as often as they like; and the looks between them."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import msgspec
import psycopg
import pytest
from promises import CORPUS_FLAGS, check_promises, write_corpus

from ingest.database.news import tell
from ingest.emulator import Fault
from ingest.errors import BudgetError, InternalError, StoppedError, UnreachableError, UsageError
from ingest.provider.answers import httpx
from ingest.provider.protocol import NoCreditError
from ingest.settings import load_settings
from ingest.sources.tables import Table
from ingest.waiting import ended

if TYPE_CHECKING:
    from collections.abc import Callable

    from workshop import Outcome, Workshop

    from ingest.reporting import Round
    from ingest.settings import Settings

FLAGS: dict[str, Any] = CORPUS_FLAGS | {"prices": {"text-embedding-3-small": {"batch": 1e6}}}  # a dollar a token
STUCK = Fault("stuck_in_progress")  # until other faults are set: no batch has ended in the round that sends it
_TOKENS = "SELECT sum(token_count) FROM chunks"


def advance(workshop: Workshop, **flags: object) -> Round:
    """A round, by a pipeline of its own."""
    with workshop.pipeline(**FLAGS | flags) as pipeline:
        return pipeline.advance([str(workshop.folder)])


def rounds(workshop: Workshop, **flags: object) -> list[Round]:
    """Round after round, to the end."""
    found = [advance(workshop, **flags)]
    while not found[-1].done:
        assert len(found) < 500
        time.sleep(min(found[-1].look_again_s, 0.1))
        found.append(advance(workshop, **flags))
    return found


def test_a_round_returns_while_its_batches_are_in_flight_and_the_last_tells_of_all(workshop: Workshop) -> None:
    write_corpus(workshop)
    workshop.emulator.set_faults(Fault("stuck_in_progress"))
    first = advance(workshop)
    again = advance(workshop)

    assert (first.done, first.documents_new, len(first.batch_ids), first.loaded, first.run) == (False, 11, 3, 0, None)
    assert (again.done, again.documents_new, again.batch_ids, again.sent_tokens) == (False, 0, first.batch_ids, 0)
    assert 0 < first.look_again_s <= FLAGS["poll_seconds"]
    ((tokens,),) = workshop.query(_TOKENS)
    assert first.sent_tokens == tokens
    assert msgspec.json.decode(msgspec.json.encode(first), type=dict) == asdict(first)


def test_what_is_sent_in_many_rounds_is_one_run_whose_totals_are_told_when_it_is_done(workshop: Workshop) -> None:
    write_corpus(workshop)
    workshop.emulator.set_faults(STUCK)
    found = [advance(workshop, max_enqueued_tokens=60)]  # a batch at a time
    workshop.emulator.set_faults()
    found += rounds(workshop, max_enqueued_tokens=60)

    assert 0 < found[0].sent_tokens < 60
    assert [each.run for each in found[:-1]] == [None] * (len(found) - 1)
    ((tokens,),) = workshop.query(_TOKENS)
    run = found[-1].run
    assert run is not None
    assert (run.texts, run.estimated_tokens, run.billed_tokens, run.wasted_tokens) == (11, tokens, tokens, 0)
    assert sum(each.sent_tokens for each in found) == tokens
    assert sum(each.loaded for each in found) == 11
    assert (found[-1].documents, found[-1].chunks, found[-1].embedded) == (11, 11, 11)
    with workshop.pipeline(**FLAGS) as pipeline:
        assert len(pipeline.costs().runs) == 1
    check_promises(workshop)

    assert advance(workshop).run == run  # of a night without edits the last one is told
    workshop.write("12.txt", "This one is new, and of the next night.")
    after = rounds(workshop)[-1].run
    assert after is not None
    assert (after.texts, after.began != run.began) == (1, True)


def test_without_a_source_what_waits_is_sent_and_nothing_is_read(workshop: Workshop) -> None:
    write_corpus(workshop)
    with workshop.pipeline(**FLAGS) as pipeline:
        pipeline.sync([str(workshop.folder)])
        workshop.write("later.txt", "This is written later.")
        while not (last := pipeline.advance()).done:
            time.sleep(0.05)

    assert (last.documents, last.embedded) == (11, 11)
    check_promises(workshop)


def test_a_look_between_two_rounds_asks_and_changes_nothing(workshop: Workshop) -> None:
    write_corpus(workshop)
    workshop.emulator.set_faults(STUCK)
    sent = advance(workshop)
    before = workshop.whole_database()
    with workshop.pipeline(**FLAGS) as pipeline:
        first = pipeline.poll()
        workshop.emulator.set_faults()
        while (look := pipeline.poll()).in_flight:
            time.sleep(0.05)

    assert workshop.whole_database() == before
    assert (first.ended, sorted(first.in_flight)) == ([], sorted(sent.batch_ids))
    assert first.look_again_s > 0
    assert (sorted(look.ended), look.look_again_s) == (sorted(sent.batch_ids), 0)


def test_where_nothing_was_ever_sent_a_look_opens_no_provider(workshop: Workshop) -> None:
    with workshop.pipeline(**FLAGS, base_url="http://127.0.0.1:9/v1") as pipeline:
        pipeline.create()
        look = pipeline.poll()

    assert (look.ended, look.in_flight) == ([], [])


@pytest.mark.parametrize("verb", ["advance", "run", "submit", "reembed"])
def test_what_would_cost_more_than_max_dollars_is_not_sent(workshop: Workshop, verb: str) -> None:
    write_corpus(workshop)
    if verb == "reembed":
        rounds(workshop)
    flags = {"model": "text-embedding-3-large", "prices": {"text-embedding-3-large": {"batch": 1e6}}}
    with workshop.pipeline(**FLAGS | {"max_dollars": 50} | (flags if verb == "reembed" else {})) as pipeline:
        source = [str(workshop.folder)]
        if verb == "submit":
            pipeline.sync(source)
        with pytest.raises(BudgetError, match="over max_dollars"):
            getattr(pipeline, verb)(*([source] if verb in ("advance", "run") else []))

    sent = workshop.query(
        "SELECT count(*) FROM batches WHERE model <> 'text-embedding-3-small' OR %s", verb != "reembed"
    )
    assert sent == [(0,)]


def test_the_bound_is_of_all_rounds_of_a_run_and_not_of_each(workshop: Workshop) -> None:
    write_corpus(workshop, 4)  # a batch
    workshop.emulator.set_faults(STUCK)
    advance(workshop, max_dollars=1e9)
    ((tokens,),) = workshop.query(_TOKENS)
    for number in range(4, 8):
        workshop.write(f"{number}.txt", f"This is document number {number}, and nothing else is.")

    with pytest.raises(BudgetError, match=r"the run has cost about \$"):
        advance(workshop, max_dollars=1.5 * tokens)  # each half of it would be below
    workshop.emulator.set_faults()
    assert rounds(workshop, max_dollars=2.5 * tokens)[-1].embedded == 8
    check_promises(workshop)


def test_a_row_whose_text_was_emptied_is_cleared_by_rounds_as_by_a_run(workshop: Workshop) -> None:
    articles = Table("articles", text="body", into="embedding")
    with psycopg.connect(workshop.database_url) as connection:
        connection.execute(
            "CREATE TABLE articles (id int PRIMARY KEY, body text);"
            "INSERT INTO articles SELECT n, 'Article number ' || n FROM generate_series(1, 9) n"
        )

    def to_the_end() -> None:
        while True:
            with workshop.pipeline(**FLAGS) as pipeline:
                if pipeline.advance(articles).done:
                    return
            time.sleep(0.05)

    to_the_end()
    filled = "SELECT count(embedding) FROM articles"
    assert workshop.query(filled) == [(9,)]
    with psycopg.connect(workshop.database_url) as connection:
        connection.execute("UPDATE articles SET body = '' WHERE id = 3")
    to_the_end()
    assert workshop.query(filled) == [(8,)]


def test_a_cancel_that_does_not_wait_is_finished_by_a_round(workshop: Workshop) -> None:
    write_corpus(workshop)
    workshop.emulator.set_faults(Fault("stuck_in_progress"), Fault("stuck_cancelling", count=3))
    advance(workshop)
    with workshop.pipeline(**FLAGS) as pipeline:
        pipeline.cancel(wait=False)

    assert workshop.query("SELECT count(*) FROM batches WHERE cancel_asked_at IS NULL") == [(0,)]
    workshop.emulator.set_faults()
    with workshop.pipeline(**FLAGS) as pipeline:
        pipeline.retry_stuck()
    assert rounds(workshop, stuck_hours=0)[-1].embedded == 11


def test_the_command_ends_with_5_until_it_is_done(
    workshop: Workshop, ingest: Callable[..., Outcome], environment: dict[str, str]
) -> None:
    write_corpus(workshop, 3)
    workshop.emulator.set_faults(Fault("stuck_in_progress"))
    given = ("advance", workshop.folder, "--corpus", "corpus", "--json")
    first = ingest(*given, environment=environment)
    workshop.emulator.set_faults()
    while (last := ingest(*given[:1], *given[2:], environment=environment)).status == 5:
        time.sleep(0.05)

    assert (first.status, first.json["status"], first.json["done"], last.status) == (5, 5, False, 0)
    assert first.json["next"] == "ingest advance"
    assert (last.json["done"], last.json["embedded"], last.json["run"]["texts"]) == (True, 3, 3)


def test_a_round_that_would_cost_more_is_refused_by_the_command(
    workshop: Workshop, ingest: Callable[..., Outcome], environment: dict[str, str]
) -> None:
    write_corpus(workshop, 3)
    asked = environment | {"INGEST_ASK_ABOVE_DOLLARS": "0"}
    unasked = ingest("advance", workshop.folder, environment=asked)
    dear = ingest("advance", workshop.folder, "--max-cost", "0.0000001", environment=asked)
    sent = ingest("advance", workshop.folder, "--max-cost", "1", environment=asked)

    assert (unasked.status, dear.status, sent.status in (0, 5)) == (4, 4, True)


def test_errors_say_whether_the_same_again_may_help() -> None:
    kinds = (BudgetError, InternalError, StoppedError, UnreachableError, UsageError)
    retried = {kind for kind in kinds if kind.is_retryable}

    assert retried == {UnreachableError}
    assert not NoCreditError.is_retryable


def test_a_wait_is_over_with_the_first_batch_that_has_ended(workshop: Workshop) -> None:
    write_corpus(workshop)
    workshop.emulator.set_faults(STUCK)
    sent = advance(workshop).batch_ids
    settings = load_settings(workshop.flags | FLAGS)

    assert asyncio.run(ended(sent, settings=settings, poll_s=0.05, longest_s=0.2)) == []
    workshop.emulator.set_faults()
    found = asyncio.run(ended(sent, settings=settings, poll_s=0.05, longest_s=60))
    assert set() < set(found) <= set(sent)
    assert asyncio.run(ended(["batch_unknown"], settings=settings)) == ["batch_unknown"]


def ended_by_news(workshop: Workshop, sent: str, settings: Settings | None) -> list[str]:
    """What a wait that looks once an hour finds, where news of the batch come, which is cancelled before."""

    async def wait() -> list[str]:
        waiting = asyncio.create_task(ended([sent], settings=settings, poll_s=3600, longest_s=3600))
        while not waiting.done():
            await asyncio.sleep(0.05)
            await asyncio.to_thread(tell, workshop.database_url, sent)
        return await waiting

    with workshop.pipeline(**FLAGS) as pipeline:
        pipeline.cancel(wait=False)
    return asyncio.run(asyncio.wait_for(wait(), 60))


def test_news_ends_a_wait_before_the_next_look(workshop: Workshop) -> None:
    write_corpus(workshop, 3)
    workshop.emulator.set_faults(Fault("stuck_in_progress"))
    (sent,) = advance(workshop).batch_ids
    settings = load_settings(workshop.flags | FLAGS)

    assert ended_by_news(workshop, sent, settings) == [sent]


def test_without_settings_a_wait_is_by_those_of_the_environment(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_corpus(workshop, 3)
    workshop.emulator.set_faults(Fault("stuck_in_progress"))
    (sent,) = advance(workshop).batch_ids
    monkeypatch.setenv("DATABASE_URL", workshop.database_url)
    monkeypatch.setenv("OPENAI_API_KEY", workshop.emulator.api_key)
    monkeypatch.setenv("OPENAI_BASE_URL", workshop.emulator.base_url)

    assert ended_by_news(workshop, sent, None) == [sent]


def test_a_wait_outlasts_a_provider_that_is_away_and_not_a_key_that_is_refused(workshop: Workshop) -> None:
    write_corpus(workshop, 3)
    workshop.emulator.set_faults(STUCK)
    sent = advance(workshop).batch_ids
    workshop.emulator.set_faults(Fault("http_500", count=3))
    settings = load_settings(workshop.flags | FLAGS)
    assert asyncio.run(ended(sent, settings=settings, poll_s=0.05, longest_s=60)) == sent

    mistyped = load_settings(workshop.flags | FLAGS | {"api_key": "sk-mistyped"})
    with pytest.raises(UsageError, match="refuses the key"):
        asyncio.run(ended(sent, settings=mistyped, poll_s=0.05, longest_s=60))


def test_a_line_for_each_call_is_told_at_debug_and_those_of_others_stay(
    workshop: Workshop, caplog: pytest.LogCaptureFixture
) -> None:
    write_corpus(workshop, 3)
    workshop.emulator.set_faults(STUCK)
    settings = load_settings(workshop.flags | FLAGS)

    def told(level: int) -> set[str]:
        caplog.clear()
        with caplog.at_level(level):
            asyncio.run(ended(advance(workshop).batch_ids, settings=settings, poll_s=0.05, longest_s=0.1))
        return {record.levelname for record in caplog.records if "HTTP Request" in record.getMessage()}

    assert (told(logging.INFO), told(logging.DEBUG)) == (set(), {"DEBUG"})
    with caplog.at_level(logging.INFO), httpx.Client() as client:
        client.get(f"{workshop.emulator.base_url}/models")
    assert "HTTP Request" in caplog.records[-1].getMessage()
    assert [record.levelname for record in caplog.records if record.name == "ingest"].count("INFO") > 2
