"""Records in compressed files: the same documents, however long; a damaged one takes nothing out of the corpus."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from ingest.sources.files import Files
from ingest.sources.records import Record
from ingest.sources.source import Skipped

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workshop import Workshop


def zst(content: bytes) -> bytes:
    return bytes(pa.Codec("zstd").compress(content, asbytes=True))


PACKINGS = [(".gz", gzip.compress), (".zst", zst)]
ROWS = "".join(f"{json.dumps({'id': number, 'text': f'the words of row {number}'})}\n" for number in range(3000))
CSV = "id;text\n1;one\n2;two\n"


@pytest.mark.parametrize(("suffix", "packed"), PACKINGS)
@pytest.mark.parametrize(
    ("name", "text", "encoding"),
    [("rows.jsonl", ROWS, "utf-8"), ("rows.CSV", CSV, "utf-8-sig"), ("rows.tsv", CSV.replace(";", "\t"), "utf-16")],
)
def test_packed_records_are_the_same_records(
    tmp_path: Path, suffix: str, packed: Callable[[bytes], bytes], name: str, text: str, encoding: str
) -> None:
    (tmp_path / name).write_bytes(text.encode(encoding))
    (tmp_path / f"{name}{suffix}").write_bytes(packed(text.encode(encoding)))

    plain = [item for item in Files([str(tmp_path / name)]).items() if isinstance(item, Record)]
    held = [item for item in Files([str(tmp_path / f"{name}{suffix}")]).items() if isinstance(item, Record)]

    assert [(item.key, item.text) for item in held] == [(item.key, item.text) for item in plain]
    assert len(held) == (3000 if "jsonl" in name else 2)
    assert held[0].uri == (tmp_path / f"{name}{suffix}").as_uri() + f"#{held[0].key}"


@pytest.mark.parametrize(("suffix", "packed"), PACKINGS)
def test_what_a_damaged_file_does_not_tell_is_not_gone(
    workshop: Workshop, suffix: str, packed: Callable[[bytes], bytes]
) -> None:
    path = workshop.folder / f"rows.jsonl{suffix}"
    workshop.write("a.md", "what stays readable")
    path.write_bytes(packed(ROWS.encode()))
    with workshop.pipeline() as pipeline:
        first = pipeline.sync([str(workshop.folder)])
        path.write_bytes(packed(ROWS.encode())[:3000])
        second = pipeline.sync([str(workshop.folder)])

    assert first.documents_new == 3001
    assert (second.documents_gone, second.skipped_count) == (0, 1)
    assert "damaged" in second.skipped[0].reason


def test_what_only_looks_packed_is_told(tmp_path: Path) -> None:
    (tmp_path / "rows.csv.gz").write_bytes(b"id,text\n1,one\n")

    (item,) = Files([str(tmp_path / "rows.csv.gz")]).items()

    assert isinstance(item, Skipped)
    assert "damaged" in item.reason
    assert item.is_folder
