from __future__ import annotations

import pytest

from ingest.chunker import Chunking, chunk
from ingest.chunker.tokens import tokenizer
from ingest.model import Document, OverLimit, Syntax

CL100K = tokenizer("cl100k_base")
BLANKS = {
    "blank lines": "\n",
    "spaces": " ",
    "no-break spaces": "\u00a0\n",
    "ideographic spaces": "\u3000",
    "form feeds": "\f\n",
    "zero width": "\u200b\u200d\ufeff\n",
    "rules": "-----\n",
    "rows without words": "|   |   |\n|---|---|\n",
    "tags": "<br/>\n&nbsp;\n</p>\n",
    "fences": "```\n```\n",
    "lines drawn": "├──┤\n",
}
SAYING = ["?", "0", "日", "👍", "}", "<a href='x'>", "&copy;", "$", "→"]


def chunking(over_limit: OverLimit | None = None) -> Chunking:
    return Chunking("cl100k_base", 64, 0, embed_headings=True, max_document_bytes=10**6, over_limit=over_limit)


@pytest.mark.parametrize("name", BLANKS)
@pytest.mark.parametrize("over_limit", [None, *OverLimit])
@pytest.mark.parametrize("times", [1, 2_000])
def test_a_document_that_says_nothing_has_no_chunk(name: str, over_limit: OverLimit | None, times: int) -> None:
    document = Document("x", "x", BLANKS[name] * times, Syntax.MARKDOWN)

    assert chunking(over_limit).split(document) == []


@pytest.mark.parametrize("name", BLANKS)
@pytest.mark.parametrize("syntax", Syntax)
def test_what_says_nothing_between_words_is_no_chunk(name: str, syntax: Syntax) -> None:
    text = f"{BLANKS[name] * 1000}\nSome words.\n\n{BLANKS[name] * 1000}\nMore words.\n{BLANKS[name] * 1000}"

    chunks = chunking().split(Document("x", "x", text, syntax))

    assert [one.ordinal for one in chunks] == list(range(len(chunks)))
    assert [any(map(str.isalnum, one.content)) for one in chunks] == [True] * len(chunks)
    assert [one.token_count for one in chunks] == [CL100K.count(one.embedded_text) for one in chunks]
    assert sum(one.token_count for one in chunks) <= 64 * 4


@pytest.mark.parametrize("text", SAYING)
def test_the_least_that_says_something_is_a_chunk(text: str) -> None:
    (only,) = chunking().split(Document("x", "x", text, Syntax.MARKDOWN))

    assert only.content == text


@pytest.mark.parametrize("blank", ["\n", " ", "\u00a0", "\u3000", "\f", "\u2003\r\n"])
def test_white_space_stands_at_the_edge_of_the_passage_before_it_or_after(blank: str) -> None:
    text = f"{blank * 3000}A{blank * 3000}B{blank * 3000}"

    chunks = chunk(text, tokenizer=CL100K, max_tokens=64)

    assert "".join(one.content for one in chunks) == text
    assert [one.embedded_text for one in chunks] == ["A", "B"]
    assert [one.token_count for one in chunks] == [1, 1]
