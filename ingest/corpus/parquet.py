"""A corpus with its vectors as one Parquet file, for what reads files and not tables."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ingest.database.corpus import corpus_size
from ingest.database.statements import statement
from ingest.errors import UnreachableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ingest.database.connection import Connection
    from ingest.database.corpus import Indexing
    from ingest.telemetry import Progress

_ROW_GROUP_BYTES = 16_000_000  # of vectors; a row group is held in memory, at most twice
_MOST_ROWS = 10_000


def write_parquet(connection: Connection, indexing: Indexing, path: Path, progress: Progress) -> int:
    """Write every passage that has its vector into a file, which stands there whole or not at all; how many.

    Columns: id, uri, ordinal, content, headings, token_count, table_header, first_page, last_page, first_line,
    last_line, and embedding, a list of the corpus's dimensions, of float32, or of float16 for `halfvec`. One snapshot
    of the corpus; memory is bounded by a row group.

    Raises:
        UsageError: pyarrow is not installed.
        UnreachableError: the file cannot be written.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise UsageError("Parquet needs the package pyarrow: pip install 'pgvector-ingest[documents]'.") from None
    schema = _schema(indexing)
    rows_at_once = max(1, min(_MOST_ROWS, _ROW_GROUP_BYTES // (4 * indexing.dimensions)))
    _, chunks, embedded, _ = corpus_size(connection)
    if chunks > embedded:
        progress.say(f"{chunks - embedded:,} passages have no vector yet, and are left out")
    unfinished = path.with_name(f"{path.name}.{uuid4().hex}.part")
    count = 0
    try:
        # For us alone: it holds the corpus's text.
        with (
            progress.stage("writing", unit="passages", total=embedded) as bar,
            open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file,  # noqa: PTH123
        ):
            with (
                parquet.ParquetWriter(file, schema, compression="zstd", use_dictionary=["uri"]) as writer,
                connection.transaction(),
                connection.cursor(name="embedded_chunks", binary=True) as cursor,
            ):
                cursor.execute(statement("select_embedded_chunks"))
                while rows := cursor.fetchmany(rows_at_once):
                    writer.write_batch(_batch(rows, schema, indexing))
                    count += len(rows)
                    bar.advance(len(rows))
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except (OSError, pa.ArrowException) as error:
        raise UnreachableError(
            f"{path} cannot be written: {_reason(error)}. Fix it, then run the same again."
        ) from None
    finally:
        unfinished.unlink(missing_ok=True)
    return count


def _schema(indexing: Indexing) -> Any:
    import pyarrow as pa

    number = pa.float16() if indexing.vector_type == "halfvec" else pa.float32()
    return pa.schema(
        [
            pa.field("id", pa.int64(), nullable=False),
            pa.field("uri", pa.string(), nullable=False),
            pa.field("ordinal", pa.int32(), nullable=False),
            pa.field("content", pa.string(), nullable=False),
            pa.field("headings", pa.list_(pa.string()), nullable=False),
            pa.field("token_count", pa.int32(), nullable=False),
            pa.field("table_header", pa.string(), nullable=False),
            pa.field("first_page", pa.int32()),
            pa.field("last_page", pa.int32()),
            pa.field("first_line", pa.int32()),
            pa.field("last_line", pa.int32()),
            pa.field("embedding", pa.list_(pa.field("element", number, nullable=False), indexing.dimensions)),
        ],
        metadata={"model": indexing.model},
    )


def _batch(rows: Sequence[tuple[Any, ...]], schema: Any, indexing: Indexing) -> Any:
    """Rows as Arrow has them. Vectors are in pgvector's binary form: int16 dimensions, int16 0, big-endian floats."""
    import numpy as np
    import pyarrow as pa

    *columns, vectors = zip(*rows, strict=True)
    size = 2 if indexing.vector_type == "halfvec" else 4
    form = np.dtype([("header", "V4"), ("floats", f">f{size}", (indexing.dimensions,))])
    floats = np.frombuffer(b"".join(vectors), form)["floats"].astype(f"<f{size}").reshape(-1)
    arrays = [pa.array(column, schema.field(place).type) for place, column in enumerate(columns)]
    embeddings = pa.FixedSizeListArray.from_arrays(pa.array(floats), type=schema.field("embedding").type)
    return pa.record_batch([*arrays, embeddings], schema=schema)


def _reason(error: BaseException) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)
