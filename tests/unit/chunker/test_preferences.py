"""Where cuts fall, in texts that leave a choice."""

from __future__ import annotations

import random

import pytest

from ingest.chunker import chunk
from ingest.chunker.tokens import tokenizer
from ingest.model import Syntax

CL100K = tokenizer("cl100k_base")
_chance = random.Random(11)
_NOUNS = "river table engine letter garden window market signal forest harbour".split()
_VERBS = "follows moves answers keeps carries opens finds leaves holds shows".split()


def sentence() -> str:
    words = [_chance.choice(_NOUNS), _chance.choice(_VERBS), "the", _chance.choice(_NOUNS), "of", "the"]
    return f"The {' '.join(words)} {_chance.choice(_NOUNS)} number {_chance.randint(1, 999)}. "


def paragraph(sentences: int) -> str:
    return "".join(sentence() for _ in range(sentences)).strip() + "\n\n"


def beginnings(text: str, syntax: Syntax = Syntax.TEXT) -> list[str]:
    """The contents after the first: each begins where a cut was made."""
    chunks = chunk(text, tokenizer=CL100K, max_tokens=200, syntax=syntax)
    assert len(chunks) > 3
    return [one.content for one in chunks[1:]]


def test_paragraphs_are_kept_whole() -> None:
    paragraphs = [paragraph(_chance.randint(3, 6)) for _ in range(40)]

    assert all(content.startswith(tuple(paragraphs)) for content in beginnings("".join(paragraphs)))


def test_cuts_prefer_headings_to_paragraphs() -> None:
    text = "".join(f"## Section {n}\n\n{paragraph(2)}{paragraph(2)}" for n in range(60))

    contents = beginnings(text, Syntax.MARKDOWN)

    assert sum(content.startswith("## Section") for content in contents) > 0.7 * len(contents)


def test_list_items_are_kept_whole() -> None:
    text = "".join(f"- {sentence()}{sentence()}\n" for _ in range(60))

    assert all(content.startswith("- ") for content in beginnings(text, Syntax.MARKDOWN))


def test_table_rows_are_kept_whole() -> None:
    text = "| a | b |\n|---|---|\n" + "".join(f"| {sentence()} | {sentence()} |\n" for _ in range(60))

    assert all(content.startswith("| The") for content in beginnings(text, Syntax.MARKDOWN))


def test_a_short_code_block_is_kept_whole() -> None:
    block = "```python\n" + "".join(f"value_{n} = compute({n})\n\n" for n in range(6)) + "```\n\n"
    text = "".join(paragraph(5) + block for _ in range(12))

    contents = beginnings(text, Syntax.MARKDOWN)

    assert all(content.count("```") % 2 == 0 for content in contents)


def test_a_long_code_block_is_cut_between_lines() -> None:
    text = "```python\n" + "".join(f"value_{n} = compute({n}). But(no=sentence)\n" for n in range(100)) + "```\n"

    assert all(content.startswith("value_") for content in beginnings(text, Syntax.MARKDOWN))


def test_definitions_are_kept_whole_in_code() -> None:
    text = "".join(
        f"def function_{n}(value):\n    first = value + {n}\n\n    return first * value\n\n\n" for n in range(60)
    )

    assert all(content.startswith("def ") for content in beginnings(text, Syntax.CODE))


def test_a_paragraph_over_the_limit_is_cut_between_sentences() -> None:
    text = "".join(sentence() for _ in range(80))

    assert all(content.startswith("The ") for content in beginnings(text))


@pytest.mark.parametrize("mark", ["。", "！", "？」"])
def test_chinese_and_japanese_are_cut_between_sentences(mark: str) -> None:
    text = "".join(f"第{_chance.randint(1, 999)}章では、文字列の扱いについて詳しく説明します{mark}" for _ in range(60))

    assert all(content.startswith("第") for content in beginnings(text))


@pytest.mark.parametrize(("opening", "mark"), [("यह", "। "), ("هل", "؟ "), ("Is", "?!\u201d ")])
def test_sentences_end_with_the_marks_of_other_scripts_too(opening: str, mark: str) -> None:
    text = "".join(
        f"{opening} {_chance.randint(1, 999)} word and word {_chance.randint(1, 999)}{mark}" for _ in range(90)
    )

    assert all(content.startswith(opening) for content in beginnings(text))


def test_initials_titles_and_numbers_end_no_sentence() -> None:
    text = "".join(
        f"{sentence()[:-2]}, as Mr. Smith and J. R. Jones of the U.S. Army said in vs. 3.14. " for _ in range(40)
    )

    assert all(content.startswith("The ") for content in beginnings(text))


def test_sentences_without_capitals_are_cut_between_sentences() -> None:
    text = "".join(f"so {sentence().lower()}" for _ in range(80))

    assert all(content.startswith("so the ") for content in beginnings(text))


def test_a_blank_before_each_mark_leaves_sentences_whole() -> None:
    text = "".join(f"so {sentence().lower()[:-2]} , said mr . smith of the u . s . army . " for _ in range(80))

    assert all(content.startswith("so the ") for content in beginnings(text))


def test_a_small_letter_begins_no_sentence_where_capitals_do() -> None:
    text = "".join(f"{sentence()[:-2]}, e.g. one, or the prod. name that nobody reads. " for _ in range(60))

    assert all(content.startswith("The ") for content in beginnings(text))


def test_paragraphs_in_a_line_each_are_kept_whole() -> None:
    paragraphs = [paragraph(_chance.randint(3, 8)).strip() + "\n" for _ in range(60)]

    assert all(content.startswith(tuple(paragraphs)) for content in beginnings("".join(paragraphs)))


def test_messages_of_a_line_each_are_kept_whole() -> None:
    text = "".join(
        f"<ada> {sentence()[: _chance.randint(20, 50)]}\n<ben> {sentence()}{sentence()}\n" for _ in range(80)
    )

    contents = beginnings(text)

    assert sum(content.startswith(("<ada>", "<ben>")) for content in contents) > 0.7 * len(contents)


def test_a_title_directly_above_whole_lines_keeps_the_first_of_them() -> None:
    lines = [paragraph(6).strip() + "\n" for _ in range(3)]
    text = "".join(f"## Section {n}\n{''.join(lines)}" for n in range(30))

    contents = beginnings(text, Syntax.MARKDOWN)

    assert any(content.startswith("## Section") for content in contents)
    assert not any(content.rstrip().endswith(tuple("0123456789")) for content in contents)


def test_a_sentence_over_the_limit_is_cut_between_words() -> None:
    text = " ".join(_chance.choice(_NOUNS) for _ in range(1_500))

    assert all(content.split()[0] in _NOUNS for content in beginnings(text))


def test_a_word_over_the_limit_is_cut_between_graphemes() -> None:
    text = "e\u0301👩🏽‍🚀🇯🇵" * 200

    assert all(content.startswith(("e\u0301", "👩🏽‍🚀", "🇯🇵")) for content in beginnings(text))


def test_chunks_are_filled() -> None:
    text = "".join(paragraph(_chance.randint(2, 8)) for _ in range(200))

    chunks = chunk(text, tokenizer=CL100K, max_tokens=512)

    assert sum(one.token_count for one in chunks) / len(chunks) > 375


def test_an_edit_near_the_top_leaves_most_chunks_as_they_were() -> None:
    again = []
    for _ in range(40):
        paragraphs = [paragraph(_chance.randint(2, 8)) for _ in range(60)]
        before = chunk("".join(paragraphs), tokenizer=CL100K, max_tokens=512)
        paragraphs[1] = sentence() + paragraphs[1]
        after = chunk("".join(paragraphs), tokenizer=CL100K, max_tokens=512)
        again.append(len({one.text_hash for one in after} - {one.text_hash for one in before}))

    assert sum(again) / len(again) <= 1.3
