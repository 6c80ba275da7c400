"""Files and batches as the API shows them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypedDict

import msgspec

from ingest.emulator.lines import ENDPOINT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.emulator.faults import Faults
    from ingest.emulator.records import Batch, StoredFile

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
_TERMINAL = ("completed", "failed", "expired", "cancelled")
_BEFORE = {"completed": "in_progress", "in_progress": "validating"}


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


def batch_object(batch: Batch, faults: Faults) -> dict[str, Any]:
    """A batch, as the faults let it be seen."""
    key = str(batch.number)
    status = batch.status
    age = time.time() - batch.created_at
    if faults.holds("unknown_status", key) and age < faults.seconds("unknown_status"):
        status = "scheduling"
    if faults.fires("backward_status"):
        status = _BEFORE.get(status, status)
    counts = {"total": batch.total, "completed": batch.completed, "failed": batch.failed}
    if batch.completed > 1 and faults.fires("falling_counts"):
        counts["completed"] //= 2
    hides_files = status == "in_progress" or _is_late(batch, faults)
    hides_counts = status not in _TERMINAL and faults.holds("null_request_counts", key)
    moments = {name: getattr(batch, name) for name in _MOMENTS}
    return {
        "id": batch.id,
        "object": "batch",
        "endpoint": ENDPOINT,
        "model": batch.model,
        "errors": _errors(batch),
        "input_file_id": batch.input_file_id,
        "completion_window": "24h",
        "status": status,
        "output_file_id": None if hides_files else batch.output_file_id,
        "error_file_id": None if hides_files else batch.error_file_id,
        "created_at": int(batch.created_at),
        "expires_at": int(batch.expires_at),
        **{name: None if moment is None else int(moment) for name, moment in moments.items()},
        "request_counts": None if hides_counts else counts,
        "usage": None if faults.holds("null_usage", key) else _usage(batch),
        "metadata": None if faults.holds("null_metadata", key) else batch.metadata,
    }


def _is_late(batch: Batch, faults: Faults) -> bool:
    age_s = time.time() - (batch.completed_at or 0)
    return age_s < faults.seconds("late_file_ids") and faults.holds("late_file_ids", str(batch.number))


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
