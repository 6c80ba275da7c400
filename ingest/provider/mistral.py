"""Mistral's API: OpenAI's files and calls to embed; lines and batch jobs of its own.

By the vendor's reference (docs.mistral.ai: "Batch", "Files", "Embeddings"; 2026), and by what its SDK, mistralai, sends
and reads. It was tried against the emulator's dialect alone.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import openai

from ingest.errors import UsageError
from ingest.provider.answers import CREATE_S, Count, Id, IdOrEmpty
from ingest.provider.api_errors import creating, message
from ingest.provider.http import Http, Named, bearer
from ingest.provider.jsonl import in_one_line, parse_result
from ingest.provider.openai import ENDPOINT, OpenAIProvider
from ingest.provider.protocol import KEY_METADATA, BatchFault, RemoteBatch, carrying, require_asked_for, shown_status
from ingest.provider.wire import Wire
from ingest.redaction import foreign

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.provider.protocol import Account
    from ingest.provider.wire import Parameters, WriteLine

_STATUSES = {
    "QUEUED": "validating",
    "RUNNING": "in_progress",
    "CANCELLATION_REQUESTED": "cancelling",
    "SUCCESS": "completed",
    "FAILED": "failed",
    "TIMEOUT_EXCEEDED": "expired",
    "CANCELLED": "cancelled",
}
_OF_THE_QUEUE = re.compile(r"\b(?:enqueued|pending)\b", re.IGNORECASE)  # why a job failed is told in words alone
_JOBS = "batch/jobs"
_HOURS = 24


class _File(Named):
    filename: str | None = None


class _Fault(msgspec.Struct):
    message: str | None = None


class _Job(Named):
    status: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    input_files: list[Id] | None = None
    output_file: IdOrEmpty | None = None
    error_file: IdOrEmpty | None = None
    errors: list[_Fault] | None = None
    total_requests: Count | None = 0
    succeeded_requests: Count | None = 0
    failed_requests: Count | None = 0
    metadata: dict[str, Any] | None = None


_encode = msgspec.json.Encoder().encode


def _writer(parameters: Parameters) -> WriteLine:
    asked: dict[str, object] = {} if parameters.dimensions is None else {"output_dimension": parameters.dimensions}
    if parameters.encoding_format != "float":
        asked["encoding_format"] = parameters.encoding_format
    return lambda custom_id, text: in_one_line(_encode({"custom_id": custom_id, "body": {"input": text, **asked}}))


# A call takes 16,384 tokens by the vendor's count, which is up to 1.48 times ours.
WIRE = Wire(_writer, parse_result, max_bytes=500_000_000, call_texts=512, call_tokens=8_192)


class MistralProvider(OpenAIProvider):
    """The files, batch jobs and embeddings of one workspace."""

    wire = WIRE

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self._http = Http(account, bearer(account))

    def close(self) -> None:
        """Close the connections."""
        super().close()
        self._http.close()

    def input_files(self) -> Iterator[tuple[str, str]]:
        """The uploaded batch input files, on every page of the list: id and name."""
        with self._explained():
            for file in self._http.numbered_pages("files", _File, purpose="batch"):
                yield file.id, file.filename or ""

    def create_batch(self, input_file_id: str, key: str, parameters: Parameters) -> RemoteBatch:
        """Create a job that carries our key in its metadata."""
        job = {
            "input_files": [input_file_id],
            "endpoint": ENDPOINT,
            "model": parameters.model,
            "metadata": {KEY_METADATA: key},
            "timeout_hours": _HOURS,
        }
        with self._explained(changes=True), creating():
            return _remote(self._http.change("POST", _JOBS, _Job, job, seconds=CREATE_S))

    def find_batch(self, key: str, input_file_id: str | None) -> RemoteBatch | None:
        """The job that carries our key, looked for on every page: how its list is filtered is not documented."""
        return carrying(self.batches(), key, input_file_id)

    def batches(self) -> Iterator[RemoteBatch]:
        """The jobs of the workspace, newest first, on every page of the list."""
        with self._explained():
            yield from map(_remote, self._http.numbered_pages(_JOBS, _Job, order_by="-created"))

    def retrieve_batch(self, batch_id: str) -> RemoteBatch | None:
        """The job as it is now; None where there is no such job."""
        with self._explained(), suppress(openai.NotFoundError):
            job = self._http.read(f"{_JOBS}/{batch_id}", _Job)
            require_asked_for(batch_id, job.id)
            return _remote(job)
        return None

    def cancel_batch(self, batch_id: str) -> None:
        """Ask to cancel; a job that is over, or unknown, stays as it is."""
        over = (openai.ConflictError, openai.NotFoundError, openai.BadRequestError, openai.UnprocessableEntityError)
        with self._explained(), suppress(*over):
            self._http.change("POST", f"{_JOBS}/{batch_id}/cancel", _Job)

    def check(self) -> None:
        """Ask something that costs nothing, to see that the address and the key are right."""
        with self._explained():
            try:
                self._http.read(_JOBS, msgspec.Raw, page_size=1)
            except openai.NotFoundError as error:
                raise UsageError(f"{self._no_api} ({message(error)}).") from None

    def _asked(self, parameters: Parameters) -> dict[str, Any]:
        length = {} if parameters.dimensions is None else {"output_dimension": parameters.dimensions}
        return {"model": parameters.model, "encoding_format": parameters.encoding_format, "extra_body": length}


connect = MistralProvider


def _fault(fault: _Fault) -> BatchFault:
    words = foreign(fault.message, 1000)
    return BatchFault("token_limit_exceeded" if _OF_THE_QUEUE.search(words) else "", words)


def _remote(job: _Job) -> RemoteBatch:
    status = _STATUSES.get(job.status, job.status.lower())
    failed = job.errors or [] if status == "failed" else []  # of others, these are of single requests
    return RemoteBatch(
        id=job.id,
        status=shown_status(status),
        input_file_id=next(iter(job.input_files or ()), ""),
        output_file_id=job.output_file or None,
        error_file_id=job.error_file or None,
        total=job.total_requests or 0,
        completed=job.succeeded_requests or 0,
        failed=job.failed_requests or 0,
        faults=tuple(map(_fault, failed)),
        metadata={name: value for name, value in (job.metadata or {}).items() if isinstance(value, str)},
    )
