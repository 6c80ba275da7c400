"""A flow of ours; run as a program it is a run of its deployment, each of its stretches in this process, to its end."""

import json
import os
import sys
import time
from typing import Any

from openai import OpenAI
from prefect import flow
from prefect.blocks.system import Secret
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.exceptions import Pause
from prefect.flow_engine import run_flow

from ingest.emulator import Fault, RunningEmulator
from ingest.integrations.prefect import ingest_corpus

GIVEN = json.loads(os.environ["GIVEN"])
CORPORA = GIVEN.pop("corpora", [{}])
RETRIES = GIVEN.pop("flow_retries", 0)
DEPLOYED = GIVEN.pop("deployed", True)
SECRETS = {"api_key": "openai", "database_url": "corpus-db"}


@flow(retries=RETRIES)  # type: ignore[untyped-decorator]  # where Prefect is not installed it is of any type
def of_corpora() -> list[dict[str, Any]]:
    return [ingest_corpus(**GIVEN | each, secrets=SECRETS) for each in CORPORA]


def end_batches(emulator: RunningEmulator) -> None:
    """Those in flight; the next are stuck as these were."""
    emulator.set_faults()
    with OpenAI(base_url=emulator.base_url, api_key=emulator.api_key) as provider:
        while any(batch.status != "completed" for batch in provider.batches.list()):
            time.sleep(0.1)
    emulator.set_faults(Fault("stuck_in_progress"))


def main() -> None:
    for name, block in SECRETS.items():
        Secret(value=os.environ.pop(f"SECRET_{name}")).save(block, overwrite=True)
    emulator = RunningEmulator(GIVEN["settings"]["base_url"], Secret.load("openai").get())
    if not DEPLOYED:
        sys.stdout.write(json.dumps({"told": of_corpora()}) + "\n")
        return
    told: object = None
    with get_client(sync_client=True) as client:
        run = client.create_flow_run_from_deployment(of_corpora.to_deployment("test").apply())
        while told is None:
            try:
                ended = run_flow(of_corpora, flow_run=client.read_flow_run(run.id), return_type="state")
                told = ended.result(raise_on_failure=False)
            except Pause:
                end_batches(emulator)
        states = [state.name for state in client.read_flow_run_states(run.id)]
        of_run = FlowRunFilter(id={"any_": [run.id]})
        found = client.read_artifacts(flow_run_filter=of_run)
        artifacts = [{"description": each.description, "data": each.data} for each in found]
    told = told if isinstance(told, list) else str(told)
    sys.stdout.write(json.dumps({"states": states, "told": told, "artifacts": artifacts}) + "\n")


if __name__ == "__main__":
    main()
