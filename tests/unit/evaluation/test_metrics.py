"""The metrics of retrieval count text, whatever passages it came in."""

from __future__ import annotations

import numpy as np
import pytest

from ingest.evaluation import Passage, Stretch, interval, scores

ANSWER = [[Stretch("a", 3, 15)]]


def test_recall_precision_and_iou_count_characters_once() -> None:
    passages = [Passage("a", 0, 6, 2), Passage("a", 3, 11, 2), Passage("a", 18, 25, 2)]

    found = scores(ANSWER, passages, 2)

    # of the 12 of the answer 8 came, among 6 + 8 + 7
    assert found["recall@5"] == pytest.approx(8 / 12)
    assert found["precision@5"] == pytest.approx(8 / 21)
    assert found["IoU@5"] == pytest.approx(8 / (21 + 12 - 8))
    assert found["whole@5"] == 0
    assert found["MRR"] == 1  # half of the first passage is answer
    assert found["nDCG@10"] == 1


def test_a_relevant_passage_that_comes_late_counts_less() -> None:
    elsewhere = Passage("b", 0, 6, 2)

    found = scores(ANSWER, [elsewhere, elsewhere, Passage("a", 0, 15, 5)], 1)

    assert found["MRR"] == pytest.approx(1 / 3)
    assert found["nDCG@10"] == pytest.approx(1 / 2)  # 1 over the logarithm of 4


def test_at_equal_tokens_the_last_passage_is_cut() -> None:
    found = scores(ANSWER, [Passage("a", 0, 22, 2_000)], 1)

    assert found["recall@5"] == 1
    assert found["recall@1k"] == pytest.approx(8 / 12)  # the first 11 characters


def test_an_excerpt_that_stands_in_several_places_is_found_at_any_of_them() -> None:
    repeated = [[Stretch("a", 3, 15), Stretch("b", 0, 12)], [Stretch("c", 0, 12)]]

    found = scores(repeated, [Passage("b", 0, 12, 3), Passage("a", 3, 9, 3)], 3)

    assert found["recall@5"] == 0.5  # the first excerpt is whole, once
    assert found["whole@5"] == 0


def test_what_is_found_nowhere_scores_nothing() -> None:
    assert set(scores(ANSWER, [Passage("a", 15, 22, 2)], 0).values()) == {0.0}


def test_an_interval_holds_the_mean_and_comes_out_the_same_again() -> None:
    values = [np.arange(50) % 2, np.arange(80) % 4 / 4]

    low, high = interval(values)
    surer = interval(values, 0.999)

    assert low < (0.5 + 0.375) / 2 < high
    assert interval(values) == (low, high)
    assert surer[0] < low < high < surer[1]
