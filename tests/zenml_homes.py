"""The environment of a ZenML of a test's own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def of_zenml(home: Path) -> dict[str, str]:
    """A ZenML with a database and artifacts of its own."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "ZENML_CONFIG_PATH": str(home / "zenml"),
        "ZENML_ANALYTICS_OPT_IN": "false",
        "ZENML_ENABLE_RICH_TRACEBACK": "false",
    }
