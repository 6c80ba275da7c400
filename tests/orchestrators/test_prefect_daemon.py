"""Runs of a flow of ours, begun by Prefect's server and by who serves its flow, each stretch a process of its own."""

from __future__ import annotations

import json
import os
import socket
import urllib.request
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.error import URLError

import pytest
from promises import CORPUS_FLAGS, check_promises, write_corpus
from schedulers import SCRIPTS, batches_of_provider, comes_to, daemon, needs_orchestrators, python_of

from ingest.emulator import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import psutil
    from workshop import Workshop

pytestmark = [*needs_orchestrators, pytest.mark.daemon]


class Prefect:
    """Its REST API, and who serves our flow."""

    def __init__(self, address: str, served: psutil.Process | None = None) -> None:
        self.address = address
        self.served = served

    def has(self, what: str) -> bool:
        """Whether it answers that."""
        try:
            self.ask(what)
        except URLError:
            return False
        return True

    def begin(self) -> str:
        """A run of our flow, by its id."""
        deployment = self.ask("deployments/name/of-corpus/test")["id"]
        begun: str = self.ask(f"deployments/{deployment}/create_flow_run", {"state": {"type": "SCHEDULED"}})["id"]
        return begun

    def retry(self, run: str) -> None:
        """As its page does."""
        self.ask(f"flow_runs/{run}/set_state", {"state": {"type": "SCHEDULED", "name": "AwaitingRetry"}})

    def state(self, run: str) -> str:
        """The name of that run's state."""
        name: str = self.ask(f"flow_runs/{run}")["state"]["name"]
        return name

    def processes(self) -> list[str]:
        """What who serves the flow has begun and has not ended, but for what Python has beside such processes."""
        assert self.served
        lines = (" ".join(process.cmdline()) for process in self.served.children(recursive=True))
        return [line for line in lines if "resource_tracker" not in line]

    def ask(self, what: str, body: object = None) -> Any:
        request = urllib.request.Request(
            f"{self.address}/{what}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"content-type": "application/json"},
        )
        with urllib.request.urlopen(request) as response:
            return json.load(response)


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
    return port


@contextmanager
def serving(workshop: Workshop, home: Path, *, look_s: int, wakes: bool = False, **more: str) -> Iterator[Prefect]:
    """A server of Prefect, and our flow served; where it is wanted, what wakes its runs, too."""
    port = free_port()
    prefect = Prefect(f"http://127.0.0.1:{port}/api")
    settings = CORPUS_FLAGS | {"data_dir": str(home / "data")}
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_API_URL": prefect.address,
        "PREFECT_RUNNER_POLL_FREQUENCY": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DATABASE_URL": workshop.database_url,
        "OPENAI_API_KEY": workshop.emulator.api_key,
        "OPENAI_BASE_URL": workshop.emulator.base_url,
        "GIVEN": json.dumps({"source": str(workshop.folder), "settings": settings, "look_s": look_s}),
    }
    python, flow = python_of("prefect"), SCRIPTS / "prefect_served.py"
    server: list[str | Path] = [python, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with daemon(server, environment, home / "server"), ExitStack() as served:
        comes_to(True, lambda: prefect.has("health"), home / "server")
        prefect.served = served.enter_context(daemon([python, flow], environment | more, home / "served"))
        comes_to(True, lambda: prefect.has("deployments/name/of-corpus/test"), home / "served")
        if wakes:
            served.enter_context(daemon([python, flow, "wake"], environment, home / "wakes"))
        yield prefect
    for log in ("server", "served"):
        assert workshop.emulator.api_key not in (home / log).read_text()


def test_no_process_of_a_run_lives_while_its_batches_are_in_flight(workshop: Workshop, tmp_path: Path) -> None:
    write_corpus(workshop)
    workshop.emulator.set_faults(Fault("stuck_in_progress"))

    with serving(workshop, tmp_path, look_s=3600, wakes=True) as prefect:
        run = prefect.begin()
        comes_to(("AwaitingBatches", []), lambda: (prefect.state(run), prefect.processes()), tmp_path / "served")
        workshop.emulator.set_faults()
        comes_to("Completed", lambda: prefect.state(run), tmp_path / "served")

    check_promises(workshop)


def test_a_run_killed_right_after_its_submit_and_tried_again_finds_its_batch(
    workshop: Workshop, tmp_path: Path
) -> None:
    write_corpus(workshop, 3)  # one batch
    workshop.emulator.set_faults(Fault("stuck_in_progress"))
    # Each process that creates a batch is killed before it has noted that.
    with serving(workshop, tmp_path, look_s=1, INGEST_FAILPOINT="after-create") as prefect:
        run = prefect.begin()
        comes_to("Crashed", lambda: prefect.state(run), tmp_path / "served")
        in_flight = batches_of_provider(workshop)
        prefect.retry(run)
        comes_to("AwaitingBatches", lambda: prefect.state(run), tmp_path / "served")
        workshop.emulator.set_faults()
        comes_to("Completed", lambda: prefect.state(run), tmp_path / "served")

    assert (in_flight, batches_of_provider(workshop)) == (["in_progress"], ["completed"])
    check_promises(workshop)
