"""The calls of the Gemini API that embed: Files, Batches, embeddings at once, Models. As v1beta and as v1."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from ingest.chunker import tokenizer
from ingest.emulator.batches import over_the_queue
from ingest.emulator.errors import ApiError
from ingest.emulator.gemini.errors import absent_batch, absent_file, absent_model, exhausted, not_ready
from ingest.emulator.gemini.fields import BatchEmbedContents, CountTokens, CreateBatch, EmbedContent, asked, reader
from ingest.emulator.gemini.lines import numbers
from ingest.emulator.gemini.uploads import GRANULARITY_BYTES, Uploads
from ingest.emulator.gemini.views import file_object, model_object, operation
from ingest.emulator.requests import in_thread, with_body
from ingest.emulator.responses import json_response
from ingest.emulator.seen import seen
from ingest.emulator.validation import validate
from ingest.emulator.vendor import Endpoint

if TYPE_CHECKING:
    from starlette.requests import Request

    from ingest.emulator.embeddings import EmbeddingsRequest
    from ingest.emulator.records import Batch, StoredFile
    from ingest.emulator.service import Service

VERSIONS = ("v1beta", "v1")
_PIECE_BYTES = 1 << 20
_PAGE, _LONGEST_PAGE = 10, 100
_LONGEST_FILE_NAME = len("files/") + 40

_read_batch = reader(CreateBatch)
_read_one = reader(EmbedContent)
_read_several = reader(BatchEmbedContents)
_read_counted = reader(CountTokens)


def endpoints(service: Service) -> list[Endpoint]:
    """The calls."""
    calls = _Calls(service, Uploads(service.store, service.limits))
    return [endpoint for version in VERSIONS for endpoint in _of_version(calls, version)]


def _of_version(calls: _Calls, version: str) -> list[Endpoint]:
    files, batches, model = f"/{version}/files", f"/{version}/batches", f"/{version}/models/{{model}}"
    upload = f"/upload/{version}/files"
    return [
        Endpoint("POST", upload, "start_upload", with_body(calls.begin_upload)),
        Endpoint("POST", f"{upload}/{{upload_id}}", "upload", calls.upload, needs_key=False),
        Endpoint("GET", files, "list_files", in_thread(calls.list_files)),
        Endpoint("GET", f"{files}/{{file}}:download", "content", in_thread(calls.content)),
        Endpoint("GET", f"/download{files}/{{file}}:download", "content", in_thread(calls.content)),
        Endpoint("GET", f"{files}/{{file}}", "retrieve_file", in_thread(calls.retrieve_file)),
        Endpoint("DELETE", f"{files}/{{file}}", "delete_file", in_thread(calls.delete_file)),
        Endpoint("POST", f"{model}:asyncBatchEmbedContent", "create", with_body(calls.create)),
        Endpoint("GET", batches, "list_batches", in_thread(calls.list_batches)),
        Endpoint("GET", f"{batches}/{{batch}}", "retrieve", in_thread(calls.retrieve)),
        Endpoint("POST", f"{batches}/{{batch}}:cancel", "cancel", in_thread(calls.cancel)),
        Endpoint("DELETE", f"{batches}/{{batch}}", "delete_batch", in_thread(calls.delete_batch)),
        Endpoint("POST", f"{model}:batchEmbedContents", "embeddings", with_body(calls.embed_several)),
        Endpoint("POST", f"{model}:embedContent", "embeddings", with_body(calls.embed_one)),
        Endpoint("POST", f"{model}:countTokens", "count_tokens", with_body(calls.count_tokens)),
        Endpoint("GET", f"/{version}/models", "models", in_thread(calls.list_models)),
        Endpoint("GET", model, "models", in_thread(calls.retrieve_model)),
    ]


@dataclass(frozen=True, slots=True)
class _Calls:
    """What each call answers."""

    service: Service
    uploads: Uploads

    # Files

    def begin_upload(self, body: bytes, request: Request) -> Response:
        told = request.headers.get
        if told("x-goog-upload-protocol") != "resumable" or told("x-goog-upload-command") != "start":
            raise ApiError(400, "An upload is begun by `X-Goog-Upload-Protocol: resumable` and `-Command: start`.")
        upload_id = self.uploads.begin(body, told("x-goog-upload-header-content-length"))
        headers = {
            "x-goog-upload-url": f"{str(request.url).partition('?')[0]}/{upload_id}",
            "x-goog-upload-status": "active",
            "x-goog-upload-chunk-granularity": str(GRANULARITY_BYTES),
        }
        return Response(status_code=200, headers=headers)

    async def upload(self, request: Request) -> Response:
        upload_id = request.path_params["upload_id"]
        upload = self.uploads.of(upload_id)
        commands = {each.strip() for each in request.headers.get("x-goog-upload-command", "").split(",")}
        if commands == {"query"}:
            return _active(upload.received)
        if "upload" not in commands or not commands <= {"upload", "finalize"}:
            raise ApiError(400, "The command of an upload is `upload`, `upload, finalize` or `query`.")
        if request.headers.get("x-goog-upload-offset") != str(upload.received):
            raise ApiError(400, f"The upload goes on at the offset {upload.received}.")
        begun, buffer = upload.received, bytearray()
        async for piece in request.stream():
            buffer += piece
            if upload.received + len(buffer) > self.service.limits.file_bytes:
                raise ApiError(400, f"A file has at most {self.service.limits.file_bytes} bytes.")
            if len(buffer) >= _PIECE_BYTES:
                await run_in_threadpool(self.uploads.add, upload, upload.received, bytes(buffer))
                buffer.clear()
        await run_in_threadpool(self.uploads.add, upload, upload.received, bytes(buffer))
        if "finalize" not in commands:
            if (upload.received - begun) % GRANULARITY_BYTES:
                upload.received = begun
                raise ApiError(400, f"A piece that is not the last has a multiple of {GRANULARITY_BYTES} bytes.")
            return _active(upload.received)
        file = await run_in_threadpool(self.uploads.finish, upload_id, self.service.limits.file_lifetime_s)
        shown = {"file": file_object(file, _address(request))}
        return json_response(shown, headers={"x-goog-upload-status": "final"})

    def list_files(self, request: Request) -> Response:
        size, after = _page_of(request)
        files = self.service.files(purpose="batch", after=after, limit=size + 1)
        shown = [file_object(file, _address(request)) for file in files[:size]]
        following = {"nextPageToken": str(files[size - 1].number)} if len(files) > size else {}
        return json_response(({"files": shown} if shown else {}) | following)

    def retrieve_file(self, request: Request) -> Response:
        return json_response(file_object(self._uploaded(request), _address(request)))

    def delete_file(self, request: Request) -> Response:
        self.service.store.delete_file(self._uploaded(request).id)
        return json_response({})

    def content(self, request: Request) -> Response:
        if request.query_params.get("alt") != "media":
            raise ApiError(400, "A file is downloaded with alt=media.")
        file = self._file(f"files/{request.path_params['file']}")
        if file.purpose == "batch":
            raise ApiError(400, "Only generated files can be downloaded, uploaded files can't be downloaded.")
        return self.service.content(file)

    def _uploaded(self, request: Request) -> StoredFile:
        """The file that a call names; those of results have names that these calls do not take."""
        name = f"files/{request.path_params['file']}"
        if len(name) > _LONGEST_FILE_NAME:
            raise ApiError(400, "* GetFileRequest.name: the id of a file has at most 40 characters.")
        return self._file(name)

    def _file(self, file_id: str) -> StoredFile:
        file = self.service.file(file_id)
        if file is None:
            raise absent_file(file_id, is_hidden=self.service.store.file(file_id) is not None)
        return file

    # Batches

    def create(self, body: bytes, request: Request) -> Response:
        new = _read_batch(body).batch
        model = self._model(request)
        if new.model not in (None, f"models/{model}"):
            raise ApiError(400, f"The model {new.model} does not match models/{model}, which is called.")
        if new.input_config.file_name is None:
            raise ApiError(501, "Requests that stand in the call are not served here: upload a file.")
        file = self._file(new.input_config.file_name)
        batch = self.service.add_batch(
            file, metadata={"displayName": new.display_name}, model=model, tokens=self._room(file, model)
        )
        return self._shown(batch)

    def _room(self, file: StoredFile, model: str) -> int:
        """How many tokens a batch of that file enqueues, as far as they are limited.

        Raises:
            ApiError: there is no room for it.
        """
        service = self.service
        most = service.limits.open_batches
        if most is not None and len(service.store.open_batches()) >= most:
            raise exhausted()
        played = service.faults.fires("token_limit")
        if not played and service.limits.enqueued_tokens is None:
            return 0
        path = service.store.content_path(file.id)
        verdict = validate(path, service.limits, service.faults, service.vendor, model)
        if over_the_queue(service.store, service.limits, verdict, played=played):
            raise exhausted()
        return verdict.tokens

    def list_batches(self, request: Request) -> Response:
        size, after = _page_of(request)
        batches = self.service.batches(after=after, limit=size + 1)
        shown = [operation(seen(batch, self.service.faults), self.service.faults) for batch in batches[:size]]
        following = {"nextPageToken": str(batches[size - 1].number)} if len(batches) > size else {}
        return json_response(({"operations": shown} if shown else {}) | following)

    def retrieve(self, request: Request) -> Response:
        return self._shown(self.service.asked_after(self._batch(request)))

    def cancel(self, request: Request) -> Response:
        batch = self.service.cancel(self._batch(request))
        if batch.status != "cancelling":
            raise not_ready(f"The batch {batch.id} is over: it cannot be cancelled.")
        return json_response({})

    def delete_batch(self, request: Request) -> Response:
        batch = self._batch(request)
        if not batch.has_ended:
            raise not_ready(f"The batch {batch.id} is not over: cancel it first.")
        self.service.store.delete_batch(batch)
        return json_response({})

    def _batch(self, request: Request) -> Batch:
        name = f"batches/{request.path_params['batch']}"
        batch = self.service.store.batch(name)
        if batch is None:
            raise absent_batch(name)
        return batch

    def _shown(self, batch: Batch) -> Response:
        return json_response(operation(seen(batch, self.service.faults), self.service.faults))

    # Embeddings

    def embed_one(self, body: bytes, request: Request) -> Response:
        embedded = self.service.embedded(asked(_read_one(body), self._model(request)))
        found = [{"values": values} for values in numbers(embedded.vectors)]
        return json_response({"embedding": found[0]} if found else {})

    def embed_several(self, body: bytes, request: Request) -> Response:
        model = self._model(request)
        requests, most = _read_several(body).requests, self.service.limits.request_inputs
        if not 0 < len(requests) <= most:
            said = (
                f"* BatchEmbedContentsRequest.requests: 1 to {most} requests can be in one batch, not {len(requests)}."
            )
            raise ApiError(400, said)
        several = [asked(each, model) for each in requests]
        found = [values for alike in _alike(several) for values in numbers(self.service.embedded(alike).vectors)]
        return json_response({"embeddings": [{"values": values} for values in found]})

    def count_tokens(self, body: bytes, request: Request) -> Response:
        count = tokenizer(self.service.limits.models[self._model(request)].tokenizer).count
        return json_response({"totalTokens": sum(count(each.text) for each in _read_counted(body).contents)})

    # Models

    def list_models(self, _: Request) -> Response:
        return json_response({"models": [model_object(*each) for each in self.service.limits.models.items()]})

    def retrieve_model(self, request: Request) -> Response:
        name = self._model(request)
        return json_response(model_object(name, self.service.limits.models[name]))

    def _model(self, request: Request) -> str:
        name: str = request.path_params["model"]
        if name not in self.service.limits.models:
            raise absent_model(name)
        return name


def _alike(several: list[EmbeddingsRequest]) -> list[EmbeddingsRequest]:
    """Requests that follow one another and want the same, as one."""
    together: list[EmbeddingsRequest] = []
    for each in several:
        last = together[-1] if together else None
        if last and (last.dimensions, last.side) == (each.dimensions, each.side):
            last.inputs = [*last.texts, *each.texts]
        else:
            together.append(each)
    return together


def _active(received: int) -> Response:
    headers = {"x-goog-upload-status": "active", "x-goog-upload-size-received": str(received)}
    return Response(status_code=200, headers=headers)


def _address(request: Request) -> str:
    """Where the version is that was called."""
    version = next(each for each in VERSIONS if f"/{each}/" in request.url.path)
    return f"{request.base_url}{version}"


def _page_of(request: Request) -> tuple[int, int | None]:
    """How many a page has, and the number after which it begins."""
    size, token = request.query_params.get("pageSize", "0"), request.query_params.get("pageToken")
    if not re.fullmatch(r"[0-9]{1,9}", size):
        raise ApiError(400, "* page_size: it must be a number, and not negative.")
    if token and not re.fullmatch(r"[0-9]{1,18}", token):
        raise ApiError(400, "* page_token: it is none that was given.")
    return min(int(size) or _PAGE, _LONGEST_PAGE), int(token) if token else None
