"""Voyage's calls: Files, Batches, Embeddings. As OpenAI's, but for the creation of a batch, and for times in words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from ingest.emulator import bodies
from ingest.emulator.errors import ApiError, rate_limited
from ingest.emulator.openai.calls import Calls
from ingest.emulator.openai.calls import endpoints as endpoints_of
from ingest.emulator.openai.embeddings import answer
from ingest.emulator.responses import json_response
from ingest.emulator.seen import seen
from ingest.emulator.voyage.lines import Parameters, read_body

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from ingest.emulator.records import Batch, StoredFile
    from ingest.emulator.service import Service
    from ingest.emulator.vendor import Endpoint

_MOMENTS = ("in_progress_at", "finalizing_at", "completed_at", "failed_at", "cancelling_at", "cancelled_at")
_NOT_SERVED = ("rerank", "models")


class _NewBatch(msgspec.Struct, forbid_unknown_fields=True):
    """What a call to create a batch asks for."""

    endpoint: Literal["/v1/embeddings"]
    completion_window: Literal["12h"]
    request_params: Parameters
    input_file_id: str
    metadata: dict[str, str] | None = None


_read_batch = bodies.reader(_NewBatch)


def endpoints(service: Service) -> list[Endpoint]:
    """The calls."""
    return [each for each in endpoints_of(service, _Calls(service)) if each.operation not in _NOT_SERVED]


class _Calls(Calls):
    """What each call answers, where it is not as OpenAI's."""

    def file_shown(self, file: StoredFile) -> dict[str, Any]:
        return {
            "object": "file",
            "id": file.id,
            "purpose": file.purpose.replace("_", "-"),
            "filename": file.filename,
            "bytes": file.bytes,
            "created_at": _moment(file.created_at),
            "expires_at": _moment(file.expires_at),
        }

    def create(self, body: bytes, _: Request) -> Response:
        new = _read_batch(body)
        if new.request_params.model not in self.service.limits.models:
            raise ApiError(400, f"Model {new.request_params.model} is not supported.")
        file = self.service.file(new.input_file_id)
        if file is None:
            raise ApiError(404, "Input file not found")
        if not self.service.has_room(file, new.request_params.model):
            raise rate_limited("Your organization has too many batches in flight.", 1)
        asked = msgspec.json.encode(new.request_params).decode()
        model = new.request_params.model
        return self.shown(self.service.add_batch(file, metadata=new.metadata, model=model, asked=asked))

    def batch_shown(self, batch: Batch) -> dict[str, Any]:
        told = seen(batch, self.service.faults)
        batch = told.batch
        counts = {"total": batch.total, "completed": batch.completed, "failed": batch.failed}
        return {
            "id": batch.id,
            "object": "batch",
            "endpoint": "/v1/embeddings",
            "errors": [{"message": error.message} for error in batch.errors] or None,
            "input_file_id": batch.input_file_id,
            "completion_window": "12h",
            "model": batch.model,
            "status": batch.status,
            "output_file_id": batch.output_file_id,
            "error_file_id": batch.error_file_id,
            "request_counts": counts if told.tells_counts else None,
            "metadata": batch.metadata,
            "created_at": _moment(batch.created_at),
            "expected_completion_at": _moment(batch.expires_at),
            **{name: _moment(getattr(batch, name)) for name in _MOMENTS},
        }

    def embeddings(self, body: bytes, _: Request) -> Response:
        read = read_body(body)
        wanted = read.request(read.texts)
        embedded = self.service.embedded(wanted)
        made = answer(wanted, embedded.vectors, sum(embedded.token_counts))
        if self.service.faults.fires("shuffled_answer"):
            made.data.reverse()
        told = {"object": "list", "data": made.data, "model": made.model}
        usage = {"total_tokens": made.usage.total_tokens}
        return json_response({**told, "usage": usage}, headers=embedded.headers)


def _moment(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat()
