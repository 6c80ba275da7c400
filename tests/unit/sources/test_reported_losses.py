"""The page of what people report of losing text names a test for each kind, and each of them is there."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[2]
PAGE = TESTS.parent / "docs" / "lost-text.md"


def test_each_kind_of_loss_is_held_by_a_test_that_is_there() -> None:
    page = PAGE.read_text()
    named = re.findall(r"^\|.*\| `(test_\w+)` \(`(test_\w+\.py)`\) \|$", page, re.MULTILINE)
    missing = [
        test for test, file in named if not any(f"\ndef {test}(" in path.read_text() for path in TESTS.rglob(file))
    ]

    assert not missing
    rows = [
        line for line in page.splitlines() if line.startswith("| ") and not line.startswith(("| reported", "| ---"))
    ]
    assert len(named) == len(rows) == int(re.findall(r"\b(\d+) of them\b", page)[0])
