"""A corpus and a provider at work: what each verb of the pipeline does, and the order of the stages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.rooms import on_demand

if TYPE_CHECKING:
    from ingest.runs.evaluating import draft, evaluate
    from ingest.runs.keeping import KeptCorpus, KeptSource, drop, list_corpora, remove
    from ingest.runs.lookups import (
        check_index,
        costs,
        report,
        serve_webhooks,
        status,
    )
    from ingest.runs.observers import metrics_served
    from ingest.runs.opening import open_corpus, require_short, require_text, searchable, stored_indexing
    from ingest.runs.reembedding import reembed
    from ingest.runs.resources import Resources
    from ingest.runs.rounds import advance, poll
    from ingest.runs.searching import embed_question, how_to_search, ranking, search, search_statement
    from ingest.runs.sending import open_flow
    from ingest.runs.spending import Approval, Spending
    from ingest.runs.stages import create, embed, estimate, run, sync
    from ingest.runs.steps import (
        cancel,
        clean,
        export,
        finish_corpus,
        index,
        load,
        parquet,
        retry,
        retry_stuck,
        roll_back_corpus,
        submit,
    )
else:
    __getattr__ = on_demand(__name__)

__all__ = [
    "Approval",
    "KeptCorpus",
    "KeptSource",
    "Resources",
    "Spending",
    "advance",
    "cancel",
    "check_index",
    "clean",
    "costs",
    "create",
    "draft",
    "drop",
    "embed",
    "embed_question",
    "estimate",
    "evaluate",
    "export",
    "finish_corpus",
    "how_to_search",
    "index",
    "list_corpora",
    "load",
    "metrics_served",
    "open_corpus",
    "open_flow",
    "parquet",
    "poll",
    "ranking",
    "reembed",
    "remove",
    "report",
    "require_short",
    "require_text",
    "retry",
    "retry_stuck",
    "roll_back_corpus",
    "run",
    "search",
    "search_statement",
    "searchable",
    "serve_webhooks",
    "status",
    "stored_indexing",
    "submit",
    "sync",
]
