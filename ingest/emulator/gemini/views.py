"""Files, batches and models as the Gemini API shows them: without what is zero or false, 64-bit numbers as strings."""

from __future__ import annotations

import secrets
import string
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ingest.emulator.gemini.errors import status_number

if TYPE_CHECKING:
    from ingest.emulator.faults import Faults
    from ingest.emulator.records import StoredFile
    from ingest.emulator.seen import Seen
    from ingest.provider import EmbeddingModel

_LETTERS = string.ascii_lowercase + string.digits
_TYPE = "type.googleapis.com/google.ai.generativelanguage.v1main.EmbedContentBatch"
_STATES = {
    "validating": "PENDING",
    "in_progress": "RUNNING",
    "finalizing": "RUNNING",
    "cancelling": "RUNNING",
    "completed": "SUCCEEDED",
}
_ENDS = {"failed": "INVALID_ARGUMENT", "cancelled": "CANCELLED", "expired": "DEADLINE_EXCEEDED"}


def new_name(prefix: str, length: int) -> str:
    """A name nobody has guessed or used."""
    return prefix + "".join(secrets.choice(_LETTERS) for _ in range(length))


def new_batch_id() -> str:
    """That of a batch."""
    return new_name("batches/", 36)


def new_result_id() -> str:
    """That of a file of results: too long for the calls that take ids of files."""
    return new_name("files/batch-", 36)


def file_object(file: StoredFile, address: str) -> dict[str, Any]:
    """An uploaded file; `address`: of the server, with the version."""
    return {
        "name": file.id,
        **({"displayName": file.filename} if file.filename else {}),
        "mimeType": "application/jsonl",
        "sizeBytes": str(file.bytes),
        "createTime": _moment(file.created_at),
        "updateTime": _moment(file.created_at),
        "expirationTime": _moment(file.expires_at),
        "uri": f"{address}/{file.id}",
        "state": "ACTIVE",
        "source": "UPLOADED",
    }


def model_object(name: str, model: EmbeddingModel) -> dict[str, Any]:
    """A model."""
    return {
        "name": f"models/{name}",
        "version": "001",
        "displayName": name,
        "inputTokenLimit": model.max_tokens,
        "outputTokenLimit": 1,
        "supportedGenerationMethods": ["embedContent", "countTextTokens", "countTokens", "asyncBatchEmbedContent"],
    }


def operation(seen: Seen, faults: Faults) -> dict[str, Any]:
    """A batch: an operation whose metadata tells of it."""
    batch = seen.batch
    ended_at = batch.completed_at or batch.failed_at or batch.expired_at or batch.cancelled_at
    metadata: dict[str, Any] = {
        "@type": _TYPE,
        "name": batch.id,
        "model": f"models/{batch.model}",
        **(batch.metadata or {}),
        "createTime": _moment(batch.created_at),
        "updateTime": _moment(ended_at or batch.in_progress_at or batch.created_at),
        **({"endTime": _moment(ended_at)} if ended_at and batch.has_ended else {}),
    }
    told: dict[str, Any] = {"state": f"BATCH_STATE_{_STATES.get(batch.status, batch.status.upper())}"}
    counts = {
        "requestCount": batch.total,
        "successfulRequestCount": batch.completed,
        "failedRequestCount": batch.failed,
        "pendingRequestCount": batch.total - batch.completed - batch.failed,
    }
    if seen.tells_counts:
        told["batchStats"] = {name: str(count) for name, count in counts.items() if count > 0}
    shown: dict[str, Any] = {"name": batch.id, "metadata": metadata}
    if batch.has_ended:
        shown["done"] = True
    output = {} if batch.output_file_id is None else {"responsesFile": batch.output_file_id}
    if batch.status in _ENDS:
        said = "; ".join(_told(error.message, error.line) for error in batch.errors) or f"The batch is {batch.status}."
        shown["error"] = {"code": status_number(_ENDS[batch.status]), "message": said}
    elif batch.has_ended and not faults.active(["output_in_metadata", "output_at_top_level"]):
        shown["response"] = {"@type": _TYPE.replace("Batch", "BatchOutput"), **output}
    if output and not (faults.active(["output_in_response"]) and "response" in shown):
        told["output"] = output
    if faults.active(["output_at_top_level"]):
        metadata["state"] = "BATCH_STATE_RUNNING"
        return shown | told
    metadata |= told
    return shown


def _told(message: str, line: int | None) -> str:
    return message if line is None else f"line {line}: {message}"


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
