"""A corpus as a step of flows of Prefect 3, whose run is scheduled again while batches are in flight.

Needs the extra `prefect`. The name of the state and those of labels stand in the databases of those who use it: they
stay as they are.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from ingest.integrations.given import read_settings, read_source
from ingest.waiting import ended

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun, State

    from ingest.corpus import Given
    from ingest.reporting import Round
    from ingest.settings import Settings

_AWAITS = "AwaitingBatches"
_ENDED = "BatchEnded"
_LABEL = "pgvector-ingest."
_BACKOFF_S = 30  # and twice as long each time
_COUNTS = ("documents", "chunks", "embedded", "documents_new", "documents_changed", "documents_gone")


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
    run = context.flow_run
    try:
        secret = {name: Secret.load(block, _sync=True).get() for name, block in (secrets or {}).items()}
        given = read_settings({**(settings or {}), "corpus": corpus}, secret)
        one_round = partial(
            _round.with_options(
                retries=retries, retry_delay_seconds=exponential_backoff(_BACKOFF_S), task_run_name=f"round of {corpus}"
            ),
            given,
            max_dollars=max_dollars,
            report=report,
            report_url=report_url,
        )
        return _rounds(run, given, read_source(source), one_round, look_s)
    except IngestError as error:
        if not error.is_retryable:
            _no_retries(run)
        raise


async def wake(settings: Settings | None = None, *, poll_s: float = 60.0) -> None:
    """Have runs that await batches begin their next round as soon as one has ended; it does that for ever.

    One small process for all runs, beside those that serve them. It asks the provider of the settings, by GETs alone,
    every `poll_s` seconds, and hears at once what a webhook tells the database. Without it runs look by themselves,
    every `look_s` seconds of `ingest_corpus`.
    """
    waiting = FlowRunFilter(state={"name": {"any_": [_AWAITS]}})
    async with get_client() as client:
        while True:
            awaited = {
                batch_id: run.id
                for run in await client.read_flow_runs(flow_run_filter=waiting)
                for label, told in run.labels.items()
                if label.startswith(_LABEL)
                for batch_id in json.loads(told)["batch_ids"]
            }
            found = await ended(awaited, settings=settings, poll_s=poll_s, longest_s=poll_s)
            for run_id in {awaited[batch_id] for batch_id in found}:
                if (await client.read_flow_run(run_id)).state_name == _AWAITS:
                    await client.set_flow_run_state(run_id, Scheduled(name=_ENDED))
            if not found and not awaited:
                await asyncio.sleep(poll_s)


def _rounds(
    run: FlowRun, settings: Settings, source: Given | None, one_round: Callable[..., Round], look_s: float
) -> dict[str, Any]:
    """Rounds until nothing is left; those of this process, where the run is scheduled again."""
    corpus = settings.corpus
    known = _told_before(run, corpus)
    if known and known["done"]:
        return dict(known["done"])
    unread, edited, reads = (known["unread"], known["edited"], False) if known else (0, 0, True)
    while True:
        batch_ids, look_again_s = ([], 0.0) if reads else _look(settings)
        if not look_again_s:
            done = one_round(source=source if reads else None)
            edited += done.rows_edited
            if reads:
                unread = 0 if settings.allow_unreadable else done.skipped + done.refused
            if done.done and (reads or not edited):
                break
            if done.done:  # those rows are read again, as by a run
                reads, edited = True, 0
                continue
            batch_ids, look_again_s = done.batch_ids, done.look_again_s
        reads = False
        told = {"unread": unread, "edited": edited, "batch_ids": batch_ids, "done": None}
        # Sooner than a batch is asked after, a text is due, or a batch that was refused.
        is_due = look_again_s < settings.poll_seconds
        _wait(run, corpus, told, look_again_s, max(look_again_s, 1.0) if is_due else look_s)
    if done.failed or unread:
        raise IngestError(
            f"{done.failed:,} texts failed for good and {unread:,} documents could not be read: the rest of the corpus "
            f"{corpus} is embedded.",
            "`ingest status -v` names the texts, and the log the documents.",
        )
    with get_client(sync_client=True) as client:
        _keep(client, run, corpus, {"batch_ids": [], "done": asdict(done)})
    return asdict(done)


def _is_of_use(_task: object, _run: object, state: State[Any]) -> bool:
    """Whether a retry of a round is."""
    return bool(getattr(state.result(raise_on_failure=False), "is_retryable", True))


@task(name="round", cache_policy=NO_CACHE, persist_result=False, retry_condition_fn=_is_of_use)  # type: ignore[untyped-decorator]  # where Prefect is not installed it is of any type
def _round(
    settings: Settings, *, source: Given | None, max_dollars: float | None, report: str | None, report_url: str | None
) -> Round:
    from ingest.pipeline import Pipeline

    log = get_run_logger()
    with Pipeline(settings) as pipeline:
        done = pipeline.advance(source, max_dollars=max_dollars)
        if done.done and report:
            pipeline.report(Path(report).absolute())
    for name in done.unread:
        log.warning("not read: %s", name)
    log.info("%s", done)
    if done.done:
        _tell(done, report_url or (Path(report).absolute().as_uri() if report else None))
    return done


def _look(settings: Settings) -> tuple[list[str], float]:
    """The batches in flight, and in how many seconds to look again; 0: there is something to do for a round."""
    from ingest.pipeline import Pipeline

    try:
        with Pipeline(settings) as pipeline:
            look = pipeline.poll()
    except IngestError:  # a round tells of it, and may be retried
        return [], 0.0
    return look.in_flight, look.look_again_s if look.in_flight else 0.0


def _tell(done: Round, report_url: str | None) -> None:
    """An artifact of the run."""
    counts = {name: getattr(done, name) for name in _COUNTS} | (asdict(done.run) if done.run else {})
    create_table_artifact(
        [{"": name.replace("_", " "), " ": value} for name, value in counts.items() if value is not None],
        key=re.sub("[^a-z0-9]+", "-", f"ingest-{done.corpus}".lower()),
        description=f"The corpus {done.corpus}" + (f": [report]({report_url})" if report_url else ""),
        _sync=True,
    )


def _told_before(run: FlowRun, corpus: str) -> dict[str, Any] | None:
    """What this run told of a corpus before it began to wait; None: nothing, or this is a try that begins anew."""
    with get_client(sync_client=True) as client:
        states = client.read_flow_run_states(run.id)
        for state in sorted(states, key=lambda state: state.timestamp, reverse=True):
            if state.name == _AWAITS:
                told: dict[str, Any] = json.loads(client.read_flow_run(run.id).labels.get(_LABEL + corpus, "{}"))
                return told or None
            if state.is_final() or state.name == "AwaitingRetry":
                break
    return None


def _keep(client: SyncPrefectClient, run: FlowRun, corpus: str, told: Mapping[str, Any]) -> None:
    client.update_flow_run_labels(run.id, {_LABEL + corpus: json.dumps(told)})


def _wait(run: FlowRun, corpus: str, told: Mapping[str, Any], in_process_s: float, scheduled_s: float) -> None:
    """In this process, where nothing would begin another; else that ends here."""
    if run.deployment_id is None or run.parent_task_run_id:
        time.sleep(in_process_s)
        return
    state = Scheduled(
        name=_AWAITS,
        scheduled_time=datetime.now(UTC) + timedelta(seconds=scheduled_s),
        message=f"{len(told['batch_ids']):,} batches of the corpus {corpus} are in flight",
    )
    with get_client(sync_client=True) as client:
        _keep(client, run, corpus, told)
        answer = client.set_flow_run_state(run.id, state)
    if answer.status != SetStateStatus.ACCEPT:  # it was cancelled meanwhile
        raise Abort(f"the run does not wait: {answer.details}")
    raise Pause(state=state)


def _no_retries(run: FlowRun) -> None:
    """Of the flow: what they could be for, they cannot help."""
    with get_client(sync_client=True) as client:
        policy = client.read_flow_run(run.id).empirical_policy
        client.update_flow_run(run.id, empirical_policy=policy.model_copy(update={"retries": 0}))
