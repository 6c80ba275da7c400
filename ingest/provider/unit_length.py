"""Vectors of unit length, whatever length a model gives them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence


def of_unit_length(numbers: Sequence[float | None]) -> np.ndarray:
    """A vector, its length 1. (d,) float32."""
    with np.errstate(over="ignore", invalid="ignore"):  # what is no number is refused where it is loaded
        values = np.asarray(numbers, dtype=np.float64)
        length = np.sqrt(values @ values)
        return (values / length if 0 < length < np.inf else values).astype("<f4")
