"""A corpus as an asset: `dagster dev -f definitions.py`. While its batches are in flight, nothing of it runs."""

import dagster as dg

from ingest.integrations.dagster import corpus_definitions

nightly = dg.ScheduleDefinition("nightly", target="key:handbook", cron_schedule="30 2 * * *")

defs = dg.Definitions.merge(  # the only one of the module, as Dagster wants it
    corpus_definitions("/srv/docs", corpus="handbook", max_dollars=5, group_name="search"),
    dg.Definitions(schedules=[nightly]),
)
