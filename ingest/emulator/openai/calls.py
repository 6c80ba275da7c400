"""OpenAI's calls: Files, Batches, Embeddings, Models; and `/rerank`, as other servers of this kind have it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from ingest.emulator.errors import ApiError
from ingest.emulator.openai import parameters
from ingest.emulator.openai.embeddings import answer, read_request
from ingest.emulator.openai.errors import invalid_value, model_not_found, no_such_batch, no_such_file
from ingest.emulator.openai.forms import uploaded
from ingest.emulator.openai.reranking import rerank_answer
from ingest.emulator.openai.views import batch_object, file_object, model_object, page
from ingest.emulator.requests import in_thread, with_body
from ingest.emulator.responses import json_response
from ingest.emulator.seen import seen
from ingest.emulator.vendor import Endpoint

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from ingest.emulator.records import Batch, StoredFile
    from ingest.emulator.service import Service


def endpoints(service: Service, calls: Calls | None = None) -> list[Endpoint]:
    """The calls; `calls`: those of a vendor that has the same ones."""
    calls = calls or Calls(service)
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
class Calls:
    """What each call answers."""

    service: Service

    # Files

    async def upload(self, request: Request) -> Response:
        """Keep a file."""
        return json_response(
            self.file_shown(await uploaded(self.service, request, self.service.vendor.new_result_id()))
        )

    def list_files(self, request: Request) -> Response:
        """A page of the files."""
        query = request.query_params
        limit = parameters.integer(query.get("limit"), "limit", default=10_000, maximum=10_000)
        order = query.get("order", "desc")
        if order not in ("asc", "desc"):
            raise invalid_value("order", order, "'asc' and 'desc'")
        after = query.get("after")
        files = self.service.files(
            purpose=query.get("purpose"),
            after=None if after is None else self.file(after).number,
            descending=order == "desc",
            limit=limit + 1,
        )
        return json_response(page([self.file_shown(file) for file in files], limit))

    def retrieve_file(self, request: Request) -> Response:
        """What is known of a file."""
        file = self.file(request.path_params["file_id"])
        is_empty = self.service.is_empty_yet(file)
        return json_response(self.file_shown(msgspec.structs.replace(file, bytes=0) if is_empty else file))

    def delete_file(self, request: Request) -> Response:
        """Delete a file."""
        file_id = self.file(request.path_params["file_id"]).id
        self.service.store.delete_file(file_id)
        return json_response({"id": file_id, "object": "file", "deleted": True})

    def content(self, request: Request) -> Response:
        """A file's content."""
        return self.service.content(self.file(request.path_params["file_id"]))

    def file_shown(self, file: StoredFile) -> dict[str, Any]:
        """A file, as it is told."""
        return file_object(file)

    def file(self, file_id: str) -> StoredFile:
        """The file of that id."""
        file = self.service.file(file_id)
        if file is None:
            raise no_such_file(file_id)
        return file

    # Batches

    def create(self, body: bytes, _: Request) -> Response:
        """Create a batch."""
        new = parameters.new_batch(body)
        file = self.service.file(new.input_file_id)
        if file is None:
            raise no_such_file(new.input_file_id, param="file_id", status_code=400)
        if file.purpose != "batch":
            raise ApiError(400, f"The file {file.id} has the purpose {file.purpose}, not batch.", param="input_file_id")
        return self.shown(self.service.add_batch(file, metadata=new.metadata, output_lifetime_s=new.output_lifetime_s))

    def list_batches(self, request: Request) -> Response:
        """A page of the batches."""
        query = request.query_params
        limit = parameters.integer(query.get("limit"), "limit", default=20, maximum=100)
        after = query.get("after")
        batches = self.service.batches(after=None if after is None else self.batch(after).number, limit=limit + 1)
        return json_response(page([self.batch_shown(batch) for batch in batches], limit))

    def retrieve(self, request: Request) -> Response:
        """A batch as it is now."""
        return self.shown(self.service.asked_after(self.batch(request.path_params["batch_id"])))

    def cancel(self, request: Request) -> Response:
        """Begin to cancel a batch."""
        batch = self.service.cancel(self.batch(request.path_params["batch_id"]))
        if batch.status != "cancelling":
            raise ApiError(409, f"Cannot cancel a batch with status '{batch.status}'.")
        return self.shown(batch)

    def batch(self, batch_id: str) -> Batch:
        """The batch of that id."""
        batch = self.service.store.batch(batch_id)
        if batch is None:
            raise no_such_batch(batch_id)
        return batch

    def shown(self, batch: Batch) -> Response:
        """The answer that tells of a batch."""
        return json_response(self.batch_shown(batch))

    def batch_shown(self, batch: Batch) -> dict[str, Any]:
        """A batch, as it is told."""
        return batch_object(seen(batch, self.service.faults))

    # Embeddings

    def embeddings(self, body: bytes, _: Request) -> Response:
        """Embed texts at once."""
        wanted = read_request(body)
        embedded = self.service.embedded(wanted)
        made = answer(wanted, embedded.vectors, sum(embedded.token_counts))
        if self.service.faults.fires("shuffled_answer"):
            made.data.reverse()
        return json_response(made, headers=embedded.headers)

    def rerank(self, body: bytes, _: Request) -> Response:
        """Order texts by how well they answer."""
        return json_response(rerank_answer(body, is_short=bool(self.service.faults.fires("short_answer"))))

    # Models

    def list_models(self, _: Request) -> Response:
        """The models."""
        return json_response({"object": "list", "data": [*map(model_object, self.service.limits.models)]})

    def retrieve_model(self, request: Request) -> Response:
        """One of them."""
        name = request.path_params["model"]
        if name not in self.service.limits.models:
            raise model_not_found(name)
        return json_response(model_object(name))
