"""OpenRouter's calls that embed: Batches, Embeddings."""

from __future__ import annotations

import time
from io import BytesIO
from typing import TYPE_CHECKING, Any

import msgspec

from ingest.emulator.errors import ApiError, rate_limited
from ingest.emulator.openai.calls import Calls
from ingest.emulator.openai.calls import endpoints as endpoints_of
from ingest.emulator.records import NewFile
from ingest.emulator.requests import in_thread
from ingest.emulator.responses import json_response
from ingest.emulator.seen import seen
from ingest.emulator.vendor import Endpoint
from ingest.errors import UNREADABLE_JSON

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from ingest.emulator.records import Batch
    from ingest.emulator.service import Service

_FIELDS = {"endpoint", "model", "completion_window", "provider", "callback_url", "requests"}
_FIRST = ("endpoint", "model")
_COUNT = "count"  # of its requests, kept in a batch's metadata, which is not told
_SERVED = ("create", "list_batches", "retrieve", "embeddings")


def endpoints(service: Service) -> list[Endpoint]:
    """The calls: there is none that cancels a batch."""
    calls = _Calls(service)
    delete = Endpoint("DELETE", f"{service.limits.path}/batches/{{batch_id}}", "delete_batch", in_thread(calls.delete))
    return [*(each for each in endpoints_of(service, calls) if each.operation in _SERVED), delete]


class _Calls(Calls):
    """What each call answers, where it is not as OpenAI's."""

    def create(self, body: bytes, _: Request) -> Response:
        model, lines = _read(body)
        if model not in self.service.limits.models:
            raise ApiError(400, f"Model '{model}' does not have a :batch endpoint.")
        store, name = self.service.store, self.service.vendor.new_result_id()
        store.write_content(name, BytesIO(b"".join(bytes(line) + b"\n" for line in lines)))
        kept_until = time.time() + self.service.limits.file_lifetime_s
        file = store.add_file(NewFile(name, "requests.jsonl", "batch", kept_until))
        if not self.service.has_room(file, model):
            store.delete_file(file.id)
            raise rate_limited("Too many batches are under way.", 1)
        batch = self.service.add_batch(file, metadata={_COUNT: str(len(lines))}, model=model)
        return json_response(self.batch_shown(batch), 202)

    def retrieve(self, request: Request) -> Response:
        batch = self.service.asked_after(self.batch(request.path_params["batch_id"]))
        return json_response({**self.batch_shown(batch), "results": self._results(batch)})

    def delete(self, request: Request) -> Response:
        """Delete a batch that is over."""
        batch = self.batch(request.path_params["batch_id"])
        if not batch.has_ended:
            raise ApiError(409, "Only a batch in a terminal status can be deleted.")
        for name in (batch.input_file_id, batch.output_name):
            self.service.store.delete_file(name)
        self.service.store.delete_batch(batch)
        deletion = {"openrouter": "deleted", "upstream": None}
        return json_response({"id": batch.id, "object": "batch", "deletion": deletion})

    def batch_shown(self, batch: Batch) -> dict[str, Any]:
        batch = seen(batch, self.service.faults).batch
        ended = [batch.completed_at, batch.failed_at, batch.expired_at, batch.cancelled_at]
        total = int((batch.metadata or {}).get(_COUNT, batch.total))
        said = "; ".join(error.message for error in batch.errors)
        tokens = {"prompt_tokens": batch.billed_tokens, "completion_tokens": 0, "total_tokens": batch.billed_tokens}
        return {
            "id": batch.id,
            "object": "batch",
            "endpoint": "/v1/embeddings",
            "model": batch.model,
            "completion_window": "24h",
            "status": batch.status,
            "created_at": int(batch.created_at),
            "finalized_at": next((int(moment) for moment in ended if moment), None),
            "expires_at": int(batch.expires_at),
            "provider": "OpenAI",
            "request_counts": {"total": total, "completed": batch.completed, "failed": batch.failed},
            "usage": {**tokens, "cost": 0.0, "is_byok": False} if batch.has_ended else None,
            "results": None,
            "error": {"message": said} if said else None,
        }

    def _results(self, batch: Batch) -> list[msgspec.Raw] | None:
        """The results of a batch that is over, as far as they can be seen."""
        name = seen(batch, self.service.faults).batch.output_file_id
        file = self.service.file(name) if name else None
        if file is None:
            return None
        if self.service.is_empty_yet(file):
            return []
        lines = self.service.store.content_path(file.id).read_bytes().split(b"\n")
        return [_element(line) for line in lines if line]


def _element(line: bytes) -> msgspec.Raw:
    """A line among the results of an answer, which is JSON as a whole: one that is none is a text there."""
    try:
        msgspec.json.decode(line)
    except UNREADABLE_JSON:
        return msgspec.Raw(msgspec.json.encode(line.decode(errors="replace")))
    return msgspec.Raw(line)


def _read(body: bytes) -> tuple[str, list[msgspec.Raw]]:
    """The model and the requests of a call to create a batch."""
    try:
        fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        given = list(fields)
        if unknown := [name for name in given if name not in _FIELDS]:
            raise ApiError(400, f"Unrecognized key: {unknown[0]}")
        if missing := [name for name in (*_FIRST, "requests") if name not in fields]:
            raise ApiError(400, f"Missing field: {missing[0]}")
        if any(given.index(name) > given.index("requests") for name in _FIRST):
            raise ApiError(400, "`endpoint` and `model` stand before `requests`.")
        endpoint, model = (msgspec.json.decode(fields[name], type=str) for name in _FIRST)
        window = msgspec.json.decode(fields.get("completion_window", b'"24h"'), type=str)
        lines = msgspec.json.decode(fields["requests"], type=list[msgspec.Raw])
    except UNREADABLE_JSON as error:
        raise ApiError(400, str(error)) from None
    if (endpoint, window) != ("/v1/embeddings", "24h") or not lines:
        raise ApiError(400, "A batch has the endpoint /v1/embeddings here, the window 24h, and some requests.")
    return model, lines
