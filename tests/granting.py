"""The rights that docs/grants.md lists, as the statements that stand there."""

from __future__ import annotations

import re
from pathlib import Path

_PAGE = (Path(__file__).parents[1] / "docs" / "grants.md").read_text(encoding="utf-8")


def block(heading: str) -> list[str]:
    """The statements that the page has under a heading."""
    found = re.search(rf"^## {heading}\n.*?^```sql\n(.*?)^```", _PAGE, re.MULTILINE | re.DOTALL)
    assert found, heading
    return [line.strip() for line in found[1].splitlines()]


def statements(heading: str, *, database: str, role: str, schema: str) -> list[str]:
    """The same for this database and this role; `schema`: of the table `articles`."""
    names = {"app": database, "writer": role, "reader": role, "shop": schema}
    return [re.sub(r"\b(app|writer|reader|shop)\b", lambda name: names[name[1]], line) for line in block(heading)]
