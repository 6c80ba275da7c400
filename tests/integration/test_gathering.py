"""What comes back of the passages found: neighbours as one, each text once, so many a document, with their context."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from ingest import AsyncSearcher, Searcher, UsageError
from ingest.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from workshop import Outcome, Workshop

    from ingest.corpus import Passage

# A passage each, by the limit of 32 tokens.
PART = (
    "What is said of {0} in part {1}, and more than twenty words, which fill a passage of its own, "
    "so that it stands alone"
)
SMALL: dict[str, Any] = {"chunk_tokens": 32, "mode": "sync"}


def book(subjects: str) -> str:
    """A section for each letter, of three passages; the second tells of what the letter stands for."""
    parts = ("nothing", "{0}{0}{0}{0}{0}{0}", "little")
    return "# Book\n\n" + "\n\n".join(
        f"## Section {letter}\n\n"
        + "\n\n".join(f"{PART.format(part.format(letter), number)}." for number, part in enumerate(parts, 1))
        for letter in subjects
    )


def filled(workshop: Workshop, **flags: object) -> Workshop:
    with workshop.pipeline(**SMALL | flags) as pipeline:
        pipeline.run([str(workshop.folder)])
    return workshop


def found(workshop: Workshop, text: str, limit: int = 5, **asked: Any) -> list[Passage]:
    """What a pipeline, a searcher, and one for an event loop find: the same."""
    given = {name: value for name, value in workshop.flags.items() if name != "dimensions"}
    settings = load_settings(given)
    with workshop.pipeline() as pipeline:
        first = pipeline.search(text, limit, mode="words", **asked)
    with Searcher(settings) as searcher:
        assert searcher.search(text, limit, mode="words", **asked) == first

    async def ask() -> list[Passage]:
        async with AsyncSearcher(settings) as other:
            return await other.search(text, limit, mode="words", **asked)

    assert asyncio.run(ask()) == first
    return first


@pytest.mark.parametrize("overlap", [0, 8])
def test_neighbours_that_are_found_come_as_one_passage(workshop: Workshop, overlap: int) -> None:
    text = "\n\n".join(
        f"{PART.format(subject, number)}."
        for number, subject in enumerate(("ants", "bees", "bees cats", "dogs", "bees"))
    )
    workshop.write("a.txt", text)
    filled(workshop, overlap=overlap)
    ids = dict(workshop.query("SELECT ordinal, id FROM chunks"))

    passages = found(workshop, "bees cats")

    one, other = passages
    assert one.content in text
    assert PART.format("bees", 1) in one.content
    assert PART.format("bees cats", 2) in one.content
    assert "dogs" not in one.content
    assert one.ids == tuple(ids[one.ordinal + place] for place in range(len(one.ids)))
    assert one.id in one.ids
    assert len(other.ids) >= 1
    assert one.score > other.score


def test_the_same_text_comes_once_and_tells_where_else_it_stands(workshop: Workshop) -> None:
    for name in ("a", "b", "c"):
        workshop.write(f"{name}.txt", "All that is to be said about bees.\n")
    workshop.write("d.txt", "Something else about bees, too.")
    filled(workshop)

    same, other = sorted(found(workshop, "bees", 2), key=lambda passage: passage.uri)

    assert [uri[-5:] for uri in (same.uri, *same.also_in)] == ["a.txt", "b.txt", "c.txt"]
    assert other.uri.endswith("d.txt")
    assert other.also_in == ()


def test_of_a_document_come_no_more_than_asked_for_however_many_are_better(workshop: Workshop) -> None:
    between = PART.format("nothing", 0) + "."
    workshop.write("big.txt", "\n\n".join(f"{PART.format(f'bees bees {n}', n)}.\n\n{between}" for n in range(40)))
    workshop.write(
        "small.txt", "Bees, in the end of a text that says so many other things that it is worth little. " * 2
    )
    filled(workshop)

    passages = found(workshop, "bees", 5, per_document=2)

    assert [passage.uri.rpartition("/")[2] for passage in passages] == ["big.txt", "big.txt", "small.txt"]


@pytest.mark.parametrize("overlap", [0, 8])
def test_a_passage_comes_with_what_stands_around_it(workshop: Workshop, overlap: int) -> None:
    text = book("abc")
    workshop.write("book.md", text)
    filled(workshop, overlap=overlap)

    (alone,) = found(workshop, "bbbbbb")
    (around,) = found(workshop, "bbbbbb", context=1)
    (section,) = found(workshop, "bbbbbb", context="section")

    assert alone.content in around.content
    assert around.content in text
    assert len(around.ids) == 3
    assert around.id == alone.id == around.ids[1]
    assert section.content.strip() in text
    assert section.content.strip().endswith(PART.format("little", 3) + ".")
    if not overlap:  # what is repeated of the section before stands above the heading
        assert section.content.startswith("## Section b\n")
    assert "Section c" not in section.content


def test_hits_whose_surroundings_meet_come_as_one(workshop: Workshop) -> None:
    workshop.write(
        "a.txt",
        "\n\n".join(
            f"{PART.format(subject, number)}." for number, subject in enumerate(("bees", "x", "y", "bees", "z"))
        ),
    )
    filled(workshop)

    assert len(found(workshop, "bees")) == 2
    (one,) = found(workshop, "bees", context=1)
    assert len(one.ids) == 5


@pytest.mark.parametrize(
    "asked",
    [{"limit": 0}, {"limit": -1}, {"context": -1}, {"context": 51}, {"context": "chapter"}, {"per_document": 0}],
)
def test_what_no_search_can_bring_is_refused_in_a_line(workshop: Workshop, asked: dict[str, Any]) -> None:
    workshop.write("a.txt", "Bees.")
    filled(workshop)

    with workshop.pipeline() as pipeline, pytest.raises(UsageError) as refused:
        pipeline.search("bees", **asked)

    assert "\n" not in str(refused.value)


def test_the_command_line_shows_a_section_whole(workshop: Workshop, ingest: Callable[..., Outcome]) -> None:
    workshop.write("book.md", book("abc"))
    filled(workshop)
    environment = {
        "DATABASE_URL": workshop.database_url,
        "OPENAI_BASE_URL": workshop.emulator.base_url,
        "OPENAI_API_KEY": workshop.emulator.api_key,
    }

    section = ingest("search", "bbbbbb", "--words", "--context", "section", environment=environment)
    told = ingest("search", "bbbbbb", "--words", "--json", "--context", "1", environment=environment)
    wrong = ingest("search", "bbbbbb", "--context", "chapter", environment=environment)
    endless = ingest("search", "bbbbbb", "--context", "9" * 5000, environment=environment)

    assert "   ## Section b\n" in section.out
    assert PART.format("little", 3) in section.out
    (passage,) = told.json["passages"]
    assert passage["id"] in passage["ids"]
    assert len(passage["ids"]) == 3
    assert wrong.status == endless.status == 2
    assert "0 to 50, or section" in wrong.err
    assert "0 to 50, or section" in endless.err


def test_a_text_that_was_replaced_is_found_until_the_new_one_has_its_vector_and_says_so(workshop: Workshop) -> None:
    workshop.write("a.txt", "All that is to be said about bees.")
    filled(workshop)
    (before,) = found(workshop, "bees")
    workshop.write("a.txt", "Wasps are something else.")
    with workshop.pipeline(**SMALL) as pipeline:
        pipeline.sync([str(workshop.folder)])

    (meanwhile,) = found(workshop, "bees", context=1)

    assert before.is_current
    assert not meanwhile.is_current
    assert meanwhile.content == before.content


def test_hits_of_one_section_come_as_that_section_once(workshop: Workshop) -> None:
    workshop.write("book.md", book("a"))
    filled(workshop)

    assert len(found(workshop, "nothing little")) == 2
    (section,) = found(workshop, "nothing little", context="section")
    assert section.content.count("in part") == 3
