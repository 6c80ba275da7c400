"""The requests of batches and their results. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from ingest.emulator import bodies
from ingest.emulator.embeddings import EmbeddingsRequest
from ingest.emulator.errors import ApiError
from ingest.emulator.openrouter.errors import line_error

if TYPE_CHECKING:
    from ingest.emulator.faults import Faults
    from ingest.emulator.lines import BatchError, Judged


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a request of a batch, which knows neither sides nor preferences."""

    input: str | list[str]
    model: str | None = None
    dimensions: int | None = None
    encoding_format: Literal["float", "base64"] = "float"
    user: str | None = None


_read_body = bodies.reader(_Body)


def judged_line(line: bytes, number: int) -> Judged | BatchError:
    """A request, or why it spoils its batch."""
    return bodies.judged(line, number, lambda body: _request(body, ""))


def request_of(line: bytes, model: str) -> tuple[str, EmbeddingsRequest | ApiError]:
    """The custom_id and the request of a line whose batch has validated, or why it is refused."""
    return bodies.requested(line, lambda body: _request(body, model))


def refused_line(custom_id: str, error: ApiError | None, _: Faults) -> bytes:
    """The result of a request that ran and was refused."""
    result: dict[str, Any] = {"id": f"batch_req_{custom_id}", "custom_id": custom_id, "response": None}
    return msgspec.json.encode({**result, "error": line_error(error)}) + b"\n"


def never_ran_line(custom_id: str, code: str) -> bytes:
    """Nothing: what the batch did not come to is not among its results."""
    del custom_id, code
    return b""


def _request(body: bytes, model: str) -> EmbeddingsRequest:
    read = _read_body(body)
    if model and read.model not in (None, model):
        raise ApiError(400, f"The model {read.model} does not match {model}, the batch's.", param="model")
    texts = [read.input] if isinstance(read.input, str) else read.input
    return EmbeddingsRequest(model, texts, read.dimensions, read.encoding_format)
