"""One embeddings request: its body checked, its answer made. Pure but for the model itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, cast

import msgspec
import numpy as np
import pybase64

from ingest.emulator.embeddings import EmbeddingsRequest, invalid_input
from ingest.emulator.errors import ApiError
from ingest.emulator.openai.errors import invalid_value, missing, model_not_found
from ingest.errors import UNREADABLE_JSON, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.emulator.limits import Limits
    from ingest.provider import EmbeddingModel

EmbeddingValue: TypeAlias = str | list[float]


class RequestBody(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a request to `/v1/embeddings`. Numbers are tokens of cl100k_base: of a text, or of several."""

    model: str
    input: str | list[str | int | list[int]]
    dimensions: int | None = None
    encoding_format: Literal["float", "base64"] = "float"
    user: str | None = None

    @property
    def inputs(self) -> list[str] | list[list[int]]:
        """The inputs, one or many, as they are given.

        Raises:
            ApiError: they are of several kinds.
        """
        if isinstance(self.input, str):
            return [self.input]
        for kind in (str, int, list):
            if all(isinstance(item, kind) for item in self.input):
                return cast("list[list[int]]", [self.input] if kind is int and self.input else self.input)
        raise invalid_input()


class Embedding(msgspec.Struct):
    """One vector of an answer."""

    index: int
    embedding: EmbeddingValue | None
    object: str = "embedding"


class Usage(msgspec.Struct):
    """What an answer is billed for."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingsBody(msgspec.Struct):
    """The body of an answer."""

    data: list[Embedding]
    model: str
    usage: Usage
    object: str = "list"


_decode_body = msgspec.json.Decoder(RequestBody).decode


def read_request(body: bytes) -> EmbeddingsRequest:
    """The request in a body.

    Raises:
        ApiError: the body is not JSON, lacks a field, or has a field of the wrong kind.
    """
    try:
        read = _decode_body(body)
    except UNREADABLE_JSON:
        raise _refusal(body) from None
    return EmbeddingsRequest(read.model, read.inputs, read.dimensions, read.encoding_format)


def checked_model(request: EmbeddingsRequest, limits: Limits) -> EmbeddingModel:
    """The model a request asks for, its inputs and dimensions being such as the model takes.

    Raises:
        ApiError: it takes no such request, whatever the texts say.
    """
    model = limits.models.get(request.model)
    if model is None:
        raise model_not_found(request.model)
    if request.encoding_format not in limits.encoding_formats:
        raise invalid_value("encoding_format", request.encoding_format, " and ".join(limits.encoding_formats))
    inputs = request.inputs
    if len(inputs) > limits.request_inputs:
        raise ApiError(
            400,
            f"Invalid 'input': array too long. Expected an array with maximum length {limits.request_inputs}, but got "
            f"an array with length {len(inputs)} instead.",
            param="input",
            code="array_above_max_length",
        )
    if not inputs or not all(inputs):
        raise invalid_input()
    try:
        model.check_dimensions(request.dimensions)
    except UsageError:
        raise ApiError(400, f"Invalid value for 'dimensions' = {request.dimensions}.", param="dimensions") from None
    return model


def check_tokens(model: EmbeddingModel, token_counts: Sequence[int], limits: Limits) -> None:
    """See that a request is short enough.

    Raises:
        ApiError: one input, or all together, have too many tokens.
    """
    longest = max(token_counts)
    # OpenAI takes one more than we send.
    most = 8_192 if model.max_tokens == 8_191 else model.max_tokens
    if longest > most and len(token_counts) == 1:
        raise ApiError(
            400,
            f"This model's maximum context length is {most} tokens, however you requested "
            f"{longest} tokens ({longest} in your prompt; 0 for the completion). Please reduce your prompt; "
            "or completion length.",
        )
    if longest > most:
        place = next(i for i, count in enumerate(token_counts) if count > most)
        raise ApiError(
            400,
            f"Invalid 'input[{place}]': maximum input length is {most} tokens.",
            param="input",
        )
    if (total := sum(token_counts)) > limits.request_tokens:
        raise ApiError(
            400,
            f"Requested {total} tokens, max {limits.request_tokens} tokens per request",
            kind="max_tokens_per_request",
            code="max_tokens_per_request",
        )


def answer(request: EmbeddingsRequest, vectors: np.ndarray, token_count: int) -> EmbeddingsBody:
    """The body of the answer: `vectors`, in the encoding that was asked for."""
    values: list[str | list[float]]
    if request.encoding_format == "base64":
        little_endian = np.ascontiguousarray(vectors, "<f4")
        values = [pybase64.b64encode_as_string(vector) for vector in little_endian]
    else:
        values = vectors.tolist()
    return EmbeddingsBody(
        data=[Embedding(index, value) for index, value in enumerate(values)],
        model=request.model,
        usage=Usage(token_count, token_count),
    )


def _refusal(body: bytes) -> ApiError:
    try:
        fields = msgspec.json.decode(body)
    except UNREADABLE_JSON:
        return ApiError(400, "We could not parse the JSON body of your request.")
    if not isinstance(fields, dict):
        return ApiError(400, "The body of your request is not a JSON object.")
    for param in ("model", "input"):
        if fields.get(param) is None:
            return missing(param)
    kinds = {field.name: field.type for field in msgspec.structs.fields(RequestBody)}
    for param, value in fields.items():
        if param not in kinds:
            return ApiError(400, f"Unrecognized request argument supplied: {param}", param=param)
        try:
            msgspec.convert(value, kinds[param])
        except msgspec.ValidationError:
            return ApiError(400, f"'$.{param}' is invalid.", param=param)
    return ApiError(400, "The body of your request is invalid.")
