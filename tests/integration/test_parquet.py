"""A corpus as a Parquet file, read back by pyarrow."""

from __future__ import annotations

import resource
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import psycopg
import pyarrow as pa
import pytest
from pyarrow import parquet

from ingest.corpus import parquet as ours
from ingest.errors import UnreachableError, UsageError
from ingest.sources.tables import Table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workshop import Workshop


def fill(workshop: Workshop, **flags: object) -> None:
    """A corpus of twelve passages, with one to come that has no vector yet."""
    for number in range(12):
        workshop.write(f"{number}.md", f"# Title {number}\n\nWhat is said of {number}, in 日本語 as well.")
    with workshop.pipeline(**flags) as pipeline:
        pipeline.run([str(workshop.folder)])
        workshop.write("late.md", "Its vector comes later.")
        pipeline.sync([str(workshop.folder)])


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(("vector_type", "number"), [("vector", pa.float32()), ("halfvec", pa.float16())])
def test_what_is_read_back_is_what_stands_in_the_table(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vector_type: str, number: object
) -> None:
    fill(workshop, vector_type=vector_type)
    monkeypatch.setattr(ours, "_ROW_GROUP_BYTES", 5 * 4 * 64)  # five rows
    path = tmp_path / "corpus.parquet"

    with workshop.pipeline() as pipeline:
        count = pipeline.parquet(path)

    table = parquet.read_table(path)
    *columns, embeddings = (column.to_pylist() for column in table.columns)
    stored = workshop.query(
        "SELECT c.id, uri, ordinal, content, headings, token_count, table_header, first_page, last_page, "
        "first_lines[ordinal + 1], last_lines[ordinal + 1], embedding "
        "FROM chunks c JOIN documents d ON d.id = document_id WHERE embedding IS NOT NULL ORDER BY c.id"
    )
    assert count == 12
    assert list(zip(*columns, strict=True)) == [row[:-1] for row in stored]
    expected = np.array([row[-1].to_numpy() for row in stored], np.float32)
    assert np.array(embeddings, np.float32) == pytest.approx(expected, rel=1e-6)
    assert table.schema.field("embedding").type.list_size == 64
    assert table.schema.field("embedding").type.value_type == number
    assert table.schema.metadata[b"model"] == b"text-embedding-3-small"
    assert parquet.ParquetFile(path).num_row_groups == 3
    assert mode(path) == 0o600


@contextmanager
def room_for(byte_count: int) -> Iterator[None]:
    """No file grows larger."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (byte_count, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_file_that_is_there_is_replaced_by_a_whole_one_alone(workshop: Workshop, tmp_path: Path) -> None:
    fill(workshop)
    path = tmp_path / "there" / "corpus.parquet"
    path.parent.mkdir()
    path.write_bytes(b"what was there")

    with workshop.pipeline() as pipeline:
        assert pipeline.costs().runs  # what is opened when first needed, is
        with (
            room_for(1000),
            pytest.raises(UnreachableError, match="cannot be written: File too large"),
        ):
            pipeline.parquet(path)
        assert path.read_bytes() == b"what was there"
        assert list(path.parent.iterdir()) == [path]
        pipeline.parquet(path)

    assert parquet.read_table(path).num_rows == 12
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_told(workshop: Workshop, tmp_path: Path) -> None:
    fill(workshop)

    with workshop.pipeline() as pipeline, pytest.raises(UnreachableError, match="No such file or directory"):
        pipeline.parquet(tmp_path / "nowhere" / "corpus.parquet")


def test_an_empty_corpus_is_an_empty_file(workshop: Workshop, tmp_path: Path) -> None:
    with workshop.pipeline() as pipeline:
        pipeline.create()
        assert pipeline.parquet(tmp_path / "corpus.parquet") == 0

    assert parquet.read_table(tmp_path / "corpus.parquet").num_rows == 0


def test_a_column_of_the_users_own_is_left_where_it_is(workshop: Workshop, tmp_path: Path) -> None:
    with psycopg.connect(workshop.database_url) as connection:
        connection.execute("CREATE TABLE articles (id bigint PRIMARY KEY, body text, embedding vector(64))")
        connection.execute("INSERT INTO articles VALUES (1, 'Some text.')")
    with workshop.pipeline() as pipeline:
        pipeline.sync(Table("public.articles", text="body", into="embedding"))
        with pytest.raises(UsageError, match=r"articles.*stand there"):
            pipeline.parquet(tmp_path / "corpus.parquet")

    assert not list(tmp_path.glob("*.parquet"))
