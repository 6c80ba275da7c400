"""The SQL files of the package, read once."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from psycopg import sql


@cache
def statement(name: str) -> sql.SQL:
    """The one statement of `sql/queries/NAME.sql`."""
    text = files("ingest").joinpath("sql", "queries", f"{name}.sql").read_text(encoding="utf-8")
    return sql.SQL(text)  # our own file, not a user's text


@cache
def schema_versions() -> tuple[tuple[int, str, sql.SQL], ...]:
    """The steps of the corpus's schema: (version, name, statements), in order."""
    steps = []
    for file in files("ingest").joinpath("sql", "schema").iterdir():
        version, _, name = file.name.removesuffix(".sql").partition("_")
        steps.append((int(version), name, sql.SQL(file.read_text(encoding="utf-8"))))
    return tuple(sorted(steps, key=lambda step: step[0]))
