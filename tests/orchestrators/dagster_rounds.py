"""The asset and the sensor of a corpus, as Dagster evaluates them in one process, to the asset's materialisation."""

import json
import os
import sys
import time

import dagster as dg
import psycopg

from ingest.integrations.dagster import corpus_definitions

GIVEN = json.loads(os.environ["GIVEN"])
AFTER = GIVEN.pop("after", False)
EDIT = GIVEN.pop("edit", None)  # by an application, after the first round
defs = corpus_definitions(GIVEN.pop("source"), **GIVEN)
(asset,) = defs.assets
(sensor,) = defs.sensors
told = []
with dg.DagsterInstance.local_temp() as instance:
    config: dict[str, object] = {}
    deadline_s = time.monotonic() + 120
    while time.monotonic() < deadline_s:
        ended = dg.materialize([asset], instance=instance, run_config=config, raise_on_error=False)
        events = ended.get_asset_materialization_events()
        checks = [each.passed for each in ended.get_asset_check_evaluations()]
        told.append({"success": ended.success, "materialised": bool(events), "checks": checks})
        if events or (not ended.success and not AFTER):
            break
        if AFTER:  # what the sensor does then
            request = sensor(dg.build_sensor_context(instance=instance))
            told.append({"skipped": getattr(request, "skip_message", None)})
            break
        if EDIT:
            with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
                connection.execute(EDIT)
            EDIT = None
        while True:
            (request,) = [sensor(dg.build_sensor_context(instance=instance))]
            if isinstance(request, dg.RunRequest):
                config = request.run_config
                break
            told.append({"skipped": request.skip_message})
            time.sleep(0.5)
    metadata: dict[str, object] = {}
    for event in events:
        metadata |= {name: value.value for name, value in event.materialization.metadata.items()}
sys.stdout.write(json.dumps({"told": told, "metadata": metadata}) + "\n")
