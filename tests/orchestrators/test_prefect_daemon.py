"""Runs of a flow of ours, begun by Prefect's server and by who serves its flow, each stretch a process of its own."""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.error import URLError

import psutil
import pytest
from prefect_homes import prefect_server
from process_checks import eventually, is_gone
from promises import CORPUS_FLAGS, check_promises, write_corpus
from schedulers import SCRIPTS, asked, batches_of_provider, comes_to, daemon, needs_orchestrators, python_of
from webhooks import SECRET, webhook
from workshop import Workshop

from ingest.emulator import Fault, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [*needs_orchestrators, pytest.mark.daemon]
FLOW = SCRIPTS / "prefect_served.py"
DEPLOYMENT = "deployments/name/of-corpus/test"
LISTENING = "SELECT FROM pg_stat_activity WHERE strpos(query, 'LISTEN ingest_batches') > 0 AND pid <> pg_backend_pid()"


class Prefect:
    """Its REST API, and who serves our flow."""

    def __init__(self, log: Path, environment: dict[str, str]) -> None:
        self.log = log
        self.environment = environment

    @contextmanager
    def serves(self) -> Iterator[psutil.Process]:
        """Our flow, as a deployment."""
        with daemon([python_of("prefect"), FLOW], self.environment, self.log) as served:
            comes_to(False, self._is_paused, self.log)
            yield served
        assert self.environment["OPENAI_API_KEY"] not in self.log.read_text()

    def _is_paused(self) -> bool | None:
        try:
            return bool(self.ask(DEPLOYMENT)["paused"])
        except URLError:  # there is none yet
            return None

    def begin(self) -> str:
        """A run of our flow, by its id."""
        deployment = self.ask(DEPLOYMENT)["id"]
        begun: str = self.ask(f"deployments/{deployment}/create_flow_run", {"state": {"type": "SCHEDULED"}})["id"]
        return begun

    def retry(self, run: str) -> None:
        """As its page does."""
        self.ask(f"flow_runs/{run}/set_state", {"state": {"type": "SCHEDULED", "name": "AwaitingRetry"}})

    def state(self, run: str) -> str:
        """The name of that run's state."""
        name: str = self.ask(f"flow_runs/{run}")["state"]["name"]
        return name

    def comes_to(self, state: str, run: str) -> None:
        """Wait, within a bound, until that is the run's state."""
        comes_to(state, lambda: self.state(run), self.log)

    def ask(self, what: str, body: object = None) -> Any:
        return asked(f"{self.environment['PREFECT_API_URL']}/{what}", body)


@contextmanager
def prefect_of(workshop: Workshop, home: Path, look_s: float, **more: str) -> Iterator[Prefect]:
    """A server of Prefect; `home/served` is what those who serve our flow tell."""
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
        yield Prefect(home / "served", environment | ours | more)
    assert workshop.emulator.api_key not in (home / "server" / "log").read_text()


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

        with prefect_of(workshop, tmp_path, look_s=3600) as prefect:
            with prefect.serves() as served:
                run = prefect.begin()
                prefect.comes_to("AwaitingBatches", run)
                comes_to([], lambda: begun_by(served), prefect.log)
            with (  # as after a release
                prefect.serves(),
                daemon([python_of("prefect"), FLOW, "wake", "3600"], prefect.environment, tmp_path / "wakes"),
            ):
                eventually(lambda: workshop.query(LISTENING) != [])
                state = prefect.state(run)
                emulator.set_faults()  # the provider would be asked again in an hour
                prefect.comes_to("Completed", run)

        assert state == "AwaitingBatches"
        check_promises(workshop)


def test_a_run_killed_right_after_its_submit_and_tried_again_finds_its_batch(
    workshop: Workshop, tmp_path: Path
) -> None:
    write_corpus(workshop, 3)  # one batch
    workshop.emulator.set_faults(Fault("stuck_in_progress"))
    # Each process that creates a batch is killed before it has noted that.
    with (
        prefect_of(workshop, tmp_path, look_s=1, INGEST_FAILPOINT="after-create") as prefect,
        prefect.serves(),
    ):
        run = prefect.begin()
        prefect.comes_to("Crashed", run)
        in_flight = batches_of_provider(workshop)
        prefect.retry(run)
        prefect.comes_to("AwaitingBatches", run)
        workshop.emulator.set_faults()
        prefect.comes_to("Completed", run)

    assert (in_flight, batches_of_provider(workshop)) == (["in_progress"], ["completed"])
    check_promises(workshop)


def begun_by(served: psutil.Process) -> list[str]:
    """What who serves a flow has begun and has not ended, but for what Python has beside such processes."""
    alive = [process for process in served.children(recursive=True) if not is_gone(process)]
    return [line for process in alive if "resource_tracker" not in (line := command_line(process))]


def command_line(process: psutil.Process) -> str:
    """Empty, where it ends just now."""
    with suppress(psutil.NoSuchProcess):
        return " ".join(process.cmdline())
    return ""
