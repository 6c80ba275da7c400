"""What Airflow of our tests is given: a home of its own, and connections that hold the secrets."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from promises import CORPUS_FLAGS
from psycopg.conninfo import conninfo_to_dict

if TYPE_CHECKING:
    from pathlib import Path

    from workshop import Workshop


def of_airflow(home: Path) -> dict[str, str]:
    """The environment of Airflow with that home."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }


def given(home: Path, workshop: Workshop, **more: object) -> dict[str, str]:
    """The same with what our DAGs read: the workshop's folder, and its database and emulator as connections."""
    parts = conninfo_to_dict(workshop.database_url)
    postgres = {
        "conn_type": "postgres",
        "login": parts["user"],
        "schema": parts["dbname"],
        "extra": json.dumps({"host": parts["host"], "port": parts["port"]}),
    }
    provider = {"conn_type": "generic", "host": workshop.emulator.base_url, "password": workshop.emulator.api_key}
    settings = CORPUS_FLAGS | {"poll_seconds": 1, "data_dir": str(home / "data")}
    return of_airflow(home) | {
        "AIRFLOW_CONN_CORPUS_DB": json.dumps(postgres),
        "AIRFLOW_CONN_OPENAI": json.dumps(provider),
        "GIVEN": json.dumps({"source": str(workshop.folder), "settings": settings} | more),
    }
