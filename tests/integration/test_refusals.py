"""What the provider does not take: this text, or anything of this account; and what stays searchable meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from promises import CORPUS_FLAGS, check_promises, write_corpus
from workshop import Told

from ingest.emulator import Fault
from ingest.errors import UnreachableError
from ingest.sources.tables import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from workshop import Outcome, Workshop

FLAGS: dict[str, Any] = {**CORPUS_FLAGS, "clean": True}
OF_THE_ACCOUNT = [
    Fault("error_per_request_no_credit"),
    Fault("error_per_request_dimensions"),
    Fault("no_credit_batch"),
]
LIMITED = Fault("error_per_request_429")
WHATEVER = r"refuses this account, whatever the text: [a-z_]+: [A-Z][a-z][^.]+\. Nothing is lost.*run the same command"
EVERY_TEXT = r"refuses every text of a batch: rate_limit_exceeded: [^.]+\. They wait.*2 times in a row"
PASSING = [Fault("error_per_request_500"), Fault("null_file_ids")]


def indexed(workshop: Workshop) -> None:
    """A corpus that is searchable, whose documents are then edited."""
    write_corpus(workshop)
    with workshop.pipeline(**FLAGS) as pipeline:
        pipeline.run([str(workshop.folder)])
    for path in sorted(workshop.folder.iterdir()):
        path.write_text(f"What {path.name} says is another thing now.", encoding="utf-8")


def searchable(workshop: Workshop) -> int:
    return int(workshop.query("SELECT count(DISTINCT document_id) FROM chunks WHERE embedding IS NOT NULL")[0][0])


@pytest.mark.parametrize("fault", OF_THE_ACCOUNT, ids=lambda fault: fault.name)
def test_an_account_that_is_refused_ends_the_run_and_costs_no_passage_and_no_attempt(
    workshop: Workshop, fault: Fault
) -> None:
    indexed(workshop)
    workshop.emulator.set_faults(fault)

    with workshop.pipeline(**FLAGS) as pipeline:
        for _ in range(6):  # more often than a text is sent
            with pytest.raises(UnreachableError, match=WHATEVER):
                pipeline.run([str(workshop.folder)])
        status = pipeline.status()
        attempts = workshop.query("SELECT DISTINCT attempts, failed FROM requests")
        before = searchable(workshop)
        workshop.emulator.set_faults()
        report = pipeline.run([str(workshop.folder)])

    assert (before, attempts) == (11, [(0, False)])
    assert (status.failed_requests, status.waiting_requests) == (0, 11)
    assert (report.failures, searchable(workshop)) == ([], 11)
    assert workshop.emulator.ledger()["billed_more_than_once"] == []


def test_a_rate_limit_that_lets_nothing_through_is_waited_for_and_costs_no_attempt(workshop: Workshop) -> None:
    indexed(workshop)
    workshop.emulator.set_faults(LIMITED)
    told = Told()

    with workshop.telling(told, workshop.flags | FLAGS | {"max_attempts": 2}) as pipeline:
        for _ in range(2):
            with pytest.raises(UnreachableError, match=EVERY_TEXT):
                pipeline.run([str(workshop.folder)])
        attempts = workshop.query("SELECT DISTINCT attempts, failed, not_before IS NOT NULL FROM requests")
        before = searchable(workshop)
        # It passes while the run waits: each of the next batches is let through.
        workshop.emulator.set_faults(Fault("error_per_request_429", count=11))
        report = pipeline.run([str(workshop.folder)])

    assert (before, attempts) == (11, [(0, False, True)])
    assert [line for line in told.lines if "They wait" in line]
    assert (report.failures, searchable(workshop)) == ([], 11)
    assert workshop.emulator.ledger()["billed_more_than_once"] == []


def test_a_rate_limit_that_lets_some_texts_through_costs_the_others_an_attempt(workshop: Workshop) -> None:
    write_corpus(workshop)
    workshop.emulator.set_faults(Fault("error_per_request_429", count=1))

    with workshop.pipeline(**FLAGS, max_attempts=1) as pipeline:
        report = pipeline.run([str(workshop.folder)])

    assert [failure.code for failure in report.failures] == ["rate_limit_exceeded"]


def test_what_an_account_was_given_before_it_was_refused_is_loaded(workshop: Workshop) -> None:
    write_corpus(workshop)
    workshop.emulator.set_faults(Fault("error_per_request_no_credit", after=3))

    with workshop.pipeline(**FLAGS) as pipeline:
        with pytest.raises(UnreachableError, match="insufficient_quota"):
            pipeline.run([str(workshop.folder)])
        before = searchable(workshop)
        workshop.emulator.set_faults()
        report = pipeline.run([str(workshop.folder)])

    assert before == 3
    assert report.failures == []
    check_promises(workshop)


@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: fault.name)
def test_texts_that_failed_for_a_while_leave_the_old_passages_searchable(workshop: Workshop, fault: Fault) -> None:
    indexed(workshop)
    workshop.emulator.set_faults(fault)

    with workshop.pipeline(**FLAGS, max_attempts=2, when_refused="drop") as pipeline:
        failed = pipeline.run([str(workshop.folder)])
        before = searchable(workshop)
        workshop.emulator.set_faults()
        pipeline.retry()
        report = pipeline.run([str(workshop.folder)])

    assert (len(failed.failures), {failure.old_kept for failure in failed.failures}) == (11, {True})
    assert before == 11
    assert (report.failures, report.chunks) == ([], 11)


@pytest.mark.parametrize(("when_refused", "kept"), [("keep", 11), ("drop", 9)])
@pytest.mark.parametrize("mode", ["batch", "sync"])
def test_a_text_that_is_refused_itself_leaves_its_old_passages_or_not_as_is_wanted(
    workshop: Workshop, mode: str, when_refused: str, kept: int
) -> None:
    indexed(workshop)
    workshop.emulator.set_faults(Fault("error_per_request_400", count=2), Fault("refused_text", count=2))

    with workshop.pipeline(**FLAGS, mode=mode, when_refused=when_refused) as pipeline:
        report = pipeline.run([str(workshop.folder)])

    assert [failure.old_kept for failure in report.failures] == [when_refused == "keep"] * 2
    assert searchable(workshop) == kept


def test_a_run_of_mode_sync_without_credit_costs_no_passage(workshop: Workshop) -> None:
    indexed(workshop)
    workshop.emulator.set_faults(Fault("no_credit"))

    with workshop.pipeline(**FLAGS, mode="sync") as pipeline:
        with pytest.raises(UnreachableError, match="no credit left"):
            pipeline.run([str(workshop.folder)])
        before = searchable(workshop)
        workshop.emulator.set_faults()
        report = pipeline.run([str(workshop.folder)])

    assert before == 11
    assert (report.failures, searchable(workshop)) == ([], 11)


@pytest.mark.parametrize("fault", [*OF_THE_ACCOUNT, LIMITED, *PASSING], ids=lambda fault: fault.name)
def test_rows_keep_their_vectors_while_nothing_takes_their_place(workshop: Workshop, fault: Fault) -> None:
    table = Table("articles", text="body", into="embedding")
    with psycopg.connect(workshop.database_url) as connection:
        connection.execute("CREATE TABLE public.articles (id int PRIMARY KEY, body text)")
        connection.execute("INSERT INTO articles SELECT n, 'About ' || n FROM generate_series(1, 30) n")
    with workshop.pipeline(**CORPUS_FLAGS | {"chunk_tokens": None}, max_attempts=2) as pipeline:
        pipeline.run(table)
        with psycopg.connect(workshop.database_url) as connection:
            connection.execute("UPDATE articles SET body = body || ', and more'")
        workshop.emulator.set_faults(fault)

        try:
            failures = pipeline.run(table).failures
        except UnreachableError:
            failures = []
        kept = workshop.query("SELECT count(embedding) FROM public.articles")
        workshop.emulator.set_faults()
        pipeline.retry()
        report = pipeline.run(table)

    assert kept == [(30,)]
    assert {failure.old_kept for failure in failures} <= {True}
    assert (report.failures, report.load.rows_filled) == ([], 30)


def test_the_command_line_says_it_in_one_line_and_exits_with_3(
    workshop: Workshop, ingest: Callable[..., Outcome], environment: dict[str, str]
) -> None:
    write_corpus(workshop, 3)
    workshop.emulator.set_faults(Fault("no_credit_batch"))

    outcome = ingest("run", workshop.folder, "--dimensions", "8", environment=environment)

    assert outcome.status == 3
    assert "billing_hard_limit_reached" in outcome.err
    assert "Traceback" not in outcome.err
