from __future__ import annotations

import random
from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from ingest.chunker import cuts

if TYPE_CHECKING:
    from collections.abc import Iterator

steps = st.lists(st.tuples(st.integers(1, 90), st.integers(0, 4_000)), min_size=1, max_size=80)


def boundaries(steps: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
    """Token counts before each boundary, and what cuts cost, from the distances and the costs between them."""
    tokens, costs = [0], [0]
    for distance, cost in steps:
        tokens.append(tokens[-1] + distance)
        costs.append(cost)
    costs[-1] = 0
    return tokens, costs


def choose(tokens: list[int], costs: list[int], limit: int) -> list[int]:
    return cuts.choose(tokens, tokens, costs, [0] * len(tokens), limit)


@given(steps)
def test_the_last_boundary_ends_the_last_chunk_and_no_chunk_is_over_the_limit(
    steps: list[tuple[int, int]],
) -> None:
    tokens, costs = boundaries(steps)

    chosen = choose(tokens, costs, 100)

    assert chosen[-1] == len(tokens) - 1
    assert chosen == sorted(set(chosen))
    assert all(tokens[end] - tokens[start] < 100 for start, end in pairwise([0, *chosen]))


def test_the_cheapest_cut_in_reach_is_taken() -> None:
    tokens = list(range(0, 600, 60))
    costs = [0, 900, 900, 900, 900, 200, 900, 900, 900, 0]

    assert choose(tokens, costs, 512) == [5, 9]


def test_what_a_chunk_needs_besides_its_passage_is_kept_free() -> None:
    tokens = [0, 40, 80, 120]
    costs = [0, 100, 100, 0]

    assert cuts.choose(tokens, tokens, costs, [0, 0, 0, 0], 200) == [3]
    assert cuts.choose(tokens, tokens, costs, [90, 0, 0, 0], 200) == [1, 3]


def test_a_boundary_out_of_reach_is_passed_rather_than_lost() -> None:
    assert choose([0, 1_000, 1_050], [0, 100, 0], 512) == [1, 2]


def test_of_boundaries_too_close_the_dearer_is_left_out() -> None:
    tokens = [0, 100, 110, 120, 300, 400]
    costs = [0, 300, 200, 250, 100, 0]

    assert cuts.thin(tokens, costs, 512) == [0, 2, 4, 5]


def test_boundaries_that_are_just_far_enough_apart_are_kept() -> None:
    assert 600 * cuts.CLOSEST == 100
    assert cuts.thin([0, 100, 200, 400], [0, 500, 500, 0], 600) == [0, 1, 2, 3]


def test_an_edit_at_the_start_leaves_most_cuts_alone() -> None:
    chance = random.Random(7)
    moved = []
    for _ in range(100):
        tokens, costs = boundaries(
            [(chance.randint(85, 130), chance.choice([160, 520, 1_120]) + chance.randint(0, 1_000)) for _ in range(80)]
        )
        later = [0, *(count + 20 for count in tokens[1:])]
        moved.append(len(set(choose(later, costs, 512)) - set(choose(tokens, costs, 512))))

    assert sum(moved) / len(moved) < 0.5
    assert sorted(moved)[90] <= 2


def ways(tokens: list[int], limit: int) -> Iterator[list[int]]:
    """All ways from the first boundary to the last whose chunks are under the limit."""
    if len(tokens) == 1:
        yield []
    for end in range(1, len(tokens)):
        if tokens[end] - tokens[0] + 1 <= limit:
            yield from ([end, *(end + later for later in way)] for way in ways(tokens[end:], limit))


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 4_000)), min_size=1, max_size=9), st.integers(64, 200))
def test_no_other_way_is_cheaper_than_the_one_that_is_taken(steps: list[tuple[int, int]], limit: int) -> None:
    tokens, prices = boundaries(steps)

    def price(way: list[int]) -> int:
        sizes = [tokens[end] - tokens[start] + 1 for start, end in pairwise([0, *way])]
        small = [max(0.0, cuts.COMFORTABLE - size / limit) for size in sizes]
        return sum(round(cuts.TOO_SMALL * lack**2) for lack in small) + sum(prices[end] for end in way)

    assert price(choose(tokens, prices, limit)) == min(map(price, ways(tokens, limit)))


@given(steps, st.integers(32, 512))
def test_what_is_left_out_is_close_to_what_is_no_dearer_and_what_is_kept_is_far_apart(
    steps: list[tuple[int, int]], limit: int
) -> None:
    tokens, prices = boundaries(steps)
    kept = cuts.thin(tokens, prices, limit)
    radius = limit * cuts.CLOSEST

    inner = kept[1:-1]
    assert (kept[0], kept[-1]) == (0, len(tokens) - 1)
    assert all(tokens[after] - tokens[before] >= radius for before, after in pairwise([0, *inner]))
    # Not of what is kept alone: what was left out may have been so for one that was left out later.
    for index in set(range(1, len(tokens) - 1)) - set(inner):
        rivals = [0, *range(1, len(tokens) - 1)]
        assert any(
            abs(tokens[rival] - tokens[index]) < radius and (prices[rival] <= prices[index] or not rival)
            for rival in rivals
            if rival != index
        )
