"""What is asked of a corpus beside its passages: its status, its costs, its report."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ingest.batches import Costs, known_budget, read_costs
from ingest.corpus import find_target, plan_index
from ingest.database.index_check import check_index as seen_index
from ingest.database.news import tell
from ingest.database.vector_column import PASSAGES
from ingest.errors import UsageError
from ingest.reporting import Status, Terms, read_status
from ingest.runs.observers import metrics_served
from ingest.runs.opening import stored_indexing
from ingest.runs.spending import planned_shards

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ingest.database.corpus import Indexing
    from ingest.database.index_check import IndexCheck
    from ingest.runs.resources import Resources


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
