"""Tables of reStructuredText and AsciiDoc: each passage of one is embedded with its header, as in Markdown."""

from __future__ import annotations

import pytest

from ingest.chunker import chunk
from ingest.chunker.tokens import tokenizer
from ingest.model import Chunk, Syntax

CL100K = tokenizer("cl100k_base")
HEADER = "| Holder | Share class |\n"
WORDS = "Seed Preferred of the year"


def chunks_of(text: str, syntax: Syntax, limit: int = 96) -> list[Chunk]:
    return chunk(text, tokenizer=CL100K, max_tokens=limit, syntax=syntax)


def grid(rows: int) -> str:
    border = "+----------+----------------------------+\n"
    head = "| Holder   | Share                      |\n|          | class                      |\n"
    body = "".join(
        f"| Hol {n:4} | {WORDS:26} |\n|          | in two lines               |\n{border}" for n in range(rows)
    )
    return f"{border}{head}{border.replace('-', '=')}{body}"


def simple(rows: int) -> str:
    border = "==========  ===========================\n"
    body = "".join(f"Hol {n:4}    {WORDS}\n            in two lines\n" for n in range(rows))
    return f"{border}Holder      Share\n            class\n{border}{body}{border}"


def listed(rows: int) -> str:
    body = "".join(f"   * - Hol {n}\n     - {WORDS}\n       in two lines\n" for n in range(rows))
    return f".. list-table::\n   :header-rows: 1\n\n   * - Holder\n     - Share\n       class\n{body}"


def csv(rows: int) -> str:
    body = "".join(f'   "Hol {n}", "{WORDS}"\n' for n in range(rows))
    return f'.. csv-table::\n   :header: "Holder", "Share class"\n\n{body}'


def asciidoc(rows: int) -> str:
    return "|===\n|Holder |Share class\n\n" + "".join(f"|Hol {n}\n|{WORDS}\n\n" for n in range(rows)) + "|===\n"


def asciidoc_headed(rows: int) -> str:
    body = "".join(f"|Hol {n} |{WORDS}\n" for n in range(rows))
    return f'[cols="1,2a", options="header"]\n|===\n|Holder\n|Share class\n{body}|===\n'


def asciidoc_csv(rows: int) -> str:
    return (
        "[%header,format=csv]\n,===\nHolder,Share class\n"
        + "".join(f"Hol {n},{WORDS}\n" for n in range(rows))
        + ",===\n"
    )


WAYS = [
    (grid, Syntax.TEXT),
    (simple, Syntax.TEXT),
    (listed, Syntax.TEXT),
    (csv, Syntax.TEXT),
    (asciidoc, Syntax.ASCIIDOC),
    (asciidoc_headed, Syntax.ASCIIDOC),
    (asciidoc_csv, Syntax.ASCIIDOC),
]


@pytest.mark.parametrize(("table", "syntax"), WAYS)
def test_each_passage_of_a_table_has_its_header(table: object, syntax: Syntax) -> None:
    assert callable(table)
    text = f"Before it.\n\n{table(40)}\nWhat follows is none of it. {'And it goes on for a while. ' * 12}\n"

    chunks = chunks_of(text, syntax)

    assert "".join(each.content for each in chunks) == text
    inside = [each for each in chunks if "Hol " in each.content]
    assert len(inside) > 4
    assert "Holder" in inside[0].content
    assert {each.table_header for each in inside[1:]} == {HEADER}
    assert all(each.content.lstrip('|*- +"\n').startswith("Hol ") for each in inside[1:])
    assert all(each.token_count <= 96 for each in chunks)
    assert {each.table_header for each in chunks if "Hol" not in each.content} == {""}


@pytest.mark.parametrize(
    ("text", "syntax", "header"),
    [
        (f".. table:: Prices\n\n{grid(40)}", Syntax.TEXT, f"Prices\n{HEADER}"),
        (listed(40).replace("list-table::", "list-table:: Prices"), Syntax.TEXT, f"Prices\n{HEADER}"),
        (f".Prices\n{asciidoc(40)}", Syntax.ASCIIDOC, f"Prices\n{HEADER}"),
        (grid(40).replace("=", "-"), Syntax.TEXT, ""),
        (listed(40).replace("header-rows: 1", "widths: 1 2"), Syntax.TEXT, ""),
        (asciidoc(40).replace("Share class\n\n", "Share class\n"), Syntax.ASCIIDOC, ""),
    ],
)
def test_a_title_goes_with_the_header_and_a_table_without_one_has_none(text: str, syntax: Syntax, header: str) -> None:
    assert {each.table_header for each in chunks_of(text, syntax)[1:]} == {header}


@pytest.mark.parametrize(
    "text",
    [
        "== ==\nx\n== ==\n" * 9000,
        "== ==\nx  y\n" * 9000,
        "+==+==+\n" * 9000,
        "|===\n|a |b\n\n" * 9000,
        ".. list-table::\n" * 9000,
    ],
)
def test_much_of_what_may_be_a_table_is_chunked_whole(text: str) -> None:
    for syntax in (Syntax.TEXT, Syntax.ASCIIDOC):
        assert "".join(each.content for each in chunks_of(text, syntax)) == text
