"""The lines of batch files: `custom_id` and `body` alone in, OpenAI's out. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from ingest.emulator.embeddings import EmbeddingsRequest
from ingest.emulator.errors import ApiError
from ingest.emulator.lines import BatchError, Judged
from ingest.emulator.mistral.errors import error_body, unprocessable
from ingest.emulator.openai.lines import result_line
from ingest.errors import UNREADABLE_JSON

if TYPE_CHECKING:
    from ingest.emulator.faults import Faults


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    custom_id: str
    body: msgspec.Raw


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    input: str | list[str]
    model: str | None = None
    output_dimension: int | None = None
    output_dtype: Literal["float"] = "float"
    encoding_format: Literal["float", "base64"] = "float"
    metadata: dict[str, object] | None = None


_decode_line = msgspec.json.Decoder(_Line).decode
_decode_body = msgspec.json.Decoder(_Body).decode


def read_body(body: bytes | msgspec.Raw, model: str | None) -> EmbeddingsRequest:
    """The request in a body; `model`: of the job, where the body need name none.

    Raises:
        ApiError: it is none; fields that are not known are refused.
    """
    try:
        read = _decode_body(body)
    except UNREADABLE_JSON as error:
        raise unprocessable("input", str(error)) from None
    if model is not None and read.model not in (None, model):
        raise ApiError(400, f"The model {read.model} of a request is not that of its job, {model}.")
    named = read.model or model
    if named is None:
        raise unprocessable("model", "Field required")
    inputs = [read.input] if isinstance(read.input, str) else read.input
    return EmbeddingsRequest(named, inputs, read.output_dimension, read.encoding_format)


def judged_line(line: bytes, number: int) -> Judged | BatchError:
    """An input line, or why it spoils its job."""
    try:
        read = _decode_line(line)
    except UNREADABLE_JSON as error:
        return BatchError("invalid_line", f"A line has a custom_id and a body, and nothing else: {error}", None, number)
    try:
        named = _decode_body(read.body).model
        return Judged(read.custom_id, named, read_body(read.body, named or ""))
    except (ApiError, *UNREADABLE_JSON):  # it is refused when it runs
        return Judged(read.custom_id, None, None)


def custom_id(line: bytes) -> str:
    """The custom_id of a line whose job has validated."""
    return _decode_line(line).custom_id


def request_of(line: bytes, model: str) -> tuple[str, EmbeddingsRequest | ApiError]:
    """The custom_id and the request of such a line, or why it is refused."""
    read = _decode_line(line)
    try:
        return read.custom_id, read_body(read.body, model)
    except ApiError as refusal:
        return read.custom_id, refusal


def refused_line(custom_id: str, error: ApiError | None, _: Faults) -> bytes:
    """The error line of a request that ran and was refused."""
    return result_line(custom_id, error.status_code if error else 0, error_body(error) if error else None)


def never_ran_line(custom_id: str, code: str) -> bytes:
    """Nothing: what the job did not come to is in none of its files."""
    del custom_id, code
    return b""
