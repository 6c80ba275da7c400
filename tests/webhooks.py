"""The receiver of webhooks, as a process of its own."""

from __future__ import annotations

import base64
from contextlib import contextmanager
from typing import TYPE_CHECKING

from process_checks import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = b"a key that nobody has guessed"
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"


@contextmanager
def webhook(database_url: str, folder: Path) -> Iterator[str]:
    """`ingest webhook`, as a process of its own: its address."""
    environment = {"DATABASE_URL": database_url, "OPENAI_WEBHOOK_SECRET": SECRET, "INGEST_DATA_DIR": str(folder)}
    with serving("webhook", folder=folder, environment=environment, secret=SECRET) as url:
        yield url
