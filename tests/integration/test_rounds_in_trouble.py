"""Rounds where something is wrong: accounts without credit, budgets, modes that change, files that do not come."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from promises import CORPUS_FLAGS, MODEL, check_promises, write_corpus

from ingest.batches import begin_run
from ingest.emulator import Fault
from ingest.errors import BudgetError, UnreachableError, UsageError
from ingest.provider import MODELS
from ingest.runs.opening import open_corpus
from ingest.runs.spending import Spending, ask, unsent_tokens
from ingest.sources.tables import Table

if TYPE_CHECKING:
    from typing import LiteralString

    from workshop import Workshop

    from ingest.reporting import Round

FLAGS: dict[str, Any] = CORPUS_FLAGS | {"prices": {"text-embedding-3-small": {"batch": 1e6}}}  # a dollar a token
SLOW = Fault("unknown_status", seconds=1.0)  # no batch has ended in the round that sends it


def advance(workshop: Workshop, **flags: object) -> Round:
    """A round, by a pipeline of its own."""
    with workshop.pipeline(**FLAGS | flags) as pipeline:
        return pipeline.advance([str(workshop.folder)])


def articles_of(workshop: Workshop, count: int) -> Table:
    """A user's table of so many rows, whose column is filled."""
    change(
        workshop,
        "CREATE TABLE articles (id int PRIMARY KEY, body text);"
        f"INSERT INTO articles SELECT n, 'Article number ' || n FROM generate_series(1, {count}) n",
    )
    return Table("articles", text="body", into="embedding")


def change(workshop: Workshop, sql: LiteralString) -> None:
    """By an application that knows nothing of us."""
    with psycopg.connect(workshop.database_url) as connection:
        connection.execute(sql)


def rounds(workshop: Workshop, **flags: object) -> Round:
    """Round after round; the last."""
    while not (last := advance(workshop, **flags)).done:
        time.sleep(min(last.look_again_s, 0.1))
    return last


@pytest.mark.parametrize("fault", ["error_per_request_no_credit", "no_credit_batch"])
def test_an_account_without_credit_ends_rounds_as_it_ends_a_run(workshop: Workshop, fault: str) -> None:
    write_corpus(workshop, 3)
    workshop.emulator.set_faults(SLOW, Fault(fault))
    with pytest.raises(UnreachableError, match=r"credit|billing") as raised:
        rounds(workshop, retry_wait_seconds=0.1)

    assert not raised.value.is_retryable
    workshop.emulator.set_faults()
    assert rounds(workshop).embedded == 3
    check_promises(workshop)


def test_a_rate_limit_that_lets_nothing_through_ends_rounds_as_it_ends_a_run(workshop: Workshop) -> None:
    write_corpus(workshop, 3)
    workshop.emulator.set_faults(SLOW, Fault("error_per_request_429"))
    with pytest.raises(UnreachableError, match="2 times in a row") as raised:
        rounds(workshop, max_attempts=2)

    assert raised.value.is_retryable
    assert not advance(workshop, max_attempts=2).done  # it is counted anew
    workshop.emulator.set_faults()
    assert rounds(workshop).embedded == 3
    check_promises(workshop)


def test_what_could_not_be_read_is_told_by_every_round_of_the_run(workshop: Workshop) -> None:
    write_corpus(workshop, 3)
    workshop.write("broken.pdf", "%PDF-1.7 and nothing else")
    workshop.emulator.set_faults(Fault("stuck_in_progress"))
    first = advance(workshop)
    workshop.emulator.set_faults()
    with workshop.pipeline(**FLAGS) as pipeline:
        while not (last := pipeline.advance()).done:
            time.sleep(0.1)
        after = pipeline.advance()

    assert (first.skipped, last.skipped, last.embedded) == (1, 1, 3)
    assert after.skipped == 0  # of a run that has ended


def test_what_was_read_meanwhile_without_fault_is_told_no_more(workshop: Workshop) -> None:
    write_corpus(workshop, 3)
    broken = workshop.write("broken.pdf", "%PDF-1.7 and nothing else")
    workshop.emulator.set_faults(Fault("stuck_in_progress"))
    first = advance(workshop)
    broken.unlink()
    with workshop.pipeline(**FLAGS) as pipeline:
        pipeline.sync([str(workshop.folder)])
        again = pipeline.advance()

    assert (first.skipped, again.skipped) == (1, 0)


def test_rows_that_were_edited_are_told_until_they_are_read(workshop: Workshop) -> None:
    articles = articles_of(workshop, 8)
    stuck = Fault("stuck_in_progress")
    workshop.emulator.set_faults(stuck)
    with workshop.pipeline(**FLAGS, max_enqueued_tokens=20) as pipeline:  # one batch after the other
        pipeline.advance(articles)
        change(workshop, "UPDATE articles SET body = 'Another' WHERE id = 1")
        workshop.emulator.set_faults()
        while not pipeline.poll().ended:
            time.sleep(0.1)
        workshop.emulator.set_faults(stuck)
        between = pipeline.advance()
        workshop.emulator.set_faults()
        while not (last := pipeline.advance()).done:
            time.sleep(0.1)
        assert (between.rows_edited, len(between.batch_ids)) == (1, 1)
        assert last.rows_edited == 1
        while not (last := pipeline.advance(articles)).done:
            time.sleep(0.1)

    assert (last.rows_edited, last.rows) == (0, 8)


@pytest.mark.parametrize("modes", [("sync", "batch"), ("batch", "sync")])
def test_a_mode_that_is_given_is_that_of_the_round(workshop: Workshop, modes: tuple[str, str]) -> None:
    write_corpus(workshop, 3)
    workshop.emulator.set_faults(SLOW, Fault("no_credit"))
    first = {"mode": modes[0]}
    if modes[0] == "sync":
        with pytest.raises(UnreachableError):
            advance(workshop, **first)
    else:
        advance(workshop, **first)
    workshop.emulator.set_faults(SLOW)
    for number in range(3, 6):
        workshop.write(f"{number}.txt", f"This is document number {number}, and nothing else is.")
    advance(workshop, mode=modes[1])

    sent = workshop.query(
        "SELECT mode, sum(request_count) FROM batches WHERE state <> 'ready' GROUP BY mode ORDER BY mode"
    )
    assert modes[1] in [mode for mode, _ in sent]


def test_what_was_paid_is_loaded_by_a_round_that_may_spend_no_more(workshop: Workshop) -> None:
    write_corpus(workshop, 3)
    workshop.emulator.set_faults(Fault("stuck_in_progress"))
    advance(workshop)
    workshop.emulator.set_faults()
    with workshop.pipeline(**FLAGS) as pipeline:
        while not pipeline.poll().ended:
            time.sleep(0.05)
    workshop.write("dear.txt", "This one is too much.")
    with pytest.raises(BudgetError):
        advance(workshop, max_dollars=1)

    assert workshop.query("SELECT count(*) FROM chunks WHERE embedding IS NOT NULL") == [(3,)]


@pytest.mark.parametrize("limit", [float("nan"), -1.0])
def test_a_limit_that_is_none_is_refused(workshop: Workshop, limit: float) -> None:
    write_corpus(workshop, 3)
    with workshop.pipeline(**FLAGS) as pipeline, pytest.raises(UsageError, match="max_dollars"):
        pipeline.advance([str(workshop.folder)], max_dollars=limit)
    assert workshop.emulator.ledger()["requests"] == 0


def test_a_look_at_a_file_that_does_not_come_is_not_over_at_once(workshop: Workshop) -> None:
    write_corpus(workshop, 3)
    workshop.emulator.set_faults(Fault("broken_content"))
    flags = {"list_lag_seconds": 1000}
    while True:
        left = advance(workshop, **flags)
        (state,) = workshop.query("SELECT state, not_before > now() FROM batches")
        if state == ("finished", True):
            break
        time.sleep(0.05)
    with workshop.pipeline(**FLAGS | flags) as pipeline:
        look = pipeline.poll()
    assert look.look_again_s > 0
    assert (left.done, left.batch_ids) == (False, [])  # its end is no news: who waits for that would never wait
    assert left.due_s


def test_a_row_that_is_edited_meanwhile_is_told_and_sent_again_by_who_reads(workshop: Workshop) -> None:
    articles = articles_of(workshop, 3)

    def edit(_tokens: int, _dollars: float) -> bool:  # asked between reading and sending
        change(workshop, "UPDATE articles SET body = 'Another' WHERE id = 3 AND body <> 'Another'")
        return True

    found: list[Round] = []
    while not (found and found[-1].done):
        with workshop.pipeline(**FLAGS) as pipeline:
            found.append(pipeline.advance(articles, edit))

    assert sum(each.rows_edited for each in found) == 1
    assert (found[-1].rows_edited, found[-1].rows) == (0, 3)
    assert workshop.query("SELECT count(embedding) FROM articles") == [(3,)]


@pytest.mark.parametrize("texts", [10, 1])
def test_what_is_left_of_batches_is_sent_as_a_batch_in_mode_auto(workshop: Workshop, texts: int) -> None:
    flags = {"mode": "auto", "sync_below_tokens": 100}
    write_corpus(workshop, 10)
    workshop.emulator.set_faults(SLOW)
    advance(workshop, **flags, max_batch_requests=texts, max_enqueued_tokens=60)
    last = rounds(workshop, **flags)

    assert (last.done, workshop.query("SELECT DISTINCT mode FROM batches")) == (True, [("batch",)])


def test_a_run_at_once_that_was_stopped_makes_nothing_dearer_in_mode_auto(workshop: Workshop) -> None:
    flags = {"mode": "auto", "sync_below_tokens": 100}
    write_corpus(workshop, 3)
    workshop.emulator.set_faults(Fault("no_credit"))
    with pytest.raises(UnreachableError):
        advance(workshop, **flags)
    workshop.emulator.set_faults()
    write_corpus(workshop, 20)
    rounds(workshop, **flags)

    ((dear,),) = workshop.query("SELECT coalesce(sum(texts), 0) FROM ledger WHERE mode = 'sync'")
    assert dear <= 3


def test_what_is_gone_before_it_was_sent_is_no_work(workshop: Workshop) -> None:
    write_corpus(workshop, 3)
    with workshop.pipeline(**FLAGS) as pipeline:
        pipeline.sync([str(workshop.folder)])
        (workshop.folder / "1.txt").unlink()
        (workshop.folder / "2.txt").unlink()
        pipeline.sync([str(workshop.folder)])
        while not (last := pipeline.advance()).done:
            time.sleep(0.1)
        look = pipeline.poll()
    assert (last.waiting_requests, look.look_again_s > 0) == (0, True)


def test_a_look_finds_a_batch_to_be_sent_whose_time_has_come(workshop: Workshop) -> None:
    write_corpus(workshop, 3)
    workshop.emulator.set_faults(Fault("http_429_create", count=1000, seconds=0.1))
    assert not advance(workshop).done
    with workshop.pipeline(**FLAGS) as pipeline:
        while pipeline.poll().look_again_s:
            time.sleep(0.05)
    workshop.emulator.set_faults(Fault("stuck_in_progress"))
    assert len(advance(workshop).batch_ids) == 1
    with workshop.pipeline(**FLAGS) as pipeline:
        assert pipeline.poll().look_again_s > 0


def test_a_look_finds_texts_whose_time_has_come_beside_a_batch_in_flight(workshop: Workshop) -> None:
    write_corpus(workshop, 8)
    workshop.emulator.set_faults(Fault("stuck_in_progress", after=1), Fault("error_per_request_500"))
    flags = {"retry_wait_seconds": 500}
    while (left := advance(workshop, **flags)).waiting_requests == 0:
        time.sleep(0.1)
    assert left.look_again_s > 0
    assert left.due_s is not None
    assert 0 < left.due_s <= 500
    change(workshop, "UPDATE corpus.requests SET not_before = now() WHERE not_before IS NOT NULL")
    with workshop.pipeline(**FLAGS | flags) as pipeline:
        assert (pipeline.poll().look_again_s, len(left.batch_ids)) == (0, 1)


def test_rounds_at_once_begin_one_run(workshop: Workshop) -> None:
    began = "SELECT run_at FROM corpus"
    with workshop.pipeline(**FLAGS) as pipeline:
        pipeline.create()
        begin_run(pipeline.connection, MODELS[MODEL], 1.0, anew=False)
        first = workshop.query(began)
        begin_run(pipeline.connection, MODELS[MODEL], 1.0, anew=False)
        second = workshop.query(began)
        begin_run(pipeline.connection, MODELS[MODEL], 1.0)

    assert first == second != workshop.query(began)


def test_what_is_sent_again_counts_by_the_providers_count_towards_the_limit(workshop: Workshop) -> None:
    workshop.emulator.set_faults(Fault("counts_otherwise", times=3))
    write_corpus(workshop, 8)
    rounds(workshop)  # its count is learned
    write_corpus(workshop, 16)
    with workshop.pipeline(**FLAGS) as pipeline:
        indexing = open_corpus(pipeline)
        pipeline.sync([str(workshop.folder)])
        begin_run(pipeline.connection, MODELS[MODEL], 1.0)
        unsent = unsent_tokens(pipeline)
        with pytest.raises(BudgetError):
            ask(pipeline, indexing, Spending(max_dollars=2 * unsent), 1, 1.0, "not again")


def test_a_run_that_was_refused_did_not_begin_and_the_bound_of_rounds_stays(workshop: Workshop) -> None:
    write_corpus(workshop, 4)
    workshop.emulator.set_faults(Fault("stuck_in_progress"))
    advance(workshop)
    ((tokens,),) = workshop.query("SELECT sum(token_count) FROM chunks")
    write_corpus(workshop, 8)
    with workshop.pipeline(**FLAGS, max_dollars=1) as pipeline:
        with pytest.raises(BudgetError):
            pipeline.run([str(workshop.folder)])
        with pytest.raises(BudgetError):
            pipeline.submit()
    with pytest.raises(BudgetError):
        advance(workshop, max_dollars=1.5 * tokens)  # each half of it would be below
