"""Questions asked of a corpus, one after the other, in one way of searching; and what came of each."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ingest.corpus import by_its_index, find_passages
from ingest.errors import UsageError
from ingest.evaluation import DEEPEST, TOKENS, Outcome, Passage, outcome, scores, share, solid, way

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy as np

    from ingest.chunker import Tokenizer
    from ingest.corpus import Answers, Search
    from ingest.corpus import Passage as Hit
    from ingest.database.corpus import Indexing
    from ingest.evaluation import Question, Way
    from ingest.runs.resources import Resources

BROUGHT = 25
"""How many passages are looked at, for which a search by both looks no further than for five."""
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


def ask_all(
    resources: Resources,
    indexing: Indexing,
    questions: Mapping[int, Question],
    answers: Answers,
    vectors: Sequence[np.ndarray],
    how: Search,
    name: str,
) -> Found:
    """Ask all questions in one way of searching."""
    from ingest.chunker import tokenizer

    counted_by = tokenizer("cl100k_base")  # whatever the model: what is given to another one beside the question
    found, how = Found(name), by_its_index(resources.connection, indexing, how)
    with resources.progress.stage(f"asking, {name}", unit="questions", total=len(questions)) as bar:
        for (line, question), vector in zip(questions.items(), vectors, strict=True):
            located = answers.located[line]
            filtered = replace(how, filters=located.filters)
            by = None if how.mode == "words" else vector
            hits = find_passages(resources.connection, by, indexing, question.question, filtered)
            ranked = located.ranked(list(_passages(hits, answers.passages, counted_by)))
            found.rows.append(scores(located.answer, ranked, located.relevant))
            found.curves.append([share(located.answer, ranked[:count]) for count in range(1, BROUGHT + 1)])
            came = outcome(located.answer, ranked, located.obstacle, is_cut=located.is_cut)
            if came.whole is None and not located.obstacle:
                deeper = replace(filtered, limit=DEEPEST)
                hits = find_passages(resources.connection, by, indexing, question.question, deeper)
                ranked = located.ranked(list(_passages(hits, answers.passages, counted_by)))
                came = outcome(located.answer, ranked, None, is_cut=located.is_cut)
            found.outcomes.append(came)
            bar.advance(1)
    return found


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
    return [
        vector
        for start in range(0, len(texts), _EMBEDDED_AT_ONCE)
        for vector in resources.provider.embed(
            texts[start : start + _EMBEDDED_AT_ONCE], indexing.model, indexing.sent_dimensions
        )
    ]


def _passages(hits: Sequence[Hit], known: Mapping[int, Passage], counted_by: Tokenizer) -> Iterator[Passage]:
    """What was found as stretches of documents; those without an answer stand nowhere. Counted as far as is needed."""
    left = TOKENS
    for hit in hits:
        count = counted_by.count(hit.content.strip()) if left > 0 else 0
        left -= count
        passage = known.get(hit.id) or Passage("", 0, len(solid(hit.content)), 0)
        yield passage._replace(token_count=count)
