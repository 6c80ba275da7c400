"""The bodies of requests and the lines of batch files. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from ingest.emulator import bodies
from ingest.emulator.embeddings import EmbeddingsRequest
from ingest.emulator.openai.embeddings import answer
from ingest.emulator.openai.lines import NEVER_RAN

if TYPE_CHECKING:
    import numpy as np

    from ingest.emulator.errors import ApiError
    from ingest.emulator.faults import Faults
    from ingest.emulator.lines import BatchError, Judged


class Parameters(msgspec.Struct, forbid_unknown_fields=True):
    """What is asked of a model beside its texts."""

    model: str
    input_type: Literal["document", "query"] | None = None
    truncation: bool = True
    output_dimension: int | None = None
    output_dtype: Literal["float"] | None = None
    encoding_format: Literal["base64"] | None = None

    def request(self, texts: list[str]) -> EmbeddingsRequest:
        """A request for these texts."""
        form = self.encoding_format or "float"
        return EmbeddingsRequest(self.model, texts, self.output_dimension, form, self.input_type or "")


class RequestBody(Parameters, kw_only=True):
    """The body of a call to embed at once."""

    input: str | list[str]

    @property
    def texts(self) -> list[str]:
        """Its texts."""
        return [self.input] if isinstance(self.input, str) else self.input


class _Input(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a line: its texts, and nothing else."""

    input: list[str]


read_body = bodies.reader(RequestBody)
_read_input = bodies.reader(_Input)
_decode_parameters = msgspec.json.Decoder(Parameters).decode
_encode = msgspec.json.Encoder().encode


def judged_line(line: bytes, number: int) -> Judged | BatchError:
    """An input line, or why it spoils its batch."""
    return bodies.judged(line, number, lambda body: EmbeddingsRequest("", _read_input(body).input))


def request_of(line: bytes, asked: str) -> tuple[str, EmbeddingsRequest | ApiError]:
    """The custom_id and the request of a line whose batch has validated, or why it is refused."""
    parameters = _decode_parameters(asked)
    return bodies.requested(line, lambda body: parameters.request(_read_input(body).input))


def done_line(
    request: EmbeddingsRequest, custom_id: str, vectors: np.ndarray, token_count: int, fault: str | None = None
) -> bytes:
    """The output line of a request that was carried out."""
    body = answer(request, vectors, token_count)
    if fault == "null_vector":
        body.data[0].embedding = None
    told = {"object": body.object, "data": body.data, "model": body.model, "usage": {"total_tokens": token_count}}
    return _line(custom_id, {"status_code": 200, "body": told}, None)


def refused_line(custom_id: str, error: ApiError | None, _: Faults) -> bytes:
    """The error line of a request that ran and was refused."""
    told = {"status_code": 0} if error is None else {"status_code": error.status_code, "message": error.message}
    return _line(custom_id, told, None)


def never_ran_line(custom_id: str, code: str) -> bytes:
    """The error line of a request the batch did not come to."""
    return _line(custom_id, None, {"code": code, "message": NEVER_RAN[code]})


def _line(custom_id: str, response: dict[str, Any] | None, error: dict[str, str] | None) -> bytes:
    return _encode({"batch_id": "batch", "custom_id": custom_id, "response": response, "error": error}) + b"\n"
