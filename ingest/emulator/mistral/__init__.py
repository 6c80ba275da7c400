"""Mistral's API: OpenAI's files and result lines, jobs of its own. By its SDK and its OpenAPI description (2026)."""

from __future__ import annotations

from ingest.emulator.app import bearer as authorize
from ingest.emulator.mistral.calls import endpoints
from ingest.emulator.mistral.errors import refusal
from ingest.emulator.mistral.lines import custom_id, judged_line, never_ran_line, refused_line, request_of
from ingest.emulator.mistral.models import MODELS, check_tokens, checked_model, vectors
from ingest.emulator.mistral.views import new_id as new_batch_id
from ingest.emulator.mistral.views import new_id as new_result_id
from ingest.emulator.openai.lines import done_line

errors_apart = True
refuses_when_full = False
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
