"""The embedding models we know: limits, dimensions, tokenizer, price.

OpenAI's limits are from its embeddings guide: 8,192 tokens an input, of which one is kept back. Its prices are from its
price list (https://platform.openai.com/docs/pricing, "Embeddings", 2026): batch at half the synchronous price. Prices
change: the setting `prices` is stronger.
"""

from __future__ import annotations

from dataclasses import dataclass

from ingest.errors import UsageError

MAX_VECTOR_DIMENSIONS = 16_000  # pgvector's limit for `vector` and `halfvec` columns


@dataclass(frozen=True, slots=True)
class EmbeddingModel:
    """An embedding model.

    `max_tokens` bounds one input, counted by `tokenizer` (a name `ingest.chunker.tokens.tokenizer` knows) and including
    what the model itself adds; `smallest_dimensions` is None where the model gives one length only. Prices are
    US dollars for a million tokens.
    """

    name: str
    tokenizer: str
    max_tokens: int
    dimensions: int
    smallest_dimensions: int | None = None
    usd_per_million_sync: float = 0.0
    usd_per_million_batch: float = 0.0
    local: bool = False

    def check_dimensions(self, dimensions: int | None) -> int:
        """The length of the vectors for a requested length (None: the model's own).

        Raises:
            UsageError: the model cannot give that length.
        """
        if dimensions is None or dimensions == self.dimensions:
            return self.dimensions
        if self.smallest_dimensions is None:
            raise UsageError(
                f"{self.name} gives vectors of {self.dimensions} dimensions only, not {dimensions}: "
                "leave --dimensions out, or choose another --model."
            )
        if not self.smallest_dimensions <= dimensions <= self.dimensions:
            raise UsageError(
                f"{self.name} gives from {self.smallest_dimensions} to {self.dimensions} dimensions, "
                f"not {dimensions}: choose --dimensions in that range, or another --model."
            )
        return dimensions


_MODELS = (
    EmbeddingModel("text-embedding-3-small", "cl100k_base", 8191, 1536, 1, 0.02, 0.01),
    EmbeddingModel("text-embedding-3-large", "cl100k_base", 8191, 3072, 1, 0.13, 0.065),
    EmbeddingModel("text-embedding-ada-002", "cl100k_base", 8191, 1536, None, 0.10, 0.05),
    EmbeddingModel("all-MiniLM-L6-v2", "minilm", 256, 384, local=True),
    EmbeddingModel("use-multilingual-v3", "use", 256, 512, local=True),
    # Deterministic vectors made from a hash of the text: for tests, benchmarks and dry runs of the flow.
    EmbeddingModel("hash", "cl100k_base", 8191, 1536, 1, local=True),
)
MODELS = {model.name: model for model in _MODELS}

DEFAULT_MODEL = "text-embedding-3-small"
DEFAULT_LOCAL_MODEL = "all-MiniLM-L6-v2"


def embedding_model(name: str, dimensions: int | None = None, max_tokens: int | None = None) -> EmbeddingModel:
    """The model of that name; one that is not in the catalogue is what is said of it, and counted by cl100k_base.

    Raises:
        UsageError: no such model is known, and not enough is said of it.
    """
    if known := MODELS.get(name):
        return known
    if dimensions is None or max_tokens is None:
        raise UsageError(
            f"unknown model {name!r}: choose one of {', '.join(MODELS)}; or, for another that your provider has, give "
            "its --dimensions and the most --chunk-tokens that it may be sent."
        )
    return EmbeddingModel(name, "cl100k_base", max_tokens, dimensions)
