"""How good what was retrieved is, counted in text: no two splitters make the same passages.

White space counts nowhere: one splitter keeps it, another does not.
"""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from benchmarks.questions import Question
    from ingest.model import Document

TOKENS = 1_000  # the budget: what is given to a model beside the question; five passages of 200 tokens
_RESAMPLES = 2_000


class Passage(NamedTuple):
    """A stretch of a document, from `start` to before `end` in its characters that are no white space."""

    uri: str
    start: int
    end: int
    token_count: int


class Solid:
    """Texts without their white space, and where their characters then stand."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self._texts: dict[str, str] = {}
        self._positions: dict[str, np.ndarray] = {}
        for document in documents:
            solid = np.fromiter((not character.isspace() for character in document.text), bool, len(document.text))
            self._texts[document.uri] = "".join(document.text.split())
            self._positions[document.uri] = np.concatenate(([0], np.cumsum(solid)))

    def stretch(self, uri: str, start: int, end: int) -> tuple[int, int]:
        """Where a stretch of the text, as code-point offsets, stands without its white space."""
        positions = self._positions[uri]
        return int(positions[start]), int(positions[end])

    def passages(self, uri: str, contents: Sequence[str], token_counts: Sequence[int]) -> list[Passage]:
        """Where the contents stand, which follow one another in the text and may overlap.

        Raises:
            ValueError: one does not stand there, as its splitter changed it.
        """
        found = []
        begin = 0
        for content, token_count in zip(contents, token_counts, strict=True):
            words = "".join(content.split())
            start = self._texts[uri].find(words, begin)
            if start < 0:
                raise ValueError(f"{uri} has no passage {content[:80]!r}")
            found.append(Passage(uri, start, start + len(words), token_count))
            begin = start + 1
        return found


def scores(
    question: Question, ranked: Sequence[Passage], passages: Sequence[Passage], solid: Solid
) -> dict[str, float]:
    """Each metric of one question, from 0 to 1: `ranked` are the passages found, the best first, of all `passages`.

    Recall is the share of the answer that was brought, precision the share of what was brought that is answer, IoU what
    both have in common of what either has, "whole" whether all of the answer came. At 1,000 tokens the last passage is
    cut where they are full. Relevant, for MRR and nDCG, is a passage that has half of an answer or is half of one.
    """
    excerpts = [(question.uri, *solid.stretch(question.uri, *excerpt)) for excerpt in question.excerpts]
    found: dict[str, float] = {}
    for name, brought in (("5", ranked[:5]), ("10", ranked[:10]), ("1k", _within(ranked, TOKENS))):
        found.update(_overlap(name, brought, excerpts))
    gains = [_is_relevant(passage, excerpts) for passage in ranked[:10]]
    at_most = min(10, sum(_is_relevant(passage, excerpts) for passage in passages if passage.uri == question.uri))
    ideal = sum(1 / log2(rank + 2) for rank in range(at_most))
    gained = sum(gain / log2(rank + 2) for rank, gain in enumerate(gains))
    first = next((rank for rank, passage in enumerate(ranked) if _is_relevant(passage, excerpts)), None)
    return found | {"MRR": 0.0 if first is None else 1 / (first + 1), "nDCG@10": gained / ideal if ideal else 0.0}


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


def _overlap(name: str, brought: Iterable[Passage], excerpts: Sequence[tuple[str, int, int]]) -> Mapping[str, float]:
    answer = {(uri, position) for uri, start, end in excerpts for position in range(start, end)}
    had: set[tuple[str, int]] = set()
    total = 0
    for passage in brought:
        total += passage.end - passage.start
        for uri, start, end in excerpts:
            if uri == passage.uri:
                had.update((uri, position) for position in range(max(start, passage.start), min(end, passage.end)))
    return {
        f"recall@{name}": len(had) / len(answer),
        f"precision@{name}": len(had) / max(1, total),
        f"IoU@{name}": len(had) / max(1, total + len(answer) - len(had)),
        f"whole@{name}": float(len(had) == len(answer)),
    }


def _is_relevant(passage: Passage, excerpts: Sequence[tuple[str, int, int]]) -> bool:
    for uri, start, end in excerpts:
        common = min(end, passage.end) - max(start, passage.start)
        if uri == passage.uri and 2 * common >= min(end - start, passage.end - passage.start):
            return True
    return False


def interval(groups: Sequence[np.ndarray]) -> tuple[float, float]:
    """The bounds within which the mean of the groups' means lies in 95 of 100 draws of as many values from each.

    By bootstrap, seeded: the same values have the same interval.
    """
    chance = np.random.default_rng(0)
    means = np.mean(
        [each[chance.integers(0, len(each), (_RESAMPLES, len(each)))].mean(axis=1) for each in groups], axis=0
    )
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)
