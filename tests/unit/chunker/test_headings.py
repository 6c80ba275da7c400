from __future__ import annotations

from ingest.chunker import chunk
from ingest.chunker.headings import contexts
from ingest.chunker.outline import Heading
from ingest.chunker.tokens import tokenizer
from ingest.model import Chunk, Syntax

CL100K = tokenizer("cl100k_base")
PARAGRAPH = "Several words follow one another here, to fill the space that is left in a chunk. " * 5 + "\n\n"


def chunks_of(text: str, *, limit: int = 128, embed_headings: bool = True) -> list[Chunk]:
    return chunk(text, tokenizer=CL100K, max_tokens=limit, syntax=Syntax.MARKDOWN, embed_headings=embed_headings)


def test_a_chunk_carries_the_headings_above_it_outermost_first() -> None:
    chunks = chunks_of(f"# Guide\n\n## Setup ##\n\n{PARAGRAPH}{PARAGRAPH}## Use\n\n{PARAGRAPH}{PARAGRAPH}")

    assert [one.headings for one in chunks] == [(), ("Guide", "Setup"), ("Guide",), ("Guide", "Use")]
    assert chunks[1].embedded_text == "Guide > Setup\n\n" + PARAGRAPH.strip()


def test_a_heading_that_a_chunk_begins_with_is_not_repeated_before_it() -> None:
    chunks = chunks_of(f"# Guide\n\n{PARAGRAPH}## Use\n\n{PARAGRAPH}")

    assert chunks[1].content.startswith("## Use")
    assert chunks[1].embedded_text.startswith("Guide\n\n## Use\n\n")


def test_a_heading_of_the_same_or_a_lesser_depth_takes_the_place_of_those_before_it() -> None:
    chunks = chunks_of(f"# A\n\n### Deep\n\n{PARAGRAPH}## B\n\n{PARAGRAPH}{PARAGRAPH}# C\n\n{PARAGRAPH}{PARAGRAPH}")

    assert [one.headings for one in chunks] == [(), ("A",), ("A", "B"), (), ("C",)]


def test_headings_can_be_left_out_of_the_embedded_text_and_are_kept_beside_it() -> None:
    chunks = chunks_of(f"# Guide\n\n{PARAGRAPH}{PARAGRAPH}", embed_headings=False)

    assert [one.headings for one in chunks] == [(), ("Guide",)]
    assert [one.embedded_text for one in chunks] == [one.content.strip() for one in chunks]


def test_the_outermost_headings_go_first_where_all_take_more_than_a_quarter() -> None:
    long = "A heading of a good many words that says more than it should " * 2
    chunks = chunks_of(f"# {long}\n\n## Short\n\n{PARAGRAPH}{PARAGRAPH}", limit=110)

    assert chunks[-1].headings == (long.strip(), "Short")
    assert chunks[-1].context_headings == 1
    assert chunks[-1].embedded_text.startswith("Short\n\n")


def test_a_heading_is_not_parted_from_its_text() -> None:
    text = "".join(f"## Part {n}\n\n{PARAGRAPH}" for n in range(30))

    chunks = chunks_of(text, limit=256)

    assert all(one.content.startswith("## Part") for one in chunks)


def test_the_marks_that_a_model_puts_around_its_input_are_no_part_of_the_headings() -> None:
    minilm = tokenizer("minilm")
    headings = [Heading(0, 1, "One two three four")]
    tokens = minilm.count("One two three four\n\n") - 2  # without [CLS] and [SEP]

    fitting, too_long = (contexts(headings, [0, 9], minilm, most)[1] for most in (tokens, tokens - 1))

    assert (fitting.embedded, fitting.tokens) == (1, tokens)
    assert (too_long.embedded, too_long.tokens) == (0, 0)
