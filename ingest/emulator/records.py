"""What the server remembers, as values: files, batches, bills."""

from __future__ import annotations

from secrets import token_hex
from typing import NamedTuple

import msgspec

from ingest.emulator.lines import BatchError  # noqa: TC001 msgspec reads the types of fields


class StoredFile(msgspec.Struct, frozen=True):
    """A file: its content lies in the folder under its id."""

    number: int
    id: str
    filename: str
    purpose: str
    bytes: int
    created_at: float
    expires_at: float


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """A batch and how far it has come.

    `input_offset`, `lines_read`, `output_bytes` and `error_bytes` are what is committed of the input file read
    and of the result files written: after a crash the work goes on from there. The result files have their
    names from the start and are published by setting `output_file_id` and `error_file_id`.
    """

    id: str
    input_file_id: str
    metadata: dict[str, str] | None
    created_at: float
    expires_at: float
    output_lifetime_s: float
    output_name: str
    error_name: str
    asked: str = ""
    """What its creation asks for all of its lines, as the vendor writes that; "" where the model is all."""
    number: int = 0
    revision: int = 0
    status: str = "validating"
    model: str | None = None
    in_progress_at: float | None = None
    finalizing_at: float | None = None
    completed_at: float | None = None
    failed_at: float | None = None
    expired_at: float | None = None
    cancelling_at: float | None = None
    cancelled_at: float | None = None
    errors: tuple[BatchError, ...] = ()
    output_file_id: str | None = None
    error_file_id: str | None = None
    total: int = 0
    completed: int = 0
    failed: int = 0
    tokens: int = 0
    billed_tokens: int = 0
    input_offset: int = 0
    lines_read: int = 0
    output_bytes: int = 0
    error_bytes: int = 0

    @property
    def has_ended(self) -> bool:
        """Whether it changes no more."""
        return self.status in ("completed", "failed", "expired", "cancelled")


class NewFile(NamedTuple):
    """A file to be published; its content is on the disk already."""

    id: str
    filename: str
    purpose: str
    expires_at: float


class Bill(NamedTuple):
    """One embedded text; `batch_id` and `custom_id` are None where it was embedded by a call of its own."""

    text_sha256: bytes
    model: str
    dimensions: int
    tokens: int
    batch_id: str | None
    custom_id: str | None
    billed_at: float


def new_id(prefix: str) -> str:
    """An id nobody has guessed or used."""
    return prefix + token_hex(12)
