"""The vendors whose API is their own, and how a corpus is embedded by each."""

from __future__ import annotations

from typing import Any

from promises import CORPUS_FLAGS

SPOKEN: dict[str, dict[str, Any]] = {
    name: CORPUS_FLAGS | {"provider": name, "model": model, "dimensions": dimensions}
    for name, model, dimensions in (("gemini", "gemini-embedding-001", 128),)
}
"""The settings by vendor."""
