"""Mistral's embedding models, what each takes and gives. By its reference ("Embeddings", 2026)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.emulator.embeddings import embed
from ingest.emulator.errors import ApiError
from ingest.emulator.mistral.errors import invalid_model
from ingest.errors import UsageError
from ingest.provider import MODELS as OURS
from ingest.provider import EmbeddingModel

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from ingest.emulator.embeddings import EmbeddingsRequest
    from ingest.emulator.limits import Limits

_CODE_DIMENSIONS = 1_536  # of codestral-embed, where none are asked for
_CODE = EmbeddingModel("codestral-embed", "cl100k_base", 8_192, 3_072, 1)
MODELS = {
    "mistral-embed": EmbeddingModel("mistral-embed", "cl100k_base", 8_192, 1_024),
    "codestral-embed": _CODE,
    **{name: model for name, model in OURS.items() if model.local},
}


def checked_model(request: EmbeddingsRequest, limits: Limits) -> EmbeddingModel:
    """The model a request asks for, its inputs and dimensions being such as the model takes.

    Raises:
        ApiError: it takes no such request, whatever the texts say.
    """
    model = limits.models.get(request.model)
    if model is None:
        raise invalid_model(request.model)
    if len(request.inputs) > limits.request_inputs:
        raise ApiError(400, f"Too many inputs in request, split into more batches: {limits.request_inputs} at most.")
    if not request.inputs or not all(request.inputs):
        raise ApiError(400, "Input cannot be empty.")
    try:
        model.check_dimensions(request.dimensions)
    except UsageError:
        raise ApiError(400, f"Invalid output_dimension: {request.dimensions}") from None
    return model


def check_tokens(model: EmbeddingModel, token_counts: Sequence[int], limits: Limits) -> None:
    """See that a request is short enough.

    Raises:
        ApiError: one input, or all together, have too many tokens.
    """
    if max(token_counts) > model.max_tokens:
        raise ApiError(400, f"Input is too large: {max(token_counts)} tokens, {model.max_tokens} at most.", code="3210")
    if sum(token_counts) > limits.request_tokens:
        said = f"Too many tokens overall, split into more batches: {limits.request_tokens} at most."
        raise ApiError(400, said, code="3210")


def vectors(model: EmbeddingModel, texts: Sequence[str], dimensions: int | None, side: str = "") -> np.ndarray:
    """The texts' vectors. (len(texts), d) float32, of length 1."""
    return embed(model, texts, _CODE_DIMENSIONS if model == _CODE and dimensions is None else dimensions, side)
