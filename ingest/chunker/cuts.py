"""Which cuts are taken: the cheapest way through all boundaries, so that an edit moves few of them.

The cost of a way is the sum over its chunks of what the size costs and what the cut costs. It does not depend on
where in the text a chunk stands, and the best way from a boundary to the end depends on nothing before it. So an
edit changes the ways near it, and they soon meet the old way again: how soon was measured (`benchmarks/edits.py`).
All costs are integers: sums compare the same wherever they begin.
"""

from __future__ import annotations

from functools import lru_cache

# Cuts cost, so the cheapest way has few, and chunks come out large. One below the comfortable share of the limit
# costs more, by the square of what it lacks.
COMFORTABLE = 0.45
TOO_SMALL = 955

# The closest that two boundaries may be, as a share of the limit. Leaving all but the best of their surroundings
# out makes the choice quick, and steadier under edits: measured from a twelfth to a fifth.
CLOSEST = 1 / 6

_IMPOSSIBLE = 1 << 40


def thin(tokens: list[int], costs: list[int], limit: int) -> list[int]:
    """The boundaries to choose from, by index: of two too close to each other, the dearer is left out."""
    radius = limit * CLOSEST
    kept = [0]
    rival = 0
    for index in range(1, len(tokens) - 1):
        nearest, cost = tokens[index] - radius, costs[index]
        while tokens[rival] > nearest:
            if costs[rival] <= cost or not rival:
                break
            kept.pop()
            rival = kept[-1]
        else:
            kept.append(index)
            rival = index
    kept.append(len(tokens) - 1)
    return kept


def choose(
    ends_before: list[int], ends_upto: list[int], costs: list[int], reserved: list[int], limit: int
) -> list[int]:
    """The boundaries where chunks end, by index, the last one included.

    Args:
        ends_before: for each boundary, how many tokens end before it.
        ends_upto: for each boundary, how many tokens end before or at it.
        costs: what a cut at each boundary costs.
        reserved: the tokens that a chunk beginning at each boundary needs besides its passage.
        limit: the most tokens of a chunk; where not even the next boundary is in reach, it is passed.
    """
    last = len(costs) - 1
    size_costs = _size_costs(limit)
    cheapest = [0] * (last + 1)
    next_cut = [last] * (last + 1)
    for start in range(last - 1, -1, -1):
        # A token that a cut goes through counts on both sides.
        base = ends_upto[start] - 1 - reserved[start]
        least = _IMPOSSIBLE
        best = start + 1
        for end in range(start + 1, last + 1):
            size = ends_before[end] - base
            if size > limit:
                break
            cost = cheapest[end] + size_costs[size]
            if cost <= least:
                least = cost
                best = end
        if least == _IMPOSSIBLE:
            least = cheapest[best] + size_costs[limit]
        cheapest[start] = least + costs[start]
        next_cut[start] = best
    cuts = []
    at = 0
    while at < last:
        at = next_cut[at]
        cuts.append(at)
    return cuts


@lru_cache(maxsize=16)
def _size_costs(limit: int) -> list[int]:
    """What a chunk of each size costs, from none to `limit` tokens."""
    return [round(TOO_SMALL * max(0.0, COMFORTABLE - size / limit) ** 2) for size in range(limit + 1)]
