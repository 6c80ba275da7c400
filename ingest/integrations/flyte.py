"""A corpus in tasks of Flyte 2, which a connector waits for while batches are in flight. Needs the extra `flyte`."""

import asyncio
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import flyte
from flyte.connectors import AsyncConnector, AsyncConnectorExecutorMixin, ConnectorRegistry, Resource, ResourceMeta
from flyte.errors import NonRecoverableError
from flyte.extend import TaskTemplate
from flyte.models import NativeInterface
from flyteidl2.core.execution_pb2 import TaskExecution

from ingest.errors import IngestError
from ingest.integrations.connecting import TASK_TYPE, Waits, awaited_of
from ingest.integrations.given import lacking, numbers, play_round, shown_settings

_LOG = logging.getLogger(__name__)


@dataclass
class Awaited(ResourceMeta):  # type: ignore[misc]  # where Flyte is not installed it is of any type
    """What Flyte keeps of a wait: the batches, without secrets; and what the round told, which is handed on."""

    awaited: str
    told: str


class BatchesConnector(AsyncConnector[Awaited]):  # type: ignore[misc]  # as above
    """Waits for batches that are there: one process for many, and to ask it twice costs nothing."""

    name = "pgvector-ingest"
    task_type_name = TASK_TYPE
    metadata_type = Awaited

    def __init__(self) -> None:
        self._waits = Waits()

    async def create(self, task_template: Any, output_prefix: str, inputs: Any = None, **_: Any) -> Awaited:  # noqa: ARG002 - the form is Flyte's
        """Nothing is made."""
        return Awaited(awaited_of(inputs["told"], inputs["settings"]), inputs["told"])

    async def get(self, resource_meta: Awaited, **_: Any) -> Resource:
        """Whether the next round may begin."""
        phase, message = await self._waits.phase(resource_meta.awaited)
        outputs = {"told": resource_meta.told} if phase == "SUCCEEDED" else None
        return Resource(TaskExecution.Phase.Value(phase), message, outputs=outputs)

    async def delete(self, resource_meta: Awaited, **_: Any) -> None:
        """The batches go on: another run finds them."""
        self._waits.forget(resource_meta.awaited)


class _Batches(AsyncConnectorExecutorMixin, TaskTemplate):  # type: ignore[misc]  # as above
    """The task that the connector is asked for."""

    def __init__(self) -> None:
        inputs = {"told": (str, None), "settings": (str, None)}
        interface = NativeInterface(inputs, {"told": str})
        super().__init__(name=TASK_TYPE, interface=interface, task_type=TASK_TYPE, image=None)


ConnectorRegistry.register(BatchesConnector())
_batches = _Batches()
batches = flyte.TaskEnvironment.from_task(TASK_TYPE, _batches)
"""What the environment of a task that calls `ingest_corpus` depends on."""


async def ingest_corpus(
    source: str | Sequence[str] | Mapping[str, Any] | None = None,
    *,
    corpus: str = "corpus",
    settings: Mapping[str, Any] | None = None,
    max_dollars: float | None = None,
) -> dict[str, float]:
    """Bring a corpus up to date, in a task: rounds, each of them recorded, and between them the connector's waits.

    `source`: a path, URL or a list of them, or a table (`{"name": "articles", "text": "body"}`); None: what waits is
    sent, nothing is read. `settings`: those of ingest.toml, plain JSON; the key and the database's URL are found in the
    environment, of the task and of the connector. `max_dollars`: the most that a run may cost, of all its rounds.

    It returns documents, chunks, tokens and US dollars, each by its name. A task that is tried again does not
    repeat the rounds that are recorded, and sends nothing twice.

    Raises:
        NonRecoverableError: a retry does not help, or texts failed for good, or documents could not be read; all others
            are embedded then.
    """
    with _told_to_flyte():
        shown = json.dumps(shown_settings(settings, corpus))
    given = json.dumps(list(source) if isinstance(source, Sequence) and not isinstance(source, str) else source)
    told = ""
    while True:
        told = await ingest_round(given, shown, max_dollars, told)
        done = json.loads(told)
        if done["done"]:
            break
        told = await _batches.aio(told=told, settings=shown)
    if trouble := lacking(done):
        raise NonRecoverableError(trouble)
    return numbers(done)


@flyte.trace  # type: ignore[untyped-decorator]  # as above
async def ingest_round(source: str, settings: str, max_dollars: float | None, before: str) -> str:
    """One round of `ingest_corpus`, all in JSON."""
    with _told_to_flyte():
        done = await asyncio.to_thread(
            play_round, json.loads(source), json.loads(settings), max_dollars, json.loads(before) if before else None
        )
    for name in done["unread"]:
        _LOG.warning("not read: %s", name)
    return json.dumps(done)


@contextmanager
def _told_to_flyte() -> Iterator[None]:
    """An error that no retry helps is none to Flyte either."""
    try:
        yield
    except IngestError as error:
        if error.is_retryable:
            raise
        raise NonRecoverableError(str(error)) from error
