"""What comes back of a ranking: how much of it is looked at, and what comes as one."""

from __future__ import annotations

import pytest

from ingest.corpus.gathering import Wanted, gather
from ingest.corpus.search import Passage
from ingest.corpus.surroundings import Piece


def hit(place: int, uri: str = "a", text: str = "", **known: object) -> Passage:
    """A passage at a place of a document; the earlier it is made, the better, by its order alone."""
    return Passage(1.0, uri, "", (), place, text or f"{uri} {place}. ", id=100 * ord(uri) + place, **known)  # type: ignore[arg-type]


def gathered(ranking: list[Passage], wanted: Wanted) -> tuple[list[str], list[int]]:
    """The texts that come back, and how much of the ranking was asked for, time after time."""
    asked = []

    def find(count: int) -> list[Passage]:
        asked.append(count)
        return ranking[:count]

    return [passage.content for passage in gather(find, lambda *_: {}, wanted, 0)], asked


def test_a_hit_between_two_others_makes_them_one() -> None:
    texts, _ = gathered([hit(3), hit(9), hit(5), hit(4)], Wanted(4))

    assert texts == ["a 3. a 4. a 5. ", "a 9. "]


def test_what_comes_has_never_more_passages_than_are_wanted() -> None:
    texts, _ = gathered([hit(place) for place in (5, 6, 4, 7, 3, 8)], Wanted(3))

    assert texts == ["a 4. a 5. a 6. "]


def test_neighbours_in_another_document_are_none() -> None:
    texts, _ = gathered([hit(3), hit(4, "b")], Wanted(2))

    assert texts == ["a 3. ", "b 4. "]


def test_a_text_that_was_replaced_does_not_stand_beside_what_replaced_others() -> None:
    texts, _ = gathered([hit(3), hit(4, is_current=False), hit(2)], Wanted(3))

    assert texts == ["a 2. a 3. ", "a 4. "]


def test_the_same_words_under_another_heading_are_another_text() -> None:
    one, other = hit(3, text="Returns nothing."), hit(3, "b", "Returns nothing.")
    copy = hit(3, "c", "Returns nothing.\n\n")
    below = Passage(1.0, "d", "", ("write",), 3, "Returns nothing.", id=7)

    texts = [
        (each.uri, each.also_in) for each in gather(lambda _: [one, other, copy, below], lambda *_: {}, Wanted(), 0)
    ]

    assert texts == [("a", ("b", "c")), ("d", ())]


def test_a_text_that_stands_twice_in_its_document_names_the_others_alone() -> None:
    ranking = [hit(3, text="The same."), hit(9, text="The same."), hit(3, "b", "The same.")]

    (found,) = gather(lambda _: ranking, lambda *_: {}, Wanted(), 0)

    assert (found.uri, found.also_in) == ("a", ("b",))


def test_a_section_that_meets_those_of_two_others_makes_them_one() -> None:
    headings = [(), *[("One",)] * 2, *[("One", "Two")] * 3, *[("One", "Three")] * 2]
    pieces = [
        Piece(place, place, trail, f"{place}. " if place else "# One\n", "", None, None, None, None)
        for place, trail in enumerate(headings)
    ]
    ranking = [Passage(1.0, "a.md", "", headings[place], place, pieces[place].content, id=place) for place in (1, 7, 4)]

    found = gather(lambda _: ranking, lambda ids, *_: dict.fromkeys(ids, pieces), Wanted(3, "section"), 0)

    assert [passage.ids for passage in found] == [tuple(range(8))]


@pytest.mark.parametrize(
    ("same", "times"), [(0, [20]), (16, [20]), (17, [20, 80]), (300, [20, 80, 320]), (5000, [20, 80, 320, 1000])]
)
def test_more_is_looked_at_only_where_too_few_differ(same: int, times: list[int]) -> None:
    copies = [hit(7, text="The same.") for _ in range(same)]

    texts, asked = gathered([*copies, *(hit(2 * place, "b") for place in range(2000))], Wanted(5))

    assert asked == times
    assert len(texts) == (1 if same == 5000 else 5)


def test_one_document_leaves_room_for_others() -> None:
    texts, asked = gathered([*(hit(2 * place) for place in range(100)), hit(1, "b")], Wanted(5, per_document=2))

    assert texts == ["a 0. ", "a 2. ", "b 1. "]
    assert asked == [20, 80, 320]


def test_what_was_changed_between_the_two_looks_comes_as_it_was_found() -> None:
    best = hit(3)
    around = {
        best.id: [
            Piece(1, 2, (), "other 2. ", "", None, None, None, None),
            Piece(best.id, 3, (), "other 3. ", "", None, None, None, None),
        ]
    }

    (found,) = gather(lambda _: [best], lambda *_: around, Wanted(context=1), 0)

    assert (found.content, found.ids) == (best.content, (best.id,))
