"""Where the overlap of a passage with the text before it begins."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING

from ingest.chunker import finer

if TYPE_CHECKING:
    import numpy as np

    from ingest.chunker.boundaries import Boundaries

_SPACE = re.compile(r"\s*")


def overlap_start(text: str, at: Boundaries, boundary: int, token_ends: np.ndarray, overlap: int) -> int:
    """The first sentence or line, else word, else grapheme, in the last `overlap` tokens before a boundary.

    Where there is none, and without overlap, it is the boundary's own position.
    """
    start = at.positions[boundary]
    if not overlap or not boundary:
        return start
    tokens = at.ends_before[boundary]
    if tokens <= overlap:
        return 0
    earliest = int(token_ends[tokens - overlap])
    # Graphemes can be told from a boundary on, not from any position.
    begin = at.positions[bisect_right(at.positions, earliest) - 1]
    for find in (at.find_sentences, finer.words, finer.graphemes):
        for position in find(text, begin, start)[0]:
            if position >= earliest:
                space = _SPACE.match(text, position, start)
                return space.end() if space else position
    return start
