"""Every night what changed, as one task. While its batches are in flight, up to a day, no worker is held."""

import pendulum
from airflow.sdk import DAG, Asset

from ingest.integrations.airflow import IngestOperator

with DAG("nightly", schedule="30 2 * * *", start_date=pendulum.datetime(2026, 1, 1), catchup=False, max_active_runs=1):
    IngestOperator(
        task_id="handbook",
        source="/srv/docs",
        corpus="handbook",
        max_dollars=5,
        postgres_conn_id="corpus_db",  # a connection of the kind postgres
        provider_conn_id="openai",  # the key is its password; DATABASE_URL and OPENAI_API_KEY in place of both will do
        outlets=[Asset("pgvector://handbook")],  # other DAGs run when the corpus is up to date
        retries=3,
    )
