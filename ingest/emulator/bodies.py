"""Input lines that are a custom_id and a body, as several vendors have them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, TypeVar

import msgspec

from ingest.emulator.errors import ApiError
from ingest.emulator.lines import BatchError, Judged
from ingest.errors import UNREADABLE_JSON

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.emulator.embeddings import EmbeddingsRequest

Fields = TypeVar("Fields")
ReadRequest: TypeAlias = "Callable[[bytes], EmbeddingsRequest]"
"""Reads the body of a request; raises an ApiError where it is none."""


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    custom_id: str
    body: msgspec.Raw


_decode_line = msgspec.json.Decoder(_Line).decode


def reader(kind: type[Fields], status_code: int = 400) -> Callable[[bytes], Fields]:
    """What reads a body of that kind; raises an ApiError of that status where it is none."""
    decode = msgspec.json.Decoder(kind).decode

    def read(body: bytes) -> Fields:
        try:
            return decode(body)
        except UNREADABLE_JSON as error:
            raise ApiError(status_code, str(error)) from None

    return read


def custom_id(line: bytes) -> str:
    """The custom_id of a line whose batch has validated."""
    return _decode_line(line).custom_id


def judged(line: bytes, number: int, read: ReadRequest) -> Judged | BatchError:
    """An input line, or why it spoils its batch; what is wrong with its body is told when it runs."""
    try:
        found = _decode_line(line)
    except UNREADABLE_JSON as error:
        return BatchError("invalid_request", f"Line {number}: {error}", None, number)
    if not found.custom_id:
        return BatchError("invalid_request", f"Line {number}: a custom_id is empty", "custom_id", number)
    try:
        request = read(found.body)
    except ApiError:
        request = None
    return Judged(found.custom_id, (request and request.model) or None, request if request and request.texts else None)


def requested(line: bytes, read: ReadRequest) -> tuple[str, EmbeddingsRequest | ApiError]:
    """The custom_id and the request of a line whose batch has validated, or why it is refused."""
    found = _decode_line(line)
    try:
        return found.custom_id, read(found.body)
    except ApiError as refusal:
        return found.custom_id, refusal
