"""Our asset and sensor in Dagster's own daemon and code server, which begin every run but the first."""

from __future__ import annotations

import json
import re
import sqlite3
from typing import TYPE_CHECKING

import psutil
import pytest
from promises import CORPUS_FLAGS, check_promises, write_corpus
from schedulers import (
    SCRIPTS,
    batches_of_provider,
    comes_to,
    daemon,
    needs_orchestrators,
    program,
    python_of,
)

from ingest.emulator import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from workshop import Workshop

pytestmark = [*needs_orchestrators, pytest.mark.daemon]


def test_a_run_killed_right_after_its_submit_is_followed_by_rounds_and_nothing_runs_between(
    workshop: Workshop, tmp_path: Path
) -> None:
    write_corpus(workshop, 3)  # one batch
    workshop.emulator.set_faults(Fault("stuck_in_progress"))
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    settings = CORPUS_FLAGS | {"poll_seconds": 1, "data_dir": str(tmp_path / "data")}
    environment = {
        "PATH": f"{python_of('dagster').parent}:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "DAGSTER_HOME": str(tmp_path),
        "DATABASE_URL": workshop.database_url,
        "OPENAI_API_KEY": workshop.emulator.api_key,
        "OPENAI_BASE_URL": workshop.emulator.base_url,
        "GIVEN": json.dumps({"source": str(workshop.folder), "settings": settings}),
        "INGEST_FAILPOINT": "after-create",  # each run that creates a batch is killed before it has noted that
    }
    code, log = ["-f", str(SCRIPTS / "dagster_definitions.py"), "-d", str(tmp_path)], tmp_path / "log"

    def told(words: str) -> bool:
        return words in log.read_text()

    def runs() -> list[str]:
        with sqlite3.connect(tmp_path / "history" / "runs.db") as connection:
            return [status for (status,) in connection.execute("SELECT status FROM runs ORDER BY id")]

    with daemon([python_of("dagster").with_name("dagster-daemon"), "run", *code], environment, log):
        comes_to(True, lambda: told("Instance is configured with the following daemons"), log)
        for command in (["sensor", "start", "corpus_batches"], ["job", "launch", "-j", "__ASSET_JOB"]):
            ended = program("dagster", "-m", "dagster", *command, *code, environment=environment)
            assert ended.returncode == 0, ended.stderr
        comes_to(True, lambda: told("1 batches are in flight, and none has ended"), log)
        processes = [int(pid) for pid in re.findall(r" - (\d+) - RUN_START", log.read_text())]
        comes_to(
            [], lambda: [pid for pid in processes if psutil.pid_exists(pid)], log
        )  # one that is ending does not live
        before, in_flight = runs(), batches_of_provider(workshop)
        workshop.emulator.set_faults()
        comes_to(True, lambda: told("ASSET_MATERIALIZATION"), log)

    assert (before[0], set(before[1:])) == ("FAILURE", {"SUCCESS"})
    assert len(processes) == len(before)
    assert in_flight == ["in_progress"]
    assert batches_of_provider(workshop) == ["completed"]
    check_promises(workshop)
    assert workshop.emulator.api_key not in log.read_text()
