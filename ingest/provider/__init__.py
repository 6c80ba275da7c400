"""The provider of embeddings: files and batches behind one protocol; the models and services known by name.

Its other rooms are slow to import, and are imported where they are used: `openai` and `local`, which speak the
protocol; `jsonl`, the lines of its files; `webhook`, the receiver of its notices; `reranker`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.rooms import on_demand

if TYPE_CHECKING:
    from ingest.provider.models import DEFAULT_LOCAL_MODEL, DEFAULT_MODEL, MODELS, EmbeddingModel, embedding_model
    from ingest.provider.presets import IN_CLEAR, LOCAL, PRESETS, Preset, goes_in_clear, require_bare
    from ingest.provider.protocol import (
        KEY_METADATA,
        TERMINAL_STATUSES,
        Account,
        AccountError,
        Answer,
        BatchFault,
        InputMissingError,
        NoCreditError,
        Provider,
        Rate,
        RefusedAccountError,
        RefusedError,
        RefusedKeyError,
        RemoteBatch,
        ResultMissingError,
        Room,
        TryLaterError,
        UnclearOutcomeError,
    )
else:
    __getattr__ = on_demand(__name__)

__all__ = [
    "DEFAULT_LOCAL_MODEL",
    "DEFAULT_MODEL",
    "IN_CLEAR",
    "KEY_METADATA",
    "LOCAL",
    "MODELS",
    "PRESETS",
    "TERMINAL_STATUSES",
    "Account",
    "AccountError",
    "Answer",
    "BatchFault",
    "EmbeddingModel",
    "InputMissingError",
    "NoCreditError",
    "Preset",
    "Provider",
    "Rate",
    "RefusedAccountError",
    "RefusedError",
    "RefusedKeyError",
    "RemoteBatch",
    "ResultMissingError",
    "Room",
    "TryLaterError",
    "UnclearOutcomeError",
    "embedding_model",
    "goes_in_clear",
    "require_bare",
]
