"""The lines of jobs: `recordId` and `modelInput` in; with `modelOutput` or `error` out. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from ingest.emulator.bedrock.models import answered, asked
from ingest.emulator.errors import ApiError
from ingest.emulator.lines import BatchError, Judged
from ingest.errors import UNREADABLE_JSON

if TYPE_CHECKING:
    import numpy as np

    from ingest.emulator.embeddings import EmbeddingsRequest
    from ingest.emulator.faults import Faults

_RECORD_ID = re.compile(r"[A-Za-z0-9]{11}")  # as strict as the documents have been


class _Line(msgspec.Struct, rename="camel"):
    record_id: str
    model_input: msgspec.Raw


_decode = msgspec.json.Decoder(_Line).decode
_encode = msgspec.json.Encoder().encode


def judged_line(line: bytes, number: int) -> Judged | BatchError:
    """An input line, or why it spoils its job."""
    try:
        read = _decode(line)
    except UNREADABLE_JSON as error:
        return BatchError("ValidationException", f"Line {number} is not valid: {error}", None, number)
    if not _RECORD_ID.fullmatch(read.record_id):
        return BatchError("ValidationException", "A recordId has 11 letters and digits.", "recordId", number)
    return Judged(read.record_id, None, None)


def custom_id(line: bytes) -> str:
    """The recordId of a line whose job has validated."""
    return _decode(line).record_id


def request_of(line: bytes, model: str) -> tuple[str, EmbeddingsRequest | ApiError]:
    """The recordId and the request of such a line, or why it is refused."""
    read = _decode(line)
    try:
        return read.record_id, asked(read.model_input, model)
    except ApiError as refusal:
        return read.record_id, refusal


def done_line(
    request: EmbeddingsRequest, custom_id: str, vectors: np.ndarray, token_count: int, fault: str | None = None
) -> bytes:
    """The line of a request that was carried out."""
    output = answered(request, None if fault == "null_vector" else vectors, token_count)
    return _encode({"modelInput": {"texts": request.inputs}, "modelOutput": output, "recordId": custom_id}) + b"\n"


def refused_line(custom_id: str, error: ApiError | None, _: Faults) -> bytes:
    """The line of a request that ran and was refused, in the same file."""
    told: dict[str, Any] = {"errorCode": error.status_code, "errorMessage": error.message} if error else {}
    return _encode({"modelInput": {}, "error": told, "recordId": custom_id}) + b"\n"


def never_ran_line(custom_id: str, code: str) -> bytes:
    """Nothing: what the job did not come to is nowhere in its results."""
    del custom_id, code
    return b""
