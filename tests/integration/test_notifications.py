"""How a run ended is told by apprise, to a server that keeps what it is sent."""

from __future__ import annotations

import json
import sys
import threading
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from promises import CORPUS_FLAGS, check_promises, write_corpus
from receivers import Receiver, receiving

from ingest.emulator import Fault
from ingest.errors import BudgetError, UnreachableError, UsageError
from ingest.sources.tables import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from workshop import Outcome, Workshop

SECRET = "hush-hush-token"

# apprise imports it where Python still has it.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def flags_for(receiver: Receiver, **flags: object) -> dict[str, Any]:
    return {**CORPUS_FLAGS, "notify": [f"json://{receiver.address}/{SECRET}"], **flags}


def told(receiver: Receiver) -> list[tuple[str, str, str]]:
    """Kind, title and body of each notice."""
    notices = [json.loads(request.body) for request in receiver.received]
    return [(notice["type"], notice["title"], notice["message"]) for notice in notices]


def test_a_run_that_is_done_is_told_in_its_figures_and_not_in_its_texts(workshop: Workshop, receiver: Receiver) -> None:
    write_corpus(workshop)
    with workshop.pipeline(**flags_for(receiver)) as pipeline:
        pipeline.run([str(workshop.folder)])

    [(kind, title, body)] = told(receiver)

    assert (kind, title) == ("success", "ingest: corpus is done")
    assert body.startswith("11 texts embedded by text-embedding-3-small in 3 batches, ")
    assert body.endswith(" tokens, under $0.01. 11 of 11 chunks are searchable.")
    assert "nothing else is" not in body
    assert workshop.emulator.api_key not in body


def test_records_that_failed_are_told_with_what_to_do_next(workshop: Workshop, receiver: Receiver) -> None:
    write_corpus(workshop)
    workshop.emulator.set_faults(Fault("error_per_request_400", count=2))
    with workshop.pipeline(**flags_for(receiver)) as pipeline:
        pipeline.run([str(workshop.folder)])

    [(kind, title, body)] = told(receiver)

    assert (kind, title) == ("failure", "ingest: corpus is done, but for 2 texts that failed")
    assert "9 of 11 chunks are searchable" in body
    assert "`ingest retry && ingest run …`" in body


def test_a_run_over_its_budget_is_told(workshop: Workshop, receiver: Receiver) -> None:
    write_corpus(workshop)
    with workshop.pipeline(**flags_for(receiver)) as pipeline, pytest.raises(BudgetError) as caught:
        pipeline.run([str(workshop.folder)], lambda _tokens, _dollars: False)

    assert told(receiver) == [("warning", "ingest: corpus was stopped by its budget", str(caught.value))]


def test_a_run_that_ends_in_an_error_is_told(
    workshop: Workshop, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_corpus(workshop)
    flags = flags_for(receiver, base_url="http://127.0.0.1:1/v1", list_lag_seconds=0)
    monkeypatch.setattr("ingest.provider.http._FIRST_PAUSE_S", 0.01)
    with workshop.pipeline(**flags) as pipeline, pytest.raises(UnreachableError) as caught:
        pipeline.run([str(workshop.folder)])

    assert told(receiver) == [("failure", "ingest: corpus was stopped by an error", str(caught.value))]


def test_a_stuck_batch_is_told_once(workshop: Workshop, receiver: Receiver) -> None:
    write_corpus(workshop, 3)
    workshop.emulator.set_faults(Fault("stuck_in_progress"))
    release = threading.Timer(0.5, workshop.emulator.set_faults)  # after some more looks
    receiver.then = release.start
    with workshop.pipeline(**flags_for(receiver, stuck_hours=0)) as pipeline:
        pipeline.run([str(workshop.folder)])

    (kind, title, body), (_, last, _) = told(receiver)

    assert (kind, title) == ("warning", "ingest: corpus has 1 stuck batch")
    assert body.startswith("Batch 1 (batch_")
    assert "`ingest retry --stuck`" in body
    assert last == "ingest: corpus is done"


def test_a_stuck_batch_is_told_once_by_all_rounds(workshop: Workshop, receiver: Receiver) -> None:
    write_corpus(workshop, 3)
    workshop.emulator.set_faults(Fault("stuck_in_progress"))
    for _ in range(3):
        with workshop.pipeline(**flags_for(receiver, stuck_hours=0)) as pipeline:
            pipeline.advance([str(workshop.folder)])

    assert [title for _, title, _ in told(receiver)] == ["ingest: corpus has 1 stuck batch"]


def test_a_new_model_is_told_once_for_all_the_runs_that_it_takes(workshop: Workshop, receiver: Receiver) -> None:
    with psycopg.connect(workshop.database_url) as connection:
        connection.execute("CREATE TABLE public.articles (id int PRIMARY KEY, body text)")
        connection.execute("INSERT INTO articles SELECT n, 'About subject ' || n FROM generate_series(1, 3) n")
    with workshop.pipeline() as pipeline:
        pipeline.run(Table("articles", text="body", into="embedding"))
    with workshop.pipeline(model="text-embedding-3-large", notify=[f"json://{receiver.address}"]) as pipeline:
        pipeline.reembed()

    [(_, title, body)] = told(receiver)

    assert title == "ingest: corpus is done"
    assert "3 texts embedded by text-embedding-3-large" in body
    assert "public.articles.embedding: 3 rows filled, 3 in all" in body


def test_a_notice_that_cannot_be_delivered_is_a_warning_without_its_url(
    workshop: Workshop, receiver: Receiver, ingest: Callable[..., Outcome]
) -> None:
    write_corpus(workshop)
    receiver.status = 500
    environment = {
        "DATABASE_URL": workshop.database_url,
        "OPENAI_BASE_URL": workshop.emulator.base_url,
        "OPENAI_API_KEY": workshop.emulator.api_key,
        "INGEST_NOTIFY": f"json://{receiver.address}/{SECRET} json://{SECRET}@127.0.0.1:1",
        "INGEST_DIMENSIONS": "8",
    }

    outcome = ingest("run", workshop.folder, "--json", "-v", environment=environment)

    assert outcome.status == 0
    assert outcome.json["embedded"] == 11
    assert "warning: the notice 'ingest: corpus is done' could not be delivered to notify URL number 1" in outcome.err
    assert "notify URL number 2" in outcome.err
    assert SECRET not in outcome.out + outcome.err
    assert len(receiver.received) == 1
    check_promises(workshop)


def test_a_url_that_apprise_does_not_know_is_refused_unseen_before_anything_is_begun(
    workshop: Workshop, ingest: Callable[..., Outcome]
) -> None:
    write_corpus(workshop)

    outcome = ingest(
        "run", workshop.folder, "--notify", f"nonsense://{SECRET}", environment={"DATABASE_URL": workshop.database_url}
    )

    assert outcome.status == 2
    assert outcome.err.startswith("error: notify URL number 1 is not one that apprise knows")
    assert SECRET not in outcome.out + outcome.err
    assert workshop.query("SELECT to_regclass('corpus.documents')") == [(None,)]


@pytest.mark.parametrize("url", ["json://", "slack://a b", "://", "json://[::1", "x", "\udcff", "file:///dev/full"])
def test_a_url_that_is_none_is_told_in_one_line(workshop: Workshop, ingest: Callable[..., Outcome], url: str) -> None:
    write_corpus(workshop, 1)

    outcome = ingest(
        "run", workshop.folder, environment={"DATABASE_URL": workshop.database_url, "INGEST_NOTIFY": f"  {url}"}
    )

    assert outcome.status == 2
    assert outcome.err.startswith("error: ")
    assert outcome.err.count("\n") == 1


def test_without_apprise_it_is_told_how_to_get_it_before_anything_is_begun(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_corpus(workshop)
    monkeypatch.setitem(sys.modules, "apprise", None)

    with (
        workshop.pipeline(notify="json://127.0.0.1:1") as pipeline,
        pytest.raises(UsageError, match=r"pip install 'pgvector-ingest\[notify\]'"),
    ):
        pipeline.run([str(workshop.folder)])

    assert workshop.query("SELECT to_regclass('corpus.documents')") == [(None,)]
