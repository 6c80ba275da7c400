"""A corpus as an asset of Dagster: a run is a round, and a sensor begins the next. Needs the extra `dagster`."""

# Without postponed annotations, which Dagster does not resolve.

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
from dagster import DagsterRunStatus

from ingest.errors import IngestError
from ingest.integrations.given import counts, play_round, read_settings

_GOES_ON = [DagsterRunStatus.QUEUED, DagsterRunStatus.NOT_STARTED, DagsterRunStatus.STARTING, DagsterRunStatus.STARTED]
_ROUND, _REFUSED = "pgvector-ingest/corpus", "pgvector-ingest/refused"  # tags of runs: of any, and that no retry helps
_TAG_LENGTH = 250
_CHECK = "all_is_embedded"


class Reading(dg.Config):  # type: ignore[misc]  # where Dagster is not installed it is of any type
    """What a run of the asset does: the first of a night reads the source, those that the sensor begins do not."""

    read: bool = True


def corpus_definitions(
    source: str | Sequence[str] | Mapping[str, Any],
    *,
    corpus: str = "corpus",
    settings: Mapping[str, Any] | None = None,
    max_dollars: float | None = None,
    look_s: int = 60,
    report: str | None = None,
    report_url: str | None = None,
    **asset: Any,
) -> dg.Definitions:
    """An asset of a corpus, and the sensor that looks after its batches.

    `source`: a path, URL or a list of them, or a table (`{"name": "articles", "text": "body"}`). `settings`: those of
    ingest.toml, plain JSON; the key and the database's URL are found in the environment. `max_dollars`: the most that a
    run may cost, of all its rounds. `look_s`: so often, in seconds, the sensor asks the provider after the batches, by
    GETs alone. `report`: where the report is written, as a page of HTML, and `report_url` where people find that: a
    link of the materialisation. `asset`: what else `dagster.asset` is given, such as `group_name` or `deps`.

    A run of the asset does what can be done now, and ends: nothing is held while batches are in flight. It is
    materialised when all is embedded. Its check warns until then, and fails with texts that failed for good and with
    documents that could not be read.
    """
    kept = {**(settings or {}), "corpus": corpus}
    key = dg.AssetKey([corpus])

    @dg.asset(  # type: ignore[untyped-decorator]  # as above
        key=key,
        output_required=False,
        kinds={"postgres", "openai"},
        check_specs=[dg.AssetCheckSpec(_CHECK, asset=key)],
        **asset,
    )
    def of_corpus(
        context: dg.AssetExecutionContext, config: Reading
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        context.instance.add_run_tags(context.run.run_id, {_ROUND: corpus})
        try:
            done = play_round(source, kept, max_dollars, None if config.read else {}, report=report)
        except IngestError as error:
            if error.is_retryable:
                raise
            context.instance.add_run_tags(context.run.run_id, {_REFUSED: str(error)[:_TAG_LENGTH]})
            raise dg.Failure(str(error), allow_retries=False) from error
        for name in done["unread"]:
            context.log.warning("not read: %s", name)
        context.log.info("%s", done)
        if done["done"]:
            yield _materialised(done, report_url or (Path(report).absolute().as_uri() if report else None))
        yield _checked(done)

    @dg.sensor(name=f"{corpus}_batches", target=[of_corpus], minimum_interval_seconds=look_s)  # type: ignore[untyped-decorator]  # as above
    def batches(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        from ingest.pipeline import Pipeline

        for run in context.instance.get_runs(dg.RunsFilter(statuses=_GOES_ON)):
            if run.asset_selection is None or key in run.asset_selection:
                return dg.SkipReason("a round goes on")
        try:
            with Pipeline(read_settings(kept, {})) as pipeline:
                look = pipeline.poll()
        except IngestError as error:
            return dg.SkipReason(str(error))
        last = next(iter(context.instance.get_runs(dg.RunsFilter(tags={_ROUND: corpus}), limit=1)), None)
        if last and _REFUSED in last.tags and not look.ended:  # it would be refused again and again
            return dg.SkipReason(f"the last round was refused, begin one by hand: {last.tags[_REFUSED]}")
        is_cut_short = last and last.status == DagsterRunStatus.FAILURE and not look.in_flight
        if look.look_again_s and not is_cut_short:
            return dg.SkipReason(f"{len(look.in_flight):,} batches are in flight, and none has ended")
        # Without a run key: one that has failed is begun again.
        return dg.RunRequest(run_config=dg.RunConfig(ops={of_corpus.op.name: Reading(read=False)}))

    return dg.Definitions(assets=[of_corpus], sensors=[batches])


def _materialised(done: Mapping[str, Any], report_url: str | None) -> dg.MaterializeResult:
    metadata = counts(done)
    if report_url:
        metadata["report"] = dg.MetadataValue.url(report_url)
    return dg.MaterializeResult(metadata=metadata)


def _checked(done: Mapping[str, Any]) -> dg.AssetCheckResult:
    lacking = {
        "failed": done["failed"],
        "unread": done["skipped"] + done["refused"],
        "batches_in_flight": len(done["batch_ids"]),
        "waiting": done["waiting_requests"],
    }
    severity = dg.AssetCheckSeverity.ERROR if done["done"] else dg.AssetCheckSeverity.WARN
    is_whole = done["done"] and not any(lacking.values())
    return dg.AssetCheckResult(check_name=_CHECK, passed=is_whole, severity=severity, metadata=lacking)
