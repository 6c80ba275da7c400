"""How prose is written is told from the prose itself."""

from __future__ import annotations

from textwrap import fill

import pytest

from ingest.chunker.writing import Lines, begins_small, below_title, lines_of

PROSE = (
    "The river follows the market. It keeps a letter of the forest, e.g. near the prod. signal! Why? Nobody knows. " * 9
)


@pytest.mark.parametrize(
    ("text", "is_small"),
    [
        (PROSE, False),
        (PROSE.lower(), True),
        (PROSE.lower().replace(".", " ."), True),
        ("No sentence ends here", False),
        ("", False),
        ("i ask. you answer", True),
        ("I ask. you answer. Who?", False),
    ],
)
def test_sentences_begin_with_capitals_or_small_letters(text: str, *, is_small: bool) -> None:
    assert begins_small(text) is is_small


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (fill(PROSE, 72), Lines.WRAPPED),
        (fill(PROSE, 72) + "\n\n", Lines.WRAPPED),
        (PROSE, Lines.WRAPPED),
        (PROSE + "\n\n", Lines.WRAPPED),
        ("yes\nI think that it is so, and so does she\nwhy?\nno\nwell\n", Lines.SHORT),
        (f"{PROSE}\n{PROSE}\n", Lines.PARAGRAPHS),
    ],
)
def test_lines_are_wrapped_or_whole(text: str, lines: Lines) -> None:
    assert lines_of(text, 0, len(text)) is lines


@pytest.mark.parametrize(
    ("text", "below"),
    [("# A\nb", "b"), ("A\n===\n\nb\nc", "b\nc"), ("===\nA\n===\nb", "b"), ("# A", "# A"), ("# A\n\n", "")],
)
def test_the_text_below_a_title_is_known(text: str, below: str) -> None:
    assert text[below_title(text, 0, len(text)) :] == below
