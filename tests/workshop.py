"""What a test works with."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from pgvector.psycopg import register_vector
from psycopg import sql

from ingest import Pipeline
from ingest.settings import load_settings
from ingest.telemetry import Logged

if TYPE_CHECKING:
    from pathlib import Path

    from ingest.emulator import RunningEmulator


@dataclass
class Workshop:
    """A database, a provider, a folder of files."""

    database_url: str
    emulator: RunningEmulator
    folder: Path
    data_dir: Path

    def write(self, name: str, text: str) -> Path:
        """A file of the corpus."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    @property
    def flags(self) -> dict[str, Any]:
        """The settings of this workshop; small vectors, quick polls, no waiting."""
        return {
            "database_url": self.database_url,
            "base_url": self.emulator.base_url,
            "api_key": self.emulator.api_key,
            "data_dir": self.data_dir,
            "dimensions": 64,
            "poll_seconds": 0.2,
            "retry_wait_seconds": 0,
        }

    def pipeline(self, **flags: object) -> Pipeline:
        """A pipeline on it."""
        return Pipeline(load_settings(self.flags | flags))

    def telling(self, told: Told, flags: dict[str, Any]) -> Pipeline:
        """A pipeline that tells what it does."""
        return Pipeline(load_settings(self.flags | flags), told)

    def whole_database(self) -> str:
        """Every row of every table but PostgreSQL's own, as text."""
        with psycopg.connect(self.database_url) as connection:
            tables = connection.execute(
                "SELECT schemaname, tablename FROM pg_tables "
                "WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
            ).fetchall()
            return "\n".join(
                str(row)
                for table in tables
                for row in connection.execute(sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(*table)))
            )

    def query(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """What stands in the database; `chunks` and the rest without a schema, vectors as pgvector's Python types."""
        with psycopg.connect(self.database_url) as connection:
            found = connection.execute(
                "SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'vector'"
            ).fetchone()
            path = "corpus, public" if found is None else f"corpus, public, {found[0]}"
            connection.execute("SELECT set_config('search_path', %s, false)", (path,))
            if found is not None:
                register_vector(connection)
            return connection.execute(statement.encode(), parameters).fetchall()


class Told(Logged):
    """What a pipeline tells while it works."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, message: str) -> None:
        """One line that people should read."""
        self.lines.append(message)


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON object on standard output."""
        return json.loads(self.out)
