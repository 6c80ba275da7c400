"""The wire format of the Batch API: request lines out, result lines in. Pure.

Request and result lines as in OpenAI's batch guide; the forms of compatible servers that are understood: `body` as a
JSON string (ogx), no `error` or no `response` key, `error` set to words, or to an answer's body, and no `body` (vLLM).
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import pybase64

from ingest.errors import UNREADABLE_JSON
from ingest.provider.wire import Wire
from ingest.redaction import foreign

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from ingest.provider.wire import Parameters, ParseLine, WriteLine

MAX_LINE_BYTES = 16_000_000  # a vector of 16,000 dimensions as numbers takes 0.4 MB

_MAX_MESSAGE = 1000  # characters of a provider's words that are kept
_MAX_TOKENS = 2**31 - 1  # in one answer, or one batch: twenty times what OpenAI takes at once

# Outcomes that may be otherwise next time (OpenAI's batch guide, error codes; 0 is reported by users).
_RETRYABLE_STATUSES = frozenset({0, 408, 409, 429})
_RETRYABLE_CODES = frozenset({"batch_expired", "batch_cancelled", "request_timeout"})

NO_CREDIT = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
# What is refused to the account, whatever the text: for want of credit, of a key, of the model (the codes of OpenAI,
# Azure and AWS).
ACCOUNT_CODES = NO_CREDIT | {
    "invalid_api_key",
    "account_deactivated",
    "model_not_found",
    "DeploymentNotFound",
    "AccessDeniedException",
}
_ACCOUNT_STATUSES = frozenset({401, 402, 403, 404})
_RATE_CODES = frozenset(
    {"rate_limit_exceeded", "rate_limit_error", "RateLimitError", "too_many_requests", "Throttling"}
)

# Where a server wraps an answer that it had itself into words, or into the top-level error: its status (AIBrix, OGX,
# OpenRouter).
_STATUS_BY_NAME = {
    **dict.fromkeys(("invalid_request_error", "BadRequestError"), 400),
    **dict.fromkeys(("authentication_error", "AuthenticationError"), 401),
    **dict.fromkeys(("permission_error", "PermissionDeniedError"), 403),
    **dict.fromkeys(_RATE_CODES, 429),
    **dict.fromkeys(("context_length_exceeded", "string_too_long", "invalid_request", "invalid_prompt"), 400),
    **dict.fromkeys(("payload_too_large", "unprocessable", "content_policy_violation"), 422),
    "authentication": 401,
    "payment_required": 402,
    "permission_denied": 403,
    "not_found": 404,
}
_STATUS_IN_WORDS = re.compile(
    r"\b(?:error code|client error|server error|status code|status|http)[ :']{0,3}([45]\d\d)\b"
    r"|\b([45]\d\d) (?:client|server) error\b",
    re.IGNORECASE,
)
# The same where neither code nor status is told: what is too long stays so.
_TOO_LONG = re.compile(
    r"\bcontext (?:length|window|size)\b|\b(?:input|text|string|sequence) (?:is )?too long\b", re.IGNORECASE
)
_MAX_WORDS = 500  # of a message, in which its status is looked for


@dataclass(frozen=True, slots=True)
class RequestFailure:
    """A request that brought no vector: the provider's words, and whether asking again can help.

    `counted`: whether it was an attempt; a request whose batch never ran was not tried. `refused`: what the provider
    does not take, this text, anything of this account, or so much at a time; None: it went wrong for another reason.
    `late`: its batch was given up before it answered, and may still do so.
    """

    code: str
    message: str
    retryable: bool
    counted: bool = True
    refused: Literal["text", "account", "rate"] | None = None
    late: bool = False


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
    embedding: str | list[float | None] | None  # null is no vector of that text: of it, and of no other


class _ErrorDetail(msgspec.Struct):
    message: str | None = None
    code: str | int | None = None
    type: str | None = None
    error_type: str | None = None  # OpenRouter's, whoever has the model
    error: _ErrorDetail | None = None


class _Answer(msgspec.Struct):
    data: list[_Vector] | None = None
    error: _ErrorDetail | str | None = None
    message: Any = None  # these three as Mistral tells an error
    type: Any = None
    detail: Any = None
    usage: Any = None  # a line with a strange one is a result all the same


class _Response(msgspec.Struct):
    status_code: int | None = None
    body: _Answer | str | None = None
    message: str | None = None  # as Voyage tells why there is no body


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
    url: str | None = None
    """Where a request goes: of an input file, and of no result."""


# Characters that some servers end a line at (Python's splitlines does), as JSON also writes them. In UTF-8 these bytes
# stand for nothing else.
_LINE_ENDS = ((b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"), (b"\xc2\x85", b"\\u0085"))

_decode_line = msgspec.json.Decoder(_Line).decode
_decode_answer = msgspec.json.Decoder(_Answer).decode
_decode_array = msgspec.json.Decoder(_Array).decode


def _writer(parameters: Parameters) -> WriteLine:
    encode = msgspec.json.Encoder().encode
    body = _Body(
        parameters.model,
        "",
        msgspec.UNSET if parameters.dimensions is None else parameters.dimensions,
        msgspec.UNSET if parameters.encoding_format == "float" else parameters.encoding_format,
    )
    request = _Request("", "POST", "/v1/embeddings", body)

    def line(custom_id: str, text: str) -> bytes:
        request.custom_id = custom_id
        body.input = text
        return in_one_line(encode(request))

    return line


def in_one_line(encoded: bytes) -> bytes:
    """A line of JSON with its newline, in which nothing else ends a line for anybody."""
    for character, escaped in _LINE_ENDS:
        encoded = encoded.replace(character, escaped)
    return encoded + b"\n"


def read_results(file: BinaryIO, parse: ParseLine) -> Iterator[Result | Malformed]:
    """The results of an output or error file, line by line, in the file's order; `parse`: the vendor's lines."""
    if file.read(len(BOM_UTF8)) != BOM_UTF8:  # some write one, which is none of the first line's
        file.seek(0)
    while line := file.readline(MAX_LINE_BYTES):
        if len(line) == MAX_LINE_BYTES and not line.endswith(b"\n"):
            while (rest := file.readline(MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
                pass
            yield Malformed(f"a line over {MAX_LINE_BYTES:,} bytes")
        elif not line.isspace():
            yield parse(line)


def parse_result(line: bytes) -> Result | Malformed:
    """One line of an output or error file."""
    try:
        result = _decode_line(line)
        response = result.response
        if result.url is not None and response is None and result.error is None:
            return Malformed("a line of an input file")
        answer = response.body if response else None
        if isinstance(answer, str):
            answer = _decode_answer(answer)
        status = response.status_code if response else None
        billed = told_tokens(answer.usage) if answer else None
        embedding = answer.data[0].embedding if answer and answer.data else None
        if status == 200 and embedding is not None and not result.error:
            return Result(result.custom_id, _little_endian(embedding), None, billed)
    except UNREADABLE_JSON as error:
        return Malformed(f"not a result line: {error}")
    told = result.error or (response.message if response and not answer else None)
    return Result(result.custom_id, None, _failure(told, status, answer), billed)


def read_array(body: bytes, count: int) -> tuple[list[str] | None, int | None]:
    """The answer to a call with an array of texts: their vectors in its order, in base64, and the billed tokens.

    No vectors where there is not one for each text: which is whose could only be guessed.
    """
    try:
        answer = _decode_array(body)
    except UNREADABLE_JSON:
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


def _little_endian(embedding: str | list[float | None]) -> bytes:
    if isinstance(embedding, str):
        return pybase64.b64decode(embedding, validate=True)
    import numpy as np

    with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused as that
        return np.asarray(embedding, dtype="<f4").tobytes()


def _failure(error: _ErrorDetail | str | None, status: int | None, answer: _Answer | None) -> RequestFailure:
    detail = error or (_error_of(answer) if answer else None)
    if isinstance(detail, str):
        detail = _ErrorDetail(message=detail)
    detail = (detail and detail.error) or detail
    if status is None and detail:
        status = _told_status(detail)
    code = foreign((detail and (detail.code or detail.type)) or status or "no_vector")
    message = foreign(detail and detail.message, _MAX_MESSAGE) or (
        "the answer holds no vector" if status == 200 else f"HTTP status {status}"
    )
    if status in _ACCOUNT_STATUSES or (detail and not ACCOUNT_CODES.isdisjoint({detail.code, detail.type})):
        return refused_account(code, message)
    refused = status is not None and 400 <= status < 500 and status not in _RETRYABLE_STATUSES
    if refused and code not in _RETRYABLE_CODES:
        return RequestFailure(code, message, retryable=False, refused="text")
    is_rate = status == 429 or not _RATE_CODES.isdisjoint({code, detail and detail.type})
    return RequestFailure(code, message, retryable=True, refused="rate" if is_rate else None)


def _error_of(answer: _Answer) -> _ErrorDetail | str | None:
    """What an answer says went wrong: in its error, or where Mistral has it."""
    if answer.error or not (said := answer.message or answer.detail):
        return answer.error
    words = said if isinstance(said, str) else msgspec.json.encode(said).decode()
    return _ErrorDetail(words, type=answer.type if isinstance(answer.type, str) else None)


def failure(status: int | None, code: str, message: str) -> RequestFailure:
    """A failure of one request by what a vendor says of it; `status`: of HTTP, None where it tells none."""
    return _failure(_ErrorDetail(message, code), status, None)


def _told_status(detail: _ErrorDetail) -> int | None:
    """The HTTP status that an error tells of; None where it tells none."""
    for name in (detail.code, detail.type, detail.error_type):
        if (status := _STATUS_BY_NAME.get(str(name))) is not None:
            return status
    if (code := str(detail.code)).isascii() and code.isdigit() and len(code) == 3:
        return int(code)
    said = (detail.message or "")[:_MAX_WORDS]
    if found := _STATUS_IN_WORDS.search(said):
        return int(found[1] or found[2])
    return 400 if _TOO_LONG.search(said) else None


def refused_account(code: str, message: str) -> RequestFailure:
    """A refusal that is no fault of a text: it waits, and loses no attempt, until the account is in order."""
    return RequestFailure(code, message, retryable=True, counted=False, refused="account")


WIRE = Wire(_writer, parse_result)
"""OpenAI's, and of all that are compatible with it."""
