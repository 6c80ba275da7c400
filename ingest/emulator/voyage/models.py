"""Voyage's embedding models. By the vendor's reference (docs.voyageai.com, "Text Embeddings"; 2026)."""

from __future__ import annotations

from ingest.provider import EmbeddingModel

_LENGTHS = (256, 512, 1024, 2048)
MODELS = {
    name: EmbeddingModel(
        name, "cl100k_base", 32_000, 1024, _LENGTHS[0], largest_dimensions=_LENGTHS[-1], lengths=_LENGTHS
    )
    for name in ("voyage-4-large", "voyage-4", "voyage-4-lite")
}
