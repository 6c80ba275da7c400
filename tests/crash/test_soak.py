"""Kills at random moments. By hand and for longer: `python -m tests.soak --kills 2000 --seed 1`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from soaking import soak

if TYPE_CHECKING:
    from workshop import Workshop


@pytest.mark.timeout(600)
def test_two_hundred_kills_cost_nothing(workshop: Workshop) -> None:
    figures = soak(workshop, kills=200, seed=20, seconds=420)

    assert figures.promises_kept, figures
    assert figures.kills >= 50  # a slow machine may run out of time before two hundred
