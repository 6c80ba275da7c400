from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from docs.making.tables import tables_of_schema
from ingest import Pipeline, Settings

if TYPE_CHECKING:
    from pathlib import Path


def test_the_reference_has_the_tables_and_columns_that_the_database_has(database_url: str, tmp_path: Path) -> None:
    with Pipeline(Settings(database_url=database_url, data_dir=tmp_path, provider="local")) as pipeline:
        pipeline.create()

    with psycopg.connect(database_url) as connection:
        made = set(
            connection.execute(
                "SELECT table_name, column_name FROM information_schema.columns "
                "WHERE table_schema = 'corpus' AND table_name NOT IN ('migrations', 'passages')"
            )
        )

    written = {(table, column.name) for table, (_, columns) in tables_of_schema().items() for column in columns}
    assert written | {("chunks", "embedding")} == made
