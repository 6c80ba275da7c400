"""Where a stretch may be cut that structure leaves too long: positions, and what each cut costs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.chunker import costs, finer
from ingest.chunker.ties import ties

TEXT = "One is. Two, and 三。四 e\u0301x\n  Five!"


def found(positions_and_costs: tuple[list[int], list[int]], text: str = TEXT) -> list[tuple[str, int]]:
    """What begins at each position, and its cost."""
    positions, prices = positions_and_costs
    return [(text[position : position + 3], price) for position, price in zip(positions, prices, strict=True)]


def test_each_kind_of_place_has_its_cost() -> None:
    assert found(finer.sentences(TEXT, 0, len(TEXT))) == [
        ("Two", costs.SENTENCE),
        ("四 e", costs.SENTENCE),
        ("  F", costs.WHOLE_LINE),
    ]
    assert found(finer.lines(TEXT, 0, len(TEXT))) == [("  F", costs.CODE_LINE)]
    assert found(finer.words(TEXT, 0, 17)) == [("is.", costs.WORD), ("Two", costs.WORD), ("and", costs.CLAUSE)]
    accented = TEXT.index("e\u0301")
    assert found(finer.graphemes(TEXT, accented - 1, accented + 3)) == [
        ("e\u0301x", costs.GRAPHEME),
        ("x\n ", costs.GRAPHEME),
    ]
    assert found(finer.characters(TEXT, accented, accented + 3)) == [
        ("\u0301x\n", costs.CHARACTER),
        ("x\n ", costs.CHARACTER),
    ]


def test_graphemes_of_plain_letters_are_each_of_them() -> None:
    assert finer.graphemes("abcd", 1, 4) == ([2, 3], [costs.GRAPHEME] * 2)
    assert finer.graphemes("a\r\nb", 0, 4) == ([1, 3], [costs.GRAPHEME] * 2)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("A stop. Another, with a clause. And one more.", "A stop. Another, with a clause. |And one more."),
        ("Many words and no stop at all", "Many words and |no stop at all"),
        ("letters", "let|ters"),
        ("e\u0301\u0301\u0301", "e\u0301|\u0301\u0301"),
        ("ab", "a|b"),
    ],
)
def test_a_stretch_is_halved_at_the_best_kind_of_place_nearest_to_its_middle(text: str, parts: str) -> None:
    before = "What stands before. " * 9
    cut = finer.middle(before + text + " After.", len(before), len(before) + len(text))

    assert text[: cut - len(before)] + "|" + text[cut - len(before) :] == parts


def test_one_character_has_no_middle() -> None:
    with pytest.raises(ValueError, match=r"^a single character has no middle$"):
        finer.middle("abc", 1, 2)


@given(st.text(max_size=80), st.data())
def test_ties_are_small_numbers_of_eight_characters_before_and_twenty_four_after(
    text: str, data: st.DataObject
) -> None:
    position = data.draw(st.integers(0, len(text)))
    far = "x" * 24 + text + "x" * 24
    near = data.draw(st.text(max_size=9)) + far[position + 16 : position + 48] + data.draw(st.text(max_size=9))
    at = near.index(far[position + 16 : position + 48]) + 8

    (number,) = ties(far, np.array([position + 24]), 1_000).tolist()

    assert 0 <= number < 1_000
    assert ties(near, np.array([at]), 1_000).tolist() == [number]


def test_most_ties_are_large_so_that_few_cuts_stand_out() -> None:
    text = " ".join(map(str, range(5_000)))
    numbers = ties(text, np.arange(len(text)), 1_000)

    assert 630 < numbers.mean() < 700  # the larger of two even chances: two thirds
    assert (ties(text, np.arange(len(text)), 1) == 0).all()
