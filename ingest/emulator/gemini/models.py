"""The embedding models of the Gemini API, what each takes and gives. By the vendor's reference ("Embeddings", 2026)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.emulator.embeddings import embed
from ingest.emulator.errors import ApiError
from ingest.emulator.gemini.errors import absent_model
from ingest.errors import UsageError
from ingest.provider import MODELS as OURS
from ingest.provider import EmbeddingModel

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from ingest.emulator.embeddings import EmbeddingsRequest
    from ingest.emulator.limits import Limits

# Its vectors below the full length are the beginnings of the long ones, and so not of length 1.
_NOT_NORMALISED = EmbeddingModel("gemini-embedding-001", "cl100k_base", 2_048, 3_072, 128)
# It has no task types: the side is told in the text.
_WITHOUT_TASKS = EmbeddingModel("gemini-embedding-2", "cl100k_base", 8_192, 3_072, 128)
MODELS = {
    **{model.name: model for model in (_NOT_NORMALISED, _WITHOUT_TASKS)},
    **{name: model for name, model in OURS.items() if model.local},
}
_TASKS = {
    "RETRIEVAL_QUERY",
    "RETRIEVAL_DOCUMENT",
    "SEMANTIC_SIMILARITY",
    "CLASSIFICATION",
    "CLUSTERING",
    "QUESTION_ANSWERING",
    "FACT_VERIFICATION",
    "CODE_RETRIEVAL_QUERY",
}


def checked_model(request: EmbeddingsRequest, limits: Limits) -> EmbeddingModel:
    """The model a request asks for, its texts, dimensions and task being such as the model takes.

    Raises:
        ApiError: it takes no such request, whatever the texts say.
    """
    model = limits.models.get(request.model)
    if model is None:
        raise absent_model(request.model)
    if not request.inputs or not all(request.inputs):
        raise ApiError(400, "* EmbedContentRequest.content contains an empty Part.")
    if request.side and request.side not in _TASKS:
        raise ApiError(400, f"Invalid value at 'task_type': \"{request.side[:40]}\"")
    if request.side and model == _WITHOUT_TASKS:
        raise ApiError(400, f"Task types are not supported by models/{model.name}.")
    try:
        model.check_dimensions(request.dimensions)
    except UsageError:
        raise ApiError(400, f"Invalid value at 'output_dimensionality': {request.dimensions}") from None
    return model


def check_tokens(model: EmbeddingModel, token_counts: Sequence[int], limits: Limits) -> None:
    """See that each text is short enough.

    Raises:
        ApiError: one is not.
    """
    del limits
    if (longest := max(token_counts)) > model.max_tokens:
        raise ApiError(
            400,
            f"The input token count ({longest}) exceeds the maximum number of tokens allowed ({model.max_tokens}).",
        )


def vectors(model: EmbeddingModel, texts: Sequence[str], dimensions: int | None, side: str = "") -> np.ndarray:
    """The texts' vectors. (len(texts), d) float32; of length 1, unless it is a short one of the first model."""
    if model == _NOT_NORMALISED:
        return embed(model, texts, None, side)[:, :dimensions]
    return embed(model, texts, dimensions, side)
