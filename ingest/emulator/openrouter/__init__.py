"""OpenRouter's API: batches whose requests stand in the call that makes them, and whose results in their answer."""

from __future__ import annotations

from functools import partial

from ingest.emulator.app import bearer as authorize
from ingest.emulator.bodies import custom_id
from ingest.emulator.embeddings import embed as vectors
from ingest.emulator.openai.embeddings import check_tokens, checked_model
from ingest.emulator.openai.lines import done_line
from ingest.emulator.openrouter.calls import endpoints
from ingest.emulator.openrouter.errors import refusal
from ingest.emulator.openrouter.lines import judged_line, never_ran_line, refused_line, request_of
from ingest.emulator.records import new_id

errors_apart = False
refuses_when_full = True
tells_ends = False
new_batch_id = partial(new_id, "batch-")
new_result_id = partial(new_id, "file-")

__all__ = [
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
