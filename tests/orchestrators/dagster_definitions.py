"""A corpus as Dagster's daemon and code server load it. A run is one process, so that it can be killed whole."""

import json
import os

import dagster as dg

from ingest.integrations.dagster import corpus_definitions

GIVEN = json.loads(os.environ["GIVEN"])
defs = dg.Definitions.merge(
    corpus_definitions(GIVEN["source"], settings=GIVEN["settings"], look_s=1),
    dg.Definitions(executor=dg.in_process_executor),
)
