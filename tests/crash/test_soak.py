"""Kills at random moments. By hand and for longer: `python -m tests.soak --kills 2000 --seed 1`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest
from soaking import soak

if TYPE_CHECKING:
    from workshop import Workshop


@pytest.mark.timeout(600)
def test_eighty_kills_cost_nothing(workshop: Workshop) -> None:
    figures = soak(workshop, kills=80, seed=20)

    assert figures.promises_kept, asdict(figures)
    assert figures.kills >= 80
