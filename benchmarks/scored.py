"""What each contender scored on the questions of each set, as tables; ours is the first of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from benchmarks.retrieved import question_scores
from benchmarks.tables import Table
from ingest.evaluation import interval

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from benchmarks.questions import Question
    from benchmarks.retrieved import Solid
    from ingest.evaluation import Passage

Scores: TypeAlias = "dict[str, np.ndarray]"  # of a set, by metric: one number a question
LEADING = "recall@1k"
METRICS = (
    "recall@5",
    "whole@5",
    "precision@5",
    "IoU@5",
    "recall@10",
    "MRR",
    "nDCG@10",
    "recall@1k",
    "precision@1k",
    "whole@1k",
)


def scored(
    questions: Iterable[Question], find: Callable[[Question], list[Passage]], passages: Sequence[Passage], solid: Solid
) -> Scores:
    """The scores of the questions. `find`: the passages found, the best first, of all `passages`."""
    rows = [question_scores(question, find(question), passages, solid) for question in questions]
    return {metric: np.array([row[metric] for row in rows]) for metric in rows[0]}


def means(
    title: str,
    found: Mapping[str, Sequence[Scores]],
    sizes: Mapping[str, int],
    differing: Sequence[str] = (LEADING,),
) -> Table:
    """A row for each contender. `differing`: the metrics of which ours has so much more, with the interval of 95 %."""
    ours, *_ = found
    rows = []
    for name, measured in found.items():
        cells = [f"{_mean(measured, metric):.3f}" for metric in METRICS]
        more = [_more(found[ours], measured, metric) if name != ours else "" for metric in differing]
        rows.append((name, f"{sizes[name]:,}", *cells, *more))
    bars = {name: _mean(measured, LEADING) for name, measured in found.items()}
    head = ("", "passages", *METRICS, *(f"ours has more {metric}" for metric in differing))
    return Table(title, head, rows, bars, LEADING)


def _more(ours: Sequence[Scores], others: Sequence[Scores], metric: str) -> str:
    differences = [mine[metric] - its[metric] for mine, its in zip(ours, others, strict=True)]
    low, high = interval(differences)
    return f"{np.mean([each.mean() for each in differences]):+.3f} ({low:+.3f} to {high:+.3f})"


def _mean(measured: Sequence[Scores], metric: str) -> float:
    """Each set weighs the same."""
    return float(np.mean([scores[metric].mean() for scores in measured]))


def by_set(title: str, names: Sequence[str], found: Mapping[str, Sequence[Scores]], metric: str = LEADING) -> Table:
    """Of each set alone."""
    rows = []
    for name, measured in found.items():
        cells = []
        for scores in measured:
            low, high = interval([scores[metric]])
            cells.append(f"{scores[metric].mean():.3f} ({low:.2f} to {high:.2f})")
        rows.append((name, *cells))
    return Table(title, ("", *names), rows)
