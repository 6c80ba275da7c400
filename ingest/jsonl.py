"""The wire format of the Batch API: request lines out, result lines in. Pure.

Request and result lines as in OpenAI's batch guide; the forms of compatible servers that are understood: `body` as a
JSON string (ogx), no `error` or no `response` key, `error` set to words, or to an answer's body, and no `body` (vLLM).
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec
import pybase64

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

MAX_LINE_BYTES = 16_000_000  # a vector of 16,000 dimensions as numbers takes 0.4 MB

_MAX_TOKENS = 2**31 - 1  # in one answer, or one batch: twenty times what OpenAI takes at once

# Outcomes that may be otherwise next time (OpenAI's batch guide, error codes; 0 is reported by users).
_RETRYABLE_STATUSES = frozenset({0, 408, 409, 429})
_RETRYABLE_CODES = frozenset({"batch_expired", "batch_cancelled", "request_timeout"})


@dataclass(frozen=True, slots=True)
class RequestFailure:
    """A request that brought no vector: the provider's words, and whether asking again can help.

    `counted`: whether it was an attempt; a request whose batch never ran was not tried.
    """

    code: str
    message: str
    retryable: bool
    counted: bool = True


@dataclass(frozen=True, slots=True)
class Result:
    """One line of a result file: a vector as little-endian float32 bytes, or why there is none.

    `billed_tokens`: as its usage says; None where it does not.
    """

    custom_id: str
    embedding: bytes | None
    failure: RequestFailure | None
    billed_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Malformed:
    """A line that is no result."""

    reason: str


class _Body(msgspec.Struct):
    model: str
    input: str
    dimensions: int | msgspec.UnsetType
    encoding_format: str | msgspec.UnsetType


class _Request(msgspec.Struct):
    custom_id: str
    method: str
    url: str
    body: _Body


class _Vector(msgspec.Struct):
    embedding: str | list[float]


class _ErrorDetail(msgspec.Struct):
    message: str | None = None
    code: str | int | None = None
    type: str | None = None
    error: _ErrorDetail | None = None


class _Answer(msgspec.Struct):
    data: list[_Vector] | None = None
    error: _ErrorDetail | str | None = None
    usage: Any = None  # a line with a strange one is a result all the same


class _Response(msgspec.Struct):
    status_code: int | None = None
    body: _Answer | str | None = None


class _Item(msgspec.Struct):
    index: int
    embedding: str | list[float | None]


class _Array(msgspec.Struct):
    data: list[_Item]
    usage: Any = None


class _Line(msgspec.Struct):
    custom_id: str
    response: _Response | None = None
    error: _ErrorDetail | str | None = None


_decode_line = msgspec.json.Decoder(_Line).decode
_decode_answer = msgspec.json.Decoder(_Answer).decode
_decode_array = msgspec.json.Decoder(_Array).decode


class RequestWriter:
    """Encodes request lines for one model, by the name that the provider knows."""

    def __init__(self, model: str, dimensions: int | None, encoding_format: str) -> None:
        """`dimensions`: as it is sent; None leaves the model's own."""
        self._encoder = msgspec.json.Encoder()
        self._body = _Body(
            model,
            "",
            msgspec.UNSET if dimensions is None else dimensions,
            msgspec.UNSET if encoding_format == "float" else encoding_format,
        )
        self._request = _Request("", "POST", "/v1/embeddings", self._body)

    def line(self, custom_id: str, text: str) -> bytes:
        """One line, with its newline."""
        self._request.custom_id = custom_id
        self._body.input = text
        return self._encoder.encode(self._request) + b"\n"


def make_custom_id(chunk_id: int, text_hash: bytes, model: str, dimensions: int) -> str:
    """The record ID, and 16 hexadecimal digits that bind it to the text, the model and the dimensions.

    So a result of another corpus, another text or another model is told apart even in a file loaded by hand.
    """
    bound = sha256(b"%b\n%b\n%d" % (text_hash, model.encode(), dimensions)).hexdigest()[:16]
    return f"{chunk_id}-{bound}"


def chunk_id_of(custom_id: str) -> int | None:
    """The record ID in a custom_id; None where it cannot be one of ours."""
    digits, dash, _ = custom_id.partition("-")
    if not dash or not digits.isascii() or not digits.isdigit() or len(digits) > 18:
        return None
    return int(digits)


def read_results(file: BinaryIO) -> Iterator[Result | Malformed]:
    """The results of an output or error file, line by line, in the file's order."""
    while line := file.readline(MAX_LINE_BYTES):
        if len(line) == MAX_LINE_BYTES and not line.endswith(b"\n"):
            while (rest := file.readline(MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
                pass
            yield Malformed(f"a line over {MAX_LINE_BYTES:,} bytes")
        elif not line.isspace():
            yield parse_result(line)


def parse_result(line: bytes) -> Result | Malformed:
    """One line of an output or error file."""
    try:
        result = _decode_line(line)
        response = result.response
        answer = response.body if response else None
        if isinstance(answer, str):
            answer = _decode_answer(answer)
        status = response.status_code if response else None
        billed = told_tokens(answer.usage) if answer else None
        if status == 200 and answer and answer.data and not result.error:
            return Result(result.custom_id, _little_endian(answer.data[0].embedding), None, billed)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        return Malformed(f"not a result line: {error}")
    return Result(result.custom_id, None, _failure(result.error, status, answer), billed)


def read_array(body: bytes, count: int) -> tuple[list[str] | None, int | None]:
    """The answer to a call with an array of texts: their vectors in its order, in base64, and the billed tokens.

    No vectors where there is not one for each text: which is whose could only be guessed.
    """
    try:
        answer = _decode_array(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None, None
    billed = told_tokens(answer.usage)
    items = sorted(answer.data, key=lambda item: item.index)
    if [item.index for item in items] != list(range(count)):
        return None, billed
    return [
        item.embedding
        if isinstance(item.embedding, str)
        else pybase64.b64encode_as_string(_little_endian(item.embedding))
        for item in items
    ], billed


def result_line(custom_id: str, embedding: str, billed_tokens: int | None) -> bytes:
    """A line of an output file, with its newline; `embedding` in base64."""
    body = {"data": [{"embedding": embedding}], "usage": {"prompt_tokens": billed_tokens}}
    return msgspec.json.encode({"custom_id": custom_id, "response": {"status_code": 200, "body": body}}) + b"\n"


def failure_line(custom_id: str, status_code: int, code: str, message: str, billed_tokens: int | None = None) -> bytes:
    """A line of an error file, with its newline."""
    body = {"error": {"code": code, "message": message}, "usage": {"prompt_tokens": billed_tokens}}
    return msgspec.json.encode({"custom_id": custom_id, "response": {"status_code": status_code, "body": body}}) + b"\n"


def told_tokens(usage: object) -> int | None:
    """The tokens that a usage tells of; None where it tells nothing that can be right."""
    if not isinstance(usage, dict):
        return None
    tokens = usage.get("prompt_tokens", usage.get("total_tokens"))
    return tokens if type(tokens) is int and 0 < tokens <= _MAX_TOKENS else None


def _little_endian(embedding: str | list[float] | list[float | None]) -> bytes:
    if isinstance(embedding, str):
        return pybase64.b64decode(embedding, validate=True)
    import numpy as np

    with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused as that
        return np.asarray(embedding, dtype="<f4").tobytes()


def _failure(error: _ErrorDetail | str | None, status: int | None, answer: _Answer | None) -> RequestFailure:
    detail = error or (answer.error if answer else None)
    if isinstance(detail, str):
        detail = _ErrorDetail(message=detail)
    detail = (detail and detail.error) or detail
    code = str((detail and (detail.code or detail.type)) or status or "no_vector")
    message = (detail and detail.message) or (
        "the answer holds no vector" if status == 200 else f"HTTP status {status}"
    )
    refused = status is not None and 400 <= status < 500 and status not in _RETRYABLE_STATUSES
    return RequestFailure(code, message, retryable=code in _RETRYABLE_CODES or not refused)
