"""A DAG of each operator, as a file of the DAGs' folder; run as a program it is played in that process, to its end."""

import json
import os

from airflow.sdk import DAG, Asset

from ingest.integrations.airflow import IngestOperator, IngestSensor

GIVEN = json.loads(os.environ["GIVEN"])
CORPUS = Asset("pgvector://corpus")

with DAG("tasks", schedule=None, params={"corpus": "corpus"}) as dag:
    ingest = IngestOperator(
        task_id="ingest",
        source=GIVEN["source"],
        corpus="{{ params.corpus }}",
        settings=GIVEN["settings"],
        max_dollars=GIVEN.get("max_dollars"),
        report=GIVEN.get("report"),
        postgres_conn_id="corpus_db",
        provider_conn_id="openai",
        outlets=[CORPUS],
    )
    filled = IngestSensor(task_id="filled", settings=GIVEN["settings"], postgres_conn_id="corpus_db")
    ingest >> filled

if __name__ == "__main__":
    ended = dag.test()
    tasks = {each.task_id: each.state for each in ended.get_task_instances()}
    told = ended.get_task_instance("ingest").xcom_pull(task_ids="ingest")
    os.write(1, json.dumps({"state": ended.state, "tasks": tasks, "round": told}).encode() + b"\n")
