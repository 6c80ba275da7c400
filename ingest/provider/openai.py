"""OpenAI and the servers compatible with it, through the official SDK."""

from __future__ import annotations

from contextlib import AbstractContextManager, asynccontextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import openai
import pybase64

from ingest.errors import UnreachableError, UsageError
from ingest.provider.answers import CREATE_S, CheckedClient, NoAnswerError, file_content, httpx, logged_at_debug
from ingest.provider.api_errors import asked_at_once, explained, message, unusable
from ingest.provider.http import READ_RETRIES, once_connected
from ingest.provider.jsonl import WIRE, read_array, told_tokens
from ingest.provider.presets import LOCAL, preset
from ingest.provider.protocol import (
    KEY_METADATA,
    TERMINAL_STATUSES,
    Answer,
    BatchFault,
    RemoteBatch,
    ResultMissingError,
    TryLaterError,
    carrying,
    shown_status,
)
from ingest.provider.rate_headers import room
from ingest.redaction import foreign, learn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
    from pathlib import Path

    from openai.types import Batch

    from ingest.provider.protocol import Account
    from ingest.provider.wire import HasEnded, Parameters

_TIMEOUT = openai.Timeout(120.0, connect=15.0)
_CREATE_TIMEOUT = openai.Timeout(CREATE_S, connect=15.0)
_UPLOAD_TIMEOUT = openai.Timeout(1800.0, connect=15.0)
_LOOK_S = 30.0
_NO_SIZE = 2**62
_AS_IT_IS: AbstractContextManager[None] = nullcontext()
_PAGE, _MOST_PAGES = 100, 10_000
ENDPOINT: Final = "/v1/embeddings"
_NO_SUCH_CALL = frozenset({400, 403, 404, 405, 501})  # what servers say that tell nothing of a file, but have it


@asynccontextmanager
async def looking(account: Account) -> AsyncIterator[HasEnded]:
    """What asks after its batches in an event loop, without a thread."""
    async with openai.AsyncOpenAI(
        api_key=account.key, base_url=account.base_url, timeout=_LOOK_S, max_retries=0
    ) as client:

        async def has_ended(batch_id: str) -> bool:
            with suppress(UnreachableError), explained(str(client.base_url).rstrip("/"), preset(account.name)):
                try:
                    with logged_at_debug():
                        return (await client.batches.retrieve(batch_id)).status in TERMINAL_STATUSES
                except openai.NotFoundError:
                    return True
            return False

        yield has_ended


class OpenAIProvider:
    """The Files, Batches and Embeddings API of one account."""

    wire = WIRE

    def __init__(self, account: Account) -> None:
        self.name = account.name
        self._preset = preset(account.name)
        learn(account.key)
        try:
            # By the environment's proxies and certificates, too.
            http_client = CheckedClient(headers={"accept-encoding": "gzip"})
            self._client = openai.OpenAI(
                api_key=account.key,
                base_url=account.base_url,
                timeout=_TIMEOUT,
                max_retries=READ_RETRIES,
                http_client=http_client,
            )
        except (openai.OpenAIError, httpx.InvalidURL, ValueError, OSError, ImportError) as error:
            raise unusable(error) from None
        http_client.root = self._client.base_url.path
        # The SDK repeats POSTs without an idempotency key: a repeated create makes, and bills, a second batch.
        self._once = self._client.with_options(max_retries=0)
        self._address = str(self._client.base_url).rstrip("/")
        # The local provider is the same wherever it listens today.
        self.endpoint = self.name if self.name == LOCAL else self._address

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def upload(self, path: Path, filename: str) -> str:
        """Upload a batch input file under a name; the file's id."""

        def upload() -> str:
            with path.open("rb") as file:
                files = self._once.with_options(timeout=_UPLOAD_TIMEOUT).files
                return files.create(file=(filename, file, "application/jsonl"), purpose="batch").id

        with self._explained(changes=True):
            return once_connected(upload)

    def find_file(self, filename: str) -> str | None:
        """The id of an uploaded batch input file of that name."""
        return next((file_id for file_id, name in self.input_files() if name == filename), None)

    def input_files(self) -> Iterator[tuple[str, str]]:
        """The uploaded batch input files, on every page of the list: id and name."""
        with self._explained():
            for file in _listed(self._client.files.list(purpose="batch", limit=_PAGE)):
                yield file.id, file.filename or ""

    def create_batch(self, input_file_id: str, key: str, parameters: Parameters) -> RemoteBatch:  # noqa: ARG002
        """Create a batch that carries our key in its metadata; its lines tell the model."""
        return self._created(input_file_id, key, completion_window="24h")

    def _created(
        self, input_file_id: str, key: str, refusal: AbstractContextManager[None] = _AS_IT_IS, **asked: Any
    ) -> RemoteBatch:
        def create() -> Batch:
            return self._once.with_options(timeout=_CREATE_TIMEOUT).batches.create(
                input_file_id=input_file_id, endpoint=ENDPOINT, metadata={KEY_METADATA: key}, **asked
            )

        with self._explained(changes=True), refusal:
            return _remote_batch(once_connected(create))

    def find_batch(self, key: str, input_file_id: str | None) -> RemoteBatch | None:
        """The batch that carries our key, or none and is of our file, looked for on every page of the list."""
        with self._explained():
            return carrying(map(_remote_batch, _listed(self._client.batches.list(limit=_PAGE))), key, input_file_id)

    def batches(self) -> Iterator[RemoteBatch]:
        """The batches of the account, newest first, on every page of the list."""
        with self._explained():
            for batch in _listed(self._client.with_options(max_retries=1).batches.list(limit=_PAGE)):
                yield _remote_batch(batch)

    def retrieve_batch(self, batch_id: str) -> RemoteBatch | None:
        """The batch as it is now; None where the provider says that there is no such batch."""
        with self._explained():
            try:
                return _remote_batch(self._client.batches.retrieve(batch_id))
            except openai.NotFoundError:
                return None

    def cancel_batch(self, batch_id: str) -> None:
        """Ask the provider to cancel; a batch that is over, or unknown, stays as it is."""
        with self._explained(), suppress(openai.ConflictError, openai.NotFoundError, openai.BadRequestError):
            # A conflict says that the batch is over: asking again would not change that.
            self._client.with_options(max_retries=2).batches.cancel(batch_id)

    def download(self, file_id: str) -> Iterator[bytes]:
        """The content of a file, streamed."""
        with self._explained():
            try:
                with self._client.files.with_streaming_response.content(file_id) as response:
                    yield from file_content(response.http_response)
            except openai.NotFoundError as error:
                raise ResultMissingError(
                    f"the provider at {self._address} has no file {file_id}: {message(error)}."
                ) from None

    def file_size(self, file_id: str) -> int | None:
        """The size of a file in bytes, as the provider tells it; None where it does not."""
        with self._explained():
            try:
                size: object = self._client.files.retrieve(file_id).bytes
                return size if isinstance(size, int) and 0 < size < _NO_SIZE else None
            except openai.APIStatusError as error:
                if error.status_code in _NO_SUCH_CALL:
                    return None
                raise

    def delete_file(self, file_id: str) -> None:
        """Delete a remote file; one that is gone already is no error."""
        try:
            with self._explained():
                self._client.files.delete(file_id)
        except (UsageError, TryLaterError):
            return

    def embed(self, texts: Sequence[str], parameters: Parameters) -> np.ndarray:
        """Embed a few texts at once, at the synchronous price. (len(texts), d) float32."""
        with self._explained():
            answer = self._client.embeddings.create(input=list(texts), **self._asked(parameters))
        vectors: list[np.ndarray] = [np.empty(0)] * len(texts)
        for item in answer.data:
            form: object = item.embedding  # a list where the server ignores encoding_format
            vectors[item.index] = (
                np.frombuffer(pybase64.b64decode(form), dtype="<f4") if isinstance(form, str) else np.asarray(form)
            )
        return np.asarray(vectors, dtype=np.float32)

    def answer(self, texts: Sequence[str], parameters: Parameters) -> Answer:
        """Embed an array of texts, at the synchronous price."""
        with self._explained(changes=True), asked_at_once(self._address):
            response = self._once.embeddings.with_raw_response.create(input=list(texts), **self._asked(parameters))
        embeddings, billed_tokens = read_array(response.content, len(texts))
        return Answer(embeddings, billed_tokens, room(response.headers))

    def count_tokens(self, text: str, parameters: Parameters) -> int | None:  # noqa: ARG002
        """There is no such call."""
        return None

    def check(self) -> None:
        """Ask something that costs nothing, to see that the address and the key are right."""
        with self._explained():
            try:
                self._client.with_options(max_retries=0).batches.list(limit=1)
            except openai.NotFoundError as error:
                raise UsageError(f"{self._no_api} ({message(error)}).") from None
            except openai.APIConnectionError as error:
                if isinstance(error.__cause__, NoAnswerError):
                    raise UnreachableError(f"{self._no_api} ({error.__cause__}).") from None
                raise

    def _asked(self, parameters: Parameters) -> dict[str, Any]:
        """What stands beside the texts in a call to embed at once."""
        length = {} if parameters.dimensions is None else {"dimensions": parameters.dimensions}
        return {"model": parameters.model, "encoding_format": parameters.encoding_format, **length}

    @property
    def _no_api(self) -> str:
        hint = "" if self._address.endswith("/v1") else f", but at {self._address}/v1"
        return (
            f"no API at this address: {self._address}{hint}? Check {self._preset.url_variable}, and that nothing "
            "between answers in its place"
        )

    def _explained(self, *, changes: bool = False) -> AbstractContextManager[None]:
        return explained(self._address, self._preset, changes=changes)


connect = OpenAIProvider


def _listed(first: Any) -> Iterator[Any]:
    """What is on all pages of a list. A page that holds nothing new is the last, whatever it says of more.

    Raises:
        ValueError: it has no end.
    """
    known: set[str] = set()
    for number, page in enumerate(first.iter_pages()):
        if number == _MOST_PAGES:
            raise ValueError(f"a list of over {_MOST_PAGES:,} pages")
        ids = {item.id for item in page.data}
        if ids <= known:
            return
        known |= ids
        yield from page.data


def _result_file(batch: Batch, file_id: str | None) -> str | None:
    """A file of a batch's results, which its input file is not."""
    return file_id if file_id and file_id != batch.input_file_id else None


def _remote_batch(batch: Batch) -> RemoteBatch:
    metadata: Mapping[str, object] = batch.metadata or {}  # of other people's batches, too
    counts = batch.request_counts
    fields = batch.to_dict(warnings=False)
    usage = fields.get("usage")  # older versions of the SDK have no such field
    return RemoteBatch(
        id=batch.id,
        status=shown_status(batch.status),
        input_file_id=batch.input_file_id or "",
        output_file_id=_result_file(batch, batch.output_file_id),
        error_file_id=_result_file(batch, batch.error_file_id),
        total=(counts and counts.total) or 0,
        completed=(counts and counts.completed) or 0,
        failed=(counts and counts.failed) or 0,
        billed_tokens=told_tokens(usage),
        faults=_faults(fields.get("errors")),
        metadata={name: value for name, value in metadata.items() if isinstance(value, str)},
    )


def _faults(errors: Any) -> tuple[BatchFault, ...]:
    """Why a batch failed: a list of objects in an object, as OpenAI tells it, the list alone, or words."""
    told = errors.get("data") if isinstance(errors, dict) else errors
    listed = told if isinstance(told, list) else [told] if told else []
    objects = [each if isinstance(each, dict) else {"message": each} for each in listed]
    return tuple(
        BatchFault(foreign(each.get("code")), foreign(each.get("message"), 1000), each.get("line")) for each in objects
    )
