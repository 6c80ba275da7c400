"""Rows of `batches`, where no database is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ingest.batches.records import Batch


def batch_row(**values: Any) -> Batch:
    """A batch of three requests, submitted, with these values."""
    fields: dict[str, Any] = {
        "id": 1,
        "key": "ingest-key",
        "state": "submitted",
        "mode": "batch",
        "model": "text-embedding-3-small",
        "dimensions": 8,
        "endpoint": "https://api.example/v1",
        "shard_path": "/nowhere",
        "shard_sha256": b"",
        "request_count": 3,
        "token_count": 30,
        "byte_count": 300,
        "input_file_id": None,
        "provider_batch_id": None,
        "provider_status": None,
        "provider_completed": 0,
        "output_file_id": None,
        "error_file_id": None,
        "waiting": False,
        "message": None,
        "tries": 0,
        "cancel_asked": False,
        "idle_s": 0.0,
        "created_at": datetime.now(UTC),
        "submitted_at": None,
        "age_s": None,
    }
    return Batch(**fields | values)
