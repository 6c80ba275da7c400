"""Passages that fit a question: looked for in the corpus, gathered, put in order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ingest.corpus import (
    Passage,
    Search,
    Wanted,
    as_reader,
    asked_filters,
    by_its_index,
    find_passages,
    gather,
    read_around,
    read_keywords,
    search_sql,
)
from ingest.errors import UsageError
from ingest.model import embedded_text
from ingest.runs.opening import require_short, require_text, searchable

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from ingest.corpus import Context, Keywords, Piece, Rank, SearchMode
    from ingest.database.corpus import Indexing
    from ingest.runs.resources import Resources


def search(
    resources: Resources,
    text: str,
    limit: int = 5,
    *,
    mode: SearchMode | None = None,
    filters: Sequence[str] = (),
    context: Context = 0,
    per_document: int | None = None,
) -> list[Passage]:
    """`Pipeline.search`."""
    wanted = Wanted(limit, context, per_document)
    with resources.explained():
        require_text(text)
        indexing, connection = searchable(resources), resources.connection
        how = _planned_search(resources, indexing, limit, mode, filters)
        vector = _question_vector(resources, indexing, text, how)

        def find(count: int) -> list[Passage]:
            return find_passages(connection, vector, indexing, text, replace(how, limit=count))

        def read(ids: Sequence[int], before: int, after: int) -> dict[int, list[Piece]]:
            with as_reader(connection):
                return read_around(connection, ids, before, after)

        return gather(find, read, wanted, indexing.overlap, ranking(resources, text))


def search_statement(
    resources: Resources, text: str, limit: int = 5, *, mode: SearchMode | None = None, filters: Sequence[str] = ()
) -> str:
    """`Pipeline.search_sql`."""
    Wanted(limit)
    with resources.explained():
        require_text(text)
        indexing = searchable(resources)
        how = _planned_search(resources, indexing, limit, mode, filters)
        vector = _question_vector(resources, indexing, text, how)
        return search_sql(resources.connection, vector, indexing, resources.corpus, text, how)


def how_to_search(resources: Resources, keywords: Keywords, limit: int, mode: SearchMode | None) -> Search:
    """How passages are looked for; None: by vectors and words, where the passages have their terms.

    Raises:
        UsageError: words are asked for, and there are no terms.
    """
    settings = resources.settings
    if mode is None:
        mode = "hybrid" if settings.keywords and keywords.lack is None else "vector"
        if settings.keywords and keywords.lack:
            resources.progress.say(f"by vectors alone: {keywords.lack}")
    elif mode != "vector" and keywords.lack:
        raise UsageError(f"nothing can be found by words: {keywords.lack}.")
    return Search(
        limit,
        settings.distance,
        mode,
        tuple(keywords.languages),
        settings.words_weight,
        hnsw_ef_search=settings.hnsw_ef_search,
        ivfflat_probes=settings.ivfflat_probes,
    )


def _planned_search(
    resources: Resources, indexing: Indexing, limit: int, mode: SearchMode | None, filters: Sequence[str]
) -> Search:
    how = how_to_search(resources, read_keywords(resources.connection), limit, mode)
    how = replace(how, filters=asked_filters(resources.connection, filters))
    return by_its_index(resources.connection, indexing, how)


def _question_vector(resources: Resources, indexing: Indexing, text: str, how: Search) -> np.ndarray | None:
    return None if how.mode == "words" else embed_question(resources, text, indexing)


def ranking(resources: Resources, text: str) -> Rank | None:
    """How passages are put in order for a question, where a reranker is set: their score is what that says."""
    reranker = resources.reranker
    if reranker is None:
        return None

    def rank(passages: Sequence[Passage]) -> list[Passage]:
        if not passages:
            return []
        texts = [embedded_text(each.headings, len(each.headings), each.content, each.table_header) for each in passages]
        scores = reranker.scores(text, texts)
        scored = [replace(passage, score=score) for passage, score in zip(passages, scores, strict=True)]
        return sorted(scored, key=lambda passage: passage.score, reverse=True)

    return rank


def embed_question(resources: Resources, text: str, indexing: Indexing) -> np.ndarray:
    """The vector of a question. (d,) float32.

    Raises:
        UsageError: it is longer than the model takes.
    """
    require_short(text, indexing.model)
    vector: np.ndarray = resources.embed_texts([text], indexing)[0]
    return vector
