"""How much of an index build is done, by the rows that are in it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ingest.database.vector_column import IndexPlan

PLAN = IndexPlan("hnsw", "cosine", None, m=16, ef_construction=64, lists=None, memory_mb=1024, workers=2)


# Measured on 50,000 random vectors of 1,536 dimensions: this share of them was in after that share of the time.
@pytest.mark.parametrize(("share", "time"), [(0.1, 0.039), (0.2, 0.129), (0.3, 0.224), (0.5, 0.406), (0.9, 0.884)])
def test_the_time_that_a_build_still_takes_is_foretold(share: float, time: float) -> None:
    assert PLAN.work(round(50_000 * share)) / PLAN.work(50_000) == pytest.approx(time, rel=0.1)


def test_a_build_by_lists_goes_on_as_it_began() -> None:
    plan = replace(PLAN, method="ivfflat")

    assert plan.work(1000) / plan.work(10_000) == pytest.approx(0.1)


def test_more_rows_are_more_work_and_none_are_none() -> None:
    works = [PLAN.work(rows) for rows in (0, 1, 10, 1000, 10**6, 10**9)]

    assert works[0] == 0
    assert works == sorted(set(works))
