"""CONTRIBUTING.md has the structure that import-linter holds the code to, and a map that leads to rooms there are.

And no room is so large that it has two subjects.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
MOST_LINES = 400  # of a module: past them it has two subjects
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_the_structure_is_drawn_as_its_contract_has_it() -> None:
    drawn = re.search(r"## The structure\n.*?```text\n(.*?)\n\n", CONTRIBUTING, re.DOTALL)
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    floors = [
        re.findall(r"\w+", floor) for floor in next(each["layers"] for each in contracts if each["id"] == "layers")
    ]

    assert drawn is not None
    names = [line.split()[0].rstrip("/") for line in drawn[1].splitlines()]
    places = {name: place for place, floor in enumerate(floors) for name in floor if name != "__main__"}
    assert sorted(names) == sorted(places)
    assert [places[name] for name in names] == sorted(places[name] for name in names)


def test_the_map_leads_to_rooms_that_are_there() -> None:
    table = re.search(r"## I want to change.*?\n\n(.*?)\n\n", CONTRIBUTING, re.DOTALL)

    assert table is not None
    named = re.findall(r"`((?:[a-z0-9_]+/)*[a-z0-9_]+\.py)`", table[1])
    assert len(named) > 20
    missing = [name for name in named if "/" in name and not (ROOT / "ingest" / name).is_file()]
    assert missing == []


def test_no_module_is_of_more_than_400_lines() -> None:
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in (ROOT / "ingest").rglob("*.py")}

    assert len(lines) > 100
    assert {str(path.relative_to(ROOT)): count for path, count in lines.items() if count > MOST_LINES} == {}
