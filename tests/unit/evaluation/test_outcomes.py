"""An answer is found, or it is told why not; a difference is real, or these questions do not show it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ingest.evaluation import Miss, Outcome, Passage, Stretch, by_document, difference, is_cut, laid, outcome

if TYPE_CHECKING:
    from collections.abc import Callable

ANSWER = [[Stretch("a", 10, 20)]]
WHOLE, FIRST_HALF, SECOND_HALF = Passage("a", 5, 25, 9), Passage("a", 5, 15, 9), Passage("a", 15, 25, 9)
OTHER = Passage("", 0, 10, 9)


def one_by_one(ranked: list[Passage]) -> Callable[[int], list[Passage]]:
    return lambda count: ranked[:count]


@pytest.mark.parametrize(
    ("ranked", "cut", "expected"),
    [
        ([OTHER, WHOLE], False, Outcome(2, 2, None)),
        ([SECOND_HALF, OTHER, FIRST_HALF], True, Outcome(1, 3, None)),
        ([SECOND_HALF, *[OTHER] * 8, FIRST_HALF], True, Outcome(1, 10, Miss.CUT)),
        ([*[OTHER] * 8, SECOND_HALF], True, Outcome(9, None, Miss.CUT)),
        ([*[OTHER] * 8, FIRST_HALF, SECOND_HALF], True, Outcome(9, 10, Miss.RANKED)),
        ([*[OTHER] * 5, WHOLE], False, Outcome(6, 6, Miss.RANKED)),
        ([OTHER] * 50, False, Outcome(None, None, Miss.BEYOND)),
    ],
)
def test_an_answer_is_whole_in_five_passages_or_it_is_told_why_not(
    ranked: list[Passage], cut: bool, expected: Outcome
) -> None:
    assert outcome(ANSWER, one_by_one(ranked), len(ranked), None, is_cut=cut) == expected


def test_what_cannot_come_is_no_matter_of_rank() -> None:
    assert outcome(ANSWER, one_by_one([OTHER] * 50), 50, Miss.FILTERED, is_cut=False) == Outcome(
        None, None, Miss.FILTERED
    )


def test_an_excerpt_is_cut_where_no_passage_holds_it_whole_at_any_of_its_places() -> None:
    twice = [[*ANSWER[0], Stretch("b", 0, 10)]]

    assert is_cut(twice, [FIRST_HALF, SECOND_HALF])
    assert not is_cut(twice, [FIRST_HALF, SECOND_HALF, Passage("b", 0, 30, 9)])


def test_a_document_that_answers_is_found_by_its_first_passage() -> None:
    ranked = by_document([OTHER, FIRST_HALF, SECOND_HALF], {"a"})

    assert [passage.uri for passage in ranked] == ["", "a", ""]
    assert outcome([[Stretch("a", 0, 1)]], one_by_one(ranked), 3, None, is_cut=False) == Outcome(2, 2, None)


def test_passages_that_repeat_the_end_of_the_one_before_stand_where_they_did() -> None:
    text, stretches = laid(["one two ", "two three", "four"], [0, 4, 0])

    assert text == "onetwothreefour"
    assert stretches == ((0, 6), (3, 11), (11, 15))


@pytest.mark.parametrize(
    ("mine", "its", "verdict"),
    [
        ([1.0] * 40, [1.0] * 20 + [0.0] * 20, "better"),
        ([0.0] * 20 + [1.0] * 20, [1.0] * 40, "worse"),
        ([1.0, 0.0] * 20, [0.0, 1.0] * 20, "not shown"),
        ([1.0] * 19, [0.0] * 19, "too few questions"),
    ],
)
def test_a_difference_is_real_where_its_interval_leaves_nothing_out(
    mine: list[float], its: list[float], verdict: str
) -> None:
    rows, others = ([{"MRR": value} for value in values] for values in (mine, its))

    assert difference("this", "that", "MRR", rows, others, 1).verdict == verdict


def test_of_many_differences_each_must_be_the_surer() -> None:
    rows, others = [{"MRR": value} for value in [1.0] * 5 + [0.0] * 35], [{"MRR": 0.0}] * 40

    one, of_many = (difference("this", "that", "MRR", rows, others, count) for count in (1, 500))

    assert (one.verdict, of_many.verdict) == ("better", "not shown")
