"""The lines of OpenAI's batch files: input lines read and judged, output and error lines written. Pure."""

from __future__ import annotations

import re
from random import Random
from typing import TYPE_CHECKING, Any

import msgspec

from ingest.emulator.errors import ApiError
from ingest.emulator.lines import BatchError, Judged
from ingest.emulator.openai.embeddings import EmbeddingsBody, answer, read_request
from ingest.emulator.openai.errors import error_body
from ingest.errors import UNREADABLE_JSON

if TYPE_CHECKING:
    import numpy as np

    from ingest.emulator.embeddings import EmbeddingsRequest
    from ingest.emulator.faults import Faults

ENDPOINT = "/v1/embeddings"
# What every compatible server takes; the API's own limits are not published.
_PORTABLE_CUSTOM_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")

NEVER_RAN = {
    "batch_expired": "This request could not be executed before the completion window expired.",
    "batch_cancelled": "This request could not be executed because the batch was cancelled.",
}


class InputLine(msgspec.Struct, forbid_unknown_fields=True):
    """A line of an input file; its body is judged when it runs."""

    custom_id: str
    method: str
    url: str
    body: msgspec.Raw


class _Response(msgspec.Struct):
    status_code: int
    request_id: str
    body: EmbeddingsBody | str | dict[str, Any] | None


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


def judged_line(line: bytes, number: int) -> Judged | BatchError:
    """An input line, or why it spoils its batch."""
    try:
        read = _decode_line(line)
    except UNREADABLE_JSON:
        return _line_error(line, number)
    if read.method != "POST":
        return BatchError("invalid_method", "The method of a request must be POST.", "method", number)
    if read.url != ENDPOINT:
        return BatchError(
            "invalid_url",
            "The URL provided for this request does not match the batch endpoint.",
            "url",
            number,
        )
    if not _PORTABLE_CUSTOM_ID.fullmatch(read.custom_id):
        return BatchError(
            "invalid_request", "A custom_id has 1 to 64 characters of A-Z a-z 0-9 _ -.", "custom_id", number
        )
    try:
        model = _decode_model(read.body).model
    except UNREADABLE_JSON:
        return BatchError("missing_required_parameter", "Missing required parameter: 'model'.", "body.model", number)
    return Judged(read.custom_id, model, _readable(read))


def custom_id(line: bytes) -> str:
    """The custom_id of a line whose batch has validated."""
    return _decode_line(line).custom_id


def request_of(line: bytes, _: str) -> tuple[str, EmbeddingsRequest | ApiError]:
    """The custom_id and the request of such a line, or why it is refused."""
    read = _decode_line(line)
    try:
        return read.custom_id, read_request(read.body)
    except ApiError as refusal:
        return read.custom_id, refusal


def _readable(line: InputLine) -> EmbeddingsRequest | None:
    try:
        return next(request for request in (read_request(line.body),) if request.texts)
    except (ApiError, StopIteration):  # it is refused when it runs
        return None


def done_line(
    request: EmbeddingsRequest, custom_id: str, vectors: np.ndarray, token_count: int, fault: str | None = None
) -> bytes:
    """The output line of a request that was carried out."""
    body = answer(request, vectors, token_count)
    if fault == "null_vector":
        body.data[0].embedding = None
    told = _encode_line(body).decode() if fault == "stringified_body" else body
    return _line(custom_id, _Response(200, _request_id(), told))


def refused_line(custom_id: str, error: ApiError | None, _: Faults) -> bytes:
    """The error line of a request that ran and was refused."""
    return result_line(custom_id, error.status_code if error else 0, error_body(error) if error else None)


def result_line(custom_id: str, status_code: int, body: dict[str, Any] | None) -> bytes:
    """The line of a request that ran; without a body, without an id of its own."""
    return _line(custom_id, _Response(status_code, "" if body is None else _request_id(), body))


def never_ran_line(custom_id: str, code: str) -> bytes:
    """The error line of a request the batch did not come to."""
    result = _ResultLine(_line_id(), custom_id, None, _NeverRan(code, NEVER_RAN[code]))
    return _encode_line(result) + b"\n"


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
