"""Voyage's API: OpenAI's files and batches, with what is asked of the model in the batch, and not in its lines."""

from __future__ import annotations

from functools import partial

from ingest.emulator.app import bearer as authorize
from ingest.emulator.bodies import custom_id
from ingest.emulator.embeddings import embed as vectors
from ingest.emulator.openai.embeddings import check_tokens, checked_model
from ingest.emulator.records import new_id
from ingest.emulator.voyage.calls import endpoints
from ingest.emulator.voyage.errors import refusal
from ingest.emulator.voyage.lines import done_line, judged_line, never_ran_line, refused_line, request_of
from ingest.emulator.voyage.models import MODELS

errors_apart = True
refuses_when_full = True
tells_ends = False
new_batch_id = partial(new_id, "batch-")
new_result_id = partial(new_id, "file-")

__all__ = [
    "MODELS",
    "authorize",
    "check_tokens",
    "checked_model",
    "custom_id",
    "done_line",
    "endpoints",
    "errors_apart",
    "judged_line",
    "never_ran_line",
    "new_batch_id",
    "new_result_id",
    "refusal",
    "refused_line",
    "refuses_when_full",
    "request_of",
    "tells_ends",
    "vectors",
]
