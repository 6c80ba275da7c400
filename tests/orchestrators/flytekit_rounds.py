"""A dynamic workflow of flytekit over a corpus, as a user's file; run as a program it is played in that process.

With an argument its first round is played as on a cluster: what that is given then is told.
"""

import json
import os
import sys

from flytekit import dynamic
from flytekit.configuration import ImageConfig, SerializationSettings
from flytekit.core.context_manager import ExecutionState, FlyteContextManager
from flytekit.core.type_engine import TypeEngine

from ingest.integrations.flytekit import ingest_corpus

GIVEN = json.loads(os.environ["GIVEN"])


@dynamic(retries=3)  # type: ignore[untyped-decorator]  # not always installed
def nightly(before: str = "") -> dict[str, float]:
    told: dict[str, float] = ingest_corpus(nightly, before, GIVEN["source"], **GIVEN["arguments"])
    return told


def nodes() -> list[str]:
    """What comes after a round that is not done."""
    context = FlyteContextManager.current_context()
    settings = SerializationSettings(ImageConfig.auto(img_name="image:1"), "project", "domain", "1")
    state = context.execution_state.with_params(mode=ExecutionState.Mode.TASK_EXECUTION)
    with FlyteContextManager.with_context(
        context.with_serialization_settings(settings).with_execution_state(state)
    ) as on_cluster:
        given = TypeEngine.dict_to_literal_map(on_cluster, {"before": ""})
        spec = nightly.dispatch_execute(on_cluster, given)
    return [node.task_node.reference_id.name for node in spec.nodes]


if __name__ == "__main__":
    told = nodes() if sys.argv[1:] else nightly()
    os.write(1, json.dumps(told).encode() + b"\n")
