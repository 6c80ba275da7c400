"""A corpus as a step of flows of Prefect 3, whose run is scheduled again while batches are in flight.

Needs the extra `prefect`. The name of the state and those of labels stand in the databases of those who use it: they
stay as they are.
"""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

from prefect import get_run_logger, task
from prefect.artifacts import create_table_artifact
from prefect.blocks.system import Secret
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.responses import SetStateStatus
from prefect.context import FlowRunContext, TaskRunContext
from prefect.exceptions import Abort, Pause
from prefect.states import Scheduled
from prefect.tasks import exponential_backoff

from ingest.errors import IngestError, UsageError
from ingest.integrations.given import counts, lacking, play_round, read_settings, shown_settings
from ingest.waiting import ended

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from prefect.client.schemas.objects import FlowRun, State

    from ingest.settings import Settings

_AWAITS = "AwaitingBatches"
_ENDED = "BatchEnded"
_LABEL = "pgvector-ingest."
_BACKOFF_S = 30  # and twice as long each time


def ingest_corpus(
    source: str | Sequence[str] | Mapping[str, Any] | None = None,
    *,
    corpus: str = "corpus",
    settings: Mapping[str, Any] | None = None,
    secrets: Mapping[str, str] | None = None,
    max_dollars: float | None = None,
    look_s: float = 300.0,
    retries: int = 3,
    report: str | None = None,
    report_url: str | None = None,
) -> dict[str, Any]:
    """Bring a corpus up to date, as a step of a flow: read, send, wait for the batches without a process; then load.

    `source`: a path, URL or a list of them, or a table (`{"name": "articles", "text": "body"}`); None: what waits is
    sent, nothing is read. It is read in the first of the run's rounds, and again where rows were edited meanwhile.
    `settings`: those of ingest.toml, plain JSON. `secrets`: settings whose values are in Secret blocks, by these names:
    `{"api_key": "openai", "database_url": "corpus-db"}`; else OPENAI_API_KEY and DATABASE_URL of the environment.
    `max_dollars`: the most that the run may cost, of all its rounds. `look_s`: so often, in seconds, a process asks
    after the batches. `retries`: of a round, where a retry can help. `report`: where the report is written, as a page
    of HTML, and `report_url` where people find that.

    While batches are in flight, the process ends, and the run is in the state AwaitingBatches until it is scheduled
    again, from the top of the flow. A run that is of no deployment, or of a flow within another, waits in its process.

    It returns what `Pipeline.advance` returns of the last round. A run that is repeated, after whatever stop, sends
    nothing twice.

    Raises:
        IngestError: nothing was sent, or not all; texts failed for good, documents could not be read. Where no retry
            helps (`is_retryable`), those of the flow are not made either.
    """
    context = FlowRunContext.get()
    if context is None or context.flow_run is None or TaskRunContext.get():
        raise UsageError("ingest_corpus is a step of a flow: call it in a function that has @flow, and in no task.")
    run: FlowRun = context.flow_run
    one_round = ingest_round.with_options(
        retries=retries, retry_delay_seconds=exponential_backoff(_BACKOFF_S), task_run_name=f"round of {corpus}"
    )
    try:
        kept = shown_settings(settings, corpus)
        label = f"{_LABEL}{corpus}.{crc32(json.dumps(source, default=str).encode()):08x}"
        done = _told_before(run, label)
        while not (done and done["done"]):
            if done:
                done = _look(kept, secrets, done)
            if not done or not done["look_again_s"]:
                done = one_round(source, kept, secrets, max_dollars, report, report_url, before=done)
            if not done["done"]:
                _wait(run, label, done, look_s)
    except IngestError as error:
        if not error.is_retryable:
            _no_retries(run)
        raise
    if trouble := lacking(done):
        _no_retries(run)
        raise IngestError(trouble)
    _keep(run, label, done)
    return done


async def wake(settings: Settings | None = None, *, poll_s: float = 60.0) -> None:
    """Have runs that await batches begin their next round as soon as one has ended; it does that for ever.

    One small process for all runs, beside those that serve them. It asks the provider of the settings, by GETs alone,
    every `poll_s` seconds, and hears at once what a webhook tells the database. Without it runs look by themselves,
    every `look_s` seconds of `ingest_corpus`.
    """
    waiting, told_of = FlowRunFilter(state={"name": {"any_": [_AWAITS]}}), set[str]()
    async with get_client() as client:
        while True:
            awaited = {
                batch_id: run.id
                for run in await client.read_flow_runs(flow_run_filter=waiting)
                for label, told in run.labels.items()
                if label.startswith(_LABEL)
                for batch_id in json.loads(told)["batch_ids"]
                if batch_id not in told_of  # of another provider, say: the run knows better
            }
            found = await ended(awaited, settings=settings, poll_s=poll_s, longest_s=poll_s)
            for run_id in {awaited[batch_id] for batch_id in found}:
                if (await client.read_flow_run(run_id)).state_name == _AWAITS:
                    await client.set_flow_run_state(run_id, Scheduled(name=_ENDED))
            told_of.update(found)
            if not awaited:
                await asyncio.sleep(poll_s)


def _is_of_use(_task: object, _run: object, state: State[Any]) -> bool:
    """Whether a retry of a round is."""
    return bool(getattr(state.result(raise_on_failure=False), "is_retryable", True))


@task(cache_policy=NO_CACHE, persist_result=False, retry_condition_fn=_is_of_use)  # type: ignore[untyped-decorator]  # where Prefect is not installed it is of any type
def ingest_round(
    source: str | Sequence[str] | Mapping[str, Any] | None,
    settings: Mapping[str, Any],
    secrets: Mapping[str, str] | None,
    max_dollars: float | None,
    report: str | None,
    report_url: str | None,
    before: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """One round of `ingest_corpus`."""
    log = get_run_logger()
    done = play_round(source, settings, max_dollars, before, _values(secrets), report)
    for name in done["unread"]:
        log.warning("not read: %s", name)
    log.info("%s", {name: value for name, value in done.items() if value})
    if done["done"]:
        _tell(done, report_url or (Path(report).absolute().as_uri() if report else None))
    return done


def _values(secrets: Mapping[str, str] | None) -> dict[str, str | None]:
    return {name: Secret.load(block, _sync=True).get() for name, block in (secrets or {}).items()}


def _look(settings: Mapping[str, Any], secrets: Mapping[str, str] | None, done: dict[str, Any]) -> dict[str, Any]:
    """The last round, as things stand now; its `look_again_s` is 0 where there is something to do for another."""
    from ingest.pipeline import Pipeline

    try:
        with Pipeline(read_settings(settings, _values(secrets))) as pipeline:
            look = pipeline.poll()
    except IngestError:  # a round tells of it, and may be retried
        return done | {"look_again_s": 0.0}
    return done | {"batch_ids": look.in_flight, "look_again_s": look.look_again_s if look.in_flight else 0.0}


def _tell(done: Mapping[str, Any], report_url: str | None) -> None:
    """An artifact of the run."""
    create_table_artifact(
        [{"": name.replace("_", " "), " ": value} for name, value in counts(done).items()],
        key="".join(each if each.isascii() and each.isalnum() else "-" for each in f"ingest-{done['corpus']}".lower()),
        description=f"The corpus {done['corpus']}" + (f": [report]({report_url})" if report_url else ""),
        _sync=True,
    )


def _told_before(run: FlowRun, label: str) -> dict[str, Any] | None:
    """What this run told of such a step before it began to wait; None: nothing, or this is a try that begins anew."""
    with get_client(sync_client=True) as client:
        states = client.read_flow_run_states(run.id)
        for state in sorted(states, key=lambda state: state.timestamp, reverse=True):
            if state.name == _AWAITS:
                told: dict[str, Any] = json.loads(client.read_flow_run(run.id).labels.get(label, "{}"))
                return told or None
            if state.is_final() or state.name == "AwaitingRetry":
                break
    return None


def _keep(run: FlowRun, label: str, done: Mapping[str, Any]) -> None:
    """What another stretch of this run begins with."""
    with get_client(sync_client=True) as client:
        client.update_flow_run_labels(run.id, {label: json.dumps(done)})


def _wait(run: FlowRun, label: str, done: Mapping[str, Any], look_s: float) -> None:
    """In this process, where nothing would begin another; else that ends here."""
    if run.deployment_id is None or run.parent_task_run_id:
        time.sleep(done["look_again_s"])
        return
    _keep(run, label, done)
    state = Scheduled(
        name=_AWAITS,
        scheduled_time=datetime.now(UTC) + timedelta(seconds=look_s),
        message=f"{len(done['batch_ids']):,} batches of the corpus {done['corpus']} are in flight",
    )
    with get_client(sync_client=True) as client:
        answer = client.set_flow_run_state(run.id, state)
    if answer.status != SetStateStatus.ACCEPT:  # it was cancelled meanwhile
        raise Abort(f"the run does not wait: {answer.details}")
    raise Pause(state=state)


def _no_retries(run: FlowRun) -> None:
    """Of the flow: what they could be for, they cannot help."""
    with get_client(sync_client=True) as client:
        policy = client.read_flow_run(run.id).empirical_policy
        client.update_flow_run(run.id, empirical_policy=policy.model_copy(update={"retries": 0}))
