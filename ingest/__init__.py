"""Embed a corpus through the OpenAI Batch API and bulk-load the vectors into pgvector.

from ingest import Pipeline, Settings

with Pipeline(Settings(corpus="docs")) as pipeline:
    pipeline.run(["docs/"])
    for passage in pipeline.search("how do I restore a backup?"):
        print(passage.score, passage.uri)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.errors import BudgetError, IngestError, UnreachableError, UsageError

if TYPE_CHECKING:
    from ingest.pipeline import Pipeline
    from ingest.settings import Settings

__all__ = ["BudgetError", "IngestError", "Pipeline", "Settings", "UnreachableError", "UsageError"]


def __getattr__(name: str) -> object:
    """Import the heavy names when they are first asked for: `ingest --help` must be quick."""
    if name == "Pipeline":
        from ingest.pipeline import Pipeline

        return Pipeline
    if name == "Settings":
        from ingest.settings import Settings

        return Settings
    raise AttributeError(f"module 'ingest' has no attribute {name!r}")
