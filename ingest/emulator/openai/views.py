"""Files and batches as OpenAI shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

import msgspec

from ingest.emulator.openai.lines import ENDPOINT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.emulator.records import Batch, StoredFile
    from ingest.emulator.seen import Seen

_MOMENTS = (
    "in_progress_at",
    "finalizing_at",
    "completed_at",
    "failed_at",
    "expired_at",
    "cancelling_at",
    "cancelled_at",
)
_MODELS_SINCE = 1_705_948_997  # the day of text-embedding-3-small


class Page(TypedDict):
    """A page of a list."""

    object: str
    data: list[dict[str, Any]]
    first_id: str
    last_id: str
    has_more: bool


def file_object(file: StoredFile) -> dict[str, Any]:
    """A file."""
    return {
        "id": file.id,
        "object": "file",
        "bytes": file.bytes,
        "created_at": int(file.created_at),
        "expires_at": int(file.expires_at),
        "filename": file.filename,
        "purpose": file.purpose,
        "status": "processed",
    }


def model_object(name: str) -> dict[str, Any]:
    """A model."""
    return {"id": name, "object": "model", "created": _MODELS_SINCE, "owned_by": "ingest-emulator"}


def batch_object(seen: Seen) -> dict[str, Any]:
    """A batch, as the faults let it be seen."""
    batch = seen.batch
    counts = {"total": batch.total, "completed": batch.completed, "failed": batch.failed}
    moments = {name: getattr(batch, name) for name in _MOMENTS}
    return {
        "id": batch.id,
        "object": "batch",
        "endpoint": ENDPOINT,
        "model": batch.model,
        "errors": _errors(batch),
        "input_file_id": batch.input_file_id,
        "completion_window": "24h",
        "status": batch.status,
        "output_file_id": batch.output_file_id,
        "error_file_id": batch.error_file_id,
        "created_at": int(batch.created_at),
        "expires_at": int(batch.expires_at),
        **{name: None if moment is None else int(moment) for name, moment in moments.items()},
        "request_counts": counts if seen.tells_counts else None,
        "usage": _usage(batch) if seen.tells_usage else None,
        "metadata": batch.metadata,
    }


def page(objects: Sequence[dict[str, Any]], limit: int) -> Page:
    """A page of at most `limit` objects, of which one more was looked up to see whether there is more."""
    shown = list(objects[:limit])
    return {
        "object": "list",
        "data": shown,
        "first_id": shown[0]["id"] if shown else "",
        "last_id": shown[-1]["id"] if shown else "",
        "has_more": len(objects) > limit,
    }


def _errors(batch: Batch) -> dict[str, Any] | None:
    if not batch.errors:
        return None
    return {"object": "list", "data": [msgspec.structs.asdict(error) for error in batch.errors]}


def _usage(batch: Batch) -> dict[str, Any] | None:
    if batch.in_progress_at is None:
        return None
    return {
        "input_tokens": batch.billed_tokens,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 0,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": batch.billed_tokens,
    }
