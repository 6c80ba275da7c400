"""Our task, and another that wants the same slot; the scheduler's own processes play both."""

import json
import os
from datetime import timedelta

from airflow.sdk import DAG, BaseOperator, Context

from ingest.integrations.airflow import IngestOperator

GIVEN = json.loads(os.environ["GIVEN"])


class Other(BaseOperator):  # type: ignore[misc]  # where Airflow is not installed it is of any type
    """What needs a worker for a moment."""

    def execute(self, context: Context) -> None:
        """Nothing."""


with DAG("ours", schedule=None):
    IngestOperator(
        task_id="ingest",
        source=GIVEN["source"],
        settings=GIVEN["settings"],
        retries=1,
        retry_delay=timedelta(seconds=1),
        postgres_conn_id="corpus_db",
        provider_conn_id="openai",
    )

with DAG("another", schedule=None):
    Other(task_id="other")
