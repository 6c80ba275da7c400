"""The vendors whose API is their own, and how a corpus is embedded by each."""

from __future__ import annotations

from typing import Any

from promises import CORPUS_FLAGS, MODEL

SPOKEN: dict[str, dict[str, Any]] = {
    name: CORPUS_FLAGS | {"provider": name, "model": model, "dimensions": dimensions}
    for name, model, dimensions in (
        ("gemini", "gemini-embedding-001", 128),
        ("mistral", "codestral-embed", 64),
        ("openrouter", MODEL, 64),
        ("voyage", "voyage-4-lite", 256),
    )
}
"""The settings by vendor."""
