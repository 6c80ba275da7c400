from __future__ import annotations

import itertools
import re

import pytest
import regex
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest.chunker import chunk
from ingest.chunker.tokens import Tokenizer, tokenizer
from ingest.model import Chunk, Syntax

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

CL100K = tokenizer("cl100k_base")
MINILM = tokenizer("minilm")

_pieces = st.sampled_from(
    [
        "# Title\n\n",
        "## Part two\n",
        "### Part three ###\n",
        "Title\n=====\n\n",
        "Words of a sentence that goes on for a while. ",
        "Is it? Yes! ",
        "- an item\n",
        "1. another\n",
        "| a | b |\n|---|---|\n",
        "```python\n# no heading\nx = 1\n```\n",
        "~~~\n",
        "```\n",
        "\n\n",
        "\r\n",
        "   ",
        "def f(x):\n    return x\n\n\n",
        "日本語の文章です。次の文です。",
        "한국어 ",
        "e\u0301" * 3,
        "👩‍👩‍👧‍👦",
        "👍🏽",
        "🇯🇵🇫🇷",
        "ᄀ\u1161\u11a8",
        "\0",
        "<|endoftext|>",
        "x" * 200,
        "\u3000",
        "क्षि",
    ]
)
texts = st.lists(_pieces | st.text(st.characters(exclude_categories=["Cs"]), max_size=20), max_size=60).map("".join)
limits = st.integers(32, 200)
syntaxes = st.sampled_from(Syntax)


def contents(chunks: list[Chunk]) -> str:
    return "".join(chunk.content for chunk in chunks)


@given(texts, limits, syntaxes, st.booleans())
def test_contents_join_to_the_text(text: str, limit: int, syntax: Syntax, embed_headings: bool) -> None:
    chunks = chunk(text, tokenizer=CL100K, max_tokens=limit, syntax=syntax, embed_headings=embed_headings)

    assert contents(chunks) == (text if text.strip() else "")
    assert [one.ordinal for one in chunks] == list(range(len(chunks)))


@given(texts, limits, syntaxes, st.sampled_from([CL100K, MINILM]), st.integers(0, 16))
@example("\n" + "𐀀" * 100, 32, Syntax.TEXT, CL100K, 3)
def test_no_chunk_is_over_the_limit(text: str, limit: int, syntax: Syntax, tokens: Tokenizer, overlap: int) -> None:
    chunks = chunk(text, tokenizer=tokens, max_tokens=limit, syntax=syntax, overlap=overlap)

    assert [one.token_count for one in chunks] == [tokens.count(one.embedded_text) for one in chunks]
    assert all(one.token_count <= limit for one in chunks)


@given(texts, limits, syntaxes)
def test_no_cut_is_inside_a_grapheme(text: str, limit: int, syntax: Syntax) -> None:
    graphemes = regex.findall(r"\X", text)
    chunks = chunk(text, tokenizer=CL100K, max_tokens=limit, syntax=syntax)

    parts = [grapheme for one in chunks for grapheme in regex.findall(r"\X", one.content)]

    if all(CL100K.count(grapheme) <= limit // 2 for grapheme in graphemes) and chunks:
        assert parts == graphemes


@given(texts, limits, syntaxes, st.integers(1, 16))
def test_each_chunk_but_the_first_begins_with_what_stands_before_it(
    text: str, limit: int, syntax: Syntax, overlap: int
) -> None:
    chunks = chunk(text, tokenizer=CL100K, max_tokens=limit, syntax=syntax, overlap=overlap)

    # Where text repeats itself, more than one reading of the chunks is possible: one of them must be right.
    # Parts of rare characters are tokens, so that a stretch alone can have a few more than it had in its place.
    read_to = {0}
    for one in chunks:
        starts = {
            (start, end)
            for end in read_to
            for start in range(max(0, end - len(one.content)), end + 1)
            if text.startswith(one.content, start) and CL100K.count(text[start:end]) <= 2 * overlap + 8
        }
        read_to = {start + len(one.content) for start, _ in starts}
    assert len(text) in read_to or not chunks


def test_overlap_is_whole_sentences_under_the_overlap_limit() -> None:
    text = "".join(f"Sentence number {n} says nothing new at all. " for n in range(200))

    chunks = chunk(text, tokenizer=CL100K, max_tokens=100, overlap=30)

    for before, one in itertools.pairwise(chunks):
        suffixes = (before.content[at:] for at in range(len(before.content)))
        shared = next(suffix for suffix in suffixes if one.content.startswith(suffix))
        assert shared.startswith("Sentence number")
        assert 15 < CL100K.count(shared) <= 30


@given(texts, limits, syntaxes)
@settings(max_examples=50)
def test_the_same_text_gives_the_same_chunks(text: str, limit: int, syntax: Syntax) -> None:
    first = chunk(text, tokenizer=CL100K, max_tokens=limit, syntax=syntax)
    chunk("Something else. " * 50, tokenizer=CL100K, max_tokens=limit)

    assert chunk(text, tokenizer=CL100K, max_tokens=limit, syntax=syntax) == first


@given(texts, limits)
def test_embedded_headings_are_the_innermost_and_take_a_quarter_at_most(text: str, limit: int) -> None:
    for one in chunk(text, tokenizer=CL100K, max_tokens=limit, syntax=Syntax.MARKDOWN):
        prefix = one.embedded_text.removesuffix(one.content.strip() or one.content)

        assert CL100K.count(prefix) <= limit // 4
        assert one.context_headings <= len(one.headings)
        assert all(heading and heading == heading.strip() for heading in one.headings)


@pytest.mark.parametrize("text", ["", " ", "\n\n\t ", "\u3000\u00a0"])
def test_text_without_content_gives_no_chunks(text: str) -> None:
    assert chunk(text, tokenizer=CL100K, max_tokens=64) == []


def test_a_text_under_the_limit_is_one_chunk_with_its_white_space() -> None:
    chunks = chunk("\n\n  A few words.\n\n", tokenizer=CL100K, max_tokens=64)

    assert [one.content for one in chunks] == ["\n\n  A few words.\n\n"]


_HOSTILE = {
    "a letter": "a",
    "a space": " ",
    "a line break": "\n",
    "a carriage return": "\r",
    "CRLF": "\r\n",
    "a hash": "#",
    "a heading": "# a\n",
    "a bar": "|",
    "rows": "| a | b |\n",
    "backticks": "`",
    "fences": "```\n",
    "tildes and text": "~~~\nx\n",
    "rules": "---\n",
    "underlines": "a\n-\n",
    "overlines": "===\na\n===\n",
    "items": "- a\n",
    "nested items": " - a\n  ",
    "a full stop": ".",
    "stops and spaces": ". ",
    "quotes": '"',
    "an emoji": "🧠",
    "a family": "👩‍👩‍👧‍👦",
    "flags": "🇯🇵",
    "accents": "\u0301",
    "joiners": "\u200d",
    "Hangul jamo": "ᄀ",
    "kanji": "字",
    "Japanese stops": "。",
    "a special token": "<|endoftext|>",
    "NUL": "\0",
    "an ideographic space": "\u3000",
    "deeper and deeper": None,
}


@pytest.mark.parametrize(
    ("name", "syntax"),
    [(name, Syntax.MARKDOWN) for name in _HOSTILE]
    + [(name, Syntax.TEXT) for name in ("a line break", "rules", "overlines", "a full stop", "items")]
    + [(name, Syntax.CODE) for name in ("a letter", "a line break", "a heading")],
)
@pytest.mark.timeout(60)  # what takes a second in linear time takes hours in quadratic time
def test_much_of_one_thing_is_chunked(name: str, syntax: Syntax) -> None:
    unit = _HOSTILE[name]
    text = (
        "".join(" " * depth + "- x\n" for depth in range(700))
        if unit is None
        else "x" + unit * (250_000 // len(unit.encode()))
    )

    chunks = chunk(text, tokenizer=CL100K, max_tokens=512, syntax=syntax)

    assert contents(chunks) == text
    assert all(one.token_count <= 512 for one in chunks)
    assert sum(one.token_count for one in chunks) >= len(chunks) * 100 or len(chunks) == 1


@pytest.mark.parametrize(
    ("max_tokens", "overlap", "words"),
    [
        (31, 0, "max_tokens is 31: at least 32 are needed."),
        (67, -1, "overlap is -1: it can be from 0 to half of max_tokens, 33."),
        (67, 34, "overlap is 34: it can be from 0 to half of max_tokens, 33."),
    ],
)
def test_limits_that_cannot_be_are_refused(max_tokens: int, overlap: int, words: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
        chunk("text", tokenizer=CL100K, max_tokens=max_tokens, overlap=overlap)


@pytest.mark.parametrize(("max_tokens", "overlap"), [(32, 0), (32, 16), (67, 33)])
def test_limits_that_can_be_just_so_are_kept(max_tokens: int, overlap: int) -> None:
    assert len(chunk("text", tokenizer=CL100K, max_tokens=max_tokens, overlap=overlap)) == 1


def test_the_pages_of_a_passage_are_those_of_its_first_and_last_character_that_is_not_blank() -> None:
    blank = "\n" * 3000
    text = f"{blank}A b A{blank}A{blank}A"
    pages = [(2_000, 1), (3_000, 2), (3_001, 3), (3_004, 4), (3_005, 5), (5_000, 6), (6_005, 7), (9_006, 8)]

    def told(pages: list[tuple[int, int]]) -> list[tuple[int | None, int | None]]:
        return [(one.first_page, one.last_page) for one in chunk(text, tokenizer=CL100K, max_tokens=64, pages=pages)]

    assert told(pages) == [(2, 4), (7, 7), (8, 8)]
    assert told(pages[2:]) == [(None, 4), (7, 7), (8, 8)]
    assert told([]) == [(None, None)] * 3


def test_a_heading_that_is_given_stands_above_all_that_the_text_has() -> None:
    text = "Before any.\n\n# One\n\n" + "More words, and more. " * 9 + "\n\n## Two\n\n" + "Other words, and more. " * 9

    def headings(heading: str) -> list[tuple[str, ...]]:
        chunks = chunk(text, tokenizer=CL100K, max_tokens=48, syntax=Syntax.MARKDOWN, heading=heading)
        return [one.headings for one in chunks]

    of_the_text = [(), ("One",), ("One",), ("One", "Two")]
    assert headings("") == of_the_text
    assert headings("Report") == [("Report", *titles) for titles in of_the_text]
