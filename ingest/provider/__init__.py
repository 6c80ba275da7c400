"""The provider of embeddings: files and batches behind one protocol; the models and services known by name.

Its other rooms are slow to import, and are imported where they are used: one for each vendor, which speaks the
protocol (`openai` for all that are compatible with it, `jsonl` for its files); `local`, which starts our own;
`webhook`, the receiver of notices; `reranker`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.rooms import on_demand

if TYPE_CHECKING:
    from ingest.provider.models import (
        DEFAULT_LOCAL_MODEL,
        MODELS,
        EmbeddingModel,
        KnownModel,
        embedding_model,
        known_models,
    )
    from ingest.provider.presets import (
        IN_CLEAR,
        LOCAL,
        PRESETS,
        OtherAccount,
        Preset,
        goes_in_clear,
        preset,
        require_bare,
        storage_folder,
    )
    from ingest.provider.protocol import (
        KEY_METADATA,
        TERMINAL_STATUSES,
        TOO_FEW,
        Account,
        AccountError,
        Answer,
        BatchFault,
        InputMissingError,
        NoCreditError,
        NoRoomError,
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
    from ingest.provider.vendors import looking, open_provider, wire_of
    from ingest.provider.wire import HasEnded, Parameters, Side, Wire
else:
    __getattr__ = on_demand(__name__)

__all__ = [
    "DEFAULT_LOCAL_MODEL",
    "IN_CLEAR",
    "KEY_METADATA",
    "LOCAL",
    "MODELS",
    "PRESETS",
    "TERMINAL_STATUSES",
    "TOO_FEW",
    "Account",
    "AccountError",
    "Answer",
    "BatchFault",
    "EmbeddingModel",
    "HasEnded",
    "InputMissingError",
    "KnownModel",
    "NoCreditError",
    "NoRoomError",
    "OtherAccount",
    "Parameters",
    "Preset",
    "Provider",
    "Rate",
    "RefusedAccountError",
    "RefusedError",
    "RefusedKeyError",
    "RemoteBatch",
    "ResultMissingError",
    "Room",
    "Side",
    "TryLaterError",
    "UnclearOutcomeError",
    "Wire",
    "embedding_model",
    "goes_in_clear",
    "known_models",
    "looking",
    "open_provider",
    "preset",
    "require_bare",
    "storage_folder",
    "wire_of",
]
