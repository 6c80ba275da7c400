"""Files and jobs as Mistral shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ingest.emulator.openai.lines import ENDPOINT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.emulator.records import StoredFile
    from ingest.emulator.seen import Seen
    from ingest.provider import EmbeddingModel

_STATUSES = {
    "validating": "QUEUED",
    "in_progress": "RUNNING",
    "finalizing": "RUNNING",
    "cancelling": "CANCELLATION_REQUESTED",
    "completed": "SUCCESS",
    "expired": "TIMEOUT_EXCEEDED",
}


def new_id() -> str:
    """An id nobody has guessed or used."""
    return str(uuid4())


def file_object(file: StoredFile) -> dict[str, Any]:
    """A file."""
    is_sent = file.purpose == "batch"
    return {
        "id": file.id,
        "object": "file",
        "bytes": file.bytes,
        "created_at": int(file.created_at),
        "filename": file.filename,
        "purpose": "batch",
        "sample_type": "batch_request" if is_sent else "batch_result",
        "num_lines": None,
        "mimetype": "application/jsonl",
        "source": "upload" if is_sent else "mistral",
        "signature": None,
        "expires_at": None,
        "visibility": "workspace",
    }


def job_object(seen: Seen) -> dict[str, Any]:
    """A job, as the faults let it be seen."""
    batch = seen.batch
    ended_at = batch.completed_at or batch.failed_at or batch.expired_at or batch.cancelled_at
    completed, failed = (batch.completed, batch.failed) if seen.tells_counts else (0, 0)
    return {
        "id": batch.id,
        "object": "batch",
        "input_files": [batch.input_file_id],
        "metadata": batch.metadata,
        "endpoint": ENDPOINT,
        "model": batch.model,
        "agent_id": None,
        "output_file": batch.output_file_id,
        "error_file": batch.error_file_id,
        "outputs": None,
        "errors": [{"message": error.message, "count": 1} for error in batch.errors],
        "status": _STATUSES.get(batch.status, batch.status.upper()),
        "created_at": int(batch.created_at),
        "started_at": batch.in_progress_at and int(batch.in_progress_at),
        "completed_at": int(ended_at) if ended_at and batch.has_ended else None,
        "total_requests": batch.total if seen.tells_counts else 0,
        "completed_requests": completed + failed,
        "succeeded_requests": completed,
        "failed_requests": failed,
    }


def model_object(name: str, model: EmbeddingModel) -> dict[str, Any]:
    """A model."""
    return {
        "id": name,
        "object": "model",
        "owned_by": "mistralai",
        "capabilities": {},
        "max_context_length": model.max_tokens,
        "type": "base",
    }


def page(objects: Sequence[dict[str, Any]], number: int, size: int) -> dict[str, Any]:
    """A page of a list; the first is 0."""
    return {"object": "list", "data": objects[number * size : (number + 1) * size], "total": len(objects)}
