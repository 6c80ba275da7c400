"""The lines of batch files: `key` and `request` in, `key` and `response` or `error` out. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from ingest.emulator.errors import ApiError
from ingest.emulator.gemini.errors import status_name, status_number
from ingest.emulator.gemini.fields import EmbedContent, Line, asked, reader
from ingest.emulator.lines import BatchError, Judged

if TYPE_CHECKING:
    from ingest.emulator.embeddings import EmbeddingsRequest
    from ingest.emulator.faults import Faults

_DIGITS = 9  # a float32 and no more

_encode = msgspec.json.Encoder().encode
_read_line = reader(Line)
_read_request = reader(EmbedContent)


def judged_line(line: bytes, number: int) -> Judged | BatchError:
    """An input line, or why it spoils its batch."""
    try:
        read = _read_line(line)
    except ApiError as error:
        return BatchError("INVALID_ARGUMENT", error.message, None, number)
    if not read.key:
        return BatchError("INVALID_ARGUMENT", "A key is empty.", "key", number)
    try:
        request = _read_request(read.request)
    except ApiError:  # it is refused when it runs
        return Judged(read.key, None, None)
    named = request.model.removeprefix("models/") if request.model else None
    return Judged(read.key, named, asked_or_none(request, named or ""))


def asked_or_none(request: EmbedContent, model: str) -> EmbeddingsRequest | None:
    """What a request asks for; None where it will be refused."""
    try:
        return asked(request, model)
    except ApiError:
        return None


def custom_id(line: bytes) -> str:
    """The key of a line whose batch has validated."""
    return _read_line(line).key


def request_of(line: bytes, model: str) -> tuple[str, EmbeddingsRequest | ApiError]:
    """The key and the request of such a line, or why it is refused."""
    read = _read_line(line)
    try:
        return read.key, asked(_read_request(read.request), model)
    except ApiError as refusal:
        return read.key, refusal


def done_line(
    request: EmbeddingsRequest, custom_id: str, vectors: np.ndarray, token_count: int, fault: str | None = None
) -> bytes:
    """The line of a request that was carried out: the key is last, and the count a string."""
    del request
    found = None if fault == "null_vector" else numbers(vectors)[0]
    response = {"embedding": {"values": found}, "tokenCount": str(token_count)}
    return _encode({"response": response, "key": custom_id}) + b"\n"


def refused_line(custom_id: str, error: ApiError | None, faults: Faults) -> bytes:
    """The line of a request that ran and was refused, in the same file."""
    told: dict[str, Any] = {}
    if error is not None:
        name = status_name(error)
        told = {"code": status_number(name), "message": error.message}
        if faults.active(["http_codes_in_lines"]):
            told |= {"code": error.status_code, "status": name}
    if faults.active(["error_in_response"]):
        return _encode({"response": {"error": told}, "key": custom_id}) + b"\n"
    return _encode({"error": told, "key": custom_id}) + b"\n"


def never_ran_line(custom_id: str, code: str) -> bytes:
    """Nothing: what the batch did not come to is nowhere in its results."""
    del custom_id, code
    return b""


def numbers(vectors: np.ndarray) -> list[list[float]]:
    """Vectors as numbers."""
    rounded: list[list[float]] = np.round(vectors.astype(np.float64), _DIGITS).tolist()
    return rounded
