"""A run of ZenML in two processes: nothing of it is there while its batches are in flight, and a webhook resumes it."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

import psutil
import pytest
from process_checks import eventually
from promises import CORPUS_FLAGS, check_promises, write_corpus
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from schedulers import SCRIPTS, comes_to, daemon, needs_orchestrators, program, python_of
from webhooks import SECRET, webhook
from workshop import Workshop
from zenml_homes import of_zenml

from ingest.emulator import Fault, running

pytestmark = [*needs_orchestrators, pytest.mark.daemon]
LISTENING = "SELECT FROM pg_stat_activity WHERE strpos(query, 'LISTEN ingest_batches') > 0 AND pid <> pg_backend_pid()"
STUCK = Fault("stuck_in_progress")
SCRIPT = SCRIPTS / "zenml_rounds.py"


def given(workshop: Workshop, home: Path, database_url: str) -> dict[str, str]:
    settings = CORPUS_FLAGS | {"data_dir": str(home / "data"), "poll_seconds": 3600}
    return of_zenml(home) | {
        "DATABASE_URL": database_url,
        "OPENAI_API_KEY": workshop.emulator.api_key,
        "OPENAI_BASE_URL": workshop.emulator.base_url,
        "GIVEN": json.dumps({"source": str(workshop.folder), "arguments": {"settings": settings}}),
    }


def test_a_webhook_resumes_a_run_of_zenml_of_which_no_process_was_there(database_url: str, tmp_path: Path) -> None:
    with (
        webhook(database_url, tmp_path) as url,
        running(tmp_path / "emulator", webhook=(url, SECRET)) as emulator,
    ):
        workshop = Workshop(database_url, emulator, tmp_path / "files", tmp_path / "data")
        write_corpus(workshop)
        emulator.set_faults(STUCK)
        environment = given(workshop, tmp_path, database_url)
        begun = program("zenml", SCRIPT, "begin", environment=environment)
        assert json.loads(begun.stdout.splitlines()[-1])["status"] == "paused", begun.stderr
        homes = [(each.info["environ"] or {}).get("HOME") for each in psutil.process_iter(["environ"])]
        assert str(tmp_path) not in homes

        command = [str(python_of("zenml")), str(SCRIPT), "look", "100"]
        with (
            subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as looking,
            subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as other,
        ):
            eventually(lambda: len(workshop.query(LISTENING)) == 2)
            emulator.set_faults()  # the provider would be asked again in an hour
            looked = [each.communicate(timeout=120)[0].splitlines() for each in (looking, other)]

        told = json.loads(program("zenml", SCRIPT, "look", "0", environment=environment).stdout.splitlines()[-1])
        assert (told["status"], told["steps"]["ingest_round_2"]) == ("completed", "completed")
        assert sum("has started." in line for lines in looked for line in lines) == 1
        check_promises(workshop)


def test_a_step_of_zenml_is_tried_again_when_its_database_was_out_of_reach(workshop: Workshop, tmp_path: Path) -> None:
    folder = conninfo_to_dict(workshop.database_url)["host"]
    if not str(folder).startswith("/"):
        pytest.skip("a server without a socket in a folder")
    write_corpus(workshop)
    workshop.emulator.set_faults(STUCK)
    log = tmp_path / "log"

    with tempfile.TemporaryDirectory() as short:  # a socket's path has 107 bytes at most
        socket = Path(short) / "socket"
        environment = given(workshop, tmp_path, make_conninfo(workshop.database_url, host=str(socket)))
        with daemon([python_of("zenml"), SCRIPT, "begin"], environment, log) as playing:
            comes_to(True, lambda: "retrying step" in log.read_text(), log)
            socket.symlink_to(str(folder))
            assert playing.wait(timeout=150) == 0, log.read_text()

    told = json.loads(log.read_text().splitlines()[-1])
    assert (told["status"], len(told["waits_for"])) == ("paused", 3)
