"""What a test works with."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg

from ingest import Pipeline
from ingest.settings import load_settings

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
        """The settings of this workshop; small vectors, quick polls, no waiting in line."""
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

    def query(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """What stands in the database; `chunks` and the rest without a schema."""
        with psycopg.connect(self.database_url) as connection:
            connection.execute("SET search_path TO corpus, public")
            return connection.execute(statement.encode(), parameters).fetchall()


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
