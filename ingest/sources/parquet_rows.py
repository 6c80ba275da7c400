"""The rows of a Parquet file, a few at a time."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from ingest.sources.rows import BrokenError, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from collections.abc import Set as AbstractSet
    from typing import Any

_LONGEST_REASON = 200
_ROWS = 256


def parquet_rows(
    stream: IO[bytes], text: str, wanted: AbstractSet[str], needed: Callable[[Sequence[str]], None]
) -> Iterator[Row]:
    """The rows of a file, with the columns `wanted`, of which that named `text` holds text.

    Raises:
        BrokenError: the rest cannot be read.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise BrokenError("to read it: pip install 'pgvector-ingest[documents]'") from None
    try:
        schema = parquet.ParquetFile(stream).schema_arrow
        names = schema.names
        needed(names)
        wanted = wanted | {name.split(".")[0] for name in wanted if name not in names}
        columns = {name: kind for name, kind in zip(names, schema.types, strict=True) if name in wanted}
        if text in columns and pa.types.is_nested(kind := columns[text]):
            raise BrokenError(f"the field {text} is not text but {kind}: name the one that is, with --text")
        # Values that repeat are held once; a page is the most that is unpacked at a time. One that is no UTF-8 is found
        # when it is looked at: where a dictionary is read otherwise, all of it is refused.
        plain = [name for name, kind in columns.items() if not pa.types.is_nested(kind)]
        file = parquet.ParquetFile(stream, read_dictionary=plain)
        number = 0
        for batch in file.iter_batches(_ROWS, columns=[*columns], use_threads=False):
            for values in zip(*batch.columns, strict=True):
                number += 1
                try:
                    row = dict(zip(batch.schema.names, map(_python_value, values), strict=True))
                except (ValueError, OverflowError) as error:  # no UTF-8, a day after the year 9999
                    yield Row(number, None, _one_line(error))
                else:
                    yield Row(number, row)
    except (pa.ArrowException, OSError, ValueError) as error:  # the name of a column may be no UTF-8
        raise BrokenError(f"damaged: {_one_line(error)}") from None


def _python_value(scalar: Any) -> object:
    """A value of Parquet as one of Python.

    Raises:
        ValueError: Python has none for it.
        OverflowError: likewise.
    """
    try:
        return scalar.as_py()
    except ValueError:
        if getattr(scalar.type, "unit", None) != "ns" and getattr(scalar.type, "tz", None) is None:
            raise
        return scalar.cast("string").as_py()  # Python's own times end at microseconds; and this names an unknown zone


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:_LONGEST_REASON]
