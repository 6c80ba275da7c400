"""What is asked of a corpus: passages, its status, its costs, its report."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from ingest.batches import Costs, known_budget, read_costs
from ingest.corpus import (
    Passage,
    Search,
    Wanted,
    as_reader,
    asked_filters,
    by_its_index,
    find_passages,
    find_target,
    gather,
    plan_index,
    read_around,
    read_keywords,
    search_sql,
)
from ingest.database.index_check import check_index as seen_index
from ingest.database.news import tell
from ingest.database.vector_column import PASSAGES
from ingest.errors import UsageError
from ingest.model import embedded_text
from ingest.reporting import Status, Terms, read_status
from ingest.runs.observers import metrics_served
from ingest.runs.opening import require_short, require_text, searchable, stored_indexing
from ingest.runs.sending import planned_shards

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy as np

    from ingest.corpus import Context, Keywords, Piece, Rank, SearchMode
    from ingest.database.corpus import Indexing
    from ingest.database.index_check import IndexCheck
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


def status(resources: Resources) -> Status:
    """`Pipeline.status`."""
    with resources.explained():
        return resources.lasting(lambda: corpus_status(resources, stored_indexing(resources)))


def report(resources: Resources, path: Path) -> None:
    """`Pipeline.report`."""
    from ingest.reporting.page import page, require_ours, write_page
    from ingest.reporting.page.findings import read_findings

    require_ours(path)
    with resources.explained():
        indexing = stored_indexing(resources)
        status, costs = (
            corpus_status(resources, indexing),
            read_costs(resources.connection, resources.corpus, indexing.model, 0),
        )
        findings = read_findings(resources.connection, indexing, status, costs)
    write_page(path, page(findings))


def check_index(resources: Resources) -> IndexCheck:
    """`Pipeline.check_index`."""
    with resources.explained():
        indexing, target = stored_indexing(resources), find_target(resources.connection)
        column, plan = target.column if target else PASSAGES, plan_index(resources.settings)
        return seen_index(resources.connection, column, indexing, plan, resources.progress)


def costs(resources: Resources, documents: int = 0) -> Costs:
    """`Pipeline.costs`."""
    with resources.explained():
        indexing = stored_indexing(resources)
        return read_costs(resources.connection, resources.corpus, indexing.model, documents)


def serve_webhooks(resources: Resources, host: str, port: int, ready: Callable[[str], None]) -> None:
    """`Pipeline.serve_webhooks`."""
    secret = resources.settings.webhook_secret
    if secret is None:
        raise UsageError(
            "webhooks are known by their signature: set OPENAI_WEBHOOK_SECRET to the secret that OpenAI showed."
        )
    resources.connect_plainly().close()  # now, and not with the first event
    try:
        from ingest.provider.webhook import serve
    except ImportError as error:
        raise UsageError(
            f"ingest webhook needs the package {error.name}: pip install 'pgvector-ingest[webhook]'."
        ) from None
    with metrics_served(resources):
        serve(
            host, port, secret.get_secret_value(), partial(tell, resources.database_url), resources.progress.say, ready
        )


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
    return None if how.mode == "words" else embed_question(resources, text, indexing.model, indexing.sent_dimensions)


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


def embed_question(resources: Resources, text: str, model: str, dimensions: int | None) -> np.ndarray:
    """The vector of a question. (d,) float32.

    Raises:
        UsageError: it is longer than the model takes.
    """
    require_short(text, model)
    vector: np.ndarray = resources.provider.embed([text], model, dimensions)[0]
    return vector


def corpus_status(resources: Resources, indexing: Indexing) -> Status:
    """What `status` tells, of a corpus that was opened."""
    budget = known_budget(resources.connection, resources.settings, resources.endpoint, indexing.model)
    terms = Terms(
        endpoint=resources.endpoint,
        budget=budget,
        plan=planned_shards(resources, indexing, budget),
        stuck_s=resources.settings.stuck_hours * 3600,
    )
    status = read_status(resources.connection, resources.corpus, indexing, terms, find_target(resources.connection))
    costs = read_costs(resources.connection, resources.corpus, indexing.model, 0)
    status.cost = costs.total if costs.runs else None
    return status
