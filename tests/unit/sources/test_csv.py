"""CSV and TSV, strictly: what is read is what was meant, and a row that is not read is told by its line."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.sources.records import Fields, Record, file_records
from ingest.sources.source import Noted, Skipped


def read(content: str | bytes, suffix: str = ".csv", **fields: Any) -> list[Any]:
    stream = io.BytesIO(content.encode() if isinstance(content, str) else content)
    return list(file_records(stream, suffix, uri="file:///a", root="", name="a", fields=Fields(**fields)))


def texts(content: str | bytes, suffix: str = ".csv", **fields: Any) -> dict[str, str]:
    return {item.key: item.text for item in read(content, suffix, **fields) if isinstance(item, Record)}


def told(content: str | bytes, suffix: str = ".csv", **fields: Any) -> list[str]:
    found = [
        item for item in read(content, suffix, **fields) if isinstance(item, Skipped) and not isinstance(item, Noted)
    ]
    assert all(item.is_folder for item in found)  # nothing is gone because of it
    return [f"{item.name}: {item.reason}" for item in found]


UNCLOSED = 'id,text\n1,first row is fine\n2,"opened and never closed\n3,third row\n4,fourth row\n5,fifth row\n'


@pytest.mark.parametrize(
    "content",
    [
        UNCLOSED,
        UNCLOSED.replace("fourth row", '"fourth row"'),
        UNCLOSED.replace("fourth row", '"fourth ""row"""'),
        UNCLOSED.replace("\n", "\r\n"),
        UNCLOSED.replace("\n", "\r"),
        UNCLOSED.removesuffix("\n"),
        UNCLOSED.replace(",", ";"),
    ],
)
def test_a_quote_that_is_never_closed_costs_its_own_line_alone(content: str) -> None:
    assert list(texts(content)) == ["1", "3", "4", "5"]
    assert told(content) == ["a line 3: a quote that is never closed"]


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ('2,a 5" pipe and a 6" pipe', 'a 5" pipe and a 6" pipe'),
        ('2,"he said "yes" twice"', 'he said "yes" twice'),
        ('2,"he said ""yes"" twice"', 'he said "yes" twice'),
        ('2,"he said "yes""', 'he said "yes"'),
        ('2,"a 5" pipe"', 'a 5" pipe'),
        ('2,"a, b" ', "a, b"),
        ('2,"two\nlines, ""quoted"""', 'two\nlines, "quoted"'),
        ('"2",""', ""),
    ],
)
def test_quotes_are_read_as_they_were_meant(row: str, text: str) -> None:
    content = f"id,text\n1,first\n{row}\n3,third\n"

    assert texts(content) == {"1": "first", "2": text, "3": "third"}
    assert told(content) == []


@pytest.mark.parametrize(
    ("rows", "keys", "reasons"),
    [
        ("1,a,b\n2,c\n", ["2"], ["a line 2: 3 fields, where the first line names 2"]),
        ("1\n2,c\n", ["2"], ["a line 2: 1 fields, where the first line names 2"]),
        ("1,a,,\n\n2,c\n", ["1", "2"], []),
        (
            '1,"x "y"\nand z"\n2,c\n',
            ["2"],
            ["a line 2: quotes in a quoted field", "a line 3: 1 fields, where the first line names 2"],
        ),
    ],
)
def test_a_row_too_long_or_too_short_is_told(rows: str, keys: list[str], reasons: list[str]) -> None:
    assert list(texts("id,text\n" + rows)) == keys
    assert told("id,text\n" + rows) == reasons


@pytest.mark.parametrize(
    "content",
    [
        "sep=;\nid;text\n1;a, b, c\n",
        '"sep=|"\r\nid|text\r\n1|a, b, c\r\n',
        '\ufeff id , text \n1, "a, b, c"\n',
        '\n\nid,text,\n1,"a, b, c",\n',
        'id,text,,\n1,"a, b, c",of a column without a name,\n',
        'id;"text"\n1;a, b, c\n',
    ],
)
def test_a_first_line_is_read_as_spreadsheets_write_it(content: str) -> None:
    assert texts(content) == {"1": "a, b, c"}


def test_the_fields_there_are_are_listed_where_one_is_missing() -> None:
    assert told("Id,Body\n1,x\n") == ["a: no field text: there are Id, Body; name the one that is, with --text"]
    assert told("id,text,text\n1,x,y\n") == ["a: several fields are called text: which one is meant cannot be told"]


def test_tsv_has_no_quotes() -> None:
    content = 'id\ttext\n1\t"Hello" he said\n2\t"never closed\n3\tthird\n'

    assert texts(content, ".tsv") == {"1": '"Hello" he said', "2": '"never closed', "3": "third"}


@pytest.mark.parametrize(
    ("encoding", "text", "words"),
    [
        ("utf-8-sig", "日本", []),
        ("utf-16", "日本", []),
        ("utf-16-le", "日本", ["no UTF-8: read as UTF-16LE"]),
        ("shift_jis", "日本語 テスト", ["no UTF-8: read as Shift_JIS"]),
        ("cp1252", "Größe – café", ["no UTF-8: read as Windows-1252"]),
        ("koi8-r", "Привет, мир", ["no UTF-8: read as KOI8-R"]),
        ("gb18030", "中文文件", ["no UTF-8: read as GB18030"]),
    ],
)
@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_records_are_read_in_the_encoding_that_they_are_in(
    encoding: str, text: str, words: list[str], suffix: str
) -> None:
    content = f'id,text\n1,plain\n2,"{text}"\n' if suffix == ".csv" else f'{{"id": 2, "text": "{text}"}}\n'

    found = read(content.encode(encoding), suffix)

    assert [item.text for item in found if isinstance(item, Record)][-1] == text
    assert [loss.words for item in found if isinstance(item, Noted) for loss in item.losses] == words


def test_a_line_in_another_encoding_does_not_spoil_the_others() -> None:
    content = "id,text\n1,日本語\n2,東京\n".encode() + b"3,caf\xe9\n" + "4,大阪\n".encode()

    assert texts(content) == {"1": "日本語", "2": "東京", "3": "café", "4": "大阪"}


def test_a_line_that_is_text_in_no_encoding_is_told() -> None:
    lines = "\n".join(f"{number},これは日本語の文書です。" for number in range(20))
    content = f"id,text\n{lines}\n".encode("shift_jis") + b"99,\x81\n"

    assert len(texts(content)) == 20
    assert told(content) == ["a line 22: bytes that are text in no encoding that is known"]


@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r")), min_size=2, max_size=2)
    ),
    st.sampled_from(",;|\t"),
)
def test_what_a_library_writes_is_read_back(rows: list[list[str]], delimiter: str) -> None:
    written = io.StringIO()
    csv.writer(written, delimiter=delimiter).writerows([["note", "text"], *rows])

    found = [item for item in read(written.getvalue()) if isinstance(item, Record)]

    assert [item.text for item in found] == [text for _, text in rows]


def test_fields_inside_others_and_keys_of_several_fields() -> None:
    line = '{"org": "a/b", "n": 1, "body": {"text": "words", "by": "Ana"}, "x.y": 3}\n'

    (record,) = read(line, ".jsonl", key="org,n", text="body.text", title="body.by", metadata=("x.y", "body.by"))

    assert record.uri == "file:///a#a%2Fb/1"
    assert (record.text, record.title) == ("words", "Ana")
    assert record.metadata == {"x.y": 3, "body.by": "Ana"}


def test_a_part_of_a_key_that_is_missing_is_told() -> None:
    assert told('{"a": 1, "text": "x"}\n', ".jsonl", key="a,b") == ["a 1: no field b, which is part of its key"]


def test_a_record_whose_text_is_null_has_none_and_one_without_the_field_is_told() -> None:
    assert texts('{"id": 1, "text": null}\n', ".jsonl") == {"1": ""}
    assert told('{"id": 1, "body": "x"}\n', ".jsonl") == ["a 1: no field text: name the one that is, with --text"]
