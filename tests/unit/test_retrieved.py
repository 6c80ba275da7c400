"""The metrics of retrieval count text, whatever passages it came in."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.questions import Question
from benchmarks.retrieved import Passage, Solid, interval, scores
from ingest.model import Document

TEXT = "one two  three\nfour five six"
SOLID = Solid([Document("a", "a", TEXT)])
ANSWER = Question("which?", "a", ((4, 19),))  # "two  three\nfour"


def test_passages_are_found_whatever_white_space_their_splitter_kept() -> None:
    passages = SOLID.passages("a", ["one two\n", "three four", "four five six"], [2, 2, 3])

    assert [passage[1:3] for passage in passages] == [(0, 6), (6, 15), (11, 22)]


def test_a_passage_that_stands_nowhere_in_its_document_is_an_error() -> None:
    with pytest.raises(ValueError, match="a has no passage"):
        SOLID.passages("a", ["one too"], [2])


def test_recall_precision_and_iou_count_characters_once() -> None:
    passages = SOLID.passages("a", ["one two", "two three", "five six"], [2, 2, 2])

    found = scores(ANSWER, passages, passages, SOLID)

    # of the 12 of the answer "two three" (8) came, among 6 + 8 + 7
    assert found["recall@5"] == pytest.approx(8 / 12)
    assert found["precision@5"] == pytest.approx(8 / 21)
    assert found["IoU@5"] == pytest.approx(8 / (21 + 12 - 8))
    assert found["whole@5"] == 0
    assert found["MRR"] == 1  # half of "one two" is answer
    assert found["nDCG@10"] == 1


def test_at_equal_tokens_the_last_passage_is_cut() -> None:
    long = Passage("a", 0, 22, 2_000)

    found = scores(ANSWER, [long], [long], SOLID)

    assert found["recall@5"] == 1
    assert found["recall@1k"] == pytest.approx(8 / 12)  # the first 11 characters


def test_what_is_found_nowhere_scores_nothing() -> None:
    elsewhere = SOLID.passages("a", ["five six"], [2])

    assert set(scores(ANSWER, elsewhere, elsewhere, SOLID).values()) == {0.0}


def test_an_interval_holds_the_mean_and_comes_out_the_same_again() -> None:
    values = [np.arange(50) % 2, np.arange(80) % 4 / 4]

    low, high = interval(values)

    assert low < (0.5 + 0.375) / 2 < high
    assert interval(values) == (low, high)
