"""Content breaks ties: a number for each cut, made from the characters around it and from nothing else."""

from __future__ import annotations

import numpy as np

# Enough characters to tell most cuts apart, few enough that an edit leaves most cuts alone.
_BEFORE, _AFTER = 8, 24
_FACTORS = np.array([pow(0x9E3779B1, power, 2**32) for power in range(_BEFORE + _AFTER)], np.uint32)
_AT_ONCE = 16_384  # positions hashed in one go: flat memory


def ties(text: str, positions: list[int], below: int) -> list[int]:
    """A number from 0 up to `below` for each position; small ones are rare, so that few cuts stand out."""
    characters = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    numbers: list[int] = []
    for first in range(0, len(positions), _AT_ONCE):
        around = np.asarray(positions[first : first + _AT_ONCE])[:, None] + np.arange(-_BEFORE, _AFTER)
        mixed = (characters.take(around, mode="clip") * _FACTORS).sum(axis=1, dtype=np.uint32)
        mixed ^= mixed >> 15
        mixed *= _FACTORS[1]
        numbers += (np.maximum(mixed & 0xFFFF, mixed >> 16) * below >> 16).tolist()
    return numbers
