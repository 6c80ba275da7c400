"""Our step and our look in ZenML itself, in an environment of its own."""

from __future__ import annotations

import json
import signal
import time
from typing import TYPE_CHECKING, Any

from promises import CORPUS_FLAGS, check_promises, write_corpus
from schedulers import EXAMPLES, SCRIPTS, needs_orchestrators, program
from zenml_homes import of_zenml

from ingest.emulator import Fault

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from workshop import Workshop

STUCK = Fault("stuck_in_progress")
pytestmark = needs_orchestrators


def played(
    home: Path, workshop: Workshop, *asked: object, failpoint: str = "", **arguments: object
) -> subprocess.CompletedProcess[str]:
    """A program with a pipeline of ours, in its own process; secrets are in its environment, and nowhere else."""
    settings = CORPUS_FLAGS | {"data_dir": str(home / "data")}
    given = {"source": str(workshop.folder), "arguments": {"settings": settings} | arguments}
    environment = of_zenml(home) | {
        "DATABASE_URL": workshop.database_url,
        "OPENAI_API_KEY": workshop.emulator.api_key,
        "OPENAI_BASE_URL": workshop.emulator.base_url,
        "INGEST_FAILPOINT": failpoint,
        "GIVEN": json.dumps(given),
    }
    ended = program("zenml", SCRIPTS / "zenml_rounds.py", *asked, environment=environment)
    assert workshop.emulator.api_key not in ended.stdout + ended.stderr
    return ended


def told(ended: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert ended.returncode == 0, ended.stdout + ended.stderr
    outcome: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return outcome


def test_a_run_of_zenml_is_paused_while_batches_are_in_flight_and_a_look_resumes_it(
    workshop: Workshop, tmp_path: Path
) -> None:
    write_corpus(workshop)
    workshop.emulator.set_faults(STUCK)

    report = tmp_path / "report.html"
    killed = played(tmp_path, workshop, "begin", failpoint="after-create")
    begun = told(played(tmp_path, workshop, "begin"))
    looked = told(played(tmp_path, workshop, "look", 0))
    workshop.emulator.set_faults()
    ended = told(played(tmp_path, workshop, "end", 5, report=str(report)))

    assert killed.returncode == -signal.SIGKILL
    assert (begun["status"], begun["steps"], looked) == ("paused", {"ingest_round": "completed"}, begun)
    assert len(begun["waits_for"]) == 3
    assert ended["status"] == "completed"
    metadata = ended["metadata"]
    assert (metadata["embedded"], metadata["texts"], metadata["report"]) == (11, 11, report.as_uri())
    assert "<html" in report.read_text(encoding="utf-8")
    check_promises(workshop)
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert workshop.emulator.api_key.encode() not in kept


def test_a_run_of_zenml_whose_batches_something_else_loaded_is_resumed_all_the_same(
    workshop: Workshop, tmp_path: Path
) -> None:
    write_corpus(workshop)
    workshop.emulator.set_faults(STUCK)
    begun = told(played(tmp_path, workshop, "begin"))
    workshop.emulator.set_faults()
    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        while not pipeline.advance().done:
            time.sleep(0.1)

    looked = told(played(tmp_path, workshop, "look", 0))

    assert (begun["status"], looked["status"], looked["metadata"]["embedded"]) == ("paused", "completed", 11)


def test_what_a_retry_cannot_help_fails_a_run_of_zenml_at_once(workshop: Workshop, tmp_path: Path) -> None:
    write_corpus(workshop)

    refused = played(tmp_path, workshop, "begin", max_dollars=1e-9)
    secret = played(tmp_path, workshop, "begin", settings={"api_key": workshop.emulator.api_key})

    assert refused.returncode == 1
    assert "over max_dollars" in refused.stderr
    assert "retrying" not in refused.stdout + refused.stderr
    assert "api_key would be shown" in secret.stderr
    assert workshop.emulator.ledger()["requests"] == 0


def test_a_pipeline_of_zenml_that_is_not_dynamic_is_told_so(tmp_path: Path) -> None:
    script = "from ingest.integrations.zenml import ingest_corpus; ingest_corpus('/srv/docs')"

    assert "@pipeline(dynamic=True)" in program("zenml", "-c", script, environment=of_zenml(tmp_path)).stderr


def test_the_example_is_a_pipeline(tmp_path: Path) -> None:
    imported = program(
        "zenml",
        "-c",
        "import runpy, sys; runpy.run_path(sys.argv[1])['nightly'].is_dynamic or sys.exit(1)",
        EXAMPLES / "zenml" / "nightly.py",
        environment=of_zenml(tmp_path),
    )

    assert imported.returncode == 0, imported.stderr
