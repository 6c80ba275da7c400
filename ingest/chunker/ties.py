"""Content breaks ties: a number for each cut, made from the characters around it and from nothing else."""

from __future__ import annotations

import numpy as np

# Enough characters to tell most cuts apart, few enough that an edit leaves most cuts alone.
_BEFORE, _AFTER = 8, 24
_FACTORS = np.array([pow(0x9E3779B1, power, 2**32) for power in range(_BEFORE + _AFTER)], np.uint32)
_AT_ONCE = 4096  # positions hashed in one go: flat memory, and near the processor


def ties(text: str, positions: np.ndarray, below: int) -> np.ndarray:
    """A number from 0 up to `below` for each position; small ones are rare, so that few cuts stand out. (n,) int64."""
    characters = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    numbers = np.empty(len(positions), np.int64)
    for first in range(0, len(positions), _AT_ONCE):
        around = positions[first : first + _AT_ONCE, None] + np.arange(-_BEFORE, _AFTER)
        mixed = (characters.take(around, mode="clip") * _FACTORS).sum(axis=1, dtype=np.uint32)
        mixed ^= mixed >> 15
        mixed *= _FACTORS[1]
        numbers[first : first + _AT_ONCE] = np.maximum(mixed & 0xFFFF, mixed >> 16) * below >> 16
    return numbers
