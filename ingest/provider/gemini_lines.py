"""Lines of Gemini's files: a request with its key, and the vector or the error that answers it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ingest.errors import UNREADABLE_JSON
from ingest.provider.jsonl import Malformed, Result, failure, in_one_line
from ingest.provider.unit_length import of_unit_length
from ingest.provider.wire import Wire
from ingest.redaction import foreign

if TYPE_CHECKING:
    from ingest.provider.wire import Parameters, Side, WriteLine

_TASKS: dict[Side, str] = {"document": "RETRIEVAL_DOCUMENT", "query": "RETRIEVAL_QUERY"}
# The second generation knows no task types: the side is words before the text, as the model's card has them.
_WORDS: dict[Side, str] = {"document": "title: none | text: ", "query": "task: search result | query: "}
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


class Shape(msgspec.Struct, rename="camel"):
    """An object of the API, as far as it is read: counts are strings there, and absent where they are zero."""


class Fault(Shape):
    """A `google.rpc.Status`."""

    code: int | str | None = None
    message: str | None = None
    status: str | None = None


class Vector(Shape):
    """The numbers for one text."""

    values: list[float | None] | None = None


class _Embedded(Shape):
    embedding: Vector | None = None
    token_count: int | str | None = None
    error: Fault | None = None


class _Line(Shape):
    key: str
    response: _Embedded | None = None
    error: Fault | None = None
    request: msgspec.Raw | None = None


_decode_line = msgspec.json.Decoder(_Line).decode
_encode = msgspec.json.Encoder().encode


def request_of(text: str, parameters: Parameters) -> dict[str, object]:
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
    return lambda custom_id, text: in_one_line(_encode({"key": custom_id, "request": request_of(text, parameters)}))


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
    billed = number(response.token_count)
    if response.embedding and response.embedding.values and not fault:
        return Result(result.key, of_unit_length(response.embedding.values).tobytes(), None, billed)
    fault = fault or Fault("no_vector", "the answer holds no vector")
    code = fault.status or fault.code
    status = _CODES.get(fault.status or fault.code or "", fault.code)
    failed = failure(status if isinstance(status, int) else None, foreign(code), foreign(fault.message, 1000))
    return Result(result.key, None, failed, billed)


def number(told: int | str | None) -> int | None:
    """A count; None where it is none, or zero."""
    text = str(told)
    return int(text) or None if text.isascii() and text.isdigit() and len(text) < 10 else None


WIRE = Wire(
    _writer,
    parse,
    max_bytes=1_000_000_000,
    call_texts=100,
    call_tokens=20_000,
    has_sides=True,
    is_upload_idempotent=True,
)
