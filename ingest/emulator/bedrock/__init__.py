"""Amazon Bedrock's model invocation jobs and InvokeModel; their files lie on an S3 that AWS's own variables name."""

from __future__ import annotations

from ingest.emulator.bedrock.calls import endpoints, new_batch_id, new_result_id
from ingest.emulator.bedrock.errors import authorize, refusal
from ingest.emulator.bedrock.lines import custom_id, done_line, judged_line, never_ran_line, refused_line, request_of
from ingest.emulator.bedrock.models import MODELS, check_tokens, checked_model, vectors

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
