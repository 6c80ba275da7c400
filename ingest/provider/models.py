"""The embedding models we know: limits, dimensions, tokenizer, price.

OpenAI's limits are from its embeddings guide: 8,192 tokens an input, of which one is kept back. Its prices are from its
price list (https://platform.openai.com/docs/pricing, "Embeddings", 2026): batch at half the synchronous price. Gemini's
are from its documents (ai.google.dev: "Embeddings", "Pricing"; 2026), as are Mistral's (docs.mistral.ai: "Models",
"Batch"; mistral.ai/pricing) and Voyage's (docs.voyageai.com: "Text Embeddings", "Pricing", "Batch Inference": a third
less in batches). OpenRouter's are those of whose the model is ("typically" half in batches, it says). Bedrock's limits
are from its documents (docs.aws.amazon.com/bedrock, 2026); its prices were not looked up
(aws.amazon.com/bedrock/pricing has them), and half of them is assumed in batches. Prices change: the setting `prices`
is stronger.
"""

from __future__ import annotations

from dataclasses import dataclass

from ingest.errors import UsageError
from ingest.provider.presets import LOCAL, preset

MAX_VECTOR_DIMENSIONS = 16_000  # pgvector's limit for `vector` and `halfvec` columns


@dataclass(frozen=True, slots=True)
class EmbeddingModel:
    """An embedding model.

    `max_tokens` bounds one input, counted by `tokenizer` (a name `ingest.chunker.tokens.tokenizer` knows) and including
    what the model itself adds; `dimensions` is the length that it gives unasked; `smallest_dimensions` is None where it
    gives that one only, `largest_dimensions` where it gives no longer ones. Prices are US dollars for a million tokens.
    """

    name: str
    tokenizer: str
    max_tokens: int
    dimensions: int
    smallest_dimensions: int | None = None
    usd_per_million_sync: float = 0.0
    usd_per_million_batch: float = 0.0
    vendor: str | None = "openai"
    """Whose it is, by the name of the provider that has it. None: not known."""
    is_counted: bool = True
    """Whether `tokenizer` is the model's own; else `max_tokens` leaves room for one that makes more tokens."""
    has_sides: bool = False
    """Whether documents and questions are embedded apart."""
    lengths: tuple[int, ...] = ()
    """All that it gives, where it gives few."""
    largest_dimensions: int | None = None

    @property
    def input_tokens(self) -> int:
        """The most tokens of one input, by the model's own count."""
        return self.max_tokens if self.is_counted else 2 * self.max_tokens

    @property
    def local(self) -> bool:
        """Whether it runs on this machine."""
        return self.vendor == LOCAL

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
        largest = self.largest_dimensions or self.dimensions
        if not self.smallest_dimensions <= dimensions <= largest:
            raise UsageError(
                f"{self.name} gives from {self.smallest_dimensions} to {largest} dimensions, "
                f"not {dimensions}: choose --dimensions in that range, or another --model."
            )
        if self.lengths and dimensions not in self.lengths:
            raise UsageError(
                f"{self.name} gives {', '.join(map(str, self.lengths))} dimensions, not {dimensions}: choose one of "
                "these --dimensions, or another --model."
            )
        return dimensions


def _gemini(name: str, max_tokens: int, usd: float) -> EmbeddingModel:
    """A model of Google's, whose tokenizer nobody outside has: cl100k_base counts, up to half the limit."""
    return EmbeddingModel(
        name, "cl100k_base", max_tokens // 2, 3072, 128, usd, usd / 2, vendor="gemini", is_counted=False, has_sides=True
    )


def _bedrock(
    name: str, max_tokens: int, lengths: tuple[int, ...], usd: float, *, has_sides: bool = True
) -> EmbeddingModel:
    """A model on Amazon Bedrock, counted as those above."""
    smallest, *_, largest = lengths if len(lengths) > 1 else (None, *lengths)
    return EmbeddingModel(
        name,
        "cl100k_base",
        max_tokens // 2,
        largest or 0,
        smallest,
        usd,
        usd / 2,
        vendor="bedrock",
        is_counted=False,
        has_sides=has_sides,
        lengths=lengths,
    )


def _mistral(name: str, dimensions: int, usd: float, lengths: tuple[int, int] | None = None) -> EmbeddingModel:
    """A model of Mistral's, which takes 8,192 tokens by its own count: up to 1.48 times that of cl100k_base."""
    shortest, longest = lengths or (None, None)
    return EmbeddingModel(
        name,
        "cl100k_base",
        4096,
        dimensions,
        shortest,
        usd,
        usd / 2,
        vendor="mistral",
        is_counted=False,
        largest_dimensions=longest,
    )


def _voyage(name: str, usd: float) -> EmbeddingModel:
    """A model of Voyage's, whose vocabulary is fetched by name alone: cl100k_base counts, up to half of 32,000."""
    return EmbeddingModel(
        name,
        "cl100k_base",
        16_000,
        1024,
        256,
        usd,
        round(usd * 0.67, 4),
        vendor="voyage",
        is_counted=False,
        has_sides=True,
        largest_dimensions=2048,
        lengths=(256, 512, 1024, 2048),
    )


_MODELS = (
    EmbeddingModel("text-embedding-3-small", "cl100k_base", 8191, 1536, 1, 0.02, 0.01),
    EmbeddingModel("text-embedding-3-large", "cl100k_base", 8191, 3072, 1, 0.13, 0.065),
    EmbeddingModel("text-embedding-ada-002", "cl100k_base", 8191, 1536, None, 0.10, 0.05),
    _gemini("gemini-embedding-001", 2048, 0.15),
    _gemini("gemini-embedding-2", 8192, 0.20),
    _bedrock("amazon.titan-embed-text-v2:0", 8192, (256, 512, 1024), 0.02, has_sides=False),
    _bedrock("cohere.embed-english-v3", 512, (1024,), 0.10),
    _bedrock("cohere.embed-multilingual-v3", 512, (1024,), 0.10),
    _bedrock("cohere.embed-v4:0", 128_000, (256, 512, 1024, 1536), 0.12),
    _mistral("mistral-embed", 1024, 0.10),
    _mistral("codestral-embed", 1536, 0.15, (1, 3072)),
    _voyage("voyage-4-large", 0.12),
    _voyage("voyage-4", 0.06),
    _voyage("voyage-4-lite", 0.02),
    EmbeddingModel(
        "google/gemini-embedding-001",
        "cl100k_base",
        1024,
        3072,
        None,
        0.15,
        0.075,
        vendor="openrouter",
        is_counted=False,
    ),
    EmbeddingModel("all-MiniLM-L6-v2", "minilm", 256, 384, vendor=LOCAL),
    EmbeddingModel("use-multilingual-v3", "use", 256, 512, vendor=LOCAL),
    # Deterministic vectors made from a hash of the text: for tests, benchmarks and dry runs of the flow.
    EmbeddingModel("hash", "cl100k_base", 8191, 1536, 1, vendor=LOCAL),
)
MODELS = {model.name: model for model in _MODELS}

DEFAULT_LOCAL_MODEL = "all-MiniLM-L6-v2"


@dataclass(frozen=True, slots=True)
class KnownModel:
    """What is known of a model, as it is told. Prices are US dollars for a million tokens."""

    model: str
    provider: str
    dimensions: int
    smallest_dimensions: int | None
    """None: it gives one length only."""
    largest_dimensions: int
    max_tokens: int
    """In a chunk, by our count."""
    tokens_are_exact: bool
    """Whether our count is the provider's own. Else `max_tokens` leaves room, and what is billed is learned."""
    has_sides: bool
    usd_per_million_batch: float
    usd_per_million_sync: float
    window_hours: int | None
    """In which a batch is done; None: at once."""
    tried: bool
    """Whether it was tried for real, and not against the emulator alone."""


def known_models() -> list[KnownModel]:
    """All of them."""
    return [
        KnownModel(
            model=model.name,
            provider=model.vendor or "",
            dimensions=model.dimensions,
            smallest_dimensions=model.smallest_dimensions,
            largest_dimensions=model.largest_dimensions or model.dimensions,
            max_tokens=model.max_tokens,
            tokens_are_exact=model.is_counted,
            has_sides=model.has_sides,
            usd_per_million_batch=model.usd_per_million_batch,
            usd_per_million_sync=model.usd_per_million_sync,
            window_hours=None if model.local else preset(model.vendor or "").window_hours,
            tried=model.local,
        )
        for model in MODELS.values()
    ]


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
    return EmbeddingModel(name, "cl100k_base", max_tokens, dimensions, vendor=None, is_counted=False)
