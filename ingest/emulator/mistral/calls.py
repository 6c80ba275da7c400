"""Mistral's calls: Files, jobs of batches, embeddings at once, models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from ingest.emulator.errors import ApiError
from ingest.emulator.mistral.errors import absent, invalid_model, unprocessable
from ingest.emulator.mistral.lines import read_body
from ingest.emulator.mistral.views import file_object, job_object, model_object, new_id, page
from ingest.emulator.openai.embeddings import answer
from ingest.emulator.openai.forms import uploaded
from ingest.emulator.openai.lines import ENDPOINT
from ingest.emulator.requests import in_thread, with_body
from ingest.emulator.responses import json_response
from ingest.emulator.seen import seen
from ingest.emulator.vendor import Endpoint
from ingest.errors import UNREADABLE_JSON

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from ingest.emulator.records import Batch, StoredFile
    from ingest.emulator.service import Service

_ALL = 1_000_000  # pages are numbered, and what is in all of them is told
_LONGEST_PAGE = 1_000
_METADATA_KEY, _METADATA_VALUE = 32, 512
_HOUR_S = 3_600
_MOST_HOURS = 7 * 24


class _NewJob(msgspec.Struct, forbid_unknown_fields=True):
    endpoint: str
    input_files: list[str] | None = None
    requests: msgspec.Raw | None = None
    model: str | None = None
    agent_id: str | None = None
    metadata: dict[str, str] | None = None
    timeout_hours: int = 24


def endpoints(service: Service) -> list[Endpoint]:
    """The calls."""
    calls = _Calls(service)
    files, jobs = f"{service.limits.path}/files", f"{service.limits.path}/batch/jobs"
    return [
        Endpoint("POST", files, "upload", calls.upload),
        Endpoint("GET", files, "list_files", in_thread(calls.list_files)),
        Endpoint("GET", f"{files}/{{file}}", "retrieve_file", in_thread(calls.retrieve_file)),
        Endpoint("DELETE", f"{files}/{{file}}", "delete_file", in_thread(calls.delete_file)),
        Endpoint("GET", f"{files}/{{file}}/content", "content", in_thread(calls.content)),
        Endpoint("POST", jobs, "create", with_body(calls.create)),
        Endpoint("GET", jobs, "list_batches", in_thread(calls.list_jobs)),
        Endpoint("GET", f"{jobs}/{{job}}", "retrieve", in_thread(calls.retrieve)),
        Endpoint("POST", f"{jobs}/{{job}}/cancel", "cancel", in_thread(calls.cancel)),
        Endpoint("DELETE", f"{jobs}/{{job}}", "delete_batch", in_thread(calls.delete_job)),
        Endpoint("POST", f"{service.limits.path}/embeddings", "embeddings", with_body(calls.embeddings)),
        Endpoint("GET", f"{service.limits.path}/models", "models", in_thread(calls.list_models)),
    ]


@dataclass(frozen=True, slots=True)
class _Calls:
    """What each call answers."""

    service: Service

    # Files

    async def upload(self, request: Request) -> Response:
        return json_response(file_object(await uploaded(self.service, request, new_id())))

    def list_files(self, request: Request) -> Response:
        purpose, search = request.query_params.get("purpose", "batch"), request.query_params.get("search", "")
        files = self.service.files(limit=_ALL) if purpose == "batch" else []
        found = [file_object(file) for file in files if search in file.filename]
        return json_response(page(found, *_page_of(request)))

    def retrieve_file(self, request: Request) -> Response:
        file = self._file(request.path_params["file"])
        is_empty = self.service.is_empty_yet(file)
        shown = file_object(msgspec.structs.replace(file, bytes=0) if is_empty else file)
        return json_response({**shown, "deleted": False})

    def delete_file(self, request: Request) -> Response:
        file_id = self._file(request.path_params["file"]).id
        self.service.store.delete_file(file_id)
        return json_response({"id": file_id, "object": "file", "deleted": True})

    def content(self, request: Request) -> Response:
        return self.service.content(self._file(request.path_params["file"]))

    def _file(self, file_id: str) -> StoredFile:
        file = self.service.file(file_id)
        if file is None:
            raise absent("File", file_id)
        return file

    # Jobs

    def create(self, body: bytes, _: Request) -> Response:
        try:
            new = msgspec.json.decode(body, type=_NewJob)
        except UNREADABLE_JSON as error:
            raise unprocessable("job", str(error)) from None
        if new.endpoint != ENDPOINT:
            raise unprocessable("endpoint", f"Only {ENDPOINT} is served here.")
        if not new.input_files or len(new.input_files) > 1 or new.requests is not None or new.agent_id is not None:
            raise unprocessable("input_files", "One file of requests is served here, and none that stand in the call.")
        if new.model is None or new.model not in self.service.limits.models:
            raise invalid_model(str(new.model))
        if not 0 < new.timeout_hours < _MOST_HOURS:
            raise unprocessable("timeout_hours", f"It is less than {_MOST_HOURS}.")
        if any(len(key) > _METADATA_KEY or len(value) > _METADATA_VALUE for key, value in (new.metadata or {}).items()):
            raise unprocessable("metadata", f"Keys have {_METADATA_KEY} characters at most, values {_METADATA_VALUE}.")
        batch = self.service.add_batch(
            self._file(new.input_files[0]),
            metadata=new.metadata,
            model=new.model,
            window_s=min(new.timeout_hours * _HOUR_S, self.service.limits.completion_window_s),
        )
        return self._shown(batch)

    def list_jobs(self, request: Request) -> Response:
        query = request.query_params
        order = query.get("order_by", "-created")
        if order not in ("created", "-created"):
            raise unprocessable("order_by", "It is created or -created.")
        wanted = query.getlist("status")
        found = [job_object(seen(batch, self.service.faults)) for batch in self.service.batches(limit=_ALL)]
        found = [job for job in found if not wanted or job["status"] in wanted]
        return json_response(page(found if order == "-created" else found[::-1], *_page_of(request)))

    def retrieve(self, request: Request) -> Response:
        return self._shown(self.service.asked_after(self._job(request)))

    def cancel(self, request: Request) -> Response:
        batch = self.service.cancel(self._job(request))
        if batch.status != "cancelling":
            raise ApiError(400, f"The job {batch.id} is over: it cannot be cancelled.")
        return self._shown(batch)

    def delete_job(self, request: Request) -> Response:
        batch = self._job(request)
        if not batch.has_ended:
            raise ApiError(400, f"The job {batch.id} is not over: cancel it first.")
        self.service.store.delete_batch(batch)
        return json_response({"id": batch.id, "object": "batch", "deleted": True})

    def _job(self, request: Request) -> Batch:
        batch = self.service.store.batch(request.path_params["job"])
        if batch is None:
            raise absent("Batch job", request.path_params["job"])
        return batch

    def _shown(self, batch: Batch) -> Response:
        return json_response(job_object(seen(batch, self.service.faults)))

    # Embeddings and models

    def embeddings(self, body: bytes, _: Request) -> Response:
        wanted = read_body(body, None)
        embedded = self.service.embedded(wanted)
        made: dict[str, Any] = msgspec.to_builtins(answer(wanted, embedded.vectors, sum(embedded.token_counts)))
        if self.service.faults.fires("shuffled_answer"):
            made["data"].reverse()
        made["usage"]["completion_tokens"] = 0
        return json_response({"id": new_id(), **made})

    def list_models(self, _: Request) -> Response:
        return json_response(
            {"object": "list", "data": [model_object(*each) for each in self.service.limits.models.items()]}
        )


def _page_of(request: Request) -> tuple[int, int]:
    """The number of a page, and how many it has."""
    told = [request.query_params.get("page", "0"), request.query_params.get("page_size", "100")]
    if not all(each.isdecimal() and len(each) < 10 for each in told):
        raise unprocessable("page", "Numbers are expected.")
    return int(told[0]), min(int(told[1]), _LONGEST_PAGE)
