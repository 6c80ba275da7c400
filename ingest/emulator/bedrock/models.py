"""The embedding models of Bedrock: what their bodies ask for and answer, strict as their makers describe them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np

from ingest.emulator.bedrock.errors import invalid
from ingest.emulator.embeddings import EmbeddingsRequest, embed
from ingest.emulator.errors import ApiError
from ingest.errors import UNREADABLE_JSON, UsageError
from ingest.provider import MODELS as KNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.emulator.limits import Limits
    from ingest.provider import EmbeddingModel

MODELS = {name: model for name, model in KNOWN.items() if model.vendor == "bedrock"}
_LONGEST = {"amazon.titan-embed-text-v2:0": 50_000, "cohere.embed-english-v3": 2_048}
_LONGEST["cohere.embed-multilingual-v3"] = 2_048
_DIGITS = 9  # a float32 and no more


class _Titan(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    input_text: str
    dimensions: Literal[256, 512, 1024] | None = None
    normalize: bool = True
    embedding_types: list[Literal["float", "binary"]] | None = None


class _Cohere(msgspec.Struct, forbid_unknown_fields=True):
    texts: list[str]
    input_type: Literal["search_document", "search_query", "classification", "clustering"]
    truncate: Literal["NONE", "START", "END", "LEFT", "RIGHT"] = "NONE"
    embedding_types: list[Literal["float"]] | None = None
    output_dimension: Literal[256, 512, 1024, 1536] | None = None


def asked(body: bytes | msgspec.Raw, model: str) -> EmbeddingsRequest:
    """What a body asks of a model.

    Raises:
        ApiError: it is none of that model's.
    """
    try:
        if not model.startswith("cohere."):
            titan = msgspec.json.decode(body, type=_Titan)
            return EmbeddingsRequest(model, [titan.input_text], titan.dimensions)
        cohere = msgspec.json.decode(body, type=_Cohere)
    except UNREADABLE_JSON as error:
        raise invalid(f"Malformed input request: {error}, please reformat your input and try again.") from None
    if cohere.output_dimension is not None and not model.startswith("cohere.embed-v4"):
        raise invalid("Malformed input request: #: extraneous key [output_dimension] is not permitted")
    form = "by_type" if cohere.embedding_types else "floats"
    return EmbeddingsRequest(model, list(cohere.texts), cohere.output_dimension, form, cohere.input_type)


def answered(request: EmbeddingsRequest, vectors: np.ndarray | None, token_count: int) -> dict[str, Any]:
    """The body of an answer; `vectors` None: without one."""
    numbers = None if vectors is None else np.round(vectors.astype(np.float64), _DIGITS).tolist()
    if not request.model.startswith("cohere."):
        first = numbers and numbers[0]
        return {"embedding": first, "embeddingsByType": {"float": first}, "inputTextTokenCount": token_count}
    if request.encoding_format == "by_type":
        return {"response_type": "embeddings_by_type", "embeddings": {"float": numbers or []}, "texts": request.inputs}
    return {"response_type": "embeddings_floats", "embeddings": numbers or [], "texts": request.inputs}


def checked_model(request: EmbeddingsRequest, limits: Limits) -> EmbeddingModel:
    """The model a request asks for, its texts and dimensions being such as the model takes.

    Raises:
        ApiError: it takes no such request.
    """
    model = limits.models.get(request.model)
    if model is None:
        raise invalid("The provided model identifier is invalid.")
    texts = request.texts
    if not all(texts) or not 0 < len(texts) <= limits.request_inputs:
        raise invalid("Malformed input request: expected minLength: 1, actual: 0, please reformat your input.")
    longest = _LONGEST.get(request.model)
    if longest is not None and max(map(len, texts)) > longest:
        raise invalid(f"Malformed input request: expected maxLength: {longest}, please reformat your input.")
    try:
        model.check_dimensions(request.dimensions)
    except UsageError as error:
        raise invalid(str(error)) from None
    return model


def check_tokens(model: EmbeddingModel, token_counts: Sequence[int], limits: Limits) -> None:
    """See that each text is short enough.

    Raises:
        ApiError: one is not.
    """
    del limits
    longest, most = max(token_counts), model.input_tokens
    if longest > most:
        raise ApiError(400, f"Too many input tokens. Max input tokens: {most}, request input token count: {longest} ")


def vectors(model: EmbeddingModel, texts: Sequence[str], dimensions: int | None, side: str) -> np.ndarray:
    """The texts' vectors; those of Cohere's models are not of length 1."""
    made = embed(model, texts, dimensions, side)
    return made * np.float32(3) if model.name.startswith("cohere.") else made
