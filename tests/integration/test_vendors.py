"""Vendors whose API is their own, as a user has them: run, searched, cleaned, cancelled, on two machines."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from dialects import SPOKEN
from preloaded import KILLED, outcome, start
from promises import check_promises, write_corpus
from workshop import Workshop

from ingest.emulator import Fault, hash_vectors, running
from ingest.errors import UnreachableError
from ingest.provider import Account, open_provider
from ingest.provider.presets import PRESETS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from workshop import Outcome

    Ingest = Callable[..., Outcome]

TEXT = "This is document number 7, and nothing else is."
SIDES = {"voyage": ("document", "query")}


@dataclass
class Vendor(Workshop):
    """A workshop whose provider has an API of its own."""

    name: str

    @property
    def settings(self) -> dict[str, Any]:
        """All that it is asked by."""
        return self.flags | SPOKEN[self.name]

    @property
    def environment(self) -> dict[str, str]:
        """The same, as a user sets it."""
        preset = PRESETS[self.name]
        short = {name: value for name, value in SPOKEN[self.name].items() if name not in ("provider", "model")}
        return {
            "DATABASE_URL": self.database_url,
            preset.key_variable: self.emulator.api_key,
            preset.url_variable: self.emulator.base_url,
            **{f"INGEST_{name.upper()}": str(value) for name, value in short.items()},
        }


@pytest.fixture(params=[name for name in SPOKEN if name != "gemini"])
def vendor(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Iterator[Vendor]:
    """Each of them, with a corpus of three shards."""
    folder = tmp_path / "files"
    folder.mkdir()
    with running(tmp_path / "emulator", dialect=request.param) as emulator:
        vendor = Vendor(database_url, emulator, folder, tmp_path / "data", request.param)
        write_corpus(vendor)
        yield vendor


def test_a_corpus_is_run_searched_and_cleaned(ingest: Ingest, vendor: Vendor) -> None:
    named, environment = ("--provider", vendor.name), vendor.environment
    options = (*named, "--model", SPOKEN[vendor.name]["model"], "--json")

    run = ingest("run", vendor.folder, *options, environment=environment)
    billed = len(list(vendor.emulator.bills()))
    search = ingest("search", TEXT, *named, "--json", environment=environment)
    cleaned = ingest("clean", *named, "--json", environment=environment)

    assert run.status == 0, run.err
    assert (run.json["embedded"], run.json["failures"], run.json["provider"]) == (11, [], vendor.name)
    assert billed == 11
    assert search.json["passages"][0]["content"].strip() == TEXT
    passage, question = (
        hash_vectors([TEXT], SPOKEN[vendor.name]["model"], SPOKEN[vendor.name]["dimensions"], side)[0]
        for side in SIDES.get(vendor.name, ("", ""))
    )
    assert search.json["passages"][0]["similarity"] == pytest.approx(float(passage @ question), abs=1e-3)
    assert cleaned.status == 0, cleaned.err
    account = Account(vendor.name, vendor.emulator.base_url, vendor.emulator.api_key)
    provider = open_provider(account)
    assert list(provider.input_files()) == []
    provider.close()


def test_a_run_goes_on_on_another_machine(vendor: Vendor, tmp_path: Path) -> None:
    first = outcome(start("run", vendor.settings, [str(vendor.folder)], "after-uploaded", quiet=True))
    shutil.rmtree(vendor.data_dir)
    vendor.data_dir = tmp_path / "elsewhere"

    second = outcome(start("run", vendor.settings, [str(vendor.folder)]))

    assert (first, second) == (KILLED, 0)
    check_promises(vendor)


def test_batches_are_cancelled_and_their_texts_wait(vendor: Vendor) -> None:
    if vendor.name == "openrouter":
        pytest.skip("it has no such call")
    vendor.emulator.set_faults(Fault("stuck_in_progress"))
    with vendor.pipeline(**SPOKEN[vendor.name]) as pipeline:
        pipeline.sync([str(vendor.folder)])
        pipeline.submit()
        pipeline.cancel()
        assert len(list(vendor.emulator.bills())) == 0
        vendor.emulator.set_faults()

        pipeline.run([str(vendor.folder)])

    check_promises(vendor)


@pytest.mark.parametrize("vendor", ["openrouter"], indirect=True)
def test_what_cannot_be_cancelled_is_told_and_loaded_by_the_next_run(vendor: Vendor) -> None:
    vendor.emulator.set_faults(Fault("stuck_in_progress"))
    with vendor.pipeline(**SPOKEN[vendor.name]) as pipeline:
        pipeline.sync([str(vendor.folder)])
        pipeline.submit()
        with pytest.raises(UnreachableError, match="no call that cancels a batch"):
            pipeline.cancel()
        vendor.emulator.set_faults()

        pipeline.run([str(vendor.folder)])

    check_promises(vendor)


def test_a_key_that_is_refused_is_told_by_its_variable(ingest: Ingest, vendor: Vendor) -> None:
    variable = PRESETS[vendor.name].key_variable
    options = ("--provider", vendor.name, "--model", SPOKEN[vendor.name]["model"])

    run = ingest("run", vendor.folder, *options, environment={**vendor.environment, variable: "wrong"})

    assert run.status == 2
    assert variable in run.err
    assert "Traceback" not in run.err
