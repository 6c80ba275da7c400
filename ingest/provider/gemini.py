"""Google's Gemini API: files of requests, batches as operations, one result file with the errors in it.

By the vendor's reference (ai.google.dev: "Batch API", "Embeddings", "Files API"; 2026), and by what its SDK,
google-genai, sends and reads. It was tried against the emulator's dialect alone. What is left open is taken either way.
"""

from __future__ import annotations

import re
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import openai
import pybase64

from ingest.errors import UNREADABLE_JSON, UsageError
from ingest.provider.answers import CREATE_S
from ingest.provider.api_errors import asked_at_once, message
from ingest.provider.http import ANSWER_S, UPLOAD_S, Http, in_threads
from ingest.provider.jsonl import Malformed, Result, failure, in_one_line
from ingest.provider.protocol import (
    KEY_METADATA,
    TERMINAL_STATUSES,
    Answer,
    BatchFault,
    NoRoomError,
    RemoteBatch,
    ResultMissingError,
    Room,
    TryLaterError,
    carrying,
    shown_status,
)
from ingest.provider.unit_length import of_unit_length
from ingest.provider.wire import Wire
from ingest.redaction import foreign

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from ingest.provider.protocol import Account
    from ingest.provider.wire import HasEnded, Parameters, Side, WriteLine

_TASKS: dict[Side, str] = {"document": "RETRIEVAL_DOCUMENT", "query": "RETRIEVAL_QUERY"}
# The second generation knows no task types: the side is words before the text, as the model's card has them.
_WORDS: dict[Side, str] = {"document": "title: none | text: ", "query": "task: search result | query: "}
_STATUSES = {"pending": "validating", "running": "in_progress", "succeeded": "completed"}
_STATE = re.compile(r"^(?:BATCH|JOB)_STATE_")
# HTTP statuses by gRPC's codes (google.rpc.Code), by whose numbers or names a failed line may be told.
_CODES: dict[int | str, int] = {
    1: 409,
    2: 500,
    3: 400,
    4: 504,
    5: 404,
    7: 403,
    8: 429,
    9: 400,
    10: 409,
    13: 500,
    14: 503,
    16: 401,
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ABORTED": 409,
    "CANCELLED": 409,
    "RESOURCE_EXHAUSTED": 429,
}
_JSONL = "application/jsonl"
_ABSENT = (openai.NotFoundError, openai.PermissionDeniedError)  # of a file that is not there, either is said


class _Shape(msgspec.Struct, rename="camel"):
    """An object of the API, as far as it is read: counts are strings there, and absent where they are zero."""


class _Fault(_Shape):
    code: int | str | None = None
    message: str | None = None
    status: str | None = None


class _Vector(_Shape):
    values: list[float | None] | None = None


class _Embedded(_Shape):
    embedding: _Vector | None = None
    token_count: int | str | None = None
    error: _Fault | None = None


class _Line(_Shape):
    key: str
    response: _Embedded | None = None
    error: _Fault | None = None
    request: msgspec.Raw | None = None


class _Answer(_Shape):
    embeddings: list[_Vector] = []
    total_tokens: int | None = None


class _File(_Shape):
    name: str
    display_name: str = ""
    size_bytes: int | str | None = None


class _Counts(_Shape):
    request_count: int | str | None = None
    successful_request_count: int | str | None = None
    failed_request_count: int | str | None = None


class _Batch(_Shape):
    """An operation, and what stands in its `metadata` or its `response`: clients have met each field in either."""

    name: str = ""
    done: bool = False
    error: _Fault | None = None
    display_name: str | None = None
    state: str | None = None
    batch_stats: _Counts | None = None
    input_config: _Batch | None = None
    file_name: str = ""
    responses_file: str | None = None
    output: _Batch | None = None
    metadata: _Batch | None = None
    response: _Batch | None = None


class _Page(_Shape):
    files: list[_File] = []
    operations: list[_Batch] = []
    next_page_token: str = ""


_decode_line = msgspec.json.Decoder(_Line).decode
_encode = msgspec.json.Encoder().encode


def _request(text: str, parameters: Parameters) -> dict[str, object]:
    """A text as the API takes it, with its side."""
    request: dict[str, object] = {}
    if parameters.side:
        if parameters.model == "gemini-embedding-001":
            request["taskType"] = _TASKS[parameters.side]
        else:
            text = _WORDS[parameters.side] + text
    if parameters.dimensions is not None:
        request["outputDimensionality"] = parameters.dimensions
    return {"content": {"parts": [{"text": text}]}, **request}


def _writer(parameters: Parameters) -> WriteLine:
    return lambda custom_id, text: in_one_line(_encode({"key": custom_id, "request": _request(text, parameters)}))


def parse(line: bytes) -> Result | Malformed:
    """One line of a result file."""
    try:
        result = _decode_line(line)
    except UNREADABLE_JSON as error:
        return Malformed(f"not a result line: {error}")
    response = result.response or _Embedded()
    fault = result.error or response.error
    if result.request and not (result.response or fault):
        return Malformed("a line of an input file")
    billed = _number(response.token_count)
    if response.embedding and response.embedding.values and not fault:
        return Result(result.key, of_unit_length(response.embedding.values).tobytes(), None, billed)
    fault = fault or _Fault("no_vector", "the answer holds no vector")
    code = fault.status or fault.code
    status = _CODES.get(fault.status or fault.code or "", fault.code)
    failed = failure(status if isinstance(status, int) else None, foreign(code), foreign(fault.message, 1000))
    return Result(result.key, None, failed, billed)


def _number(told: int | str | None) -> int | None:
    """A count; None where it is none, or zero."""
    text = str(told)
    return int(text) or None if text.isascii() and text.isdigit() and len(text) < 10 else None


WIRE = Wire(_writer, parse, max_bytes=1_000_000_000, call_texts=100, call_tokens=20_000, is_upload_idempotent=True)


def looking(account: Account) -> AbstractAsyncContextManager[HasEnded]:
    """What asks after its batches in an event loop."""
    return in_threads(connect(account))


class GeminiProvider:
    """The files, batches and embeddings of one project."""

    wire = WIRE

    def __init__(self, account: Account) -> None:
        self.name = account.name
        self._http = Http(account, {"x-goog-api-key": account.key})
        self.endpoint = self._http.address
        self.close = self._http.close
        host, _, version = self.endpoint.rpartition("/")
        self._upload_url = f"{host}/upload/{version}/files"

    def upload(self, path: Path, filename: str) -> str:
        """Upload a batch input file under an id that is made of its name: once more, it is the same file."""
        file_id, size = _file_id(filename), path.stat().st_size
        begin = {
            "X-Goog-Upload-Protocol": "resumable",
            "X-Goog-Upload-Command": "start",
            "X-Goog-Upload-Header-Content-Length": str(size),
            "X-Goog-Upload-Header-Content-Type": _JSONL,
            "Content-Type": "application/json",
        }
        upload = {"X-Goog-Upload-Offset": "0", "X-Goog-Upload-Command": "upload, finalize", "Content-Length": str(size)}
        described = {"name": file_id, "displayName": filename, "mimeType": _JSONL, "sizeBytes": str(size)}
        with self._explained(changes=True):
            try:
                begun = self._http.sent(self._upload_url, begin, _encode({"file": described}))
                with path.open("rb") as file:
                    self._http.sent(begun.headers.get("x-goog-upload-url", ""), upload, file, seconds=UPLOAD_S)
            except openai.ConflictError as error:  # it is there already
                if _number(self._http.read(file_id, _File).size_bytes) != size:
                    self._http.change("DELETE", file_id, _Shape)
                    raise TryLaterError(f"{file_id} was there, and not whole") from error
            return file_id

    def find_file(self, filename: str) -> str | None:
        """The id of an uploaded batch input file of that name."""
        with self._explained(), suppress(*_ABSENT):
            return self._http.read(_file_id(filename), _File).name
        return None

    def input_files(self) -> Iterator[tuple[str, str]]:
        """The uploaded batch input files, on every page of the list: id and name."""
        with self._explained():
            for page in self._http.pages("files", _Page, _following, pageSize=100):
                yield from ((file.name, file.display_name) for file in page.files)

    def create_batch(self, input_file_id: str, key: str, parameters: Parameters) -> RemoteBatch:
        """Create a batch whose name is our key."""
        batch = {"displayName": key, "inputConfig": {"fileName": input_file_id}}
        path = f"models/{parameters.model}:asyncBatchEmbedContent"
        with self._explained(changes=True):
            try:
                return _remote(self._http.change("POST", path, _Batch, {"batch": batch}, seconds=CREATE_S))
            except openai.RateLimitError as error:
                raise NoRoomError(message(error)) from error
            except openai.NotFoundError as error:
                if "models/" in message(error):
                    raise UsageError(f"Gemini has no model {parameters.model}: {message(error)}.") from None
                raise

    def find_batch(self, key: str, input_file_id: str | None) -> RemoteBatch | None:
        """The batch that has our key as its name, or none and is of our file, looked for on every page of the list."""
        return carrying(self.batches(), key, input_file_id)

    def batches(self) -> Iterator[RemoteBatch]:
        """The batches of the project, on every page of the list."""
        with self._explained():
            for page in self._http.pages("batches", _Page, _following, pageSize=100):
                yield from map(_remote, page.operations)

    def retrieve_batch(self, batch_id: str) -> RemoteBatch | None:
        """The batch as it is now; None where there is no such batch."""
        with self._explained(), suppress(openai.NotFoundError):
            batch = _remote(self._http.read(batch_id, _Batch))
            if batch.id != batch_id:
                raise ValueError(f"it tells of {batch.id} where {batch_id} was asked for")
            return batch
        return None

    def cancel_batch(self, batch_id: str) -> None:
        """Ask to cancel; a batch that is over, or unknown, stays as it is."""
        with self._explained(), suppress(openai.ConflictError, openai.NotFoundError, openai.BadRequestError):
            self._http.change("POST", f"{batch_id}:cancel", _Shape, {})

    def download(self, file_id: str) -> Iterator[bytes]:
        """The content of a result file, streamed."""
        with self._explained():
            try:
                yield from self._http.download(f"{file_id}:download", alt="media")
            except _ABSENT as error:
                raise ResultMissingError(f"Gemini has no file {file_id}: {message(error)}.") from None

    def file_size(self, file_id: str) -> int | None:
        """The size of a result file, by the headers of its download: otherwise it cannot be asked for."""
        with self._explained(), suppress(*_ABSENT):
            return self._http.content_length(f"{file_id}:download", alt="media")
        return None

    def delete_file(self, file_id: str) -> None:
        """Delete a file; one that is gone, or cannot be deleted, as no result file can, is no error."""
        with self._explained(), suppress(openai.BadRequestError, *_ABSENT):
            self._http.change("DELETE", file_id, _Shape)

    def embed(self, texts: Sequence[str], parameters: Parameters) -> np.ndarray:
        """Embed a few texts at once, at the synchronous price. (len(texts), d) float32."""
        with self._explained():
            vectors = self._embedded(texts, parameters)
            if len(vectors) != len(texts):
                raise ValueError(f"{len(vectors)} vectors for {len(texts)} texts")
            return np.array(vectors)

    def answer(self, texts: Sequence[str], parameters: Parameters) -> Answer:
        """Embed an array of texts, at the synchronous price; how many tokens are billed is not told."""
        with self._explained(changes=True), asked_at_once(self.endpoint):
            vectors = self._embedded(texts, parameters)
        is_whole = len(vectors) == len(texts)  # an answer with fewer is reported
        encoded = [pybase64.b64encode_as_string(vector.tobytes()) for vector in vectors]
        return Answer(encoded if is_whole else None, None, Room())

    def _embedded(self, texts: Sequence[str], parameters: Parameters) -> list[np.ndarray]:
        model = f"models/{parameters.model}"
        body = {"requests": [{"model": model, **_request(text, parameters)} for text in texts]}
        answer = self._http.change("POST", f"{model}:batchEmbedContents", _Answer, body, seconds=ANSWER_S)
        return [of_unit_length(each.values) for each in answer.embeddings if each.values]

    def count_tokens(self, text: str, parameters: Parameters) -> int | None:
        """The tokens of a text by the model's own count."""
        body = {"contents": [_request(text, parameters)["content"]]}
        with self._explained():
            return self._http.change("POST", f"models/{parameters.model}:countTokens", _Answer, body).total_tokens

    def check(self) -> None:
        """Ask something that costs nothing, to see that the address and the key are right."""
        with self._explained():
            try:
                self._http.read("batches", _Page, pageSize=1)
            except openai.NotFoundError as error:
                raise UsageError(
                    f"no Gemini API at this address: {self.endpoint} ({message(error)}). Check GEMINI_BASE_URL."
                ) from None

    @contextmanager
    def _explained(self, *, changes: bool = False) -> Iterator[None]:
        """The errors of calls in our words. A key that is none is refused with 400, as if the request were wrong."""
        with self._http.explained(changes=changes):
            try:
                yield
            except openai.BadRequestError as error:
                if "API_KEY_INVALID" not in error.response.text:
                    raise
                raise openai.AuthenticationError(error.message, response=error.response, body=error.body) from None


connect = GeminiProvider


def _file_id(filename: str) -> str:
    """The id of the file of that name. A key of ours is one: at most 40 of lower case, digits and dashes."""
    return f"files/{filename.removesuffix('.jsonl')}"


def _following(page: _Page) -> dict[str, str | int]:
    return {"pageToken": page.next_page_token} if page.next_page_token else {}


def _remote(batch: _Batch) -> RemoteBatch:
    """A batch by what is told of it, wherever that stands."""
    parts = [part for part in (batch.metadata, batch, batch.response) if part]
    counts = next((part.batch_stats for part in parts if part.batch_stats), _Counts())
    state = next((part.state for part in parts if part.state), "PENDING")
    outputs = [output.responses_file for part in parts for output in (part.output, part) if output]
    name = next((part.display_name for part in parts if part.display_name), None)
    word = _STATE.sub("", state).lower()
    status = _STATUSES.get(word, word)
    if batch.done and status not in TERMINAL_STATUSES:  # the state lags behind, say clients
        status = "failed" if batch.error else "completed"
    fault = batch.error if status == "failed" else None
    return RemoteBatch(
        id=batch.name,
        status=shown_status(status),
        input_file_id=next((part.input_config.file_name for part in parts if part.input_config), ""),
        output_file_id=next(filter(None, outputs), None),
        total=_number(counts.request_count) or 0,
        completed=_number(counts.successful_request_count) or 0,
        failed=_number(counts.failed_request_count) or 0,
        faults=(BatchFault(foreign(fault.status or fault.code), foreign(fault.message, 1000)),) if fault else (),
        metadata={KEY_METADATA: name} if name else {},
    )
