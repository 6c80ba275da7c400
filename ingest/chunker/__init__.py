"""The chunker: a text in, passages under the token limit out, by the tokenizer of the model. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.rooms import on_demand

if TYPE_CHECKING:
    from ingest.chunker.chunking import Chunking
    from ingest.chunker.chunks import chunk
    from ingest.chunker.cl100k import cl100k_authority
    from ingest.chunker.structure import begins_with_heading
    from ingest.chunker.tokens import Tokenizer, tokenizer
else:
    __getattr__ = on_demand(__name__)

__all__ = ["Chunking", "Tokenizer", "begins_with_heading", "chunk", "cl100k_authority", "tokenizer"]
