from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ingest.engines import in_order
from ingest.engines.threads import Threads

if TYPE_CHECKING:
    from collections.abc import Iterator


def begun_before_the_first_result_is_taken(size: int) -> int:
    """How many of a thousand documents of that size the threads of this process are given by then."""
    taken: list[int] = []

    def work() -> Iterator[tuple[int, int]]:
        for number in range(1000):
            taken.append(number)
            yield size, number

    with Threads() as engine:
        next(in_order(engine, abs, work()))
    return len(taken) - 1  # the last one waits until there is room


@pytest.mark.parametrize(
    ("size", "count"),
    [
        (10_000, 256),  # small ones, as long as a group is written
        (1_000_000, 8),  # 8 MB
        (50_000_000, 1),  # alone
        (0, 16),  # of untold size
    ],
)
def test_so_many_documents_are_begun_ahead_as_memory_bears(size: int, count: int) -> None:
    assert begun_before_the_first_result_is_taken(size) == count


def test_results_come_in_the_order_of_the_arguments() -> None:
    with Threads() as engine:
        results = list(in_order(engine, abs, ((1, -number) for number in range(1000))))

    assert results == [(-number, number) for number in range(1000)]
