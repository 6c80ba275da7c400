"""A pipeline of ZenML over a corpus, as a user's file: it is begun, looked after, or looked after to its end."""

import json
import os
import sys
import time

from zenml import pipeline
from zenml.client import Client

from ingest.integrations.zenml import ingest_corpus, look

GIVEN = json.loads(os.environ["GIVEN"])


@pipeline(dynamic=True)  # type: ignore[untyped-decorator]  # not always installed
def nightly() -> None:
    ingest_corpus(GIVEN["source"], **GIVEN["arguments"])


def told() -> dict[str, object]:
    """What became of the last run."""
    (run,) = Client().list_pipeline_runs(sort_by="desc:created", size=1, hydrate=True)
    (condition,) = Client().list_run_wait_conditions(pipeline_run=run.id, size=1, hydrate=True) or (None,)
    metadata: dict[str, object] = {}
    for step in run.steps.values():
        metadata |= step.run_metadata
    return {
        "status": run.status,
        "steps": {name: step.status for name, step in run.steps.items()},
        "metadata": metadata,
        "waits_for": condition and condition.run_metadata["ingest"]["batch_ids"],
    }


if __name__ == "__main__":
    if sys.argv[1] == "begin":
        nightly()
    else:
        deadline_s = time.monotonic() + 120
        while not look(wait_s=float(sys.argv[2])) and time.monotonic() < deadline_s and sys.argv[1] == "end":
            pass
    os.write(1, json.dumps(told()).encode() + b"\n")
