"""What is asked of a corpus: passages, its status, its costs, its report."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from ingest.batches import Costs, known_budget, read_costs
from ingest.corpus import (
    Passage,
    Search,
    asked_filters,
    find_passages,
    find_target,
    plan_index,
    read_keywords,
    search_sql,
)
from ingest.database.index_check import check_index as seen_index
from ingest.database.news import tell
from ingest.database.vector_column import PASSAGES
from ingest.errors import UsageError
from ingest.reporting import Status, Terms, read_status
from ingest.runs.observers import metrics_served
from ingest.runs.opening import require_text, searchable, stored_indexing
from ingest.runs.sending import planned_shards

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ingest.corpus import Keywords, SearchMode
    from ingest.database.corpus import Indexing
    from ingest.database.index_check import IndexCheck
    from ingest.provider import Provider
    from ingest.runs.resources import Resources


def search(
    resources: Resources, text: str, limit: int = 5, *, mode: SearchMode | None = None, filters: Sequence[str] = ()
) -> list[Passage]:
    """`Pipeline.search`."""
    with resources.explained():
        require_text(text)
        indexing = searchable(resources)
        how = _planned_search(resources, limit, mode, filters)
        return find_passages(resources.connection, _embedder(resources, how), indexing, text, how)


def search_statement(
    resources: Resources, text: str, limit: int = 5, *, mode: SearchMode | None = None, filters: Sequence[str] = ()
) -> str:
    """`Pipeline.search_sql`."""
    with resources.explained():
        require_text(text)
        indexing, how = searchable(resources), _planned_search(resources, limit, mode, filters)
        return search_sql(resources.connection, _embedder(resources, how), indexing, resources.corpus, text, how)


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


def _planned_search(resources: Resources, limit: int, mode: SearchMode | None, filters: Sequence[str]) -> Search:
    how = how_to_search(resources, read_keywords(resources.connection), limit, mode)
    return replace(how, filters=asked_filters(resources.connection, filters))


def _embedder(resources: Resources, how: Search) -> Provider | None:
    return None if how.mode == "words" else resources.provider


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
