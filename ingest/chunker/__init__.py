"""The chunker: a text in, passages under the token limit out. Pure."""

from __future__ import annotations

from ingest.chunker.chunks import chunk

__all__ = ["chunk"]
