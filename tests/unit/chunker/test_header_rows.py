from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.chunker import Chunking, chunk
from ingest.chunker.structure import structure
from ingest.chunker.tables import find_tables
from ingest.chunker.tokens import Tokenizer, tokenizer
from ingest.model import CUT_HEADER, Chunk, Document, LossKind, Syntax

CL100K = tokenizer("cl100k_base")
MINILM = tokenizer("minilm")
HEADER = "| Holder | Class | Shares |"
ALIGNMENT = "| --- | :---: | ---: |"


def rows(first: int, last: int) -> str:
    return "".join(f"| Holder number {n} | Seed Preferred | {n}000 |\n" for n in range(first, last + 1))


def table(count: int = 40) -> str:
    return f"{HEADER}\n{ALIGNMENT}\n{rows(1, count)}"


def chunks_of(text: str, *, limit: int = 128, overlap: int = 0, embed_headings: bool = True) -> list[Chunk]:
    return chunk(
        text,
        tokenizer=CL100K,
        max_tokens=limit,
        overlap=overlap,
        syntax=Syntax.MARKDOWN,
        embed_headings=embed_headings,
    )


def headers(text: str, *, limit: int = 128) -> set[str]:
    return {one.table_header for one in chunks_of(text, limit=limit)}


def test_each_chunk_of_a_table_is_embedded_with_its_caption_and_header() -> None:
    text = f"# Cap table\n\nAll holders of shares.\n\n{table()}\nThe end."

    chunks = chunks_of(text)

    assert len(chunks) > 4
    assert chunks[0].table_header == ""
    assert "".join(one.content for one in chunks) == text
    for one in chunks[1:]:
        assert one.content.startswith("| Holder number")
        assert one.embedded_text.startswith(f"Cap table\n\nAll holders of shares.\n{HEADER}\n| Holder number")
        assert one.token_count == CL100K.count(one.embedded_text) <= 128


def test_a_table_in_one_chunk_is_embedded_as_it_stands() -> None:
    (only,) = chunks_of(table(3))

    assert only.embedded_text == table(3).strip()


def test_what_follows_a_table_is_not_embedded_with_its_header() -> None:
    after = "Words after the table that go on for quite a while here. " * 20

    chunks = chunks_of(f"{table(12)}\n\n{after}\n\n| a | b |\n|---|---|\n" + "| some words | more words |\n" * 30)

    assert {one.table_header for one in chunks if one.content.startswith("Words")} == {""}
    assert chunks[-1].table_header == "| a | b |\n"


@pytest.mark.parametrize(
    ("name", "text", "header"),
    [
        ("no bars at the edges", "a | b\n--- | ---\n" + "some words | more words\n" * 40, "a | b\n"),
        ("an escaped bar", "| a \\| b | c |\n|---|---|\n" + "| x | y \\| z |\n" * 60, "| a \\| b | c |\n"),
        ("blanks that align", "| a          | b    |\n|---|---|\n" + "| some words | more |\n" * 40, "| a | b |\n"),
        ("a quote", "> | a | b |\n> |---|---|\n" + "> | some words | more |\n" * 40, "| a | b |\n"),
        (
            "a list",
            "- Ports:\n\n    | a | b |\n    |---|---|\n" + "    | some words | x |\n" * 40,
            "Ports:\n| a | b |\n",
        ),
        ("line ends of Windows", "| a | b |\r\n|---|---|\r\n" + "| some words | more |\r\n" * 40, "| a | b |\n"),
        (
            "a caption as of HTML",
            "*Shares*\n\n| a | b |\n|---|---|\n" + "| some words | x |\n" * 40,
            "Shares\n| a | b |\n",
        ),
        (
            "pandoc's caption",
            "| a | b |\n|---|---|\n" + "| some words | x |\n" * 40 + "\n: Shares\n",
            "Shares\n| a | b |\n",
        ),
        (
            "a row below that tells spanned columns apart",
            "| Item | Price |  |\n|---|---|---|\n|  | net | gross |\n" + "| some words | 1 | 2 |\n" * 40,
            "| Item | Price net | Price gross |\n",
        ),
        (
            "three rows, the first column named by the first",
            "| Item | 2023 | | | |\n|---|---|---|---|---|\n| | north | | south | |\n| | net | gross | net | gross |\n"
            + "| some words | 1 | 2 | 3 | 4 |\n" * 40,
            "| Item | 2023 north net | 2023 north gross | 2023 south net | 2023 south gross |\n",
        ),
        (
            "two cells that span all columns",
            "| North | | South | |\n|---|---|---|---|\n| net | gross | net | gross |\n" + "| 1 | 2 | 3 | 4 |\n" * 40,
            "| North net | North gross | South net | South gross |\n",
        ),
        (
            "a column without a name",
            "| Name | Role |  |\n|---|---|---|\n| Ann | Chief | Edit |\n" + "| some words | x | Edit |\n" * 40,
            "| Name | Role | |\n",
        ),
        (
            "a corner without a name",
            "|  | north | south |\n|---|---|---|\n| one | 1 | 2 |\n" + "| some words | x | y |\n" * 40,
            "| | north | south |\n",
        ),
        ("no words in the header", "|  |  |\n|---|---|\n" + "| some words | more words |\n" * 40, ""),
        (
            "a paragraph above",
            "One line\nand another.\n\n| a | b |\n|---|---|\n" + "| words | x |\n" * 50,
            "| a | b |\n",
        ),
        ("a heading above", "# Shares\n\n| a | b |\n|---|---|\n" + "| words | x |\n" * 50, "| a | b |\n"),
        ("no row of alignment", "| a | b |\n" + "| some words | more words |\n" * 40, ""),
        ("another number of cells", "| a | b | c |\n|---|---|\n" + "| some words | more words |\n" * 40, ""),
        ("a fence", "```\n| a | b |\n|---|---|\n" + "| some words | more words |\n" * 40 + "```\n", ""),
    ],
)
def test_the_header_of_a_table_with(name: str, text: str, header: str) -> None:
    found = headers(text)

    assert found == {"", header}, name


def test_a_table_after_a_fence_is_one() -> None:
    text = "```\n| a | b |\n|---|---|\n```\n\n| c | d |\n|---|---|\n| 1 | 2 |\n"

    assert [one.header for one in find_tables(text, structure(text, Syntax.MARKDOWN))] == ["| c | d |"]


def test_a_row_over_the_limit_is_split_and_each_part_has_the_header() -> None:
    long = "| " + "One cell says a good deal more than a passage may. " * 40 + "| x | y |\n"

    chunks = chunks_of(f"{HEADER}\n{ALIGNMENT}\n{long}{rows(1, 3)}")

    assert [one.table_header for one in chunks[1:]] == [HEADER + "\n"] * (len(chunks) - 1)
    assert all(one.token_count == CL100K.count(one.embedded_text) <= 128 for one in chunks)


def test_a_header_too_long_is_cut_after_a_cell_and_told() -> None:
    names = [f"A column of a long name, number {n}" for n in range(60)]
    header = "| " + " | ".join(names) + " |\n" + "|---" * 60 + "|\n"
    chunking = Chunking("cl100k_base", 512, 0, embed_headings=True, max_document_bytes=10**6)

    chunks = chunking.split(Document("x", "x", header + ("| 1 " * 60 + "|\n") * 20, Syntax.MARKDOWN))
    (cut,) = {one.table_header for one in chunks if one.table_header}

    assert cut.startswith("| A column of a long name, number 0 | ")
    assert cut.endswith(CUT_HEADER)
    assert CL100K.count(cut) <= 128
    assert [(loss.kind, loss.amount) for loss in chunking.losses(chunks)] == [(LossKind.PARTS_LEFT_OUT, 1)]
    assert chunking.losses(chunks[:1]) == []


def test_headers_are_left_out_where_headings_are() -> None:
    chunks = chunks_of(table(), embed_headings=False)

    assert [one.embedded_text for one in chunks] == [one.content.strip() for one in chunks]


def test_an_overlap_that_has_the_header_is_not_given_it_again() -> None:
    chunks = chunks_of(f"{'Words before it. ' * 20}\n\n{table(20)}", overlap=60)

    assert all(one.embedded_text.count("| Class |") <= 1 for one in chunks)
    assert any(one.table_header for one in chunks)


def test_a_row_put_in_changes_its_neighbours_only() -> None:
    before = [one.embedded_text for one in chunks_of(table(200))]
    text = f"{HEADER}\n{ALIGNMENT}\n{rows(1, 80)}| Somebody new | Common | 5 |\n{rows(81, 200)}"

    after = [one.embedded_text for one in chunks_of(text)]

    assert len(after) > 20
    assert len(set(after) - set(before)) <= 3


_cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"), max_size=30)
_tables = st.builds(
    lambda before, header, body, edge: (
        before
        + f"{edge}{'|'.join(header)}{edge}\n{edge}{'|'.join(['---'] * len(header))}{edge}\n"
        + "".join(f"{edge}{'|'.join(row)}{edge}\n" for row in body)
    ),
    st.sampled_from(["", "# Title\n\n", "A caption\n\n", "> ", "- item\n\n", "```\n"]),
    st.lists(_cells, min_size=1, max_size=8),
    st.lists(st.lists(_cells, min_size=1, max_size=8), max_size=20),
    st.sampled_from(["|", ""]),
)


@given(st.lists(_tables, min_size=1, max_size=3).map("".join), st.integers(32, 200), st.sampled_from([CL100K, MINILM]))
def test_headers_are_counted_within_the_limit(text: str, limit: int, tokens: Tokenizer) -> None:
    for overlap in (0, limit // 2):
        chunks = chunk(text, tokenizer=tokens, max_tokens=limit, overlap=overlap, syntax=Syntax.MARKDOWN)

        assert [one.token_count for one in chunks] == [tokens.count(one.embedded_text) for one in chunks]
        assert all(one.token_count <= limit for one in chunks)
        assert overlap or "".join(one.content for one in chunks) == (text if text.strip() else "")


@pytest.mark.parametrize("unit", ["|---|\n", "| a |\n|---|\n", "|-", "-|\n", "a | b\n--- | ---\n", "> |-|\n", "- |\n"])
@pytest.mark.timeout(60)  # what takes a second in linear time takes hours in quadratic time
def test_much_of_what_may_be_a_table_is_chunked(unit: str) -> None:
    text = "x" + unit * (250_000 // len(unit))

    chunks = chunks_of(text, limit=512)

    assert "".join(one.content for one in chunks) == text
    assert all(one.token_count <= 512 for one in chunks)
