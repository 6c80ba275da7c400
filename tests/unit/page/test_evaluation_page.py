"""The page of how well questions were answered: all of it is told, and nothing of others becomes markup."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ingest.evaluation import METRICS, Asked, Evaluation, Miss, Outcome, Setting, difference, way
from ingest.reporting.page import evaluation_page

AT = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
HOSTILE = "<script>alert('&')</script>"
MISSES = [None, None, *Miss]


def found(names: list[str], misses: list[Miss | None]) -> Evaluation:
    outcomes = [Outcome(1, None if miss else 1, miss) for miss in misses]
    scores = {name: [dict.fromkeys(METRICS, place / 7) for place in range(len(misses))] for name in names}
    ways = [way(name, rows, [[0.25, 0.5]] * len(rows), outcomes) for name, rows in scores.items()]
    differences = [difference(name, names[0], "MRR", scores[name], scores[names[0]], 1) for name in names[1:]]
    asked = [Asked(line, HOSTILE, f"file:///{HOSTILE}.md") for line in range(1, len(misses) + 1)]
    return Evaluation("docs", "a-model", 1_000, asked, ways, differences)


def test_every_reason_and_every_question_that_was_missed_is_told() -> None:
    page = evaluation_page(found(["hybrid", "vector", "words"], MISSES), AT)

    assert all(str(miss) in page for miss in Miss)
    assert "6 questions of 8 missed by hybrid" in page
    assert "Questions to docs, 2026-01-02 03:04 UTC" in page
    assert page.count("<circle") == 3 * len(METRICS) + 2 + 3 * 2  # metrics, differences, curves


def test_words_of_others_are_no_markup() -> None:
    page = evaluation_page(found(["hybrid"], MISSES), AT)

    assert "<script" not in page
    assert "&lt;script&gt;alert('&amp;')&lt;/script&gt;" in page


@pytest.mark.parametrize("names", [["vector"], [f"chunk_tokens={number}" for number in range(12)]])
def test_one_way_and_many_have_their_page(names: list[str]) -> None:
    page = evaluation_page(found(names, [None]), AT)

    assert all(name in page for name in names)
    assert "every answer is whole in the first five" in page


def test_other_settings_are_told_beside_the_corpus_as_it_is() -> None:
    told = found(["hybrid", "vector", "words"], MISSES)
    without = evaluation_page(told, AT)
    told.settings = [Setting("chunk_tokens=64", 4_321, 98_765, 0.5, None, told.ways[1])]
    told.compared = told.differences[:1]

    page = evaluation_page(told, AT)

    assert "Other settings" not in without
    assert all(words in page for words in ("4,321", "98,765", "as it is", "#settings", "#compared"))
