"""Vectors of the local models, each text embedded once: in a file in the folder INGEST_BENCHMARK_CACHE."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ingest.emulator.models import embedder
from ingest.provider import MODELS

if TYPE_CHECKING:
    from collections.abc import Sequence

_FOLDER = Path(os.environ.get("INGEST_BENCHMARK_CACHE") or Path(tempfile.gettempdir()) / "pgvector-ingest-benchmarks")
_AT_ONCE = 256  # texts between two commits


def vectors(texts: Sequence[str], model: str) -> np.ndarray:
    """The texts' vectors, in order. (len(texts), dimensions) float32, each of length 1."""
    dimensions = MODELS[model].dimensions
    _FOLDER.mkdir(parents=True, exist_ok=True)
    file = sqlite3.connect(_FOLDER / f"{model}.sqlite", timeout=60)
    try:
        file.execute("CREATE TABLE IF NOT EXISTS vectors (text_hash BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID")
        keys = [sha256(text.encode()).digest() for text in texts]
        known = {key: _known(file, key) for key in keys}
        missing = list({key: text for key, text in zip(keys, texts, strict=True) if known[key] is None}.items())
        for first in range(0, len(missing), _AT_ONCE):
            some = missing[first : first + _AT_ONCE]
            made = embedder(MODELS[model]).embed([text for _, text in some], dimensions)
            rows = [(key, vector.tobytes()) for (key, _), vector in zip(some, made, strict=True)]
            file.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)
            file.commit()
            known.update(rows)
    finally:
        file.close()
    return np.frombuffer(b"".join(known[key] or b"" for key in keys), np.float32).reshape(-1, dimensions)


def _known(file: sqlite3.Connection, key: bytes) -> bytes | None:
    row = file.execute("SELECT vector FROM vectors WHERE text_hash = ?", (key,)).fetchone()
    return row[0] if row else None
