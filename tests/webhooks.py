"""The receiver of webhooks, as a process of its own."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = b"a key that nobody has guessed"
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"


@contextmanager
def webhook(database_url: str, folder: Path) -> Iterator[str]:
    """`ingest webhook`, as a process of its own: its address."""
    environment = {"DATABASE_URL": database_url, "OPENAI_WEBHOOK_SECRET": SECRET, "INGEST_DATA_DIR": str(folder)}
    with subprocess.Popen(
        [sys.executable, "-m", "ingest", "webhook", "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env={**os.environ, **environment},
    ) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.terminate()
            _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert SECRET not in err
    assert "Traceback" not in err
