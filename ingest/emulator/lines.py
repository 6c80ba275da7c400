"""The lines of batch files: input lines read and judged, output and error lines written. Pure."""

from __future__ import annotations

import re
from random import Random
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from ingest.emulator.embeddings import EmbeddingsBody, EmbeddingsRequest, answer
from ingest.emulator.errors import ApiError, no_credit
from ingest.errors import UNREADABLE_JSON

if TYPE_CHECKING:
    from collections.abc import Container

ENDPOINT = "/v1/embeddings"
# What every compatible server takes; the API's own limits are not published.
_PORTABLE_CUSTOM_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")

NEVER_RAN = {
    "batch_expired": "This request could not be executed before the completion window expired.",
    "batch_cancelled": "This request could not be executed because the batch was cancelled.",
}


class BatchError(msgspec.Struct, frozen=True):
    """Why a batch does not validate; `line` is 1-based."""

    code: str
    message: str
    param: str | None = None
    line: int | None = None


class InputLine(msgspec.Struct, forbid_unknown_fields=True):
    """A line of an input file; its body is judged when it runs."""

    custom_id: str
    method: str
    url: str
    body: msgspec.Raw


class _Response(msgspec.Struct):
    status_code: int
    request_id: str
    body: EmbeddingsBody | str | dict[str, dict[str, str | None]] | None


class _NeverRan(msgspec.Struct):
    code: str
    message: str


class _ResultLine(msgspec.Struct):
    id: str
    custom_id: str
    response: _Response | None
    error: _NeverRan | None


class _Model(msgspec.Struct):
    model: str


_decode_line = msgspec.json.Decoder(InputLine).decode
_decode_model = msgspec.json.Decoder(_Model).decode
_encode_line = msgspec.json.Encoder().encode
_ids = Random()  # noqa: S311 nothing secret; asking the system twice took 7 % of a line


def read_line(line: bytes, number: int) -> InputLine | BatchError:
    """An input line, or why it spoils its batch."""
    try:
        request = _decode_line(line)
    except UNREADABLE_JSON:
        return _line_error(line, number)
    if request.method != "POST":
        return BatchError("invalid_method", "The method of a request must be POST.", "method", number)
    if request.url != ENDPOINT:
        return BatchError(
            "invalid_url",
            "The URL provided for this request does not match the batch endpoint.",
            "url",
            number,
        )
    if not _PORTABLE_CUSTOM_ID.fullmatch(request.custom_id):
        return BatchError(
            "invalid_request", "A custom_id has 1 to 64 characters of A-Z a-z 0-9 _ -.", "custom_id", number
        )
    return request


def validated_line(line: bytes) -> tuple[str, msgspec.Raw]:
    """The custom_id and body of a line whose batch has validated."""
    request = _decode_line(line)
    return request.custom_id, request.body


def model_of(line: InputLine, number: int) -> str | BatchError:
    """The model a line asks for, whatever else is wrong with its body."""
    try:
        return _decode_model(line.body).model
    except UNREADABLE_JSON:
        return BatchError("missing_required_parameter", "Missing required parameter: 'model'.", "body.model", number)


_REFUSED_ON_PURPOSE = {
    "error_per_request_400": ApiError(400, "'$.input' is invalid (a fault, played on purpose).", param="input"),
    "error_per_request_429": ApiError(
        429, "Rate limit reached for requests.", kind="requests", code="rate_limit_exceeded"
    ),
    "error_per_request_500": ApiError(
        500, "The server had an error while processing your request.", kind="server_error"
    ),
    "error_per_request_no_credit": no_credit(),
    "error_per_request_dimensions": ApiError(400, "This model does not support specifying dimensions."),
}


def delivered(
    request: EmbeddingsRequest,
    custom_id: str,
    vectors: np.ndarray,
    token_count: int,
    *,
    fault: str | None = None,
    foreign_custom_id: str = "",
) -> tuple[bytes, bytes]:
    """What a request that ran adds to the output file and to the error file, under a fault."""
    if fault in _REFUSED_ON_PURPOSE:
        return b"", refused(custom_id, _REFUSED_ON_PURPOSE[fault])
    if fault == "status_0":
        return b"", _line(custom_id, _Response(0, "", None))
    body = answer(request, _spoilt(vectors, fault), token_count)
    response = _Response(200, _request_id(), body)
    if fault == "null_vector":
        body.data[0].embedding = None
    if fault == "stringified_body":
        response.body = _encode_line(response.body).decode()
    line = _line(custom_id, response)
    match fault:
        case "lost_lines":
            line = b""
        case "duplicated_lines":
            line += line
        case "foreign_lines":
            line += _line(foreign_custom_id, response)
        case "truncated_output_line":
            line = line[: len(line) // 2] + b"\n"
        case "non_json_line":
            line = b"upstream connect error or disconnect/reset before headers\n"
    return line, b""


def refused(custom_id: str, refusal: ApiError) -> bytes:
    """The error line of a request that ran and was refused."""
    return _line(custom_id, _Response(refusal.status_code, _request_id(), refusal.body()))


def never_ran(custom_id: str, code: str) -> bytes:
    """The error line of a request the batch did not come to."""
    result = _ResultLine(_line_id(), custom_id, None, _NeverRan(code, NEVER_RAN[code]))
    return _encode_line(result) + b"\n"


def foreign_custom_id(custom_ids: Container[str], like: str) -> str:
    """A custom_id that looks like ours and is not among them: the next record's, where it is a number."""
    if like.isdecimal():
        number = int(like)
        while str(number) in custom_ids:
            number += 1
        return str(number)
    while like in custom_ids:
        like = f"x{like}"[:64]
    return like


def _spoilt(vectors: np.ndarray, fault: str | None) -> np.ndarray:
    if fault == "wrong_dimensions":
        return vectors[:, :-1]
    if fault == "zeros":
        return np.zeros_like(vectors)
    if fault in ("nan", "inf"):
        vectors = vectors.copy()
        vectors[:, vectors.shape[1] // 2] = np.nan if fault == "nan" else np.inf
    return vectors


def _line(custom_id: str, response: _Response) -> bytes:
    return _encode_line(_ResultLine(_line_id(), custom_id, response, None)) + b"\n"


def _line_id() -> str:
    return f"batch_req_{_ids.getrandbits(96):024x}"


def _request_id() -> str:
    return f"req_{_ids.getrandbits(128):032x}"


def _line_error(line: bytes, number: int) -> BatchError:
    try:
        fields = msgspec.json.decode(line)
    except UNREADABLE_JSON:
        fields = None
    if not isinstance(fields, dict):
        return BatchError("invalid_json_line", "This line is not parseable as valid JSON.", None, number)
    for param in InputLine.__struct_fields__:
        if fields.get(param) is None:
            return BatchError("missing_required_parameter", f"Missing required parameter: '{param}'.", param, number)
    return BatchError(
        "invalid_request",
        "A line has the fields custom_id, method, url (strings) and body, and no others.",
        None,
        number,
    )
