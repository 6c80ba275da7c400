"""Embed a corpus through the OpenAI Batch API and bulk-load the vectors into pgvector.

from ingest import Pipeline, Settings

with Pipeline(Settings(corpus="docs")) as pipeline:
    pipeline.run(["docs/"])
    for passage in pipeline.search("how do I restore a backup?"):
        print(passage.score, passage.uri)
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if sys.version_info < (3, 11):  # noqa: UP036 - in a checkout no pip has seen to that
    raise ImportError(f"ingest needs Python 3.11 or later, and this is {sys.version.split()[0]}")

from ingest.errors import BudgetError, IngestError, InternalError, StoppedError, UnreachableError, UsageError
from ingest.rooms import on_demand

if TYPE_CHECKING:
    from ingest.pipeline import Pipeline
    from ingest.searcher import AsyncSearcher, Searcher
    from ingest.settings import Settings
else:
    __getattr__ = on_demand(__name__)

__all__ = [
    "AsyncSearcher",
    "BudgetError",
    "IngestError",
    "InternalError",
    "Pipeline",
    "Searcher",
    "Settings",
    "StoppedError",
    "UnreachableError",
    "UsageError",
]
