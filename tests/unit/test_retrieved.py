"""The passages of any splitter are found in their documents, and what answers a question is held against them."""

from __future__ import annotations

import pytest

from benchmarks.questions import Question, question_sets
from benchmarks.retrieved import Solid, question_scores
from benchmarks.systems import in_order
from ingest.evaluation import Passage
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


def test_passages_of_a_search_that_brings_two_lists_are_in_the_order_in_which_asking_for_more_brings_them() -> None:
    by_vector, by_words = [[Passage(uri, start, start + 1, 1) for start in range(20)] for uri in "ab"]

    found = in_order(lambda count: [*by_vector[:count], *by_words[:count]])

    assert found[:4] == [by_vector[0], by_words[0], by_vector[1], by_words[1]]
    assert len(found) == len(set(found)) >= 10


def test_a_function_is_what_its_docstring_asks_for_which_does_not_stand_in_the_text() -> None:
    (code,) = question_sets(["code"])
    texts = {document.uri: document.text for document in code.documents}

    for question in code.questions:
        ((start, end),) = question.excerpts
        text = texts[question.uri]
        assert text[start:end].lstrip().startswith(("def ", "async def "))
        assert question.words not in " ".join(text.split())
    assert len(code.questions) >= 20
    assert 0 < sum(question.is_open for question in code.questions) < len(code.questions)
