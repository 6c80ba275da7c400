"""A corpus in a flow of Prefect itself, in an environment of its own."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from promises import CORPUS_FLAGS, check_promises, write_corpus
from schedulers import EXAMPLES, SCRIPTS, needs_orchestrators, program

from ingest.emulator import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from workshop import Workshop

pytestmark = needs_orchestrators


def of_prefect(home: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }


def played(home: Path, workshop: Workshop, **given: object) -> tuple[dict[str, Any], str]:
    """How the run of a flow ended, and its log. Secrets are in blocks, and nowhere else."""
    settings = CORPUS_FLAGS | {"base_url": workshop.emulator.base_url, "data_dir": str(home / "data")}
    environment = of_prefect(home) | {
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


def test_a_run_of_prefect_ends_its_process_while_its_batches_are_in_flight(workshop: Workshop, tmp_path: Path) -> None:
    write_corpus(workshop)
    workshop.emulator.set_faults(Fault("stuck_in_progress"))

    outcome, log = played(tmp_path, workshop, report=str(tmp_path / "report.html"))

    assert outcome["states"][-1] == "Completed"
    assert "AwaitingBatches" in outcome["states"]
    assert (outcome["told"]["embedded"], outcome["told"]["run"]["texts"]) == (11, 11)
    assert "HTTP Request" not in log
    assert "report.html" in str(outcome["artifacts"])
    assert "<html" in (tmp_path / "report.html").read_text(encoding="utf-8")
    check_promises(workshop)


def test_what_a_retry_cannot_help_fails_a_run_of_prefect_at_once(workshop: Workshop, tmp_path: Path) -> None:
    write_corpus(workshop)

    outcome, _ = played(tmp_path, workshop, max_dollars=1e-9, flow_retries=2)

    assert (outcome["states"][-1], outcome["states"].count("Running")) == ("Failed", 1)
    assert "over max_dollars" in outcome["told"]
    assert workshop.emulator.ledger()["requests"] == 0


def test_the_example_is_a_flow(tmp_path: Path) -> None:
    example = EXAMPLES / "prefect" / "nightly.py"
    script = f"import runpy; print(runpy.run_path({str(example)!r})['nightly'].name)"

    assert program("prefect", "-c", script, environment=of_prefect(tmp_path)).stdout == "nightly\n"
