"""Google's Gemini API: files of requests, batches as operations, one result file with the errors in it.

By the vendor's reference (ai.google.dev: "Batch API", "Embeddings", "Files API"; 2026), and by what its SDK,
google-genai, sends and reads. It was tried against the emulator's dialect alone. What is left open is taken either way.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
import openai
import pybase64

from ingest.errors import UsageError
from ingest.provider.answers import CREATE_S, UPLOAD_URL, Id, IdOrEmpty
from ingest.provider.api_errors import asked_at_once, creating, message
from ingest.provider.gemini_lines import WIRE, Fault, Shape, Vector, number, request_of
from ingest.provider.http import ANSWER_S, Http
from ingest.provider.protocol import (
    KEY_METADATA,
    TERMINAL_STATUSES,
    Answer,
    BatchFault,
    InputMissingError,
    RemoteBatch,
    ResultMissingError,
    Room,
    TryLaterError,
    carrying,
    require_asked_for,
    shown_status,
)
from ingest.provider.unit_length import of_unit_length
from ingest.redaction import foreign

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ingest.provider.protocol import Account
    from ingest.provider.wire import Parameters

_EXHAUSTED = frozenset({"RESOURCE_EXHAUSTED", 8, "8"})
_STATUSES = {"pending": "validating", "running": "in_progress", "succeeded": "completed"}
_STATE = re.compile(r"^(?:BATCH|JOB)_STATE_")
_JSONL = "application/jsonl"


class _Answer(Shape):
    embeddings: list[Vector] | None = None
    total_tokens: int | str | None = None


class _File(Shape):
    name: Id
    display_name: str | None = None
    size_bytes: int | str | None = None


class _Uploaded(Shape):
    file: _File


class _Counts(Shape):
    request_count: int | str | None = None
    successful_request_count: int | str | None = None
    failed_request_count: int | str | None = None


class _Batch(Shape):
    """An operation, and what stands in its `metadata` or its `response`: clients have met each field in either."""

    name: IdOrEmpty = ""
    done: bool | None = None
    error: Fault | None = None
    display_name: str | None = None
    state: str | None = None
    batch_stats: _Counts | None = None
    input_config: _Batch | None = None
    file_name: IdOrEmpty | None = None
    responses_file: IdOrEmpty | None = None
    output: _Batch | None = None
    metadata: _Batch | None = None
    response: _Batch | None = None


class _Operation(_Batch, kw_only=True):
    """What is told of one batch says of which: else it is no answer."""

    name: Id


class _Page(Shape):
    files: list[_File] | None = None
    operations: list[_Operation] | None = None
    next_page_token: str | None = None


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
        with self._http.explained(changes=True):
            try:
                url = self._http.told(self._upload_url, begin, {"file": described}).get(UPLOAD_URL, "")
                with path.open("rb") as file:
                    return self._http.sent(url, upload, file, _Uploaded).file.name
            except (openai.ConflictError, openai.BadRequestError) as error:  # it may be there already
                if (found := self._file(file_id)) is None:
                    raise
                if number(found.size_bytes) not in (None, size):
                    self._http.change("DELETE", file_id, Shape)
                    raise TryLaterError(f"{file_id} was there, and not whole") from error
                return file_id

    def find_file(self, filename: str) -> str | None:
        """The id of an uploaded batch input file of that name."""
        with self._http.explained():
            found = self._file(_file_id(filename))
        return found.name if found else None

    def _file(self, file_id: str) -> _File | None:
        try:
            return self._http.read(file_id, _File)
        except (openai.NotFoundError, openai.PermissionDeniedError) as error:
            if not _is_absent(error, file_id):
                raise
            return None

    def input_files(self) -> Iterator[tuple[str, str]]:
        """The uploaded batch input files, on every page of the list: id and name."""
        with self._http.explained():
            for page in self._http.pages("files", _Page, _following, pageSize=100):
                yield from ((file.name, file.display_name or "") for file in page.files or ())

    def create_batch(self, input_file_id: str, key: str, parameters: Parameters) -> RemoteBatch:
        """Create a batch whose name is our key."""
        batch = {"displayName": key, "inputConfig": {"fileName": input_file_id}}
        path = f"models/{parameters.model}:asyncBatchEmbedContent"
        with self._http.explained(changes=True):
            try:
                with creating():
                    return _remote(self._http.change("POST", path, _Operation, {"batch": batch}, seconds=CREATE_S))
            except openai.NotFoundError as error:
                if "models/" in message(error):
                    raise UsageError(f"Gemini has no model {parameters.model}: {message(error)}.") from None
                raise
            except (openai.BadRequestError, openai.PermissionDeniedError) as error:  # so it is said of an absent file
                if self._file(input_file_id) is None:
                    raise InputMissingError(message(error)) from error
                raise

    def find_batch(self, key: str, input_file_id: str | None) -> RemoteBatch | None:
        """The batch that has our key as its name, or none and is of our file, looked for on every page of the list."""
        return carrying(self.batches(), key, input_file_id)

    def batches(self) -> Iterator[RemoteBatch]:
        """The batches of the project, on every page of the list."""
        with self._http.explained():
            for page in self._http.pages("batches", _Page, _following, pageSize=100):
                yield from map(_remote, page.operations or ())

    def retrieve_batch(self, batch_id: str) -> RemoteBatch | None:
        """The batch as it is now; None where there is no such batch."""
        with self._http.explained(), suppress(openai.NotFoundError):
            batch = _remote(self._http.read(batch_id, _Operation))
            require_asked_for(batch_id, batch.id)
            return batch
        return None

    def cancel_batch(self, batch_id: str) -> None:
        """Ask to cancel; a batch that is over, or unknown, stays as it is."""
        with self._http.explained(), suppress(openai.ConflictError, openai.NotFoundError, openai.BadRequestError):
            self._http.change("POST", f"{batch_id}:cancel", Shape, {})

    def download(self, file_id: str) -> Iterator[bytes]:
        """The content of a result file, streamed."""
        with self._http.explained():
            try:
                yield from self._http.download(f"{file_id}:download", alt="media")
            except (openai.NotFoundError, openai.PermissionDeniedError) as error:
                if not _is_absent(error, file_id):
                    raise
                raise ResultMissingError(f"Gemini has no file {file_id}: {message(error)}.") from None

    def file_size(self, file_id: str) -> int | None:
        """The size of a result file, by the headers of its download: otherwise it cannot be asked for."""
        with self._http.explained(), suppress(openai.NotFoundError, openai.PermissionDeniedError):
            return self._http.content_length(f"{file_id}:download", alt="media")
        return None  # as the download tells

    def delete_file(self, file_id: str) -> None:
        """Delete a file; one that is gone, or cannot be deleted, as no result file can, is no error."""
        with (
            self._http.explained(),
            suppress(openai.BadRequestError, openai.NotFoundError, openai.PermissionDeniedError),
        ):
            self._http.change("DELETE", file_id, Shape)

    def embed(self, texts: Sequence[str], parameters: Parameters) -> np.ndarray:
        """Embed a few texts at once, at the synchronous price. (len(texts), d) float32."""
        with self._http.explained():
            vectors = self._embedded(texts, parameters)
            if len(vectors) != len(texts):
                raise ValueError(f"{len(vectors)} vectors for {len(texts)} texts")
            return np.array(vectors)

    def answer(self, texts: Sequence[str], parameters: Parameters) -> Answer:
        """Embed an array of texts, at the synchronous price; how many tokens are billed is not told."""
        with self._http.explained(changes=True), asked_at_once(self.endpoint):
            vectors = self._embedded(texts, parameters)
        is_whole = len(vectors) == len(texts)  # an answer with fewer is reported
        encoded = [pybase64.b64encode_as_string(vector.tobytes()) for vector in vectors]
        return Answer(encoded if is_whole else None, None, Room())

    def _embedded(self, texts: Sequence[str], parameters: Parameters) -> list[np.ndarray]:
        model = f"models/{parameters.model}"
        body = {"requests": [{"model": model, **request_of(text, parameters)} for text in texts]}
        answer = self._http.change("POST", f"{model}:batchEmbedContents", _Answer, body, seconds=ANSWER_S)
        return [of_unit_length(each.values) for each in answer.embeddings or () if each.values]

    def count_tokens(self, text: str, parameters: Parameters) -> int | None:
        """The tokens of a text by the model's own count."""
        body = {"contents": [request_of(text, parameters)["content"]]}
        with self._http.explained():
            counted = self._http.change("POST", f"models/{parameters.model}:countTokens", _Answer, body)
        return number(counted.total_tokens)

    def check(self) -> None:
        """Ask something that costs nothing, to see that the address and the key are right."""
        with self._http.explained():
            try:
                self._http.read("batches", _Page, pageSize=1)
            except openai.NotFoundError as error:
                raise UsageError(
                    f"no Gemini API at this address: {self.endpoint} ({message(error)}). Check GEMINI_BASE_URL."
                ) from None


connect = GeminiProvider


def _file_id(filename: str) -> str:
    """The id of the file of that name. A key of ours is one: at most 40 of lower case, digits and dashes."""
    return f"files/{filename.removesuffix('.jsonl')}"


def _is_absent(error: openai.APIStatusError, file_id: str) -> bool:
    """Whether there is no such file: 404, or 403 of that file. A key that may do nothing is told 403, too."""
    said = message(error)
    is_hidden = file_id.rpartition("/")[2] in said or "may not exist" in said
    return error.status_code == 404 or (error.status_code == 403 and is_hidden)


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
        input_file_id=next((part.input_config.file_name for part in parts if part.input_config), None) or "",
        output_file_id=next(filter(None, outputs), None),
        total=number(counts.request_count) or 0,
        completed=number(counts.successful_request_count) or 0,
        failed=number(counts.failed_request_count) or 0,
        faults=(_fault(fault),) if fault else (),
        metadata={KEY_METADATA: name} if name else {},
    )


def _fault(fault: Fault) -> BatchFault:
    """Why a batch failed; where that is for want of room, by the code that is waited out."""
    if not _EXHAUSTED.isdisjoint((fault.status, fault.code)):
        return BatchFault("token_limit_exceeded", f"too much is enqueued: {foreign(fault.message, 1000)}")
    return BatchFault(foreign(fault.status or fault.code), foreign(fault.message, 1000))
