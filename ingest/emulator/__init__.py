"""A local Files, Batches and Embeddings server: real vectors, injectable faults, a ledger of bills."""

from ingest.emulator.dialects import DIALECTS
from ingest.emulator.faults import FAULTS, Fault
from ingest.emulator.limits import Limits
from ingest.emulator.models import hash_vectors
from ingest.emulator.server import RunningEmulator, running, serve, webhook_of

__all__ = [
    "DIALECTS",
    "FAULTS",
    "Fault",
    "Limits",
    "RunningEmulator",
    "hash_vectors",
    "running",
    "serve",
    "webhook_of",
]
