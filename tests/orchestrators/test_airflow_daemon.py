"""Our task in Airflow's own scheduler, executor and triggerer, which have one slot between them."""

from __future__ import annotations

import shutil
import socket
from typing import TYPE_CHECKING, Any
from urllib.error import URLError

import pytest
from airflow_homes import given
from promises import check_promises, write_corpus
from schedulers import SCRIPTS, asked, batches_of_provider, comes_to, daemon, needs_orchestrators, python_of

from ingest.emulator import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from workshop import Workshop

pytestmark = [*needs_orchestrators, pytest.mark.daemon]


class Airflow:
    """Its REST API, for administrators all."""

    def __init__(self, address: str) -> None:
        self.address = address

    def is_up(self) -> bool:
        """Whether each of its daemons is, and has read our file."""
        try:
            health = self._ask("monitor/health")
            return (
                all(each["status"] == "healthy" for each in health.values() if each["status"])
                and self._ask("dags")["total_entries"] == 2
            )
        except URLError:
            return False

    def begin(self, dag: str) -> None:
        """A run of that DAG."""
        self._ask(f"dags/{dag}/dagRuns", {"logical_date": None})

    def tasks(self) -> dict[str, tuple[str, int]]:
        """The state of each task of all runs, and its try."""
        found = self._ask("dags/~/dagRuns/~/taskInstances")["task_instances"]
        return {each["task_id"]: (each["state"], each["try_number"]) for each in found}

    def _ask(self, what: str, body: object = None) -> Any:
        return asked(f"{self.address}/api/v2/{what}", body)


def settings_of(home: Path, port: int) -> dict[str, str]:
    """What `airflow standalone` is given beside our connections: one slot, this port, and two others."""
    return {
        "PATH": f"{python_of('airflow').parent}:/usr/bin:/bin",
        "AIRFLOW__CORE__PARALLELISM": "1",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
    }


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
    return port


def test_a_task_killed_right_after_its_submit_finds_its_batch_and_leaves_the_only_slot_to_others(
    workshop: Workshop, tmp_path: Path
) -> None:
    write_corpus(workshop, 3)  # one batch
    workshop.emulator.set_faults(Fault("stuck_in_progress"))
    (tmp_path / "dags").mkdir()
    shutil.copy(SCRIPTS / "airflow_slots.py", tmp_path / "dags")
    port, log = free_port(), tmp_path / "log"
    # Each try that creates a batch is killed before it has noted that.
    environment = given(tmp_path, workshop) | settings_of(tmp_path, port) | {"INGEST_FAILPOINT": "after-create"}
    airflow = Airflow(f"http://127.0.0.1:{port}")

    with daemon([python_of("airflow").with_name("airflow"), "standalone"], environment, log):
        comes_to(True, airflow.is_up, log)
        airflow.begin("ours")
        comes_to({"ingest": ("deferred", 2)}, airflow.tasks, log)
        airflow.begin("another")
        comes_to({"ingest": ("deferred", 2), "other": ("success", 1)}, airflow.tasks, log)
        in_flight = batches_of_provider(workshop)
        workshop.emulator.set_faults()
        comes_to({"ingest": ("success", 2), "other": ("success", 1)}, airflow.tasks, log)

    assert in_flight == ["in_progress"]
    assert batches_of_provider(workshop) == ["completed"]
    check_promises(workshop)
    assert workshop.emulator.api_key not in log.read_text()
