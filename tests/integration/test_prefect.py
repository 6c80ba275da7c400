"""A corpus in a flow of Prefect itself, in an environment of its own."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from prefect_homes import prefect_server
from promises import CORPUS_FLAGS, check_promises, write_corpus
from schedulers import EXAMPLES, SCRIPTS, needs_orchestrators, program

from ingest.emulator import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workshop import Workshop

pytestmark = needs_orchestrators


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment in which Prefect finds its server."""
    with prefect_server(tmp_path_factory.mktemp("prefect")) as environment:
        yield environment


def played(server: dict[str, str], workshop: Workshop, **given: object) -> tuple[dict[str, Any], str]:
    """How the run of a flow ended, and its log. Secrets are in blocks, and nowhere else."""
    settings = CORPUS_FLAGS | {"base_url": workshop.emulator.base_url, "data_dir": str(workshop.data_dir)}
    environment = server | {
        "SECRET_api_key": workshop.emulator.api_key,
        "SECRET_database_url": workshop.database_url,
        "GIVEN": json.dumps({"source": str(workshop.folder), "settings": settings, "look_s": 1} | given),
    }
    ended = program("prefect", SCRIPTS / "prefect_flow.py", environment=environment)
    for secret in (workshop.emulator.api_key, workshop.database_url):
        assert secret not in ended.stdout + ended.stderr
    assert ended.returncode == 0, ended.stdout + ended.stderr
    outcome: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return outcome, ended.stdout + ended.stderr


def test_a_run_of_prefect_ends_its_process_while_its_batches_are_in_flight(
    server: dict[str, str], workshop: Workshop, tmp_path: Path
) -> None:
    write_corpus(workshop)
    workshop.emulator.set_faults(Fault("stuck_in_progress"))

    outcome, log = played(server, workshop, report=str(tmp_path / "report.html"))

    assert outcome["states"].count("AwaitingBatches") == 1
    assert outcome["states"][-1] == "Completed"
    (told,), (artifact,) = outcome["told"], outcome["artifacts"]
    assert (told["embedded"], told["run"]["texts"]) == (11, 11)
    assert "report.html" in artifact["description"]
    assert '"billed tokens"' in artifact["data"]
    assert "HTTP Request" not in log
    assert "<html" in (tmp_path / "report.html").read_text(encoding="utf-8")
    check_promises(workshop)


def test_of_several_steps_of_a_run_each_reads_once_and_what_cannot_be_read_is_told_at_the_end(
    server: dict[str, str], workshop: Workshop
) -> None:
    for name, documents in {"one": 3, "two": 2, "more": 1}.items():
        for number in range(documents):
            workshop.write(f"{name}/{number}.txt", f"This is document {number} of corpus {name}.")
    workshop.write("two/broken.pdf", "%PDF-1.7 and nothing else")
    workshop.emulator.set_faults(Fault("stuck_in_progress"))
    steps = {"one": "one", "more": "one", "two": "two"}
    corpora = [{"corpus": corpus, "source": str(workshop.folder / folder)} for folder, corpus in steps.items()]

    outcome, log = played(server, workshop, corpora=corpora)

    assert outcome["states"].count("AwaitingBatches") == 3
    assert outcome["states"][-1] == "Failed"
    assert "1 documents could not be read: the rest of the corpus two is embedded" in outcome["told"]
    assert [log.count(f"'round of {name}' - Finished in state Completed") for name in ("one", "two")] == [4, 2]
    assert workshop.emulator.ledger()["billed_more_than_once"] == []
    assert workshop.query(
        "SELECT (SELECT count(embedding) FROM one.chunks), (SELECT count(embedding) FROM two.chunks)"
    ) == [(4, 2)]


def test_what_a_retry_cannot_help_fails_a_run_of_prefect_at_once(server: dict[str, str], workshop: Workshop) -> None:
    write_corpus(workshop)

    outcome, log = played(server, workshop, max_dollars=1e-9, flow_retries=2)

    assert (outcome["states"][-1], outcome["states"].count("Running")) == ("Failed", 1)
    assert "will start" not in log  # a retry of the task
    assert "over max_dollars" in outcome["told"]
    assert workshop.emulator.ledger()["requests"] == 0


def test_a_run_of_no_deployment_waits_in_its_process(server: dict[str, str], workshop: Workshop) -> None:
    write_corpus(workshop)

    outcome, _ = played(server, workshop, deployed=False)

    assert outcome["told"][0]["embedded"] == 11
    check_promises(workshop)


def test_the_example_is_a_flow(tmp_path: Path) -> None:
    example = EXAMPLES / "prefect" / "nightly.py"
    script = f"import runpy; print(runpy.run_path({str(example)!r})['nightly'].name)"
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}

    assert program("prefect", "-c", script, environment=environment).stdout == "nightly\n"
