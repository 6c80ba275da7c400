"""A flow of ours, served as its users serve theirs; with `wake`, what begins the next rounds of its runs."""

import asyncio
import json
import os
import sys
from typing import Any

from prefect import flow

from ingest.integrations.prefect import ingest_corpus, wake

GIVEN = json.loads(os.environ["GIVEN"])


@flow  # type: ignore[untyped-decorator]  # where Prefect is not installed it is of any type
def of_corpus() -> dict[str, Any]:
    return ingest_corpus(**GIVEN)


if __name__ == "__main__":
    if sys.argv[1:2] == ["wake"]:
        asyncio.run(wake(poll_s=float(sys.argv[2])))
    else:
        of_corpus.serve("test")
