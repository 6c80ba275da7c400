"""What is asked of a model, however a vendor puts it, and the vectors that it gives. Pure but for the model itself."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import msgspec

from ingest.chunker import cl100k_authority, tokenizer
from ingest.emulator.errors import ApiError
from ingest.emulator.models import embedder

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from ingest.emulator.faults import Faults
    from ingest.provider import EmbeddingModel


class EmbeddingsRequest(msgspec.Struct):
    """One request: its inputs, texts or tokens of cl100k_base, and what is wanted of their vectors.

    `side`: what the texts are to the search, a document or a question, in the vendor's word; "" where it has none.
    """

    model: str
    inputs: list[str] | list[list[int]]
    dimensions: int | None = None
    encoding_format: str = "float"
    side: str = ""

    @property
    def texts(self) -> list[str]:
        """The inputs as texts.

        Raises:
            ApiError: they hold numbers that are no tokens.
        """
        return [item if isinstance(item, str) else decoded(item) for item in self.inputs]


def count_tokens(model: EmbeddingModel, request: EmbeddingsRequest, faults: Faults) -> list[int]:
    """How many tokens each input is billed for."""
    count = tokenizer(model.tokenizer).count
    counts = [
        len(item) if isinstance(item, list) and model.tokenizer == "cl100k_base" else count(text)
        for item, text in zip(request.inputs, request.texts, strict=True)
    ]
    times = faults.times("counts_otherwise")
    return counts if times == 1.0 else [ceil(count * times) for count in counts]


def decoded(tokens: Sequence[int]) -> str:
    """The text that tokens of cl100k_base stand for, whatever the model: clients send them to any.

    Raises:
        ApiError: there is no such token.
    """
    try:
        return cl100k_authority().decode(tokens)
    except (KeyError, OverflowError):
        raise invalid_input() from None


def embed(model: EmbeddingModel, texts: Sequence[str], dimensions: int | None, side: str = "") -> np.ndarray:
    """The texts' vectors. (len(texts), d) float32, each of length 1."""
    return embedder(model).embed(texts, model.check_dimensions(dimensions), side)


def invalid_input() -> ApiError:
    """The refusal of inputs that cannot be embedded."""
    return ApiError(400, "'$.input' is invalid.", param="input")
