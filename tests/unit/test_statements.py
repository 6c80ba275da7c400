"""The statements of `sql/`: each is executed by name, and each name has its file."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "ingest"


def test_each_statement_is_there_and_is_executed() -> None:
    paths = sorted((ROOT / "sql" / "queries").glob("*/*.sql"))
    files = {path.stem for path in paths}
    code = "".join(path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py")))

    named = set(re.findall(r'statement\(\s*"(\w+)"', code))

    assert len(files) == len(paths)
    assert named - files == set()
    assert {name for name in files if f'"{name}"' not in code} == set()


def test_each_statement_says_first_what_it_promises() -> None:
    silent = {
        path.name
        for path in sorted((ROOT / "sql" / "queries").glob("*/*.sql"))
        if not re.match(r"-- [^\s][^\n]{10,}", path.read_text(encoding="utf-8"))
    }

    assert silent == set()
