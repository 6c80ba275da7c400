"""Several accounts of one vendor share a corpus's batches: each text is billed once, by one of them."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from preloaded import KILLED
from promises import CORPUS_FLAGS, MODEL, PASSAGES, judge, write_corpus

from ingest.emulator import Fault, running
from ingest.errors import UnreachableError, UsageError
from ingest.failpoints import VARIABLE
from ingest.settings import load_settings
from ingest.waiting import ended

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from workshop import Outcome, Workshop

    from ingest.emulator import RunningEmulator

    Ingest = Callable[..., Outcome]


@pytest.fixture
def other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningEmulator]:
    """The server of another account."""
    with running(tmp_path / "other") as emulator:
        monkeypatch.setenv("KEY_OF_B", emulator.api_key)
        yield emulator


def flags(other: RunningEmulator, **more: object) -> dict[str, Any]:
    accounts = [{"name": "b", "key_variable": "KEY_OF_B", "base_url": other.base_url}]
    return CORPUS_FLAGS | {"accounts": accounts, "clean": True, **more}


def check_shared(workshop: Workshop, other: RunningEmulator) -> None:
    """Nothing is lost, nothing was billed twice, no vector is wrong, and both had a part in it."""
    rows = workshop.query(PASSAGES)
    ledgers = [workshop.emulator.ledger(), other.ledger()]

    assert judge(rows) == (0, 0)
    assert [ledger["billed_more_than_once"] for ledger in ledgers] == [[], []]
    assert sum(ledger["texts"] for ledger in ledgers) == len(rows)
    assert min(ledger["texts"] for ledger in ledgers) > 0


def test_accounts_share_the_batches_of_a_corpus(workshop: Workshop, other: RunningEmulator) -> None:
    write_corpus(workshop)

    with workshop.pipeline(**flags(other)) as pipeline:
        report = pipeline.run([str(workshop.folder)])

    ids = [provider_id for (provider_id,) in workshop.query("SELECT provider_batch_id FROM batches ORDER BY id")]
    assert (report.embedded, report.failures) == (11, [])
    assert {provider_id.partition("@")[0] for provider_id in ids if "@" in provider_id} == {"b"}
    check_shared(workshop, other)


@pytest.mark.parametrize("point", ["after-upload", "after-creating", "after-create", "after-submitted", "load-began"])
@pytest.mark.parametrize("passage", [1, 2])
def test_a_run_of_several_accounts_that_is_killed_is_finished_by_the_next(
    ingest: Ingest, environment: dict[str, str], workshop: Workshop, other: RunningEmulator, point: str, passage: int
) -> None:
    write_corpus(workshop)
    given = {f"INGEST_{name.upper()}": _said(value) for name, value in flags(other).items()}
    around = environment | given | {"KEY_OF_B": other.api_key}

    killed = {VARIABLE: f"{point}:{passage}"}
    first = ingest("run", workshop.folder, "--model", MODEL, environment=around | killed)
    second = ingest("run", workshop.folder, "--model", MODEL, environment=around)

    assert (first.status, second.status) == (KILLED, 0), second.err
    check_shared(workshop, other)


def _said(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


@pytest.mark.parametrize("fault", ["drop_after_create", "drop_after_upload", "token_limit", "expired_partial"])
def test_a_fault_of_one_account_costs_nothing(workshop: Workshop, other: RunningEmulator, fault: str) -> None:
    write_corpus(workshop)
    other.set_faults(Fault(fault, count=1))

    with workshop.pipeline(**flags(other)) as pipeline:
        report = pipeline.run([str(workshop.folder)])

    assert other.fired()[fault] == 1
    assert report.failures == []
    check_shared(workshop, other)


def test_what_an_account_has_waits_until_it_is_named_again(workshop: Workshop, other: RunningEmulator) -> None:
    write_corpus(workshop)
    other.set_faults(Fault("stuck_in_progress"))
    with workshop.pipeline(**flags(other)) as pipeline:
        pipeline.sync([str(workshop.folder)])
        sent = pipeline.submit()
        waiting = [name for batch in sent if (name := batch.provider_batch_id or "").startswith("b@")]
        found = asyncio.run(ended(waiting, settings=load_settings(workshop.flags | flags(other)), longest_s=0))
    other.set_faults()

    unnamed = pytest.raises(UnreachableError, match="is of the account b, which the settings do not name")
    with workshop.pipeline(**flags(other, accounts=[])) as pipeline, unnamed:
        pipeline.run([str(workshop.folder)])
    with workshop.pipeline(**flags(other)) as pipeline:
        pipeline.run([str(workshop.folder)])

    assert len(waiting) in (1, 2)
    assert found == []
    check_shared(workshop, other)


@pytest.mark.parametrize(
    ("accounts", "words"),
    [
        ([{"name": "b", "key_variable": "NOBODY_S_KEY"}], "the account b needs its key: set NOBODY_S_KEY"),
        ([{"name": "b", "key_variable": "KEY_OF_B"}] * 2, "there are two accounts b"),
        ([{"name": "B@", "key_variable": "KEY_OF_B"}], "the name of an account has 1 to 32"),
        ([{"name": "b"}], "accounts"),
        ([{"name": "b", "key_variable": "KEY_OF_B", "key": "sk-1"}], "accounts"),
    ],
)
def test_an_account_that_cannot_be_used_is_one_clear_error(
    workshop: Workshop, other: RunningEmulator, accounts: list[dict[str, str]], words: str
) -> None:
    write_corpus(workshop, 1)

    with (
        pytest.raises(UsageError, match=words),
        workshop.pipeline(**flags(other, accounts=accounts)) as pipeline,
    ):
        pipeline.run([str(workshop.folder)])

    assert workshop.emulator.ledger()["texts"] == 0
