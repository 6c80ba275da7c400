"""A local Files, Batches and Embeddings server: real vectors, injectable faults, a ledger of bills."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.rooms import on_demand

if TYPE_CHECKING:
    from ingest.emulator.dialects import DIALECTS, dialect_of
    from ingest.emulator.faults import FAULTS, Fault
    from ingest.emulator.limits import Limits
    from ingest.emulator.models import embed_here, hash_vectors
    from ingest.emulator.server import RunningEmulator, running, serve, webhook_of
else:
    __getattr__ = on_demand(__name__)

__all__ = [
    "DIALECTS",
    "FAULTS",
    "Fault",
    "Limits",
    "RunningEmulator",
    "dialect_of",
    "embed_here",
    "hash_vectors",
    "running",
    "serve",
    "webhook_of",
]
