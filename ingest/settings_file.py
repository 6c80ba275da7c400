"""Where a wrong setting stands, the file and the line, or the variable; and what it may have been meant to be."""

from __future__ import annotations

import os
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def place_of(name: str, file: Path) -> str:
    """`INGEST_NAME`, or the file and the line where the setting begins; nothing where it is in neither."""
    variable = f"INGEST_{name.upper()}"
    if os.environ.get(variable):
        return variable
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return next((f"{file}, line {number}" for number, line in enumerate(lines, 1) if _key(line) == name), "")


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that is most like this one, as a question; nothing where none is like it."""
    found = get_close_matches(name, list(known), n=1)
    return f": did you mean {found[0]}?" if found else "."


def _key(line: str) -> str:
    """The first name of a line of TOML: `prices` of `[prices."a-model"]` as of `prices.a-model.batch = 1`."""
    return line.partition("=")[0].strip().lstrip("[").partition(".")[0].strip(" \t]\"'")
