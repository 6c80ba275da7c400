"""A corpus in dynamic workflows of flytekit (Flyte 1), with a connector that waits. Needs the extra `flytekit`.

While batches are in flight no container is there: a round ends, and the next is a node that comes after the wait.
"""

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flyteidl.core.execution_pb2 import TaskExecution
from flytekit.core.base_task import PythonTask
from flytekit.core.interface import Interface
from flytekit.exceptions.user import FlyteRecoverableException
from flytekit.extend.backend.base_connector import (
    AsyncConnectorBase,
    AsyncConnectorExecutorMixin,
    ConnectorRegistry,
    Resource,
    ResourceMeta,
)

from ingest.errors import IngestError
from ingest.integrations.connecting import TASK_TYPE, Waits, awaited_of
from ingest.integrations.given import lacking, numbers, play_round, shown_settings

_LOG = logging.getLogger(__name__)


@dataclass
class Awaited(ResourceMeta):  # type: ignore[misc]  # where flytekit is not installed it is of any type
    """What Flyte keeps of a wait: the batches, without secrets; and what the round told, which is handed on."""

    awaited: str
    told: str


class BatchesConnector(AsyncConnectorBase):  # type: ignore[misc]  # as above
    """Waits for batches that are there: one process for many, and to ask it twice costs nothing."""

    name = "pgvector-ingest"

    def __init__(self) -> None:
        super().__init__(task_type_name=TASK_TYPE, metadata_type=Awaited)
        self._waits = Waits()

    async def create(self, task_template: Any, output_prefix: str, inputs: Any = None, **_: Any) -> Awaited:  # noqa: ARG002 - the form is Flyte's
        """Nothing is made."""
        told, settings = (inputs.literals[name].scalar.primitive.string_value for name in ("told", "settings"))
        return Awaited(awaited_of(told, settings), told)

    async def get(self, resource_meta: Awaited, **_: Any) -> Resource:
        """Whether the next round may begin."""
        phase, message = await self._waits.phase(resource_meta.awaited)
        outputs = {"told": resource_meta.told} if phase == "SUCCEEDED" else None
        return Resource(TaskExecution.Phase.Value(phase), message, outputs=outputs)

    async def delete(self, resource_meta: Awaited, **_: Any) -> None:
        """The batches go on: another run finds them."""
        self._waits.forget(resource_meta.awaited)


class _Batches(AsyncConnectorExecutorMixin, PythonTask):  # type: ignore[misc]  # as above
    """The task that the connector is asked for."""

    def __init__(self) -> None:
        interface = Interface(inputs={"told": str, "settings": str}, outputs={"told": str})
        super().__init__(task_type=TASK_TYPE, name=TASK_TYPE, task_config=None, interface=interface)


ConnectorRegistry.register(BatchesConnector())
batches = _Batches()


def ingest_corpus(
    again: Callable[..., Any],
    before: str,
    source: str | Sequence[str] | Mapping[str, Any] | None = None,
    *,
    corpus: str = "corpus",
    settings: Mapping[str, Any] | None = None,
    max_dollars: float | None = None,
) -> Any:
    """Bring a corpus up to date: what a function with `@dynamic` returns, whose one input `before` is "" at first.

    `again`: that function, which is called for each further round, after a wait by the connector. `source`: a path, URL
    or a list of them, or a table (`{"name": "articles", "text": "body"}`); None: what waits is sent, nothing is read.
    `settings`: those of ingest.toml, plain JSON; the key and the database's URL are found in the environment, of the
    function and of the connector. `max_dollars`: the most that a run may cost, of all its rounds.

    It returns documents, chunks, tokens and US dollars, each by its name, for `dict[str, float]`. A round that is tried
    again, after whatever stop, sends nothing twice.

    Raises:
        FlyteRecoverableException: a retry may help. By anything else the run fails at once.
        RuntimeError: texts failed for good, or documents could not be read; all others are embedded then.
    """
    with _told_to_flyte():
        shown = shown_settings(settings, corpus)
        done = play_round(source, shown, max_dollars, json.loads(before) if before else None)
    for name in done["unread"]:
        _LOG.warning("not read: %s", name)
    if not done["done"]:
        return again(before=batches(told=json.dumps(done), settings=json.dumps(shown)))
    if trouble := lacking(done):
        raise RuntimeError(trouble)
    return numbers(done)


@contextmanager
def _told_to_flyte() -> Iterator[None]:
    """Flyte tries again what is recoverable by name, and nothing else."""
    try:
        yield
    except IngestError as error:
        if error.is_retryable:
            raise FlyteRecoverableException(str(error)) from error
        raise
