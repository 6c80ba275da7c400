from __future__ import annotations

import pytest

from ingest.formatting import display_path
from ingest.model import Syntax
from ingest.sources.text import syntax_of
from ingest.sources.titles import title_of


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
    assert display_path("file:///docs/a%23b.csv#k%C3%A9y") == "/docs/a#b.csv#kéy"
    assert display_path("s3://bucket/key") == "s3://bucket/key"


@pytest.mark.parametrize(
    ("text", "title"),
    [("# a" + " " * 20_000 + "x", "a" + " " * 20_000 + "x"), ("# a " + "#" * 20_000, "a"), ("# #", None)],
)
def test_a_heading_made_to_take_long_does_not(text: str, title: str | None) -> None:
    assert title_of(text, Syntax.MARKDOWN) == (title and title[:300])
