"""How good what was retrieved is, counted in text: no two ways of cutting make the same passages.

White space counts nowhere: one way of cutting keeps it, another does not.
"""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy as np

TOKENS = 1_000
"""A budget: what is given to a model beside the question; five passages of 200 tokens."""
_RESAMPLES = 2_000


class Stretch(NamedTuple):
    """A part of a document, from `start` to before `end` in its characters that are no white space."""

    uri: str
    start: int
    end: int


class Passage(NamedTuple):
    """A passage as the stretch of its document that it is; `token_count`: of its content alone."""

    uri: str
    start: int
    end: int
    token_count: int


Answer: TypeAlias = "Sequence[Sequence[Stretch]]"
"""The excerpts that answer a question, each by the places where it stands: one of them is enough."""

Bring: TypeAlias = "Callable[[int], Sequence[Passage]]"
"""What a search for so many passages brings, in its order: neighbours as one, so that it may be fewer. More of them
never hold less."""


def scores(answer: Answer, ranked: Sequence[Passage], relevant: int, bring: Bring | None = None) -> dict[str, float]:
    """Each metric of one question, from 0 to 1: `ranked` are the passages found, the best first.

    `bring`: what searches for so many of them bring; None: the first so many, one by one. All is of what comes but for
    nDCG, which is of the ranking itself.

    Recall is the share of the answer that was brought, precision the share of what was brought that is answer, IoU what
    both have in common of what either has, "whole" whether all of the answer came. At 1,000 tokens (`@1k`) the last
    passage is cut where they are full. `relevant`: how many passages there are, found or not, that are (`is_relevant`):
    nDCG holds what was found against them; MRR is one over the rank of the first.
    """
    bring = bring or (lambda count: ranked[:count])
    found: dict[str, float] = {}
    for name, brought in (
        ("5", bring(5)),
        ("10", bring(10)),
        ("1k", _within(_filling(bring, max(1, len(ranked))), TOKENS)),
    ):
        found.update(_overlap(name, brought, answer))
    gained = sum(is_relevant(passage, answer) / log2(rank + 2) for rank, passage in enumerate(ranked[:10]))
    ideal = sum(1 / log2(rank + 2) for rank in range(min(10, relevant)))
    first = first_rank(answer, bring, len(ranked))
    return found | {"MRR": 1 / first if first else 0.0, "nDCG@10": gained / ideal if ideal else 0.0}


def is_relevant(passage: Passage, answer: Answer) -> bool:
    """Whether a passage has half of an excerpt, or is half of one."""
    for uri, start, end in (place for places in answer for place in places):
        common = min(end, passage.end) - max(start, passage.start)
        if uri == passage.uri and 2 * common >= min(end - start, passage.end - passage.start) > 0:
            return True
    return False


def first_rank(answer: Answer, bring: Bring, most: int) -> int | None:
    """The rank, from 1, of the first passage that is relevant, where no more are asked for; None: there is none."""
    came = (enumerate(bring(count), 1) for count in range(1, most + 1))
    return next((rank for ranked in came for rank, passage in ranked if is_relevant(passage, answer)), None)


def share(answer: Answer, brought: Sequence[Passage]) -> float:
    """The share of an answer that is in these passages, 0 to 1."""
    length = _length(answer)
    return _had(answer, brought) / length if length else 0.0


def interval(groups: Sequence[np.ndarray], level: float = 0.95) -> tuple[float, float]:
    """The bounds within which the mean of the groups' means lies in 95 of 100 draws of as many values from each.

    By bootstrap, seeded: the same values have the same interval. `level`: the share of the draws.
    """
    import numpy as np  # not where nothing is evaluated

    chance = np.random.default_rng(0)
    means = np.mean(
        [each[chance.integers(0, len(each), (_RESAMPLES, len(each)))].mean(axis=1) for each in groups], axis=0
    )
    outside = 50 * (1 - level)
    low, high = np.percentile(means, (outside, 100 - outside))
    return float(low), float(high)


def _filling(bring: Bring, most: int) -> Sequence[Passage]:
    """What the search for fewest passages brings that has the tokens of the budget, or else that for most."""
    for count in range(1, most):
        brought = bring(count)
        if sum(passage.token_count for passage in brought) >= TOKENS:
            return brought
    return bring(most)


def _within(ranked: Iterable[Passage], tokens: int) -> list[Passage]:
    """The first passages that have so many tokens in all, the last one cut."""
    kept: list[Passage] = []
    for passage in ranked:
        if passage.token_count >= tokens:
            end = passage.start + (passage.end - passage.start) * tokens // max(1, passage.token_count)
            return [*kept, passage._replace(end=end)]
        kept.append(passage)
        tokens -= passage.token_count
    return kept


def _overlap(name: str, brought: Sequence[Passage], answer: Answer) -> dict[str, float]:
    length, had = _length(answer), _had(answer, brought)
    total = sum(passage.end - passage.start for passage in brought)
    return {
        f"recall@{name}": had / length if length else 0.0,
        f"precision@{name}": had / max(1, total),
        f"IoU@{name}": had / max(1, total + length - had),
        f"whole@{name}": float(0 < length == had),
    }


def _length(answer: Answer) -> int:
    """The characters of an answer. The places of an excerpt are as long as one another."""
    return sum(places[0].end - places[0].start for places in answer)


def _had(answer: Answer, brought: Sequence[Passage]) -> int:
    """How many characters of an answer are in the passages: of each excerpt at the place where that is most."""
    return sum(max(_covered(place, brought) for place in places) for places in answer)


def _covered(place: Stretch, brought: Sequence[Passage]) -> int:
    parts = sorted(
        (max(place.start, passage.start), min(place.end, passage.end))
        for passage in brought
        if passage.uri == place.uri
    )
    covered, reached = 0, place.start
    for start, end in parts:
        if max(start, reached) < end:
            covered += end - max(start, reached)
            reached = end
    return covered
