"""A corpus in dynamic pipelines of ZenML, paused while batches are in flight. Needs the extra `zenml`."""

# Without postponed annotations: ZenML reads those of a step.

import asyncio
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import zenml
from zenml.client import Client
from zenml.config.retry_config import StepRetryConfig
from zenml.enums import ExecutionStatus, RunWaitConditionStatus
from zenml.exceptions import IllegalOperationError
from zenml.execution.pipeline.dynamic.run_context import DynamicPipelineRunContext
from zenml.metadata.metadata_types import Uri
from zenml.models import PipelineRunResponse, PipelineRunUpdate
from zenml.stack import Stack

from ingest.errors import IngestError, UsageError
from ingest.integrations.given import counts, lacking, play_round, read_settings, shown_settings
from ingest.waiting import ended

_LOG = logging.getLogger(__name__)
_ABOUT = "ingest"  # in the metadata of what a run waits for
_RETRIES = StepRetryConfig(max_retries=3, delay=60, backoff=2)
Given = str | list[str] | dict[str, Any]


@zenml.step(enable_cache=False, retry=_RETRIES)  # type: ignore[untyped-decorator]  # not always installed
def ingest_round(
    source: Given | None,
    settings: dict[str, Any],
    # Without defaults, which ZenML would take in the place of what `with_options` says.
    max_dollars: float | None,
    report: str | None,
    report_url: str | None,
    before: dict[str, Any] | None = None,
) -> Annotated[dict[str, Any], "round"]:
    """One round of `ingest_corpus`; what a retry cannot help is returned, as ZenML tries again whatever is raised."""
    try:
        done = play_round(source, settings, max_dollars, before, report=report)
    except IngestError as error:
        if error.is_retryable:
            raise
        return {"refused": str(error)}
    for name in done["unread"]:
        _LOG.warning("not read: %s", name)
    told = counts(done)
    if done["done"] and report:
        told["report"] = Uri(report_url or Path(report).absolute().as_uri())
    zenml.log_metadata(told)
    return done


def ingest_corpus(
    source: str | Sequence[str] | Mapping[str, Any] | None = None,
    *,
    corpus: str = "corpus",
    settings: Mapping[str, Any] | None = None,
    max_dollars: float | None = None,
    report: str | None = None,
    report_url: str | None = None,
) -> Any:
    """Bring a corpus up to date, in a pipeline that is dynamic: rounds, and between them the run is paused.

    `source`: a path, URL or a list of them, or a table (`{"name": "articles", "text": "body"}`); None: what waits is
    sent, nothing is read. `settings`: those of ingest.toml, plain JSON; the key and the database's URL are found in the
    environment of the steps. `max_dollars`: the most that a run may cost, of all its rounds. `report`: where the report
    is written, as a page of HTML, and `report_url` where people find that: metadata of the last step.

    While batches are in flight, nothing of the run is there; `look`, in whatever process, resumes it. It returns the
    artifact of the last round, which is what `Pipeline.advance` returns.

    Raises:
        UsageError: the pipeline is not dynamic, or there is a secret among the settings.
        RuntimeError: a retry does not help, or texts failed for good, or documents could not be read; all others are
            embedded then.
    """
    if not DynamicPipelineRunContext.is_active():
        raise UsageError("ingest_corpus is called in a pipeline that is dynamic: @pipeline(dynamic=True).")
    shown = shown_settings(settings, corpus)
    given = list(source) if isinstance(source, Sequence) and not isinstance(source, str) else source
    # As parameters: what a step of a dynamic pipeline is called with becomes an artifact each.
    options = {"max_dollars": max_dollars, "report": report, "report_url": report_url}
    begin = ingest_round.with_options(parameters={"source": given, "settings": shown, **options})
    told = None
    while True:
        told = begin(before=told) if told else begin()
        done = told.load()
        if trouble := done.get("refused") or (lacking(done) if done["done"] else None):
            raise RuntimeError(trouble)
        if done["done"]:
            return told
        about = {"settings": shown, "batch_ids": done["batch_ids"]}
        zenml.wait(timeout=0, question=f"Until a batch of the corpus {corpus} has ended", metadata={_ABOUT: about})


def look(corpus: str = "corpus", wait_s: float = 0) -> list[str]:
    """Resume the paused runs of a corpus for which there is something to do, and return their names.

    The provider is asked by GETs alone; for `wait_s` seconds it waits until a batch has ended, which a webhook tells at
    once. A run goes on where its orchestrator puts it: on the local one in this process, to its next pause or its end.
    """
    paused = Client().list_pipeline_runs(status=ExecutionStatus.PAUSED.value, size=1000)
    return [run.name for run in paused if _resumes(run, corpus, wait_s)]


def _resumes(run: PipelineRunResponse, corpus: str, wait_s: float) -> bool:
    """Whether a paused run goes on by us, and not by another look or by the server."""
    client = Client()
    waits = client.list_run_wait_conditions(pipeline_run=run.id, size=1, hydrate=True).items  # the last of them
    about = waits[0].run_metadata.get(_ABOUT) if waits else None
    if not about or about["settings"]["corpus"] != corpus:
        return False
    try:
        if waits[0].status == RunWaitConditionStatus.PENDING:
            if not _has_work(about, wait_s):
                return False
            client.resolve_run_wait_condition(waits[0].id)
        _resume(client.get_pipeline_run(run.root_run_id or run.id, hydrate=True))
    except IllegalOperationError:
        return False
    return True


def _has_work(about: Mapping[str, Any], wait_s: float) -> bool:
    from ingest.pipeline import Pipeline

    settings = read_settings(about["settings"], {})
    if wait_s:
        asyncio.run(ended(about["batch_ids"], settings=settings, poll_s=settings.poll_seconds, longest_s=wait_s))
    with Pipeline(settings) as pipeline:
        # Where something else loaded all, the round that is left tells so.
        return not pipeline.poll().look_again_s or not pipeline.status().is_moving


def _resume(run: PipelineRunResponse) -> None:
    """As `zenml pipeline runs resume` does.

    Raises:
        IllegalOperationError: it goes on already.
    """
    client, snapshot = Client(), run.snapshot
    if not snapshot or not snapshot.stack:
        raise UsageError(f"the run {run.name} cannot go on: its snapshot or its stack is gone from ZenML.")
    client.zen_store.update_run(run.id, PipelineRunUpdate(status=ExecutionStatus.RESUMING))
    stack = Stack.from_model(client.get_stack(snapshot.stack.id))
    try:
        stack.orchestrator.resume_run(snapshot=snapshot, run=run, stack=stack)
    except Exception:
        if client.get_pipeline_run(run.id).status == ExecutionStatus.RESUMING:  # it was not begun
            client.zen_store.update_run(run.id, PipelineRunUpdate(status=ExecutionStatus.PAUSED))
        raise
