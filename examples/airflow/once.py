"""A folder indexed once: begun by hand, which asks for the folder, or by another DAG (`TriggerDagRunOperator`)."""

from airflow.sdk import DAG

from ingest.integrations.airflow import IngestOperator

with DAG("once", schedule=None, params={"source": "/srv/docs", "corpus": "docs", "max_dollars": 5}):
    IngestOperator(
        task_id="ingest",
        source="{{ params.source }}",
        corpus="{{ params.corpus }}",
        max_dollars="{{ params.max_dollars }}",
        retries=3,
    )
