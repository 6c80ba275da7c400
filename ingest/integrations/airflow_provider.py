"""What Airflow is told of us, by the entry point `apache_airflow_provider`; nothing of Airflow's is imported for it."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any


def get_provider_info() -> dict[str, Any]:
    """The form is that of Airflow's `provider_info.schema.json`."""
    return {
        "package-name": "pgvector-ingest",
        "name": "pgvector-ingest",
        "description": "Corpora in pgvector, embedded through the OpenAI Batch API.",
        "versions": [version("pgvector-ingest")],
        "extra-links": ["ingest.integrations.airflow.ReportLink"],
    }
