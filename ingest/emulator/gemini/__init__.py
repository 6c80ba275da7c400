"""Google's Gemini API: files sent in two steps, batches as operations, one file of results with the errors in it."""

from __future__ import annotations

from ingest.emulator.gemini.calls import endpoints
from ingest.emulator.gemini.errors import authorize, refusal
from ingest.emulator.gemini.lines import custom_id, done_line, judged_line, never_ran_line, refused_line, request_of
from ingest.emulator.gemini.models import MODELS, check_tokens, checked_model, vectors
from ingest.emulator.gemini.views import new_batch_id, new_result_id

errors_apart = False
refuses_when_full = True
tells_ends = False

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
