"""The routes: OpenAI's Files, Batches and Embeddings calls, and the emulator's own."""

from __future__ import annotations

import secrets
import sqlite3
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio
import msgspec
import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from ingest.emulator import ledger, parameters
from ingest.emulator.embeddings import answer, check_tokens, checked_model, count_tokens, embed, read_request
from ingest.emulator.errors import (
    ApiError,
    invalid_value,
    missing,
    model_not_found,
    no_credit,
    no_such_batch,
    no_such_file,
)
from ingest.emulator.faults import Fault
from ingest.emulator.records import Batch, NewFile, StoredFile, new_id
from ingest.emulator.requests import Call, bounded, in_thread, with_body
from ingest.emulator.reranking import rerank_answer
from ingest.emulator.responses import BrokenDownload, CutConnection, bad_gateway, download, json_response, refusal
from ingest.emulator.slices import bills
from ingest.emulator.views import batch_object, file_object, model_object, page
from ingest.errors import UNREADABLE_JSON, UsageError

if TYPE_CHECKING:
    from ingest.emulator.faults import Faults
    from ingest.emulator.limits import Limits
    from ingest.emulator.rates import Rates
    from ingest.emulator.store import Store
    from ingest.emulator.worker import Worker

_MULTIPART_BYTES = 16_384  # what a form may take besides the file
_CANCELLABLE = ("validating", "in_progress", "finalizing")
_HOUR_S = 3_600


@dataclass(frozen=True, slots=True)
class Api:
    """The calls. Those that are not `async` block on the disk or the model, and run in threads."""

    store: Store
    faults: Faults
    limits: Limits
    worker: Worker
    api_key: str
    rates: Rates

    def application(self) -> Starlette:
        """The ASGI application."""
        path = self.limits.path
        routes = [
            self._route("POST", f"{path}/files", "upload", self._upload),
            self._route("GET", f"{path}/files", "list_files", in_thread(self._list_files)),
            self._route("GET", f"{path}/files/{{file_id}}", "retrieve_file", in_thread(self._retrieve_file)),
            self._route("DELETE", f"{path}/files/{{file_id}}", "delete_file", in_thread(self._delete_file)),
            self._route("GET", f"{path}/files/{{file_id}}/content", "content", in_thread(self._content)),
            self._route("POST", f"{path}/batches", "create", with_body(self._create)),
            self._route("GET", f"{path}/batches", "list_batches", in_thread(self._list_batches)),
            self._route("GET", f"{path}/batches/{{batch_id}}", "retrieve", in_thread(self._retrieve)),
            self._route("POST", f"{path}/batches/{{batch_id}}/cancel", "cancel", in_thread(self._cancel)),
            self._route("POST", f"{path}/embeddings", "embeddings", with_body(self._embeddings)),
            self._route("POST", f"{path}/rerank", "rerank", with_body(self._rerank)),
            self._route("GET", f"{path}/models", "models", in_thread(self._list_models)),
            self._route("GET", f"{path}/models/{{model:path}}", "models", in_thread(self._retrieve_model)),
            self._route("GET", "/_emulator/ledger", None, in_thread(self._ledger)),
            self._route("GET", "/_emulator/faults", None, in_thread(self._show_faults)),
            self._route("PUT", "/_emulator/faults", None, with_body(self._set_faults)),
            Route("/healthz", lambda _: PlainTextResponse("ok\n")),
        ]
        return Starlette(routes=routes, exception_handlers={HTTPException: _no_route})

    def _route(self, method: str, path: str, operation: str | None, call: Call) -> Route:
        async def endpoint(request: Request) -> Response:
            try:
                self._authorize(request)
                if operation is None:
                    return await call(request)
                return await self._broken_before(operation) or await self._answered(operation, call, request)
            except ApiError as error:
                return refusal(error)
            except ClientDisconnect:
                return Response(status_code=499)  # nobody is there to read it
            except (UsageError, OSError, sqlite3.OperationalError) as error:  # a model that is missing, a full disk
                return refusal(_server_error(str(error)))

        return Route(path, endpoint, methods=[method])

    def _authorize(self, request: Request) -> None:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not given:
            raise ApiError(401, "You didn't provide an API key: it stands in the header `Authorization: Bearer KEY`.")
        if not secrets.compare_digest(given.encode(), self.api_key.encode()):
            raise ApiError(401, "Incorrect API key provided.", code="invalid_api_key")

    # Faults of calls

    def _fires(self, name: str, operation: str) -> str | None:
        """The name of the fault that fires: that for any operation, or that for this one."""
        return next((each for each in (name, f"{name}_{operation}") if self.faults.fires(each)), None)

    async def _broken_before(self, operation: str) -> Response | None:
        if late := self._fires("delay", operation):
            await self._held_up(late)
        if self._fires("drop_before", operation):
            return CutConnection()
        if limited := self._fires("http_429", operation):
            raise _rate_limited("Rate limit reached for requests.", self.faults.seconds(limited))
        if self._fires("http_500", operation):
            raise _server_error()
        return bad_gateway() if self._fires("http_502", operation) else None

    async def _held_up(self, late: str) -> None:
        until = anyio.current_time() + self.faults.seconds(late)
        while anyio.current_time() < until and self.faults.active([late]):  # noqa: ASYNC110 - set by another thread
            await anyio.sleep(0.02)

    async def _answered(self, operation: str, call: Call, request: Request) -> Response:
        response = await call(request)
        if self._fires("drop_after", operation):
            return CutConnection()
        if self._fires("http_500_after", operation):
            raise _server_error()
        return response

    # Files

    async def _upload(self, request: Request) -> Response:
        if int(request.headers.get("content-length", 0)) > self.limits.file_bytes + _MULTIPART_BYTES:
            raise ApiError(400, "File is too large.", param="file")
        limited = Request(request.scope, bounded(request.receive, self.limits.file_bytes + _MULTIPART_BYTES))
        async with limited.form(max_files=1, max_fields=8) as form:
            upload, purpose = form.get("file"), form.get("purpose")
            if not isinstance(upload, UploadFile):
                raise missing("file")
            if purpose is None:
                raise missing("purpose")
            if purpose != "batch":
                raise invalid_value("purpose", purpose, "'batch'")
            if (upload.size or 0) > self.limits.file_bytes:
                raise ApiError(400, "File is too large.", param="file")
            filename = upload.filename or ""
            if not filename.endswith(".jsonl"):
                raise ApiError(400, "Invalid file format for Batch API. Must be .jsonl", param="file")
            lifetime_s = parameters.file_lifetime(form) or self.limits.file_lifetime_s
            file = await run_in_threadpool(self._keep, upload, filename, lifetime_s)
        return json_response(file_object(file))

    def _keep(self, upload: UploadFile, filename: str, lifetime_s: float) -> StoredFile:
        file_id = new_id("file-")
        self.store.write_content(file_id, upload.file)
        return self.store.add_file(NewFile(file_id, filename, "batch", time.time() + lifetime_s))

    def _list_files(self, request: Request) -> Response:
        query = request.query_params
        limit = parameters.integer(query.get("limit"), "limit", default=10_000, maximum=10_000)
        order = query.get("order", "desc")
        if order not in ("asc", "desc"):
            raise invalid_value("order", order, "'asc' and 'desc'")
        after = query.get("after")
        files = self.store.files(
            purpose=query.get("purpose"),
            after=None if after is None else self._file(after).number,
            descending=order == "desc",
            limit=limit + 1,
            created_before=self._list_horizon(),
        )
        return json_response(page([file_object(file) for file in files], limit))

    def _retrieve_file(self, request: Request) -> Response:
        file = self._file(request.path_params["file_id"])
        return json_response(file_object(msgspec.structs.replace(file, bytes=0) if self._is_empty_yet(file) else file))

    def _delete_file(self, request: Request) -> Response:
        file_id = self._file(request.path_params["file_id"]).id
        self.store.delete_file(file_id)
        return json_response({"id": file_id, "object": "file", "deleted": True})

    def _content(self, request: Request) -> Response:
        file = self._file(request.path_params["file_id"])
        if file.purpose == "batch_output" and self.faults.holds("broken_content", file.id):
            raise _server_error(retried=True)
        if self._is_empty_yet(file):
            return Response()
        path = self.store.content_path(file.id)
        if self.faults.fires("truncated_download"):
            return BrokenDownload(path, cut=False)
        if self.faults.fires("cut_download"):
            return BrokenDownload(path, cut=True)
        return download(path, file.filename)

    def _file(self, file_id: str) -> StoredFile:
        file = self.store.file(file_id)
        if file is None or self._is_not_there_yet(file):
            raise no_such_file(file_id)
        return file

    def _is_not_there_yet(self, file: StoredFile) -> bool:
        return self._is_young("read_after_write_404", file) or (
            file.purpose == "batch_output" and self._is_young("late_output_file", file)
        )

    def _is_empty_yet(self, file: StoredFile) -> bool:
        return file.purpose == "batch_output" and self._is_young("empty_output_file", file)

    def _is_young(self, fault: str, file: StoredFile) -> bool:
        is_young = time.time() - file.created_at < self.faults.seconds(fault)
        return is_young and self.faults.holds(fault, str(file.number))

    def _list_horizon(self) -> float:
        """The moment up to which what was made is in the lists."""
        lags = self.faults.fires("lagging_lists")
        return time.time() - (self.faults.seconds("lagging_lists") if lags else 0)

    # Batches

    def _create(self, body: bytes) -> Response:
        new = parameters.new_batch(body)
        try:
            file = self._file(new.input_file_id)
        except ApiError:
            raise no_such_file(new.input_file_id, param="file_id", status_code=400) from None
        if file.purpose != "batch":
            raise ApiError(400, f"The file {file.id} has the purpose {file.purpose}, not batch.", param="input_file_id")
        if self.faults.holds("refused_file", file.id):
            raise ApiError(400, "The request was blocked (a fault, played on purpose).")
        now = time.time()
        if self.store.batches_since(now - _HOUR_S) >= self.limits.batches_per_hour:
            raise _rate_limited("Rate limit reached for batches created in an hour.", _HOUR_S)
        batch: Batch | None = None
        while batch is None or self.faults.fires("duplicated_create"):
            batch = self.store.add_batch(
                Batch(
                    id=new_id("batch_"),
                    input_file_id=file.id,
                    metadata=new.metadata,
                    created_at=now,
                    expires_at=now + self.limits.completion_window_s,
                    output_lifetime_s=new.output_lifetime_s or self.limits.file_lifetime_s,
                    output_name=new_id("file-"),
                    error_name=new_id("file-"),
                )
            )
        self.worker.wake()
        return json_response(batch_object(batch, self.faults))

    def _list_batches(self, request: Request) -> Response:
        query = request.query_params
        limit = parameters.integer(query.get("limit"), "limit", default=20, maximum=100)
        after = query.get("after")
        batches = self.store.batches(
            after=None if after is None else self._batch(after).number,
            limit=limit + 1,
            created_before=self._list_horizon(),
        )
        return json_response(page([batch_object(batch, self.faults) for batch in batches], limit))

    def _retrieve(self, request: Request) -> Response:
        batch = self._batch(request.path_params["batch_id"])
        if self.faults.holds("broken_batch", str(batch.number)):
            raise _server_error(retried=True)
        return json_response(batch_object(batch, self.faults))

    def _cancel(self, request: Request) -> Response:
        while (batch := self._batch(request.path_params["batch_id"])).status in _CANCELLABLE:
            cancelling = msgspec.structs.replace(batch, status="cancelling", cancelling_at=time.time())
            # The worker may have taken a step meanwhile: then look again.
            if self.store.update_batch(batch, cancelling):
                self.worker.wake()
                batch = cancelling
                break
        if batch.status != "cancelling":
            raise ApiError(409, f"Cannot cancel a batch with status '{batch.status}'.")
        return json_response(batch_object(batch, self.faults))

    def _batch(self, batch_id: str) -> Batch:
        batch = self.store.batch(batch_id)
        if batch is None:
            raise no_such_batch(batch_id)
        return batch

    # Embeddings

    def _embeddings(self, body: bytes) -> Response:
        wanted = read_request(body)
        model = checked_model(wanted, self.limits)
        texts = wanted.texts
        token_counts = count_tokens(model, wanted, self.faults)
        check_tokens(model, token_counts, self.limits)
        headers = self.rates.take(wanted.model, sum(token_counts))
        if self.faults.fires("no_credit"):
            raise no_credit()
        if any(self.faults.holds("refused_text", text) for text in texts):
            raise ApiError(400, "'$.input' is invalid (a fault, played on purpose).", param="input")
        vectors = embed(model, texts, wanted.dimensions)
        made = bills(wanted.model, texts, token_counts, vectors.shape[1])
        if self.faults.fires("nan_answer"):
            vectors, made = vectors.copy(), made[1:]
            vectors[0, 0] = np.nan
        embedded = answer(wanted, vectors, sum(token_counts))
        if self.faults.fires("short_answer"):
            embedded, made = answer(wanted, vectors[1:], sum(token_counts)), []
        if self.faults.fires("shuffled_answer"):
            embedded.data.reverse()
        self.store.bill(made)
        return json_response(embedded, headers=headers)

    def _rerank(self, body: bytes) -> Response:
        return json_response(rerank_answer(body, is_short=bool(self.faults.fires("short_answer"))))

    # Models

    def _list_models(self, _: Request) -> Response:
        return json_response({"object": "list", "data": [*map(model_object, self.limits.models)]})

    def _retrieve_model(self, request: Request) -> Response:
        name = request.path_params["model"]
        if name not in self.limits.models:
            raise model_not_found(name)
        return json_response(model_object(name))

    # The emulator's own

    def _ledger(self, request: Request) -> Response:
        if request.query_params.get("full"):
            return StreamingResponse(ledger.rows(self.store), media_type="application/x-ndjson")
        return json_response(ledger.summary(self.store))

    def _show_faults(self, _: Request) -> Response:
        return json_response(self.faults.report())

    def _set_faults(self, body: bytes) -> Response:
        try:
            self.faults.set(msgspec.json.decode(body, type=list[Fault]))
        except (*UNREADABLE_JSON, UsageError) as error:
            raise ApiError(400, str(error)) from error
        self.worker.wake()
        return json_response(self.faults.report())


def _rate_limited(message: str, wait_s: float) -> ApiError:
    return ApiError(
        429,
        message,
        kind="requests",
        code="rate_limit_exceeded",
        headers={"retry-after": str(max(1, round(wait_s))), "retry-after-ms": str(round(wait_s * 1_000))},
    )


def _server_error(
    message: str = "The server had an error while processing your request.", *, retried: bool = False
) -> ApiError:
    """`retried`: it may be asked for again at once."""
    return ApiError(500, message, kind="server_error", headers={"retry-after-ms": "1"} if retried else None)


async def _no_route(request: Request, error: Exception) -> Response:
    status_code = error.status_code if isinstance(error, HTTPException) else 500
    if status_code == 400:  # a form that cannot be read
        return refusal(ApiError(400, str(error)))
    return refusal(ApiError(status_code, f"Invalid URL ({request.method} {request.url.path})"))
