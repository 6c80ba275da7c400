"""What an evaluation found: metrics with their intervals, misses with their reasons, differences with a plain word."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from ingest.evaluation.metrics import interval
from ingest.evaluation.outcomes import Miss, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

METRICS = ("recall@5", "recall@10", "recall@1k", "whole@5", "MRR", "nDCG@10")
"""Those that are told."""
LEADING = "recall@5"
"""The metric by which ways of searching are held against one another."""
BY_TOKENS = "recall@1k"
"""The one by which passages of other lengths are: five long ones hold more than five short ones."""
_LEVEL = 0.95
_FEWEST = 20  # questions: of fewer a bootstrap says little

Verdict: TypeAlias = Literal["better", "worse", "not shown", "too few questions"]


@dataclass(frozen=True, slots=True)
class Measure:
    """The mean over the questions, and the interval in which it lies in 95 of 100 draws of as many of them."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Way:
    """What one way of searching found.

    `name`: hybrid, vector, words or reranked; or a setting with its value, as `chunk_tokens=256`. `curve`: recall of
    searches for 1, 2, 3 … passages; `misses`: how many answers are not whole in the first five, by why; `outcomes`: of
    each question, in their order.
    """

    name: str
    measures: dict[str, Measure]
    curve: list[float]
    misses: dict[Miss, int]
    outcomes: list[Outcome]


@dataclass(frozen=True, slots=True)
class Difference:
    """How much more of a metric one way has than another over the same questions, and whether that is shown."""

    name: str
    than: str
    metric: str
    measure: Measure
    verdict: Verdict

    @property
    def words(self) -> str:
        """What it says, in a sentence."""
        found = self.measure
        figures = f"{found.mean:+.3f} of {self.metric} ({found.low:+.3f} to {found.high:+.3f})"
        if self.verdict == "too few questions":
            return f"{self.name} against {self.than}: {figures}; fewer than {_FEWEST} questions show nothing"
        if self.verdict == "not shown":
            return f"{self.name} against {self.than}: {figures}; no difference that these questions show"
        return f"{self.name} is {self.verdict} than {self.than}: {figures}; the difference is real"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of the file: its line, its words, where its answer stands (the first such document, if any)."""

    line: int
    question: str
    uri: str | None


@dataclass(frozen=True, slots=True)
class Setting:
    """The corpus by another setting, and what the usual way of searching found by it.

    `tokens`, `dollars`: what was embedded for it; the rest of its vectors are the corpus's own. `corpus`: the version
    that was kept of it, None where none was, or it is one of searches alone.
    """

    name: str
    passages: int
    tokens: int
    dollars: float
    corpus: str | None
    way: Way


@dataclass(slots=True)
class Evaluation:
    """What an evaluation found.

    `ways`: of searching, first the one that searches take; `absent`: what no document has, a line each. `settings`:
    that were looked at beside those of the corpus; `compared`: what the first way finds more by them. `per_document`:
    how many passages of one were let come; None: any number.
    """

    corpus: str
    model: str
    passages: int
    asked: list[Asked]
    ways: list[Way]
    differences: list[Difference]
    absent: list[str] = field(default_factory=list)
    settings: list[Setting] = field(default_factory=list)
    compared: list[Difference] = field(default_factory=list)
    per_document: int | None = None


def way(
    name: str, rows: Sequence[Mapping[str, float]], curves: Sequence[Sequence[float]], outcomes: Sequence[Outcome]
) -> Way:
    """What one way found, by the scores, curve and outcome of each question."""
    measures = {metric: _measure([row[metric] for row in rows], _LEVEL) for metric in METRICS}
    misses = {miss: sum(outcome.miss is miss for outcome in outcomes) for miss in Miss}
    curve = [sum(recalls) / len(recalls) for recalls in zip(*curves, strict=True)]
    return Way(name, measures, curve, misses, list(outcomes))


def difference(
    name: str,
    than: str,
    metric: str,
    rows: Sequence[Mapping[str, float]],
    other: Sequence[Mapping[str, float]],
    at_once: int,
) -> Difference:
    """What one way has more than another. `at_once`: of how many such differences it is one.

    Where many are looked at, one of them seems to be real by chance: so each must be the surer (Bonferroni).
    """
    values = [mine[metric] - its[metric] for mine, its in zip(rows, other, strict=True)]
    measure = _measure(values, 1 - (1 - _LEVEL) / max(1, at_once))
    if len(values) < _FEWEST:
        return Difference(name, than, metric, measure, "too few questions")
    verdict: Verdict = "better" if measure.low > 0 else "worse" if measure.high < 0 else "not shown"
    return Difference(name, than, metric, measure, verdict)


def _measure(values: Sequence[float], level: float) -> Measure:
    import numpy as np

    return Measure(sum(values) / len(values), *interval([np.array(values)], level))
