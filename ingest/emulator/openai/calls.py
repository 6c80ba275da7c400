"""OpenAI's calls: Files, Batches, Embeddings, Models; and `/rerank`, as other servers of this kind have it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import Request

from ingest.emulator.errors import ApiError
from ingest.emulator.openai import parameters
from ingest.emulator.openai.embeddings import answer, read_request
from ingest.emulator.openai.errors import invalid_value, missing, model_not_found, no_such_batch, no_such_file
from ingest.emulator.openai.reranking import rerank_answer
from ingest.emulator.openai.views import batch_object, file_object, model_object, page
from ingest.emulator.records import NewFile, new_id
from ingest.emulator.requests import bounded, in_thread, with_body
from ingest.emulator.responses import json_response
from ingest.emulator.seen import seen
from ingest.emulator.vendor import Endpoint

if TYPE_CHECKING:
    from starlette.responses import Response

    from ingest.emulator.records import Batch, StoredFile
    from ingest.emulator.service import Service

_MULTIPART_BYTES = 16_384  # what a form may take besides the file


def endpoints(service: Service) -> list[Endpoint]:
    """The calls."""
    calls = _Calls(service)
    path = service.limits.path
    return [
        Endpoint("POST", f"{path}/files", "upload", calls.upload),
        Endpoint("GET", f"{path}/files", "list_files", in_thread(calls.list_files)),
        Endpoint("GET", f"{path}/files/{{file_id}}", "retrieve_file", in_thread(calls.retrieve_file)),
        Endpoint("DELETE", f"{path}/files/{{file_id}}", "delete_file", in_thread(calls.delete_file)),
        Endpoint("GET", f"{path}/files/{{file_id}}/content", "content", in_thread(calls.content)),
        Endpoint("POST", f"{path}/batches", "create", with_body(calls.create)),
        Endpoint("GET", f"{path}/batches", "list_batches", in_thread(calls.list_batches)),
        Endpoint("GET", f"{path}/batches/{{batch_id}}", "retrieve", in_thread(calls.retrieve)),
        Endpoint("POST", f"{path}/batches/{{batch_id}}/cancel", "cancel", in_thread(calls.cancel)),
        Endpoint("POST", f"{path}/embeddings", "embeddings", with_body(calls.embeddings)),
        Endpoint("POST", f"{path}/rerank", "rerank", with_body(calls.rerank)),
        Endpoint("GET", f"{path}/models", "models", in_thread(calls.list_models)),
        Endpoint("GET", f"{path}/models/{{model:path}}", "models", in_thread(calls.retrieve_model)),
    ]


@dataclass(frozen=True, slots=True)
class _Calls:
    """What each call answers."""

    service: Service

    # Files

    async def upload(self, request: Request) -> Response:
        most = self.service.limits.file_bytes
        if int(request.headers.get("content-length", 0)) > most + _MULTIPART_BYTES:
            raise ApiError(400, "File is too large.", param="file")
        limited = Request(request.scope, bounded(request.receive, most + _MULTIPART_BYTES))
        async with limited.form(max_files=1, max_fields=8) as form:
            upload, purpose = form.get("file"), form.get("purpose")
            if not isinstance(upload, UploadFile):
                raise missing("file")
            if purpose is None:
                raise missing("purpose")
            if purpose != "batch":
                raise invalid_value("purpose", purpose, "'batch'")
            if (upload.size or 0) > most:
                raise ApiError(400, "File is too large.", param="file")
            filename = upload.filename or ""
            if not filename.endswith(".jsonl"):
                raise ApiError(400, "Invalid file format for Batch API. Must be .jsonl", param="file")
            lifetime_s = parameters.file_lifetime(form) or self.service.limits.file_lifetime_s
            file = await run_in_threadpool(self._keep, upload, filename, lifetime_s)
        return json_response(file_object(file))

    def _keep(self, upload: UploadFile, filename: str, lifetime_s: float) -> StoredFile:
        file_id = new_id("file-")
        self.service.store.write_content(file_id, upload.file)
        return self.service.store.add_file(NewFile(file_id, filename, "batch", time.time() + lifetime_s))

    def list_files(self, request: Request) -> Response:
        query = request.query_params
        limit = parameters.integer(query.get("limit"), "limit", default=10_000, maximum=10_000)
        order = query.get("order", "desc")
        if order not in ("asc", "desc"):
            raise invalid_value("order", order, "'asc' and 'desc'")
        after = query.get("after")
        files = self.service.files(
            purpose=query.get("purpose"),
            after=None if after is None else self._file(after).number,
            descending=order == "desc",
            limit=limit + 1,
        )
        return json_response(page([file_object(file) for file in files], limit))

    def retrieve_file(self, request: Request) -> Response:
        file = self._file(request.path_params["file_id"])
        is_empty = self.service.is_empty_yet(file)
        return json_response(file_object(msgspec.structs.replace(file, bytes=0) if is_empty else file))

    def delete_file(self, request: Request) -> Response:
        file_id = self._file(request.path_params["file_id"]).id
        self.service.store.delete_file(file_id)
        return json_response({"id": file_id, "object": "file", "deleted": True})

    def content(self, request: Request) -> Response:
        return self.service.content(self._file(request.path_params["file_id"]))

    def _file(self, file_id: str) -> StoredFile:
        file = self.service.file(file_id)
        if file is None:
            raise no_such_file(file_id)
        return file

    # Batches

    def create(self, body: bytes, _: Request) -> Response:
        new = parameters.new_batch(body)
        file = self.service.file(new.input_file_id)
        if file is None:
            raise no_such_file(new.input_file_id, param="file_id", status_code=400)
        if file.purpose != "batch":
            raise ApiError(400, f"The file {file.id} has the purpose {file.purpose}, not batch.", param="input_file_id")
        return self._shown(self.service.add_batch(file, metadata=new.metadata, output_lifetime_s=new.output_lifetime_s))

    def list_batches(self, request: Request) -> Response:
        query = request.query_params
        limit = parameters.integer(query.get("limit"), "limit", default=20, maximum=100)
        after = query.get("after")
        batches = self.service.batches(after=None if after is None else self._batch(after).number, limit=limit + 1)
        return json_response(page([batch_object(seen(batch, self.service.faults)) for batch in batches], limit))

    def retrieve(self, request: Request) -> Response:
        return self._shown(self.service.asked_after(self._batch(request.path_params["batch_id"])))

    def cancel(self, request: Request) -> Response:
        batch = self.service.cancel(self._batch(request.path_params["batch_id"]))
        if batch.status != "cancelling":
            raise ApiError(409, f"Cannot cancel a batch with status '{batch.status}'.")
        return self._shown(batch)

    def _batch(self, batch_id: str) -> Batch:
        batch = self.service.store.batch(batch_id)
        if batch is None:
            raise no_such_batch(batch_id)
        return batch

    def _shown(self, batch: Batch) -> Response:
        return json_response(batch_object(seen(batch, self.service.faults)))

    # Embeddings

    def embeddings(self, body: bytes, _: Request) -> Response:
        wanted = read_request(body)
        embedded = self.service.embedded(wanted)
        made = answer(wanted, embedded.vectors, sum(embedded.token_counts))
        if self.service.faults.fires("shuffled_answer"):
            made.data.reverse()
        return json_response(made, headers=embedded.headers)

    def rerank(self, body: bytes, _: Request) -> Response:
        return json_response(rerank_answer(body, is_short=bool(self.service.faults.fires("short_answer"))))

    # Models

    def list_models(self, _: Request) -> Response:
        return json_response({"object": "list", "data": [*map(model_object, self.service.limits.models)]})

    def retrieve_model(self, request: Request) -> Response:
        name = request.path_params["model"]
        if name not in self.service.limits.models:
            raise model_not_found(name)
        return json_response(model_object(name))
