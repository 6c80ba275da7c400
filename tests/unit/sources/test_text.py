from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.model import Syntax
from ingest.sources.files import display_path
from ingest.sources.text import UnreadableError, decode, decode_as, syntax_of, title_of


@given(st.binary())
def test_what_is_decoded_can_be_stored(content: bytes) -> None:
    try:
        text = decode(content)
    except UnreadableError:
        assert b"\0" in content
        return

    assert "\0" not in text
    text.encode()  # raises for a lone surrogate


@given(st.text(st.characters(exclude_characters="\0\ufeff", exclude_categories=["Cs"])))
def test_utf8_comes_back_as_it_was(text: str) -> None:
    assert decode(text.encode()) == text
    assert decode(text.encode("utf-8-sig")) == text


def test_an_encoding_is_one_that_documents_are_written_in() -> None:
    assert decode_as("道".encode("shift_jis"), "Shift_JIS") == "道"
    assert decode_as(b"\xff", "utf8") == "\ufffd"
    for name in ("punycode", "idna", "unicode_escape", "zlib", "rot13", "no such", "a\0b", ""):
        assert decode_as(b"a", name) is None


def test_a_byte_order_mark_tells_utf16() -> None:
    assert decode("wide 日本".encode("utf-16")) == "wide 日本"


def test_a_nul_near_the_start_means_binary() -> None:
    with pytest.raises(UnreadableError, match="binary"):
        decode(b"PK\3\4\0\0")


@pytest.mark.parametrize(
    ("suffix", "syntax"),
    [
        (".md", Syntax.MARKDOWN),
        (".MD", Syntax.MARKDOWN),
        (".py", Syntax.CODE),
        (".txt", Syntax.TEXT),
        ("", Syntax.TEXT),
    ],
)
def test_the_suffix_tells_the_syntax(suffix: str, syntax: Syntax) -> None:
    assert syntax_of(suffix) is syntax


def test_the_title_is_the_first_heading() -> None:
    assert title_of("---\nx: 1\n---\n\n# A title #\n\n# Another\n", Syntax.MARKDOWN) == "A title"
    assert title_of("# no Markdown", Syntax.TEXT) is None
    assert title_of("no heading", Syntax.MARKDOWN) is None


def test_a_uri_is_shown_as_a_path() -> None:
    assert display_path("file:///docs/%E6%97%A5%E6%9C%AC.md") == "/docs/日本.md"
    assert display_path("s3://bucket/key") == "s3://bucket/key"


@pytest.mark.parametrize(
    ("text", "title"),
    [("# a" + " " * 20_000 + "x", "a" + " " * 20_000 + "x"), ("# a " + "#" * 20_000, "a"), ("# #", None)],
)
def test_a_heading_made_to_take_long_does_not(text: str, title: str | None) -> None:
    assert title_of(text, Syntax.MARKDOWN) == (title and title[:300])
