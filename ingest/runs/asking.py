"""Questions asked of a corpus, one after the other, in one way of searching; and what came of each."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from ingest.corpus import by_its_index, find_passages
from ingest.errors import UsageError
from ingest.evaluation import DEEPEST, Outcome, outcome, scores, share, way
from ingest.runs.bringing import Searches
from ingest.runs.searching import ranking

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np

    from ingest.corpus import Answers, Search
    from ingest.corpus import Passage as Hit
    from ingest.database.corpus import Indexing
    from ingest.evaluation import Question, Way
    from ingest.runs.resources import Resources

BROUGHT = 25
"""How many passages are looked at, for which a search by both looks no further than for five."""
_DEPTHS = (BROUGHT, DEEPEST, 200, 1_000)  # so many are looked at, and more where copies and neighbours leave too few
_RERANKED = (50,)  # as a search does: it asks once
_EMBEDDED_AT_ONCE = 100


@dataclass(slots=True)
class Found:
    """What one way of searching found, question by question."""

    name: str
    rows: list[dict[str, float]] = field(default_factory=list)
    curves: list[list[float]] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)

    def way(self) -> Way:
        """All of it."""
        return way(self.name, self.rows, self.curves, self.outcomes)


@dataclass(frozen=True, slots=True)
class Asking:
    """How questions are asked: in which way, called by which name; `is_reranked`: in the order of the reranker."""

    name: str
    how: Search
    per_document: int | None = None
    is_reranked: bool = False


def ask_all(
    resources: Resources,
    indexing: Indexing,
    questions: Mapping[int, Question],
    answers: Answers,
    vectors: Sequence[np.ndarray],
    asking: Asking,
) -> Found:
    """Ask all questions in one way, and hold what searches bring against their answers."""
    from ingest.chunker import tokenizer

    counted_by = tokenizer("cl100k_base")  # whatever the model: what is given to another one beside the question
    found, how = Found(asking.name), by_its_index(resources.connection, indexing, asking.how)
    with resources.progress.stage(f"asking, {asking.name}", unit="questions", total=len(questions)) as bar:
        for (line, question), vector in zip(questions.items(), vectors, strict=True):
            located = answers.located[line]
            look = partial(
                _look,
                resources,
                indexing,
                question.question,
                None if how.mode == "words" else vector,
                replace(how, filters=located.filters),
                is_reranked=asking.is_reranked,
            )
            depths = _RERANKED if asking.is_reranked else _DEPTHS
            searches = Searches(
                look, depths, located, answers.passages, counted_by, indexing.overlap, asking.per_document
            )
            bring, obstacle, is_cut = searches.bring, located.obstacle, located.is_cut
            found.rows.append(scores(located.answer, searches.ranked(BROUGHT), located.relevant, bring))
            found.curves.append([share(located.answer, bring(count)) for count in range(1, BROUGHT + 1)])
            came = outcome(located.answer, bring, BROUGHT, obstacle, is_cut=is_cut)
            if came.whole is None and not obstacle:
                came = outcome(located.answer, bring, DEEPEST, None, is_cut=is_cut)
            found.outcomes.append(came)
            bar.advance(1)
    return found


def _look(
    resources: Resources,
    indexing: Indexing,
    text: str,
    vector: np.ndarray | None,
    how: Search,
    limit: int,
    *,
    is_reranked: bool,
) -> list[Hit]:
    """So many passages for a question, the best first."""
    hits = find_passages(resources.connection, vector, indexing, text, replace(how, limit=limit))
    rank = ranking(resources, text) if is_reranked else None
    return rank(hits) if rank else hits


def question_vectors(
    resources: Resources, indexing: Indexing, path: Path, questions: Mapping[int, Question]
) -> list[np.ndarray]:
    """The vectors of the questions, in their order, at the synchronous price.

    Raises:
        UsageError: a question is over the model's limit.
    """
    from ingest.chunker import tokenizer

    model = indexing.embedding_model
    counted_by = tokenizer(model.tokenizer)
    for line, each in questions.items():
        if (count := counted_by.count(each.question)) > model.max_tokens:
            raise UsageError(
                f"{path}, line {line}: the question has {count:,} tokens, and {model.name} takes at most "
                f"{model.max_tokens:,}."
            )
    texts = [each.question for each in questions.values()]
    at_once = min(_EMBEDDED_AT_ONCE, resources.wire.call_texts)
    settings = resources.settings
    parameters = indexing.parameters(resources.wire, "query", settings.deployment, settings.encoding_format)
    return [
        vector
        for start in range(0, len(texts), at_once)
        for vector in resources.provider.embed(texts[start : start + at_once], parameters)
    ]
