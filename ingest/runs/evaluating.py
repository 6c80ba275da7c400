"""How well searches of a corpus answer questions: asked in each way of searching, held against others, and told."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from itertools import combinations
from typing import TYPE_CHECKING

from ingest.corpus import Wanted, locate, read_keywords, sample_passages
from ingest.database.corpus import corpus_size
from ingest.errors import UsageError
from ingest.evaluation import (
    LEADING,
    Asked,
    Evaluation,
    Miss,
    difference,
    draft_questions,
    read_questions,
    written,
)
from ingest.runs.asking import BROUGHT, Asking, ask_all, question_vectors
from ingest.runs.comparing import Base, compare, compared_settings
from ingest.runs.opening import searchable
from ingest.runs.searching import how_to_search

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ingest.corpus import Answers, SearchMode
    from ingest.evaluation import Question
    from ingest.runs.resources import Resources
    from ingest.runs.spending import Approval

_SAMPLED = 20  # passages that are looked at for each question to be drafted
_TOLD = 10  # of what no document has


def evaluate(
    resources: Resources,
    path: Path,
    page: Path | None = None,
    *,
    compared: Sequence[str] = (),
    approve: Approval | None = None,
    keep: bool = False,
    per_document: int | None = None,
) -> Evaluation:
    """`Pipeline.evaluate`."""
    from ingest.reporting.page import evaluation_page, require_ours, write_page

    if keep and not compared:
        raise UsageError("--keep keeps what --compare makes: name settings to compare, as --compare chunk_tokens=256.")
    Wanted(per_document=per_document)  # or it is refused
    questions = read_questions(path)
    if page:
        require_ours(page)  # now, and not when all is asked
    wanted = compared_settings(resources.settings, compared)
    found, base = _evaluated(resources, path, questions, per_document)
    if wanted:
        compare(resources, base, wanted, found, approve, keep=keep)
    if page:
        write_page(page, evaluation_page(found, datetime.now(UTC)))
    return found


def _evaluated(
    resources: Resources, path: Path, questions: dict[int, Question], per_document: int | None
) -> tuple[Evaluation, Base]:
    with resources.explained():
        indexing = searchable(resources)
        size = corpus_size(resources.connection)
        if not size.embedded:
            raise UsageError("no passage has a vector yet, so nothing can be found: `ingest status` tells why.")
        usual = how_to_search(resources, read_keywords(resources.connection), BROUGHT, None)
        answers = locate(resources.connection, path, questions, indexing.overlap)
        _tell_absent(resources, answers)
        if all(each.obstacle is Miss.ABSENT for each in answers.located.values()):
            raise UsageError(
                f"nothing that {path} gives as an answer is in the corpus {resources.corpus}: is it the right one? "
                f"{answers.absent[0]}."
            )
        vectors = question_vectors(resources, indexing, path, questions)
        modes: list[SearchMode] = ["hybrid", "vector", "words"] if usual.mode == "hybrid" else ["vector"]
        ways = [Asking(str(mode), replace(usual, mode=mode), per_document) for mode in modes]
        if resources.reranker:  # then it is what searches ask
            ways.insert(0, replace(ways[0], name="reranked", is_reranked=True))
        asked = [ask_all(resources, indexing, questions, answers, vectors, each) for each in ways]
        plain = asked[len(ways) - len(modes) :]
        pairs = [*zip(asked[: -len(modes)], plain, strict=False), *combinations(plain, 2)]
        differences = [
            difference(one.name, other.name, LEADING, one.rows, other.rows, len(pairs)) for one, other in pairs
        ]
    found = Evaluation(
        corpus=resources.corpus,
        model=indexing.model,
        passages=size.chunks,
        asked=[Asked(line, each.question, answers.located[line].uri) for line, each in questions.items()],
        ways=[each.way() for each in asked],
        differences=differences,
        per_document=per_document,
        absent=answers.absent,
    )
    return found, Base(path, questions, indexing, ways[0], answers, vectors, asked[0])


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
        # For us alone: it holds the corpus's text.
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123
            file.writelines(written(drafted))
    except FileExistsError:
        raise UsageError(f"{path} is there: name another file, or remove it.") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}.") from None
    return len(drafted)


def _tell_absent(resources: Resources, answers: Answers) -> None:
    for line in answers.absent[:_TOLD]:
        resources.progress.say(line)
    if (more := len(answers.absent) - _TOLD) > 0:
        resources.progress.say(f"and {more:,} more that are not in the corpus")
