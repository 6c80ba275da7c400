"""Runs of a flow of ours, begun by Prefect's server and by who serves its flow, each stretch a process of its own."""

from __future__ import annotations

import json
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.error import URLError

import pytest
from prefect_homes import prefect_server
from process_checks import eventually
from promises import CORPUS_FLAGS, check_promises, write_corpus
from schedulers import SCRIPTS, batches_of_provider, comes_to, daemon, needs_orchestrators, python_of
from webhooks import SECRET, webhook
from workshop import Workshop

from ingest.emulator import Fault, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import psutil

pytestmark = [*needs_orchestrators, pytest.mark.daemon]
FLOW = SCRIPTS / "prefect_served.py"
LISTENING = "SELECT FROM pg_stat_activity WHERE strpos(query, 'LISTEN ingest_batches') > 0 AND pid <> pg_backend_pid()"


class Prefect:
    """Its REST API, and who serves our flow."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self.served: psutil.Process | None = None

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
            f"{self.environment['PREFECT_API_URL']}/{what}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"content-type": "application/json"},
        )
        with urllib.request.urlopen(request) as response:
            return json.load(response)


@contextmanager
def serving(workshop: Workshop, home: Path, look_s: float, **more: str) -> Iterator[Prefect]:
    """A server of Prefect, and our flow served; `home/served` is what who serves it tells."""
    (home / "server").mkdir()
    settings = CORPUS_FLAGS | {"data_dir": str(home / "data")}
    ours = {
        "PREFECT_RUNNER_POLL_FREQUENCY": "1",
        "DATABASE_URL": workshop.database_url,
        "OPENAI_API_KEY": workshop.emulator.api_key,
        "OPENAI_BASE_URL": workshop.emulator.base_url,
        "GIVEN": json.dumps({"source": str(workshop.folder), "settings": settings, "look_s": look_s}),
    }
    with prefect_server(home / "server") as environment:
        prefect = Prefect(environment | ours | more)
        with daemon([python_of("prefect"), FLOW], prefect.environment, home / "served") as prefect.served:
            comes_to(True, lambda: prefect.has("deployments/name/of-corpus/test"), home / "served")
            yield prefect
    for log in (home / "server" / "log", home / "served"):
        assert workshop.emulator.api_key not in log.read_text()


def test_no_process_of_a_run_lives_while_its_batches_are_in_flight_and_a_webhook_wakes_it(
    database_url: str, tmp_path: Path
) -> None:
    with (
        webhook(database_url, tmp_path) as url,
        running(tmp_path / "emulator", webhook=(url, SECRET)) as emulator,
    ):
        workshop = Workshop(database_url, emulator, tmp_path / "files", tmp_path / "data")
        write_corpus(workshop)
        emulator.set_faults(Fault("stuck_in_progress"))

        with serving(workshop, tmp_path, look_s=3600) as prefect:
            run = prefect.begin()
            comes_to(("AwaitingBatches", []), lambda: (prefect.state(run), prefect.processes()), tmp_path / "served")
            with daemon([python_of("prefect"), FLOW, "wake", "3600"], prefect.environment, tmp_path / "wakes"):
                eventually(lambda: workshop.query(LISTENING) != [])
                state = prefect.state(run)
                emulator.set_faults()  # the provider would be asked again in an hour
                comes_to("Completed", lambda: prefect.state(run), tmp_path / "served")

        assert state == "AwaitingBatches"
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
