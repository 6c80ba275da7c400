"""A run of ZenML in two processes: nothing of it is there while its batches are in flight, and a webhook resumes it."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import psutil
import pytest
from process_checks import eventually
from promises import CORPUS_FLAGS, check_promises, write_corpus
from schedulers import SCRIPTS, needs_orchestrators, program, python_of
from webhooks import SECRET, webhook
from workshop import Workshop
from zenml_homes import of_zenml

from ingest.emulator import Fault, running

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [*needs_orchestrators, pytest.mark.daemon]
LISTENING = "SELECT FROM pg_stat_activity WHERE strpos(query, 'LISTEN ingest_batches') > 0 AND pid <> pg_backend_pid()"
SCRIPT = SCRIPTS / "zenml_rounds.py"


def test_a_webhook_resumes_a_run_of_zenml_of_which_no_process_was_there(database_url: str, tmp_path: Path) -> None:
    with (
        webhook(database_url, tmp_path) as url,
        running(tmp_path / "emulator", webhook=(url, SECRET)) as emulator,
    ):
        workshop = Workshop(database_url, emulator, tmp_path / "files", tmp_path / "data")
        write_corpus(workshop)
        emulator.set_faults(Fault("stuck_in_progress"))
        settings = CORPUS_FLAGS | {"data_dir": str(tmp_path / "data"), "poll_seconds": 3600}
        environment = of_zenml(tmp_path) | {
            "DATABASE_URL": database_url,
            "OPENAI_API_KEY": emulator.api_key,
            "OPENAI_BASE_URL": emulator.base_url,
            "GIVEN": json.dumps({"source": str(workshop.folder), "arguments": {"settings": settings}}),
        }
        begun = program("zenml", SCRIPT, "begin", environment=environment)
        assert json.loads(begun.stdout.splitlines()[-1])["status"] == "paused", begun.stderr
        assert [each for each in psutil.process_iter(["cmdline"]) if str(SCRIPT) in (each.info["cmdline"] or ())] == []

        command = [str(python_of("zenml")), str(SCRIPT), "look", "100"]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as looking:
            eventually(lambda: workshop.query(LISTENING) != [])
            emulator.set_faults()  # the provider would be asked again in an hour
            told = json.loads(looking.communicate(timeout=120)[0].splitlines()[-1])

        assert (told["status"], told["steps"]["ingest_round_2"]) == ("completed", "completed")
        check_promises(workshop)
