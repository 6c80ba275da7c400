"""What the settings mean for a corpus: how it is indexed and chunked. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from ingest.catalog import DEFAULT_LOCAL_MODEL, DEFAULT_MODEL, EmbeddingModel, embedding_model
from ingest.chunking import Chunking
from ingest.database.corpus import Indexing
from ingest.database.indexes import IndexPlan, require_indexable
from ingest.errors import UsageError
from ingest.settings import DEFAULT_CHUNK_TOKENS
from ingest.sources.tables import Table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from ingest.settings import Mode, Settings
    from ingest.sources.files import Files

BATCH_HOURS = 24  # within which a batch is done, or expires

# What is read: a file, folder, glob or URL, or several, with the fields of records where those are named; or the rows
# of a table.
Given: TypeAlias = "str | PathLike[str] | Sequence[str | PathLike[str]] | Files | Table"


def fills_column(source: Given) -> bool:
    """Whether vectors go into a column of the table that is read."""
    return isinstance(source, Table) and source.into is not None


def plan_indexing(settings: Settings, stored: Indexing | None, *, is_local: bool, whole: bool = False) -> Indexing:
    """How to index: as the settings say, else as the corpus does, else by default.

    `whole`: one chunk a document, for a column of the user's own. Dimensions are the corpus's only where its model is.

    Raises:
        UsageError: the settings contradict the model, the provider or each other.
    """
    model = _model(settings, stored, is_local=is_local)
    limit = stored.chunk_tokens if stored else min(DEFAULT_CHUNK_TOKENS, model.max_tokens)
    kept = stored if stored and stored.model == model.name else None
    indexing = Indexing(
        model=model.name,
        dimensions=model.check_dimensions(settings.dimensions or (kept.dimensions if kept else None)),
        vector_type=settings.vector_type or (stored.vector_type if stored else "vector"),
        chunk_tokens=settings.chunk_tokens or limit,
        overlap=settings.overlap if settings.overlap is not None else (stored.overlap if stored else 0),
        embed_headings=settings.embed_headings
        if settings.embed_headings is not None
        else (stored.embed_headings if stored else True),
    )
    if whole:
        return replace(indexing, chunk_tokens=model.max_tokens, overlap=0, embed_headings=False)
    if stored is None or (stored.vector_type, stored.dimensions) != (indexing.vector_type, indexing.dimensions):
        require_indexable(indexing)
    if indexing.chunk_tokens > model.max_tokens:
        raise UsageError(
            f"{model.name} takes at most {model.max_tokens:,} tokens, not {indexing.chunk_tokens:,}: lower "
            "--chunk-tokens."
        )
    if indexing.overlap > indexing.chunk_tokens // 2:
        raise UsageError(
            f"an overlap of {indexing.overlap:,} is more than half of {indexing.chunk_tokens:,} tokens: lower "
            "--overlap."
        )
    return indexing


def plan_chunking(settings: Settings, indexing: Indexing, source: Given) -> Chunking:
    """How to chunk."""
    return Chunking(
        tokenizer_name=indexing.embedding_model.tokenizer,
        max_tokens=indexing.chunk_tokens,
        overlap=indexing.overlap,
        embed_headings=indexing.embed_headings,
        max_document_bytes=settings.max_document_bytes,
        over_limit=source.over_limit if isinstance(source, Table) and source.into else None,
    )


def priced_model(settings: Settings, indexing: Indexing) -> EmbeddingModel:
    """The model of a corpus, at the prices of the settings where they have any for it."""
    model, prices = indexing.embedding_model, settings.prices.get(indexing.model, {})
    return replace(
        model,
        usd_per_million_batch=prices.get("batch", model.usd_per_million_batch),
        usd_per_million_sync=prices.get("sync", model.usd_per_million_sync),
    )


@dataclass(frozen=True, slots=True)
class Way:
    """How texts are sent, and why so."""

    mode: Mode
    why: str


def plan_way(settings: Settings, tokens: int) -> Way:
    """How so many tokens are sent: as the settings say. A deadline is one by itself; so is a small number of tokens."""
    if settings.mode != "auto":
        return Way(settings.mode, "by the setting mode")
    if settings.deadline_hours is not None and settings.deadline_hours < BATCH_HOURS:
        return Way("sync", f"deadline_hours is {settings.deadline_hours:g}, and a batch may take {BATCH_HOURS}")
    if tokens <= settings.sync_below_tokens:
        return Way("sync", f"{tokens:,} tokens are no more than sync_below_tokens, {settings.sync_below_tokens:,}")
    return Way("batch", f"{tokens:,} tokens are more than sync_below_tokens, {settings.sync_below_tokens:,}")


def plan_index(settings: Settings) -> IndexPlan:
    """Which vector index is built."""
    return IndexPlan(
        method=settings.index_method,
        distance=settings.distance,
        m=settings.hnsw_m,
        ef_construction=settings.hnsw_ef_construction,
        lists=settings.ivfflat_lists,
        memory_mb=settings.index_memory_mb,
        workers=settings.index_workers,
    )


def _model(settings: Settings, stored: Indexing | None, *, is_local: bool) -> EmbeddingModel:
    default = DEFAULT_LOCAL_MODEL if is_local else DEFAULT_MODEL
    name = settings.model or (stored.model if stored else default)
    kept = stored if stored and stored.model == name else None
    model = embedding_model(
        name,
        settings.dimensions or (kept.dimensions if kept else None),
        settings.chunk_tokens or (stored.chunk_tokens if stored else None),
    )
    if is_local and not model.local:
        raise UsageError(
            f"{name} is not a model of this machine, and there is no API key: set OPENAI_API_KEY, or name another "
            f"--corpus for the local {DEFAULT_LOCAL_MODEL}."
        )
    if not is_local and model.local and settings.base_url is None:
        whose = f", the model of the corpus {settings.corpus}" if stored and not settings.model else ""
        raise UsageError(f"OpenAI has no model {model.name}{whose}: take --provider local, or name another --corpus.")
    return model
