"""Servers other than OpenAI's, as their makers describe them: where the calls are, what models are called, what is odd.

Strict, and apart from `ingest/provider/presets.py` on purpose: what one of the two has wrong, a run between them shows.
"""

from __future__ import annotations

from dataclasses import dataclass

from ingest.emulator.faults import Fault
from ingest.emulator.limits import STANDARD_LIMITS, Limits
from ingest.provider import MODELS, EmbeddingModel


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a server takes, and what is odd in its answers."""

    limits: Limits = STANDARD_LIMITS
    oddities: tuple[Fault, ...] = ()


def _other(name: str, dimensions: int, smallest_dimensions: int | None = None) -> dict[str, EmbeddingModel]:
    return {name: EmbeddingModel(name, "cl100k_base", 8192, dimensions, smallest_dimensions)}


DIALECTS = {
    "openai": Dialect(),
    # Models are deployments; a batch always has an error file.
    "azure": Dialect(
        Limits(path="/openai/v1", models={"my-embeddings": MODELS["text-embedding-3-small"]}),
        (Fault("zero_byte_error_file"),),
    ),
    "alibaba": Dialect(
        Limits(path="/compatible-mode/v1", models=_other("text-embedding-v4", 1024, 64), encoding_formats=("float",))
    ),
    "deepinfra": Dialect(Limits(path="/v1/openai", models=_other("BAAI/bge-m3", 1024), encoding_formats=("float",))),
    "orq": Dialect(
        Limits(path="/v3/router", models={"openai/text-embedding-3-small": MODELS["text-embedding-3-small"]})
    ),
    "ogx": Dialect(
        Limits(models=_other("nomic-ai/nomic-embed-text-v1.5", 768)),
        tuple(
            Fault(name)
            for name in (
                "stringified_body",
                "no_trailing_newline",
                "zero_byte_error_file",
                "null_request_counts",
                "null_usage",
            )
        ),
    ),
}
