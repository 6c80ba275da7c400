"""The provider: files, batches and embeddings behind one small protocol."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from ingest.errors import IngestError, QuotingError, UnreachableError, UsageError
from ingest.redaction import redacted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy as np

    from ingest.provider.wire import Parameters, Wire

# The statuses after which a batch changes no more (OpenAI's OpenAPI description). Any other status, known or
# not, means that the batch is still in flight.
TERMINAL_STATUSES = frozenset({"completed", "failed", "expired", "cancelled"})

# The key of ours in a batch's metadata, by which a batch is found again after an unclear outcome.
KEY_METADATA = "pgvector_ingest_key"
TOO_FEW = "too_few_requests"
"""The code of a fault of a batch that has fewer requests than the account may send."""
_NO_WORD = re.compile(r"[^\w-]")
_OTHER_WORDS = {"canceled": "cancelled", "partially_completed": "expired"}


@dataclass(frozen=True, slots=True)
class BatchFault:
    """One reason a batch did not validate; `line` is 1-based where the provider names one."""

    code: str
    message: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class RemoteBatch:
    """A batch as the provider tells it; absent and empty file ids are None."""

    id: str
    status: str
    input_file_id: str
    output_file_id: str | None = None
    error_file_id: str | None = None
    total: int = 0
    completed: int = 0
    failed: int = 0
    billed_tokens: int | None = None
    """By its usage; None where it tells none."""
    faults: tuple[BatchFault, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_terminal(self) -> bool:
        """Whether the batch changes no more."""
        return self.status in TERMINAL_STATUSES

    @property
    def lacks_output(self) -> bool:
        """Whether it is over, and must have made a file that it does not name: the file may come late."""
        made_some = self.completed > 0 or (self.status == "completed" and not self.error_file_id)
        return self.is_terminal and made_some and not self.output_file_id


def carrying(batches: Iterable[RemoteBatch], key: str, input_file_id: str | None) -> RemoteBatch | None:
    """The first batch that carries our key, or none and is of our file.

    A shard is uploaded for one batch alone, so its file tells it as well where the provider keeps no key.
    """
    for batch in batches:
        carried = batch.metadata.get(KEY_METADATA)
        is_of_file = input_file_id and batch.input_file_id == input_file_id and batch.status != "failed"
        if carried == key or (carried is None and is_of_file):
            return batch
    return None


def require_asked_for(batch_id: str, found: str) -> None:
    """See that it is told of the batch that was asked for. Raises `ValueError`: it is of another."""
    if found != batch_id:
        raise ValueError(f"it tells of {found} where {batch_id} was asked for")


def shown_status(status: object) -> str:
    """A provider's word for how a batch is, as it is shown in the progress and kept in the database."""
    word = _NO_WORD.sub("?", redacted(str(status)))
    return _OTHER_WORDS.get(word, word)


@dataclass(frozen=True, slots=True)
class Account:
    """What opens a provider: its name, its address (None: OpenAI's) and the key, which is not shown.

    `folder`, `role`: where and in whose name its batches read and write, if that is a storage of the user's.
    """

    name: str
    base_url: str | None
    key: str = field(repr=False)
    others: Mapping[str, Account] = field(default_factory=dict)
    """Other accounts of the same vendor that share the work, by their names."""
    folder: str | None = None
    role: str | None = None

    def require_folder(self) -> None:
        """See that batches have where to read and write.

        Raises:
            UsageError: they have not.
        """
        if not self.folder or not self.role:
            raise UsageError(
                f"batches of {self.name} need a folder on S3 and a role that may read and write it: set batch_folder "
                "(s3://bucket/folder) and batch_role (arn:aws:iam::…:role/…), or take --mode sync."
            )


@dataclass(frozen=True, slots=True)
class Rate:
    """What an account may do in a while, what is left of it, and the seconds until all of it is there again."""

    limit: int
    remaining: int
    reset_s: float


@dataclass(frozen=True, slots=True)
class Room:
    """The rate limits of calls and of their tokens, as the last answer tells them; None: it does not."""

    requests: Rate | None = None
    tokens: Rate | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The vectors of an array of texts, in its order, in base64; None: the answer does not hold one for each.

    `billed_tokens`: as its usage says; None where it does not.
    """

    embeddings: list[str] | None
    billed_tokens: int | None
    room: Room


class RefusedError(QuotingError):
    """These texts are not taken, or one of them is not: the provider's words."""

    def __init__(self, status_code: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.code = code


class UnclearOutcomeError(QuotingError):
    """The request may or may not have been carried out: look before asking again."""


class TryLaterError(QuotingError):
    """It was not carried out, and may be after `wait_s` seconds: too many requests, or a file not known yet."""

    def __init__(self, message: str, wait_s: float = 1.0, room: Room | None = None) -> None:
        super().__init__(message)
        self.wait_s = wait_s
        self.room = room or Room()


class NoRoomError(TryLaterError):
    """Too much is enqueued: it is not taken now, and it is no fault of this batch."""


class InputMissingError(TryLaterError):
    """The input file is not known: not yet, or no more."""


class AccountError(IngestError):
    """The account is refused, whatever is asked: its key, its credit, its use of the model."""

    is_retryable = False


class RefusedKeyError(AccountError, UsageError):
    """The key is not taken."""


class NoCreditError(AccountError, UnreachableError):
    """The account has no credit left."""


class RefusedAccountError(AccountError, UnreachableError):
    """Nothing of a batch was taken, whatever the text."""


class ResultMissingError(UnreachableError):
    """There is no such result file: not yet, or no more."""


class Provider(Protocol):
    """What we need of an embeddings provider with the Files and Batches API.

    Reads are retried inside a bounded time. `upload`, `create_batch` and `answer` are never retried here: they raise
    `UnclearOutcomeError` where the request may have been carried out, `TryLaterError` where it was not. Every method
    raises `UnreachableError` where the provider stays out of reach, and `UsageError` where it refuses our key or what
    we ask.
    """

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def endpoint(self) -> str:
        """Its address, which tells it from other providers."""

    @property
    def wire(self) -> Wire:
        """How its files look, and what it takes."""

    def close(self) -> None:
        """Close the connections."""

    def upload(self, path: Path, filename: str) -> str:
        """Upload a batch input file under a name; the file's id."""

    def find_file(self, filename: str) -> str | None:
        """The id of an uploaded batch input file of that name."""

    def input_files(self) -> Iterator[tuple[str, str]]:
        """The uploaded batch input files, on every page of the list: id and name."""

    def create_batch(self, input_file_id: str, key: str, parameters: Parameters) -> RemoteBatch:
        """Create a batch that carries our key. Raises `NoRoomError` where too much is enqueued."""

    def find_batch(self, key: str, input_file_id: str | None) -> RemoteBatch | None:
        """The batch that carries our key, or none and is of our file, looked for on every page of the list."""

    def batches(self) -> Iterator[RemoteBatch]:
        """The batches of the account, newest first, on every page of the list."""

    def retrieve_batch(self, batch_id: str) -> RemoteBatch | None:
        """The batch as it is now; None where the provider says that there is no such batch."""

    def cancel_batch(self, batch_id: str) -> None:
        """Ask the provider to cancel; what is done already is kept and billed. One that is over stays as it is."""

    def download(self, file_id: str) -> Iterator[bytes]:
        """The content of a file, streamed. Raises `ResultMissingError` where there is none."""

    def file_size(self, file_id: str) -> int | None:
        """The size of a file in bytes, as the provider tells it; None where it does not."""

    def delete_file(self, file_id: str) -> None:
        """Delete a remote file; one that is gone already is no error."""

    def embed(self, texts: Sequence[str], parameters: Parameters) -> np.ndarray:
        """Embed a few texts at once, at the synchronous price. (len(texts), d) float32."""

    def answer(self, texts: Sequence[str], parameters: Parameters) -> Answer:
        """Embed an array of texts, at the synchronous price. Raises `RefusedError` where the texts are not taken."""

    def count_tokens(self, text: str, parameters: Parameters) -> int | None:
        """The tokens of a text by the model's own count, which costs nothing; None where the vendor does not tell."""

    def check(self) -> None:
        """Ask something that costs nothing, to see that the address and the key are right."""
