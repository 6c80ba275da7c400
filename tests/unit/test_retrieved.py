"""The passages of any splitter are found in their documents, and what answers a question is held against them."""

from __future__ import annotations

import pytest

from benchmarks.questions import Question
from benchmarks.retrieved import Solid, question_scores
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


def test_what_answers_a_question_is_counted_without_white_space() -> None:
    passages = SOLID.passages("a", ["one two", "two three", "five six"], [2, 2, 2])

    found = question_scores(ANSWER, passages, passages, SOLID)

    assert found["recall@5"] == pytest.approx(8 / 12)  # "two three" of "two three four"
    assert found["nDCG@10"] == 1  # both that are relevant came first
