"""OpenRouter's API: a batch's requests stand in its creation, and its results in the answer that tells of it.

By the vendor's guide and reference (openrouter.ai/docs: "Batch API Quickstart", "Batch"; 2026), and by what its SDK,
openrouter, sends and reads. It was tried against the emulator's dialect alone.

There are no files: that of a shard stays where it was written, and its id here says what is sent of it. A batch bears
nothing of ours, either, but for the ids of its results. So one whose creation was not heard of is looked for among
those that came after, by how many requests it has, and by a result of it once it is done.
"""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import openai

from ingest.errors import UNREADABLE_JSON, UnreachableError, UsageError
from ingest.provider.answers import CREATE_S, Count
from ingest.provider.api_errors import creating, message
from ingest.provider.http import Http, Named, bearer
from ingest.provider.jsonl import in_one_line, parse_result
from ingest.provider.openai import ENDPOINT, OpenAIProvider
from ingest.provider.protocol import (
    TERMINAL_STATUSES,
    BatchFault,
    InputMissingError,
    RemoteBatch,
    ResultMissingError,
    require_asked_for,
    shown_status,
)
from ingest.provider.wire import Wire
from ingest.redaction import foreign

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.provider.protocol import Account
    from ingest.provider.wire import Parameters, WriteLine

_PAGE = 100
_NOT_THERE = "the requests of the batch are not on this machine as they were written"


class _Kept(msgspec.Struct, array_like=True, frozen=True):
    """A file of requests that was kept: `first`: the id of one of them; `newest`: the batch before all of its own."""

    path: str
    sha256: str
    count: int
    first: str
    newest: str = ""


class _Counts(msgspec.Struct):
    total: Count | None = 0
    completed: Count | None = 0
    failed: Count | None = 0


class _Fault(msgspec.Struct):
    message: str | None = None


class _Batch(Named):
    status: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    endpoint: str | None = None
    request_counts: _Counts | None = None
    error: _Fault | None = None


class _Results(Named):
    results: list[msgspec.Raw] | None = None


class _Page(msgspec.Struct):
    data: list[_Batch]
    has_more: bool = False


class _Line(msgspec.Struct):
    custom_id: str


_encode = msgspec.json.Encoder().encode
_decode_kept = msgspec.json.Decoder(_Kept).decode
_decode_line = msgspec.json.Decoder(_Line).decode


def _writer(parameters: Parameters) -> WriteLine:
    asked: dict[str, object] = {} if parameters.dimensions is None else {"dimensions": parameters.dimensions}
    if parameters.encoding_format != "float":
        asked["encoding_format"] = parameters.encoding_format
    return lambda custom_id, text: in_one_line(_encode({"custom_id": custom_id, "body": {"input": text, **asked}}))


# All results come in one answer: 800 vectors of 3,072 numbers have 54 MB. A call goes to whoever has the model, of whom
# some take no more than 100 texts or 20,000 tokens.
WIRE = Wire(
    _writer,
    parse_result,
    max_requests=800,
    max_bytes=8_000_000,
    call_texts=100,
    call_tokens=20_000,
    is_upload_idempotent=True,
)


class OpenRouterProvider(OpenAIProvider):
    """The batches and embeddings of one workspace."""

    wire = WIRE

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self._http = Http(account, bearer(account))
        self._newest: dict[str, str] = {}  # by our key: the batch before its creation, as far as this process began it
        self._fetched: dict[str, bytes] = {}

    def close(self) -> None:
        """Close the connections."""
        super().close()
        self._http.close()

    def upload(self, path: Path, filename: str) -> str:  # noqa: ARG002
        """Keep the file where it is: what has to be known of it is its id."""
        content = path.read_bytes()
        first = _decode_line(content.partition(b"\n")[0]).custom_id
        with self._explained():
            newest = self._newest_batch()
        digest = sha256(content).hexdigest()
        return _encode(_Kept(str(path), digest, content.count(b"\n"), first, newest)).decode()

    def find_file(self, filename: str) -> str | None:  # noqa: ARG002
        """No file is there."""
        return None

    def input_files(self) -> Iterator[tuple[str, str]]:
        """No files are there."""
        return iter(())

    def create_batch(self, input_file_id: str, key: str, parameters: Parameters) -> RemoteBatch:
        """Create a batch of the requests in a file that was kept here."""
        kept = _decode_kept(input_file_id)
        try:
            content = Path(kept.path).read_bytes()
        except OSError as error:
            raise InputMissingError(f"{_NOT_THERE}: {error.strerror}") from error
        if sha256(content).hexdigest() != kept.sha256:
            raise InputMissingError(_NOT_THERE)
        with self._explained():
            self._newest[key] = self._newest_batch()
        # The API reads it as a stream, and refuses what does not come in this order.
        lines = [msgspec.Raw(line) for line in content.splitlines()]
        asked = {"endpoint": ENDPOINT, "model": _slug(parameters.model), "completion_window": "24h", "requests": lines}
        with self._explained(changes=True), creating():
            try:
                return _remote(self._http.change("POST", "batches", _Batch, asked, seconds=CREATE_S))
            except openai.NotFoundError as error:
                raise UsageError(f"OpenRouter has no batches of {parameters.model}: {message(error)}.") from None

    def find_batch(self, key: str, input_file_id: str | None) -> RemoteBatch | None:
        """The batch of the requests in a file, by its size and a result among those that came after; see above.

        Raises:
            UnreachableError: several may be it, and none of them is done.
        """
        if input_file_id is None:
            return None
        kept = _decode_kept(input_file_id)
        before = self._newest.get(key, kept.newest)
        with self._explained():
            later = [_remote(batch) for batch in takewhile(lambda batch: batch.id != before, self._listed())]
        alike = [batch for batch in later if batch.total in (kept.count, 0)]
        for batch in alike:
            if batch.output_file_id and self._has(batch.id, kept.first):
                return batch
        under_way = [batch for batch in alike if not batch.is_terminal]
        if len(under_way) > 1:
            raise UnreachableError(
                f"each of {len(under_way)} batches of {kept.count:,} requests may be ours: which one is shows when they"
                " are done."
            )
        return next(iter(under_way), None)

    def batches(self) -> Iterator[RemoteBatch]:
        """The batches of the workspace, newest first, on every page of the list."""
        with self._explained():
            yield from map(_remote, self._listed())

    def retrieve_batch(self, batch_id: str) -> RemoteBatch | None:
        """The batch as it is now, without its results; None where there is no such batch."""
        with self._explained(), suppress(openai.NotFoundError):
            batch = self._http.read(f"batches/{batch_id}", _Batch)
            require_asked_for(batch_id, batch.id)
            return _remote(batch)
        return None

    def cancel_batch(self, batch_id: str) -> None:
        """Tell that there is no such call."""
        raise UsageError(
            f"OpenRouter has no call that cancels a batch: {batch_id} goes on, and is billed. `ingest run` loads it "
            "once it is done."
        )

    def download(self, file_id: str) -> Iterator[bytes]:
        """The results of a batch, a line each."""
        yield self._fetched.pop(file_id, b"") or self._results(file_id)

    def file_size(self, file_id: str) -> int | None:
        """The size of the results as lines: they are fetched for it, and kept to be downloaded next."""
        self._fetched[file_id] = self._results(file_id)
        return len(self._fetched[file_id])

    def delete_file(self, file_id: str) -> None:
        """Delete a batch that has ended, with its requests and results; a file that was kept here is not there."""
        if not file_id.startswith("["):
            with self._explained(), suppress(openai.NotFoundError, openai.ConflictError):
                self._http.change("DELETE", f"batches/{file_id}", msgspec.Raw)

    def _asked(self, parameters: Parameters) -> dict[str, Any]:
        return super()._asked(parameters) | {"model": _slug(parameters.model)}

    def _listed(self) -> Iterator[_Batch]:
        for page in self._http.pages("batches", _Page, _following, limit=_PAGE):
            yield from page.data

    def _newest_batch(self) -> str:
        return next((batch.id for batch in self._http.read("batches", _Page, limit=1).data), "")

    def _results(self, batch_id: str) -> bytes:
        with self._explained():
            try:
                results = self._http.read(f"batches/{batch_id}", _Results).results
            except openai.NotFoundError as error:
                raise ResultMissingError(f"OpenRouter has no batch {batch_id}: {message(error)}.") from None
        if results is None:
            raise ResultMissingError(f"OpenRouter names no results of the batch {batch_id}.")
        return b"".join(b" ".join(bytes(result).split(b"\n")) + b"\n" for result in results)  # it may be indented

    def _has(self, batch_id: str, custom_id: str) -> bool:
        """Whether a batch that is done has a result of that id."""
        with suppress(*UNREADABLE_JSON, ResultMissingError):
            lines = self._results(batch_id).splitlines()
            return any(_decode_line(line).custom_id == custom_id for line in lines)
        return False


connect = OpenRouterProvider


def _slug(model: str) -> str:
    """A model as the router calls it: with whose it is, OpenAI's where nothing is said."""
    return model if "/" in model else f"openai/{model}"


def _following(page: _Page) -> dict[str, str | int]:
    return {"after": page.data[-1].id} if page.has_more and page.data else {}


def _remote(batch: _Batch) -> RemoteBatch:
    counts = batch.request_counts or _Counts()
    status = shown_status(batch.status)
    has_results = status == "completed" or (status in TERMINAL_STATUSES and counts.completed)
    fault = batch.error if status == "failed" else None
    return RemoteBatch(
        id=batch.id,
        status=status,
        input_file_id="",
        output_file_id=batch.id if has_results else None,
        total=counts.total or 0,
        completed=counts.completed or 0,
        failed=counts.failed or 0,
        faults=(BatchFault("", foreign(fault.message, 1000)),) if fault else (),
    )
