"""Several corpora every night, each a task of its own: as many of them as there are, by dynamic task mapping."""

import pendulum
from airflow.sdk import DAG

from ingest.integrations.airflow import IngestOperator

CORPORA = [  # or what a task before it returns
    {"corpus": "handbook", "source": "/srv/handbook"},
    {"corpus": "minutes", "source": ["/srv/minutes", "/srv/protocols"]},
]

with DAG("corpora", schedule="0 3 * * *", start_date=pendulum.datetime(2026, 1, 1), catchup=False) as dag:
    IngestOperator.partial(
        task_id="ingest", max_dollars=5, retries=3, map_index_template="{{ task.corpus }}"
    ).expand_kwargs(CORPORA)
