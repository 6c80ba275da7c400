"""Our asset and sensor in Dagster itself, in an environment of its own."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from promises import CORPUS_FLAGS, check_promises, write_corpus
from schedulers import EXAMPLES, SCRIPTS, needs_orchestrators, program

from ingest.emulator import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from workshop import Workshop

SLOW = Fault("unknown_status", seconds=10.0)  # no batch has ended in the round that sends it
pytestmark = needs_orchestrators


def test_a_round_of_dagster_ends_while_batches_are_in_flight_and_its_sensor_begins_the_next(
    workshop: Workshop, tmp_path: Path
) -> None:
    write_corpus(workshop)
    workshop.write("broken.pdf", "%PDF-1.7 and nothing else")
    workshop.emulator.set_faults(SLOW)
    settings = CORPUS_FLAGS | {"poll_seconds": 1, "data_dir": str(tmp_path / "data")}
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "DAGSTER_HOME": str(tmp_path),
        "DATABASE_URL": workshop.database_url,
        "OPENAI_API_KEY": workshop.emulator.api_key,
        "OPENAI_BASE_URL": workshop.emulator.base_url,
        "GIVEN": json.dumps({"source": str(workshop.folder), "settings": settings}),
    }
    ended = program("dagster", SCRIPTS / "dagster_rounds.py", environment=environment)
    assert ended.returncode == 0, ended.stderr
    told, metadata = (json.loads(ended.stdout.splitlines()[-1])[name] for name in ("told", "metadata"))

    assert told[0] == {"success": True, "materialised": False, "checks": [False]}
    assert any("in flight" in each.get("skipped", "") for each in told)
    assert told[-1] == {"success": True, "materialised": True, "checks": [False]}  # the PDF is remembered
    assert (metadata["embedded"], metadata["texts"]) == (11, 11)
    assert workshop.emulator.api_key not in ended.stdout + ended.stderr
    check_promises(workshop)


def test_the_example_is_loaded_by_a_code_server(tmp_path: Path) -> None:
    example = EXAMPLES / "dagster" / "definitions.py"
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}

    ended = program("dagster", "-m", "dagster", "definitions", "validate", "-f", example, environment=environment)
    assert ended.returncode == 0, ended.stdout + ended.stderr
