"""What the server accepts: OpenAI's published limits, each to be lowered in tests, or those of another server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ingest.provider import MODELS, EmbeddingModel

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one server; None means no limit. The defaults are OpenAI's (batch guide, 2026).

    `batch_tokens` bounds the tokens of one batch, and `least_requests` its requests from below, as some servers do;
    `enqueued_tokens` those of one model in unfinished batches, `requests_per_minute` and `tokens_per_minute` the calls
    to embed at once; accounts differ.
    """

    file_bytes: int = 200_000_000
    batch_requests: int = 50_000
    least_requests: int = 0
    batch_inputs: int = 50_000
    batch_tokens: int | None = None
    request_inputs: int = 2_048
    request_tokens: int = 300_000
    batches_per_hour: int = 2_000
    enqueued_requests: int = 1_000_000
    enqueued_tokens: int | None = None
    open_batches: int | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    completion_window_s: float = 24 * 3600
    file_lifetime_s: float = 30 * 24 * 3600
    listed_errors: int = 100
    path: str = "/v1"
    """Where the calls are."""
    models: Mapping[str, EmbeddingModel] = field(default_factory=lambda: MODELS)
    """By the names that requests may give."""
    encoding_formats: tuple[str, ...] = ("float", "base64")


STANDARD_LIMITS = Limits()
