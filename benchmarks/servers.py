"""A PostgreSQL to measure on: the embedded one, or that of BENCHMARK_DATABASE_URL."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.database.embedded import embedded_server

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def database() -> Iterator[tuple[str, Path]]:
    """The URL of a database that keeps its promises (fsync is on), and a folder for files; both go at the end."""
    with tempfile.TemporaryDirectory(prefix="ingest-benchmark-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # the embedded server may run as another user
        if url := os.environ.get("BENCHMARK_DATABASE_URL"):
            yield url, folder
        else:
            with embedded_server(folder / "postgresql") as url:
                yield url, folder
