"""Named points between two effects, where a test can have this process killed. They do nothing otherwise.

`INGEST_FAILPOINT=after-create` kills it with SIGKILL at the first passage, `after-create:3` at the third.
"""

from __future__ import annotations

import os
import signal
from collections import Counter

VARIABLE = "INGEST_FAILPOINT"

POINTS = (
    "terms-before-commit",
    "sync-before-commit",
    "sync-after-commit",
    "gone-before-commit",
    "gone-after-commit",
    "shard-written",
    "shard-renamed",
    "shard-before-commit",
    "shard-after-commit",
    "before-uploading",
    "after-uploading",
    "after-upload",
    "after-uploaded",
    "after-creating",
    "after-create",
    "after-submitted",
    "after-look",
    "answer-began",
    "answer-came",
    "answer-written",
    "answer-before-end",
    "answer-ended",
    "before-refused",
    "after-refused",
    "before-finished",
    "after-finished",
    "download-written",
    "download-renamed",
    "load-began",
    "load-after-slice",
    "load-before-commit",
    "load-after-commit",
    "load-file-removed",
    "clean-before-delete",
    "clean-after-delete",
    "clean-after-commit",
    "column-added",
    "column-before-commit",
    "column-after-commit",
    "swap-before-commit",
    "swap-after-commit",
    "cancel-asked",
    "cancel-noted",
)
"""Every point, in the order of a text's way."""

_passages: Counter[str] = Counter()


def reach(point: str) -> None:
    """Be killed here, if the environment says so."""
    wanted = os.environ.get(VARIABLE)
    if wanted is None:
        return
    name, _, passage = wanted.partition(":")
    if name == point:
        _passages[point] += 1
        if _passages[point] == int(passage or 1):
            os.kill(os.getpid(), signal.SIGKILL)
