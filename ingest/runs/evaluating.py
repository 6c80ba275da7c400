"""How well searches of a corpus answer questions: asked in each way of searching, and told."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import combinations
from typing import TYPE_CHECKING

from ingest.corpus import by_its_index, find_passages, locate, read_keywords, sample_passages
from ingest.database.corpus import corpus_size
from ingest.errors import UsageError
from ingest.evaluation import (
    DEEPEST,
    LEADING,
    TOKENS,
    Asked,
    Evaluation,
    Miss,
    Outcome,
    Passage,
    difference,
    draft_questions,
    outcome,
    read_questions,
    scores,
    share,
    solid,
    way,
    written,
)
from ingest.runs.lookups import how_to_search
from ingest.runs.opening import searchable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy as np

    from ingest.chunker import Tokenizer
    from ingest.corpus import Answers, Search, SearchMode
    from ingest.corpus import Passage as Hit
    from ingest.database.corpus import Indexing
    from ingest.evaluation import Question, Way
    from ingest.runs.resources import Resources

_BROUGHT = 25  # for which a search by both looks no further than for five
_EMBEDDED_AT_ONCE = 100
_SAMPLED = 20  # passages that are looked at for each question to be drafted
_TOLD = 10  # of what no document has


def evaluate(resources: Resources, path: Path, page: Path | None = None) -> Evaluation:
    """`Pipeline.evaluate`."""
    from ingest.reporting.page import evaluation_page, require_ours, write_page

    questions = read_questions(path)
    if page:
        require_ours(page)  # now, and not when all is asked
    found = _evaluated(resources, path, questions)
    if page:
        write_page(page, evaluation_page(found, datetime.now(UTC)))
    return found


def _evaluated(resources: Resources, path: Path, questions: dict[int, Question]) -> Evaluation:
    with resources.explained():
        indexing = searchable(resources)
        size = corpus_size(resources.connection)
        if not size.embedded:
            raise UsageError("no passage has a vector yet, so nothing can be found: `ingest status` tells why.")
        usual = how_to_search(resources, read_keywords(resources.connection), _BROUGHT, None)
        answers = locate(resources.connection, path, questions, indexing.overlap)
        _tell_absent(resources, answers)
        if all(each.obstacle is Miss.ABSENT for each in answers.located.values()):
            raise UsageError(
                f"nothing that {path} gives as an answer is in the corpus {resources.corpus}: is it the right one? "
                f"{answers.absent[0]}."
            )
        vectors = question_vectors(resources, indexing, path, questions)
        modes: list[SearchMode] = ["hybrid", "vector", "words"] if usual.mode == "hybrid" else ["vector"]
        asked = [
            _asked(resources, indexing, questions, answers, vectors, replace(usual, mode=mode), str(mode))
            for mode in modes
        ]
        differences = [
            difference(one.name, other.name, LEADING, one.rows, other.rows, len(modes))
            for one, other in combinations(asked, 2)
        ]
    return Evaluation(
        corpus=resources.corpus,
        model=indexing.model,
        passages=size.chunks,
        asked=[Asked(line, each.question, answers.located[line].uri) for line, each in questions.items()],
        ways=[each.way() for each in asked],
        differences=differences,
        absent=answers.absent,
    )


def draft(resources: Resources, path: Path, most: int) -> int:
    """`Pipeline.draft_questions`."""
    with resources.explained():
        searchable(resources)
        drafted = draft_questions(sample_passages(resources.connection, most * _SAMPLED), most)
    if not drafted:
        raise UsageError(
            f"no heading and no title of the corpus {resources.corpus} asks anything: write questions by hand, a line "
            'for each, {"question": "…", "excerpts": ["what answers it"]}.'
        )
    try:
        with path.open("x", encoding="utf-8") as file:
            file.writelines(written(drafted))
    except FileExistsError:
        raise UsageError(f"{path} is there: name another file, or remove it.") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}.") from None
    return len(drafted)


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


def _asked(
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
            found.curves.append([share(located.answer, ranked[:count]) for count in range(1, _BROUGHT + 1)])
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


def _tell_absent(resources: Resources, answers: Answers) -> None:
    for line in answers.absent[:_TOLD]:
        resources.progress.say(line)
    if (more := len(answers.absent) - _TOLD) > 0:
        resources.progress.say(f"and {more:,} more that are not in the corpus")
