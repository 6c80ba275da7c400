"""Voyage's API: OpenAI's files and batches; what is asked of the model stands in the batch, and not in its lines.

By the vendor's guide and reference (docs.voyageai.com: "Batch Inference", "Files", "Embeddings"; 2026), where it is
a public preview. No SDK of it has batches; it was tried against the emulator's dialect alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ingest.provider.api_errors import creating
from ingest.provider.jsonl import in_one_line, parse_result
from ingest.provider.openai import OpenAIProvider
from ingest.provider.wire import Wire

if TYPE_CHECKING:
    from ingest.provider.protocol import RemoteBatch
    from ingest.provider.wire import Parameters, WriteLine

_encode = msgspec.json.Encoder().encode


def _writer(_: Parameters) -> WriteLine:
    return lambda custom_id, text: in_one_line(_encode({"custom_id": custom_id, "body": {"input": [text]}}))


# A call takes 120,000 tokens of the largest model by the vendor's count, which is not to be had offline.
WIRE = Wire(
    _writer,
    parse_result,
    max_requests=100_000,
    max_bytes=1_000_000_000,
    call_texts=1_000,
    call_tokens=60_000,
    has_sides=True,
)


class VoyageProvider(OpenAIProvider):
    """The files, batches and embeddings of one project."""

    wire = WIRE

    def create_batch(self, input_file_id: str, key: str, parameters: Parameters) -> RemoteBatch:
        """Create a batch that carries our key in its metadata, and for all of its lines what is asked of the model."""
        asked = {"model": parameters.model, **_options(parameters)}
        if parameters.encoding_format == "base64":  # "float" is no value of it
            asked["encoding_format"] = "base64"
        window = {"completion_window": "12h", "extra_body": {"request_params": asked}}
        return self._created(input_file_id, key, creating(), **window)

    def _asked(self, parameters: Parameters) -> dict[str, Any]:
        return {"model": parameters.model, "encoding_format": "base64", "extra_body": _options(parameters)}


connect = VoyageProvider


def _options(parameters: Parameters) -> dict[str, object]:
    """What is asked beside the model: a text that is too long is refused, and not cut without a word."""
    asked: dict[str, object] = {"truncation": False}
    if parameters.side:
        asked["input_type"] = parameters.side
    if parameters.dimensions is not None:
        asked["output_dimension"] = parameters.dimensions
    return asked
