"""OpenAI's API, and that of servers which are compatible."""

from __future__ import annotations

from functools import partial

from ingest.emulator.app import bearer as authorize
from ingest.emulator.embeddings import embed as vectors
from ingest.emulator.openai.calls import endpoints
from ingest.emulator.openai.embeddings import check_tokens, checked_model
from ingest.emulator.openai.errors import refusal
from ingest.emulator.openai.lines import custom_id, done_line, judged_line, never_ran_line, refused_line, request_of
from ingest.emulator.records import new_id

errors_apart = True
refuses_when_full = False
tells_ends = True
new_batch_id = partial(new_id, "batch_")
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
