"""JSONL, CSV and Parquet: each record a document, streamed, however odd the file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tracemalloc
from array import array
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from workshop import Outcome

from ingest.errors import UsageError
from ingest.model import Syntax
from ingest.sources.files import Files
from ingest.sources.records import Fields, Record
from ingest.sources.source import Noted, Skipped
from ingest.sources.text import UnreadableError

if TYPE_CHECKING:
    from pathlib import Path

    from workshop import Workshop

    from ingest.model import Document

MAX_BYTES = 16_777_216


def items(path: Path, **fields: Any) -> list[Any]:
    return list(Files([str(path)], Fields(**fields)).items())


def documents(path: Path, **fields: Any) -> list[Document]:
    return [item.read(MAX_BYTES) for item in items(path, **fields) if isinstance(item, Record)]


def skipped(path: Path, **fields: Any) -> list[Skipped]:
    return [item for item in items(path, **fields) if isinstance(item, Skipped) and not isinstance(item, Noted)]


def write_parquet(path: Path, columns: dict[str, Any]) -> Path:
    parquet.write_table(pa.table(columns), path)
    return path


def as_jsonl(path: Path) -> Path:
    path = path.with_suffix(".jsonl")
    path.write_text('{"id": 7, "text": "Ants dig.", "name": "Ants"}\n\n{"text": "蜂が飛ぶ。", "id": "b/2"}\n')
    return path


def as_csv(path: Path) -> Path:
    path = path.with_suffix(".csv")
    path.write_text('id,name,text\r\n7,Ants,Ants dig.\r\n"b/2",,"蜂が飛ぶ。"\r\n')
    return path


def as_excel_csv(path: Path) -> Path:
    path = path.with_suffix(".csv")
    path.write_bytes("id;text;name\r\n7;Ants dig.;Ants\r\nb/2;蜂が飛ぶ。;\r\n".encode("utf-16"))
    return path


def as_tsv(path: Path) -> Path:
    path = path.with_suffix(".tsv")
    path.write_text("id\tname\ttext\n7\tAnts\tAnts dig.\nb/2\t\t蜂が飛ぶ。\n", encoding="utf-8-sig")
    return path


def as_parquet(path: Path) -> Path:
    texts = ["Ants dig.", "蜂が飛ぶ。"]
    return write_parquet(path.with_suffix(".parquet"), {"id": ["7", "b/2"], "name": ["Ants", None], "text": texts})


@pytest.mark.parametrize("write", [as_jsonl, as_csv, as_excel_csv, as_tsv, as_parquet])
def test_each_record_is_a_document(tmp_path: Path, write: Any) -> None:
    path = write(tmp_path / "records")

    found = documents(path, title="name", syntax=Syntax.MARKDOWN)

    assert [(document.uri, document.title, document.text) for document in found] == [
        (f"{path.as_uri()}#7", "Ants", "Ants dig."),
        (f"{path.as_uri()}#b%2F2", "b/2", "蜂が飛ぶ。"),
    ]
    assert {document.syntax for document in found} == {Syntax.MARKDOWN}


def test_without_a_key_the_number_of_a_record_is_its_key(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text\nAnts dig.\nBees fly.\n")

    assert [document.uri for document in documents(tmp_path / "a.csv")] == [
        f"{(tmp_path / 'a.csv').as_uri()}#1",
        f"{(tmp_path / 'a.csv').as_uri()}#2",
    ]


def test_lines_that_are_no_records_are_told_and_the_rest_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(
        b'{"text": "one"}\n{"text": "two\n[1, 2]\n' + b"[" * 100_000 + b'\n{"body": "three"}\n{"text": 4}\n'
        b'{"text": "nul \\u0000 half \\ud800 end"}\n{"text": "\xff"}\n{"text": "last"}'
    )

    texts = [document.text for document in documents(tmp_path / "a.jsonl")]
    told = [(item.name.split()[-1], item.reason) for item in skipped(tmp_path / "a.jsonl")]

    assert [texts[0], *texts[2:]] == ["one", "ÿ", "last"]
    assert texts[1].startswith("nul \ufffd half ")
    assert told == [
        ("2", "no JSON object"),
        ("3", "no JSON object"),
        ("4", "no JSON object"),
        ("5", "no field text: name the one that is, with --text"),
        ("6", "the field text is no text: name the one that is, with --text"),
    ]


def test_a_value_that_python_cannot_hold_is_told_and_the_rest_is_read(tmp_path: Path) -> None:
    keys = pa.array([0, 10**15, 1], pa.timestamp("ms"))  # the second is in the year 33,658
    write_parquet(tmp_path / "a.parquet", {"id": keys, "text": ["one", "two", "three"]})

    assert [document.text for document in documents(tmp_path / "a.parquet")] == ["one", "three"]
    (told,) = skipped(tmp_path / "a.parquet")
    assert told.name.endswith("a.parquet 2")
    assert "out of range" in told.reason


N = ["one", "two", "three"]
NO_UTF8 = pa.StringArray.from_buffers(3, pa.py_buffer(array("i", [0, 3, 6, 11])), pa.py_buffer(b"onet\xffothree"))


@pytest.mark.parametrize(
    ("columns", "keys", "reasons"),
    [
        ({"id": [1, 2, 3], "text": N, "tags": [["a"], [], None]}, ["1", "2", "3"], []),
        ({"id": [{"a": 1}, {"a": 2}, None], "text": N}, ["{'a': 1}", "{'a': 2}", "3"], []),
        ({"id": [[1], [2, 3], []], "text": N}, ["[1]", "[2, 3]", "[]"], []),
        ({"id": [1, 2, 3], "text": [["a"], ["b"], None]}, [], ["the field text is not text but list<element: string>"]),
        ({"id": [1, 2, 3], "text": [{"text": "a"}] * 3}, [], ["the field text is not text but struct<text: string>"]),
        ({"id": [1, 2, 3], "text": [b"a", b"b", b"\xff"]}, [], ["the field text is no text"] * 3),
        ({"id": [1, 2, 3], "text": NO_UTF8}, ["1", "3"], ["'utf-8' codec can't decode"]),
        ({"id": NO_UTF8, "text": N}, ["one", "three"], ["'utf-8' codec can't decode"]),
        (
            {"id": pa.DictionaryArray.from_arrays(pa.array([2, 1, 0]), NO_UTF8), "text": N},
            ["three", "one"],
            ["'utf-8' codec can't decode"],
        ),
        ({"id": [1, 2, 3], "text": pa.array(N).dictionary_encode()}, ["1", "2", "3"], []),
        ({"id": [Decimal("1.50"), Decimal(2), None], "text": N}, ["1.50", "2.00", "3"], []),
        (
            {"id": pa.array([1, 10**9 + 1, 10**18 + 7], pa.timestamp("ns")), "text": N},
            ["1970-01-01 00:00:00.000000001", "1970-01-01 00:00:01.000000001", "2001-09-09 01:46:40.000000007"],
            [],
        ),
        ({"id": pa.array([1, 2, 3000], pa.duration("ns")), "text": N}, ["1", "2", "0:00:00.000003"], []),
        ({"id": pa.array([1, 2, 3], pa.timestamp("us", "No/Where")), "text": N}, [], ["Cannot locate or parse"] * 3),
    ],
)
def test_an_odd_value_of_parquet_is_told_and_the_rest_is_read(
    tmp_path: Path, columns: dict[str, Any], keys: list[str], reasons: list[str]
) -> None:
    path = write_parquet(tmp_path / "a.parquet", columns)

    found, told = items(path), skipped(path)

    assert [item.key for item in found if isinstance(item, Record)] == keys
    assert [item.reason[: len(reason)] for item, reason in zip(told, reasons, strict=True)] == reasons


def test_a_column_whose_name_is_no_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"text": N, "name": N}), path, store_schema=False)
    path.write_bytes(path.read_bytes().replace(b"name", b"n\xffme"))

    (told,) = skipped(path)

    assert told.reason.startswith("damaged: 'utf-8' codec can't decode")


def test_records_of_the_same_key_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,text\n1,one\n1,another\n2,two\n")

    (told,) = skipped(tmp_path / "a.csv")

    assert told.reason == "1 records have the id of another: of those, the last one counts"


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_line_of_a_gigabyte_is_not_held(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_text('id,text\n1,first\n2,"' if suffix == ".csv" else '{"text": "first"}\n{"text": "')
    os.truncate(path, 1 << 30)

    tracemalloc.start()
    found = items(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert [item.text for item in found if isinstance(item, Record)] == ["first"]
    assert "a line of more than 16,777,216 characters" in found[-1].reason
    assert found[-1].is_folder  # what follows is not known: nothing is gone because of it
    assert peak < 200_000_000


def test_a_text_over_the_limit_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": "あ" * 1000}))
    (record,) = items(tmp_path / "a.jsonl")

    with pytest.raises(UnreadableError, match=r"3,000 bytes, over max_document_bytes \(2,000\)"):
        record.read(2000)


def test_equal_texts_of_a_small_parquet_file_are_not_held_at_once(tmp_path: Path) -> None:
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 100_000, pa.int32()), ["x" * 1_000_000])
    parquet.write_table(pa.table({"text": texts}), tmp_path / "a.parquet", store_schema=False)

    first = next(iter(Files([str(tmp_path / "a.parquet")]).items()))

    assert isinstance(first, Record)
    assert first.size == 1_000_000
    assert (tmp_path / "a.parquet").stat().st_size < 1_000_000
    assert pa.default_memory_pool().max_memory() < 100_000_000


def test_a_damaged_parquet_file_is_told(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet", {"text": ["words"]})
    os.truncate(tmp_path / "a.parquet", 100)

    (told,) = skipped(tmp_path / "a.parquet")

    assert told.reason.startswith("damaged: ")
    assert told.is_folder


def test_a_field_that_is_not_there_is_told(workshop: Workshop) -> None:
    write_parquet(workshop.folder / "a.parquet", {"body": ["words"]})

    with (
        workshop.pipeline() as pipeline,
        pytest.raises(UsageError, match="no field text: there are body; name the one that is"),
    ):
        pipeline.sync([str(workshop.folder)])


def test_records_come_change_and_go_like_files(workshop: Workshop) -> None:
    path = workshop.write("a.jsonl", '{"id": 1, "text": "one"}\n{"id": 2, "text": "two"}\n{"id": 3, "text": "three"}\n')
    with workshop.pipeline() as pipeline:
        first = pipeline.sync([str(workshop.folder)])
        path.write_text('{"id": 3, "text": "three"}\n{"id": 2, "text": "deux"}\n')
        second = pipeline.sync([str(workshop.folder)])

    assert first.documents_new == 3
    assert (second.documents_changed, second.documents_gone, second.documents_unchanged) == (1, 1, 1)
    assert workshop.query("SELECT uri, metadata->>'record' FROM documents ORDER BY uri") == [
        (f"{path.as_uri()}#2", f"{path} 2"),
        (f"{path.as_uri()}#3", f"{path} 3"),
    ]


def test_a_line_that_broke_takes_no_document_with_it(workshop: Workshop) -> None:
    path = workshop.write("a.jsonl", '{"id": 1, "text": "one"}\n{"id": 2, "text": "two"}\n')
    with workshop.pipeline() as pipeline:
        pipeline.sync([str(workshop.folder)])
        path.write_text('{"id": 1, "text": "one"}\n{"id": 2, "te')
        report = pipeline.sync([str(workshop.folder)])

    assert (report.documents_gone, report.skipped_count) == (0, 1)


def test_a_quote_that_is_never_closed_takes_no_document_with_it(workshop: Workshop) -> None:
    path = workshop.write("a.csv", "id,text\n1,one\n2,two\n3,three\n")
    with workshop.pipeline() as pipeline:
        pipeline.sync([str(workshop.folder)])
        path.write_text('id,text\n1,one\n2,"two\n3,drei\n')
        report = pipeline.sync([str(workshop.folder)])

    assert (report.documents_gone, report.documents_changed, report.skipped_count) == (0, 1, 1)
    assert workshop.query("SELECT content FROM chunks WHERE NOT superseded ORDER BY document_id") == [
        ("one",),
        ("two",),
        ("drei",),
    ]


@pytest.mark.parametrize("name", ["", "notes"])
def test_where_a_part_could_not_be_read_nothing_of_that_part_alone_is_gone(workshop: Workshop, name: str) -> None:
    broken = workshop.write("a.csv", "id,text\n1,one\n2,two\n")
    whole = workshop.write("b.csv", "id,text\n1,uno\n2,due\n")
    note = workshop.write("c.md", "A note.\n")
    source = Files([str(workshop.folder)], source=name)
    with workshop.pipeline() as pipeline:
        pipeline.sync(source)
        broken.write_text('id,text\n1,one\n2,"two\n')
        whole.write_text("id,text\n1,uno\n")
        note.unlink()
        foretold = pipeline.estimate(source).sync
        report = pipeline.sync(source)

    for each in (foretold, report):
        assert (each.documents_gone, each.documents_withheld) == (2, 1)
        assert [kept.reason for kept in each.withheld] == ["kept: its file could not be read whole"]
    left = workshop.query("SELECT content FROM chunks WHERE NOT superseded ORDER BY content")
    assert left == [("one",), ("two",), ("uno",)]


def test_a_file_of_records_in_another_encoding_is_told_once(workshop: Workshop) -> None:
    workshop.write("a.csv", "").write_bytes("id,text\n1,café\n2,Größe\n".encode("cp1252"))
    with workshop.pipeline() as pipeline:
        report = pipeline.sync([str(workshop.folder)])
        again = pipeline.sync([str(workshop.folder)])

    assert (report.documents_new, again.documents_unchanged) == (2, 2)
    for each in (report, again):
        assert each.losses == {"bytes_guessed": 1}
        assert [lossy.reason for lossy in each.lossy] == ["no UTF-8: read as Windows-1252"]


def piped(workshop: Workshop, lines: str, *arguments: str) -> Outcome:
    process = subprocess.run(
        [sys.executable, "-m", "ingest", "sync", "-", "--json", "--text", "body", *arguments],
        input=lines,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
        env={
            **os.environ,
            "DATABASE_URL": workshop.database_url,
            "INGEST_DATA_DIR": str(workshop.data_dir),
            "OPENAI_BASE_URL": workshop.emulator.base_url,
            "OPENAI_API_KEY": workshop.emulator.api_key,
        },
    )
    return Outcome(process.returncode, process.stdout, process.stderr)


def test_records_are_read_from_standard_input_by_their_own_uris(workshop: Workshop) -> None:
    first = piped(workshop, '{"id": "https://example.com/a", "body": "one"}\n{"id": "b", "body": "two"}\n{"body": "3"}')
    second = piped(workshop, '{"id": "b", "body": "two"}\n')
    nothing = piped(workshop, "")

    assert (first.json["documents_new"], first.json["skipped_count"]) == (2, 1)
    assert (second.json["documents_unchanged"], second.json["documents_gone"]) == (1, 1)
    assert (nothing.status, "no readable text in -" in nothing.err) == (2, True)
    assert workshop.query("SELECT uri FROM documents") == [("b",)]


def test_chosen_fields_are_kept_with_each_record_and_change_for_nothing(workshop: Workshop) -> None:
    path = workshop.write(
        "a.jsonl", '{"id": 1, "text": "one", "meta": {"tenant": "acme"}, "published": "2024-01-31"}\n'
    )
    with workshop.pipeline() as pipeline:
        pipeline.sync(Files([str(path)]))
        kept = Files([str(path)], Fields(metadata=("meta.tenant", "published")))
        first = pipeline.sync(kept)
        path.write_text('{"id": 1, "text": "one", "meta": {"tenant": "bolt"}}\n')
        second = pipeline.sync(kept)

    assert [(report.documents_unchanged, report.chunks_new) for report in (first, second)] == [(1, 0)] * 2
    assert workshop.query("SELECT metadata FROM documents") == [
        ({"meta.tenant": "bolt", "published": None, "record": f"{path} 1"},)
    ]
