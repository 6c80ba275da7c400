"""The servers that can be spoken like: whose API each has, where its calls are, what models are called, what is odd.

Strict, as their makers describe them, and apart from `ingest/provider/presets.py` on purpose: what one of the two has
wrong, a run between them shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.emulator import bedrock, gemini, mistral, openai, openrouter, voyage
from ingest.emulator.faults import Fault
from ingest.emulator.limits import STANDARD_LIMITS, Limits
from ingest.errors import UsageError
from ingest.provider import MODELS, EmbeddingModel

if TYPE_CHECKING:
    from ingest.emulator.vendor import Vendor


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a server takes, what is odd in its answers, and the variables of its key and its address."""

    limits: Limits = STANDARD_LIMITS
    oddities: tuple[Fault, ...] = ()
    vendor: Vendor = openai
    key_variable: str = "OPENAI_API_KEY"
    url_variable: str = "OPENAI_BASE_URL"


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
    # The reference of the Gemini API, and what its SDK sends; two versions of it are served, so there is no path.
    "gemini": Dialect(
        Limits(
            path="",
            models=gemini.MODELS,
            file_bytes=2_000_000_000,
            batch_requests=1_000_000,
            batch_inputs=1_000_000,
            request_inputs=100,
            batches_per_hour=1_000_000,
            open_batches=100,
            completion_window_s=48 * 3600,
            file_lifetime_s=48 * 3600,
        ),
        vendor=gemini,
        key_variable="GEMINI_API_KEY",
        url_variable="GEMINI_BASE_URL",
    ),
    # The API that botocore knows, and the documents of the models; an account may send no fewer than 100 records.
    "bedrock": Dialect(
        Limits(
            path="",
            models=bedrock.MODELS,
            file_bytes=1_000_000_000,
            least_requests=100,
            request_inputs=96,
            open_batches=20,
        ),
        vendor=bedrock,
        key_variable="AWS_ACCESS_KEY_ID",
        url_variable="AWS_ENDPOINT_URL_BEDROCK",
    ),
    # It counts up to 1.48 times as many tokens as cl100k_base.
    "mistral": Dialect(
        Limits(
            models=mistral.MODELS,
            file_bytes=512_000_000,
            batch_requests=1_000_000,
            batch_inputs=1_000_000,
            request_inputs=512,
            request_tokens=16_384,
            batches_per_hour=1_000_000,
            completion_window_s=7 * 24 * 3600,
            file_lifetime_s=10 * 365 * 24 * 3600,
        ),
        (Fault("counts_otherwise", times=1.48),),
        vendor=mistral,
        key_variable="MISTRAL_API_KEY",
        url_variable="MISTRAL_BASE_URL",
    ),
    "voyage": Dialect(
        Limits(
            models=voyage.MODELS,
            file_bytes=1_000_000_000,
            batch_requests=100_000,
            batch_inputs=100_000,
            request_inputs=1_000,
            request_tokens=120_000,
            batches_per_hour=1_000_000,
            completion_window_s=12 * 3600,
        ),
        vendor=voyage,
        key_variable="VOYAGE_API_KEY",
        url_variable="VOYAGE_BASE_URL",
    ),
    "openrouter": Dialect(
        Limits(
            path="/api/v1",
            models={f"openai/{name}": MODELS[name] for name in ("text-embedding-3-small", "text-embedding-3-large")},
            batches_per_hour=1_000_000,
        ),
        vendor=openrouter,
        key_variable="OPENROUTER_API_KEY",
        url_variable="OPENROUTER_BASE_URL",
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


def dialect_of(name: str) -> Dialect:
    """The dialect of that name.

    Raises:
        UsageError: there is none.
    """
    if name not in DIALECTS:
        raise UsageError(f"there is no dialect {name!r}: choose one of {', '.join(DIALECTS)}.")
    return DIALECTS[name]
