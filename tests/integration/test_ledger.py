"""What was estimated and what was billed, by run, batch and document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from reembeddings import reembed

from ingest.cli.approval import approval
from ingest.emulator import Fault
from ingest.errors import BudgetError, UsageError
from ingest.runs import open_flow, stored_indexing
from ingest.settings import load_settings
from ingest.sources.tables import Table
from ingest.terminal.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Callable

    from workshop import Outcome, Workshop

    from ingest.batches.ledger import Costs

EXAMPLES = Path(__file__).parents[2] / "examples" / "corpus"


def write_documents(workshop: Workshop, count: int) -> None:
    for number in range(count):
        workshop.write(f"{number}.txt", f"Document number {number}, with a few words of its own. " * (number + 1))


def costs(workshop: Workshop, corpus: str = "corpus") -> Costs:
    with workshop.pipeline(corpus=corpus) as pipeline:
        return pipeline.costs(documents=1000)


def tokens_by_lines(workshop: Workshop) -> int:
    rows = workshop.query("SELECT coalesce(sum(billed_tokens), 0)::bigint FROM ledger_documents")
    return int(rows[0][0])


def test_what_was_estimated_is_what_was_billed_to_the_token(workshop: Workshop) -> None:
    with workshop.pipeline(max_batch_requests=100) as pipeline:
        estimate = pipeline.estimate([str(EXAMPLES)])
        report = pipeline.run([str(EXAMPLES)])

    found = costs(workshop)
    (run,) = found.runs
    by_document = sum(document.billed_tokens or 0 for document in found.documents)
    assert estimate.tokens == run.estimated_tokens == run.billed_tokens == by_document
    assert workshop.emulator.ledger()["tokens"] == found.total.billed_tokens
    assert run.billed_dollars == pytest.approx(estimate.dollars_batch)
    assert len(run.batches) == report.load.batches > 1
    assert all(batch.estimated_tokens == batch.billed_tokens for batch in run.batches)
    assert len(found.documents) == report.documents
    assert all(document.estimated_tokens == document.billed_tokens for document in found.documents)


def test_each_run_has_its_own_bill_also_when_its_documents_are_gone(workshop: Workshop) -> None:
    write_documents(workshop, 3)
    with workshop.pipeline() as pipeline:
        first = pipeline.run([str(workshop.folder)])
        (workshop.folder / "1.txt").unlink()
        workshop.write("new.txt", "Some more words.")
        second = pipeline.run([str(workshop.folder)])
        pipeline.run([str(workshop.folder)])

    found = costs(workshop)

    assert [run.billed_tokens for run in found.runs] == [first.tokens, second.tokens]
    assert found.total.billed_tokens == first.tokens + second.tokens
    assert {document.uri is None for document in found.documents} == {False, True}
    assert sum(document.billed_tokens or 0 for document in found.documents) == found.total.billed_tokens


def result(custom_id: str, numbers: int, tokens: object) -> dict[str, Any]:
    body = {"data": [{"embedding": [0.5] * numbers}], "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}
    return {"custom_id": custom_id, "response": {"status_code": 200, "body": body}}


@pytest.fixture
def custom_ids(request: pytest.FixtureRequest, workshop: Workshop, tmp_path: Path) -> list[str]:
    """The custom_ids of a corpus of four texts that were exported."""
    request.node.add_marker(pytest.mark.made_up_vectors("results are written by hand"))
    write_documents(workshop, 4)
    with workshop.pipeline() as pipeline:
        pipeline.sync([str(workshop.folder)])
        (shard,) = pipeline.export(tmp_path / "export")
    return [json.loads(line)["custom_id"] for line in shard.path.read_text().splitlines()]


def load(workshop: Workshop, name: str, *lines: object) -> None:
    path = workshop.folder.parent / name
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with workshop.pipeline() as pipeline:
        pipeline.load([path])


def test_a_file_that_is_loaded_twice_is_billed_once(workshop: Workshop, custom_ids: list[str]) -> None:
    lines = [result(custom_id, 64, 10) for custom_id in custom_ids]

    load(workshop, "a.jsonl", *lines, lines[0])
    load(workshop, "a.jsonl", *lines, lines[0])

    assert costs(workshop).total.billed_tokens == tokens_by_lines(workshop) == 40


def test_a_vector_of_no_use_that_was_billed_is_told(workshop: Workshop, custom_ids: list[str]) -> None:
    load(workshop, "a.jsonl", *(result(custom_id, 3, 10) for custom_id in custom_ids))
    spoilt = costs(workshop).total
    with workshop.pipeline() as pipeline:
        report = pipeline.run([str(workshop.folder)])

    found = costs(workshop)

    assert (spoilt.texts, spoilt.estimated_tokens, spoilt.billed_tokens, spoilt.wasted_tokens) == (0, 0, 40, 40)
    assert found.total.wasted_tokens == 40
    assert found.total.estimated_tokens == report.tokens
    assert found.total.billed_tokens == report.tokens + 40


def test_a_batch_that_brought_nothing_is_in_the_ledger_all_the_same(workshop: Workshop) -> None:
    write_documents(workshop, 2)
    workshop.emulator.set_faults(Fault("error_per_request_400"))
    with workshop.pipeline() as pipeline:
        pipeline.run([str(workshop.folder)])

    (run,) = costs(workshop).runs

    assert [batch.texts for batch in run.batches] == [0]
    assert (run.estimated_tokens, run.billed_tokens, run.wasted_tokens) == (0, 0, 0)


@pytest.mark.parametrize("told", [None, "many", 0, -1, 2**40, True, 1.5])
def test_what_a_server_does_not_tell_is_not_known(workshop: Workshop, custom_ids: list[str], told: object) -> None:
    load(workshop, "a.jsonl", *(result(custom_id, 64, told) for custom_id in custom_ids))

    total = costs(workshop).total

    documents = costs(workshop).documents
    assert (total.texts, total.billed_tokens, total.billed_dollars) == (4, None, None)
    assert {(document.billed_tokens, document.billed_dollars) for document in documents} == {(None, None)}
    assert [document.estimated_tokens for document in documents] == sorted(
        (document.estimated_tokens for document in documents), reverse=True
    )
    assert total.estimated_tokens > 0
    assert total.estimated_dollars is not None


def test_the_ledger_goes_with_the_corpus_to_its_next_version_and_back(workshop: Workshop) -> None:
    write_documents(workshop, 3)
    with workshop.pipeline() as pipeline:
        first = pipeline.run([str(workshop.folder)]).tokens
    second = reembed(workshop).tokens

    swapped = costs(workshop)
    with workshop.pipeline() as pipeline:
        pipeline.roll_back()
    back = costs(workshop)
    with workshop.pipeline() as pipeline:
        pipeline.finish(discard=True)
    left = costs(workshop)

    assert [run.billed_tokens for run in swapped.runs] == [first, second]
    assert swapped.runs == back.runs == left.runs
    assert [run.model for run in left.runs] == ["text-embedding-3-small", "text-embedding-3-large"]
    assert len(left.documents) == 3
    assert sum(document.billed_tokens or 0 for document in left.documents) == first + second


@pytest.mark.parametrize("verb", ["roll_back", "finish"])
def test_the_ledger_of_a_version_made_before_there_were_modes_is_kept(workshop: Workshop, verb: str) -> None:
    write_documents(workshop, 3)
    with workshop.pipeline() as pipeline:
        pipeline.run([str(workshop.folder)])
    reembed(workshop)
    with psycopg.connect(workshop.database_url) as connection:
        connection.execute("ALTER TABLE corpus__old.ledger DROP COLUMN mode")
        connection.execute("DELETE FROM corpus__old.migrations WHERE version = 8")
        connection.execute("ALTER TABLE corpus__old.batches DROP COLUMN mode")
        connection.execute("ALTER TABLE corpus__old.corpus DROP COLUMN usd_per_million_sync")
    before = costs(workshop).runs

    with workshop.pipeline() as pipeline:
        getattr(pipeline, verb)()

    assert costs(workshop).runs == before
    assert [run.mode for run in before] == ["batch", "batch"]


def test_vectors_of_a_column_have_their_bill_too(workshop: Workshop) -> None:
    with psycopg.connect(workshop.database_url) as connection:
        connection.execute(
            "CREATE TABLE articles AS SELECT n AS id, 'About ' || n AS text FROM generate_series(1, 9) n"
        )
        connection.execute("ALTER TABLE articles ADD PRIMARY KEY (id)")
    with workshop.pipeline() as pipeline:
        report = pipeline.run(Table("articles", into="embedding"))
    reembed(workshop)
    with workshop.pipeline() as pipeline:
        pipeline.finish()

    found = costs(workshop)

    assert [run.billed_tokens for run in found.runs] == [report.tokens, report.tokens]
    assert len(found.documents) == 9
    assert sum(document.billed_tokens or 0 for document in found.documents) == 2 * report.tokens


def test_the_limit_holds_for_all_that_a_run_asks_for_together(workshop: Workshop) -> None:
    with workshop.pipeline() as pipeline:
        approve = approval(pipeline, Screen(quiet=True), yes=True, max_cost=1.0)
        answers = [approve(1000, 0.6), approve(100, 0.4), approve(1, 0.1)]

    assert answers == [True, True, False]


def test_what_was_billed_for_nothing_is_sent_again_only_when_approved(workshop: Workshop) -> None:
    write_documents(workshop, 4)
    workshop.emulator.set_faults(Fault("wrong_dimensions", count=2), Fault("null_usage"))
    asked: list[int] = []

    def approve(tokens: int, _dollars: float) -> bool:
        asked.append(tokens)
        return len(asked) == 1

    with workshop.pipeline() as pipeline, pytest.raises(BudgetError, match="wasted"):
        pipeline.run([str(workshop.folder)], approve)

    total = costs(workshop).total
    assert asked == [total.estimated_tokens + total.wasted_tokens, total.wasted_tokens]
    assert total.wasted_tokens > 0
    assert workshop.emulator.ledger()["texts"] == total.texts == 2


def test_what_a_stopped_run_has_written_but_not_sent_is_asked_for_again(workshop: Workshop) -> None:
    write_documents(workshop, 4)
    asked: list[tuple[int, float]] = []

    def refuse(tokens: int, dollars: float) -> bool:
        asked.append((tokens, dollars))
        return False

    with workshop.pipeline(max_batch_requests=1) as pipeline:
        report = pipeline.sync([str(workshop.folder)])
        open_flow(pipeline, stored_indexing(pipeline)).write_shard()
        with pytest.raises(BudgetError):
            pipeline.run([str(workshop.folder)], refuse)

    assert [tokens for tokens, _ in asked] == [report.tokens_to_pay]
    assert workshop.emulator.ledger()["tokens"] == 0


def test_prices_of_the_settings_are_those_of_estimate_and_ledger(workshop: Workshop, tmp_path: Path) -> None:
    write_documents(workshop, 2)
    config = tmp_path / "ingest.toml"
    config.write_text('[prices."text-embedding-3-small"]\nbatch = 1000\nsync = 4000\n')
    prices = load_settings({}, config).prices
    with workshop.pipeline(prices=prices) as pipeline:
        estimate = pipeline.estimate([str(workshop.folder)])
        report = pipeline.run([str(workshop.folder)])

    total = costs(workshop).total

    assert estimate.dollars_batch == pytest.approx(estimate.tokens / 1000)
    assert estimate.dollars_sync == pytest.approx(estimate.tokens / 250)
    assert report.dollars == total.billed_dollars == pytest.approx(estimate.dollars_batch)


def test_a_price_of_a_model_that_there_is_none_of_is_refused(tmp_path: Path) -> None:
    config = tmp_path / "ingest.toml"
    config.write_text("[prices.text-embedding-3-tiny]\nbatch = 1\n")

    with pytest.raises(UsageError, match="there is no model 'text-embedding-3-tiny'"):
        load_settings({}, config)


def test_the_command_line_tells_costs(workshop: Workshop, ingest: Callable[..., Outcome]) -> None:
    write_documents(workshop, 2)
    with workshop.pipeline() as pipeline:
        tokens = pipeline.run([str(workshop.folder)]).tokens
    environment = {"DATABASE_URL": workshop.database_url}

    for_people = ingest("cost", "-v", "--documents", 1, environment=environment)
    for_programs = ingest("cost", "--json", "--documents", 1, environment=environment)

    assert (for_people.status, for_programs.status) == (0, 0)
    assert "batch_" in for_people.out
    assert "1.txt" in for_people.out
    assert "0.txt" not in for_people.out
    assert for_programs.json["total"]["billed_tokens"] == for_programs.json["total"]["estimated_tokens"] == tokens
    assert len(for_programs.json["documents"]) == 1
