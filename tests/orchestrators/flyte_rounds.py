"""A task of Flyte 2 over a corpus, as a user's file; run as a program it is played in that process, to its end."""

import json
import os

import flyte

from ingest.integrations.flyte import batches, ingest_corpus

GIVEN = json.loads(os.environ["GIVEN"])
env = flyte.TaskEnvironment("corpora", depends_on=[batches])


@env.task(retries=3)  # type: ignore[untyped-decorator]  # not always installed
async def nightly() -> dict[str, float]:
    return await ingest_corpus(GIVEN["source"], **GIVEN["arguments"])


if __name__ == "__main__":
    flyte.init()
    run = flyte.run(nightly)
    os.write(1, json.dumps(run.outputs()[0]).encode() + b"\n")
