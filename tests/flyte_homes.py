"""The environment of a Flyte of a test's own."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from promises import CORPUS_FLAGS

if TYPE_CHECKING:
    from pathlib import Path

    from workshop import Workshop


def of_flyte(home: Path, workshop: Workshop, **arguments: Any) -> dict[str, str]:
    """With what our scripts are given; secrets are in it, and nowhere else."""
    settings = CORPUS_FLAGS | {"poll_seconds": 1, "data_dir": str(home / "data")}
    given = {"source": str(workshop.folder), "arguments": {"settings": settings} | arguments}
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "DATABASE_URL": workshop.database_url,
        "OPENAI_API_KEY": workshop.emulator.api_key,
        "OPENAI_BASE_URL": workshop.emulator.base_url,
        "GIVEN": json.dumps(given),
    }
