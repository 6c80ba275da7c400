"""A flow of ours; run as a program it is a run of its deployment, each of its stretches in this process, to its end."""

import json
import os
import sys
from typing import Any

from prefect import flow
from prefect.blocks.system import Secret
from prefect.client.orchestration import get_client
from prefect.exceptions import Pause
from prefect.flow_engine import run_flow
from prefect.testing.utilities import prefect_test_harness

from ingest.emulator import RunningEmulator
from ingest.integrations.prefect import ingest_corpus

GIVEN = json.loads(os.environ["GIVEN"])
SECRETS = {"api_key": "openai", "database_url": "corpus-db"}


@flow(retries=GIVEN.pop("flow_retries", 0))  # type: ignore[untyped-decorator]  # where Prefect is not installed it is of any type
def of_corpus() -> dict[str, Any]:
    return ingest_corpus(**GIVEN, secrets=SECRETS)


def main() -> None:
    for name, block in SECRETS.items():
        Secret(value=os.environ.pop(f"SECRET_{name}")).save(block)
    emulator = RunningEmulator(GIVEN["settings"]["base_url"], Secret.load("openai").get())
    told: object = None
    with get_client(sync_client=True) as client:
        run = client.create_flow_run_from_deployment(of_corpus.to_deployment("test").apply())
        while told is None:
            try:
                ended = run_flow(of_corpus, flow_run=client.read_flow_run(run.id), return_type="state")
                told = ended.result(raise_on_failure=False)
            except Pause:
                emulator.set_faults()
        states = [state.name for state in client.read_flow_run_states(run.id)]
        (*artifacts,) = ({"description": each.description, "data": each.data} for each in client.read_artifacts())
    told = told if isinstance(told, dict) else str(told)
    sys.stdout.write(json.dumps({"states": states, "told": told, "artifacts": artifacts}) + "\n")


if __name__ == "__main__":
    with prefect_test_harness(server_startup_timeout=120):
        main()
