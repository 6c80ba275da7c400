"""What a connector of Flyte does: it waits for many batches in one process, and makes and sends nothing."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from ingest.errors import IngestError
from ingest.integrations.given import longest_wait_s, read_settings
from ingest.waiting import ended

_ANSWER_S = 1.0  # so long a question waits for its answer; an event loop may run in questions alone
TASK_TYPE = "ingest_batches"


class Waits:
    """What is waited for in this process; one that begins anew finds all of it in what it is asked."""

    def __init__(self) -> None:
        self._waits: dict[str, asyncio.Task[None]] = {}

    async def phase(self, awaited: str) -> tuple[str, str | None]:
        """Flyte's name of it: RUNNING until a batch of `awaited` has ended, or its time has come; and what is wrong.

        What is over is forgotten.
        """
        if (wait := self._waits.get(awaited)) is None:
            wait = self._waits[awaited] = asyncio.create_task(_wait(**json.loads(awaited)))
        await asyncio.wait([wait], timeout=_ANSWER_S)
        if not wait.done():
            return "RUNNING", None
        self._waits.pop(awaited, None)
        try:
            wait.result()
        except IngestError as error:
            return ("RETRYABLE_FAILED" if error.is_retryable else "FAILED"), str(error)
        return "SUCCEEDED", None

    def forget(self, awaited: str) -> None:
        """Wait no longer; the batches go on."""
        if wait := self._waits.pop(awaited, None):
            wait.cancel()


def awaited_of(told: str, settings: str) -> str:
    """What is waited for after a round that told this; both are JSON, as this is."""
    done = json.loads(told)
    return json.dumps(
        {
            "batch_ids": done["batch_ids"],
            "settings": json.loads(settings),
            "began": time.time(),
            "longest_s": longest_wait_s(done),
        }
    )


async def _wait(batch_ids: list[str], settings: dict[str, Any], began: float, longest_s: float) -> None:
    given = await asyncio.to_thread(read_settings, settings, {})
    left_s = began + longest_s - time.time()
    if batch_ids:
        await ended(batch_ids, settings=given, poll_s=max(given.poll_seconds, 1.0), longest_s=max(left_s, 1.0))
    else:
        await asyncio.sleep(left_s)
