from __future__ import annotations

import pytest

from ingest.chunker.structure import structure
from ingest.model import Syntax


def begins(text: str, syntax: Syntax) -> list[tuple[str, str]]:
    """Each structure's kind with the first line of what begins there."""
    found = structure(text, syntax)
    return [
        (kind, text[position:].split("\n", maxsplit=1)[0])
        for position, kind in zip(found.positions, found.kinds, strict=True)
    ]


def headings(text: str, syntax: Syntax) -> list[tuple[int, str]]:
    return [(heading.depth, heading.title) for heading in structure(text, syntax).headings]


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ("# One", "One"),
        ("###   Three", "Three"),
        ("  ## Two ##  ", "Two"),
        ("# C#", "C#"),
        ("# C #", "C"),
        ("#", ""),
        ("## ##", ""),
        ("# With `code` and #hash", "With `code` and #hash"),
    ],
)
def test_markdown_headings_lose_their_marks(line: str, title: str) -> None:
    depth = len(line.split(maxsplit=1)[0])

    assert headings(f"text\n{line}\ntext", Syntax.MARKDOWN) == [(depth, title)]


@pytest.mark.parametrize("line", ["#hashtag", "####### seven", "    # code", "# " + "long " * 100])
def test_these_are_no_markdown_headings(line: str) -> None:
    assert headings(f"text\n{line}\ntext", Syntax.MARKDOWN) == []


def test_a_heading_on_the_first_line_is_one() -> None:
    assert headings("# Title\ntext", Syntax.MARKDOWN) == [(1, "Title")]
    assert headings("Title\n=====\ntext", Syntax.MARKDOWN) == [(1, "Title")]
    assert headings("=====\nTitle\n=====\ntext", Syntax.TEXT) == [(1, "Title")]


def test_a_hash_in_a_fence_is_no_heading() -> None:
    text = "Text.\n\n```sh\n# comment\n\n- no item\n```\n\n# Heading\n\n~~~\n# comment\n```\n~~~\nEnd."

    assert headings(text, Syntax.MARKDOWN) == [(1, "Heading")]
    assert begins(text, Syntax.MARKDOWN) == [
        ("fence", "```sh"),
        ("heading", "# Heading"),
        ("after heading", "~~~"),
    ]
    assert structure(text, Syntax.MARKDOWN).code == {text.index("```sh"), text.index("~~~")}


def test_a_fence_that_is_never_closed_reaches_to_the_end() -> None:
    assert headings("```\n# comment\n\n# comment", Syntax.MARKDOWN) == []


def test_three_backticks_around_words_in_a_line_are_no_fence() -> None:
    assert headings("```code``` and text\n# Heading\n", Syntax.MARKDOWN) == [(1, "Heading")]


def test_front_matter_is_no_structure() -> None:
    text = "---\ntitle: x\n# comment\n\nlist:\n- a\n---\n\n# Heading\n"

    assert begins(text, Syntax.MARKDOWN) == [("heading", "# Heading")]


def test_items_rows_and_paragraphs_begin_where_their_lines_do() -> None:
    text = "Intro:\n- one\n  more\n  * two\n3. three\n\nText\nof two lines.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"

    assert begins(text, Syntax.MARKDOWN) == [
        ("item", "- one"),
        ("item", "  * two"),
        ("item", "3. three"),
        ("paragraph", "Text"),
        ("row", "| a | b |"),
        ("row", "|---|---|"),
        ("row", "| 1 | 2 |"),
    ]


def test_underlined_headings_take_their_depth_in_order_of_style_in_plain_text() -> None:
    text = "=====\nTitle\n=====\n\nPart\n----\n\nText.\n\nBit\n~~~\nText.\n\nPart two\n--------\n\nText.\n"

    assert headings(text, Syntax.TEXT) == [(1, "Title"), (2, "Part"), (3, "Bit"), (2, "Part two")]


def test_rules_without_a_title_of_their_own_above_are_no_headings() -> None:
    text = "Text.\n\n-----\n\nOne line\nand another\n-----\n\n   indented\n-----\n\na  b\n=====  ===\n\n***\n---\n"

    assert headings(text, Syntax.TEXT) == []


def test_what_follows_a_heading_at_once_is_marked() -> None:
    text = "Text.\n\n# One\n\n## Two\n\nText.\n\nText.\n"

    assert [kind for kind, _ in begins(text, Syntax.MARKDOWN)] == [
        "heading",
        "after heading",
        "after heading",
        "paragraph",
    ]


def test_code_parts_at_blank_lines_and_best_before_what_begins_at_the_margin() -> None:
    text = "import x\n\n\ndef f():\n    a = 1\n\n    return a\n\n)\n\nclass C: ...\n"

    assert begins(text, Syntax.CODE) == [
        ("definition", "def f():"),
        ("inside", "    return a"),
        ("inside", ")"),
        ("definition", "class C: ..."),
    ]


def test_lines_may_end_in_carriage_return_and_line_feed() -> None:
    text = "# One\r\n\r\nText.\r\n\r\nTitle\r\n===\r\n\r\n- item\r\n"

    assert headings(text, Syntax.MARKDOWN) == [(1, "One"), (1, "Title")]
    assert [kind for kind, _ in begins(text, Syntax.MARKDOWN)] == [
        "heading",
        "after heading",
        "heading",
        "after heading",
    ]


@pytest.mark.parametrize(
    ("text", "syntax", "found"),
    [
        ("Title\n=\ntext", Syntax.MARKDOWN, [(1, "Title")]),
        ("=====  \nTitle\n=====\ntext", Syntax.TEXT, [(1, "Title")]),
        ("=====\nA\n=====\n\nText.\n\n#####\nB\n#####\n\nText.", Syntax.TEXT, [(1, "A"), (2, "B")]),
        ("a====\nTitle\n=====\ntext", Syntax.TEXT, []),
        ("  =====\nTitle\n=====\ntext", Syntax.TEXT, []),
        ("T" * 300 + "\n=====\ntext", Syntax.TEXT, [(1, "T" * 300)]),
        ("T" * 301 + "\n=====\ntext", Syntax.TEXT, []),
    ],
    ids=["one mark", "blanks after the line above", "marks above", "no line above", "indented", "longest", "too long"],
)
def test_lines_around_a_title_make_a_heading_of_it(text: str, syntax: Syntax, found: list[tuple[int, str]]) -> None:
    assert headings(text, syntax) == found


def test_a_title_on_the_first_line_begins_a_heading_there() -> None:
    text = "Title\n=====\n\nText."

    assert begins(text, Syntax.TEXT) == [("heading", "Title"), ("after heading", "Text.")]
    assert structure(text, Syntax.TEXT).positions == [0, 13]
