"""Where a topic turns is told from words that come again."""

from __future__ import annotations

import random
from itertools import accumulate

import numpy as np
import pytest

from ingest.chunker import chunk
from ingest.chunker.tokens import tokenizer
from ingest.chunker.topics import cohesion
from ingest.model import Syntax

GARDEN = "The gardener planted tulips beside the orchard wall. "
HARBOUR = "Freighters anchored within the harbour unload copper. "
IN_JAPANESE = "庭師は果樹園に球根を植える。"
OTHER_IN_JAPANESE = "貨物船は港湾で銅鉱石を降ろす。"


@pytest.mark.parametrize(
    ("one", "other"), [(GARDEN, HARBOUR), (GARDEN.upper(), HARBOUR.lower()), (IN_JAPANESE, OTHER_IN_JAPANESE)]
)
def test_a_cut_where_the_topic_turns_parts_least(one: str, other: str) -> None:
    positions = np.arange(1, 12) * len(one)

    parted = cohesion(one * 6 + other * 6, positions, 1_000).tolist()

    assert parted.index(min(parted)) == 5
    assert parted[5] == 0
    assert all(each > 500 for place, each in enumerate(parted) if place != 5)


def test_words_far_away_change_nothing() -> None:
    text = (GARDEN + HARBOUR) * 6
    positions = np.array([0, len(GARDEN), len(text)])
    more = "".join(f"Chapter{number} differs{number} again{number}. " for number in range(90))

    alone = cohesion(text + more, positions, 1_000)
    moved = cohesion(more + text + more, positions + len(more), 1_000)

    assert alone[1] == cohesion(text + more + GARDEN * 9, positions, 1_000)[1]
    assert moved[1] > 0


@pytest.mark.parametrize("text", ["a", "é", "12 . 34 ,", "日", "word", "\u3000" * 9, "no one is in it"])
def test_a_text_with_hardly_a_word_has_no_topic(text: str) -> None:
    assert cohesion(text, np.arange(len(text) + 1), 1_000).tolist() == [0] * (len(text) + 1)


@pytest.mark.parametrize("words", ["Grüße aus München, ", "Обновление сервера завершено. ", "🚀 launch 日本語 "])
def test_positions_are_characters_in_any_script(words: str) -> None:
    text = words * 9
    positions = np.arange(len(text) + 1)

    shifted = cohesion("ü " + text, positions + 2, 1_000)

    assert shifted.tolist() == cohesion("u " + text, positions + 2, 1_000).tolist()
    assert shifted.any()


def _on_topics() -> tuple[str, set[int]]:
    """Paragraphs, five on each topic, and where a topic begins."""
    chance = random.Random(5)
    paragraphs = []
    for _ in range(40):
        words = ["".join(chance.choices("bdfgklmnprst", k=6)) for _ in range(6)]
        paragraphs += [" ".join(chance.choices(words, k=7)).capitalize() + ".\n\n" for _ in range(5)]
    ends = list(accumulate(map(len, paragraphs)))
    return "".join(paragraphs), set(ends[4::5])


@pytest.mark.parametrize(("heading", "least", "most"), [("", 0.7, 1.0), ("# Title\n\n", 0.0, 0.5)])
def test_passages_of_a_text_without_headings_end_where_topics_do(heading: str, least: float, most: float) -> None:
    text, turns = _on_topics()

    chunks = chunk(heading + text, tokenizer=tokenizer("cl100k_base"), max_tokens=400, syntax=Syntax.MARKDOWN)

    ends = [end - len(heading) for end in accumulate(len(one.content) for one in chunks[:-1])]
    assert least <= sum(end in turns for end in ends) / len(ends) <= most
