"""Where a wrong setting stands, the file and the line, or the variable; and what it may have been meant to be."""

from __future__ import annotations

import os
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_PREFIX = "INGEST_"
_MUCH_ALIKE = 0.8  # MODLE and MODEL; 0.6, as for a name in our own file, takes many for one that are none


def place_of(name: str, file: Path) -> str:
    """`INGEST_NAME`, or the file and the line where the setting begins; nothing where it is in neither."""
    variable = f"{_PREFIX}{name.upper()}"
    if os.environ.get(variable):
        return variable
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return next((f"{file}, line {number}" for number, line in enumerate(lines, 1) if _key(line) == name), "")


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that is most like this one, as a question; nothing where none is like it."""
    found = get_close_matches(name, list(known), n=1)
    return f": did you mean {found[0]}?" if found else "."


def mistyped_variables(known: Iterable[str]) -> str | None:
    """What to say of variables whose names are like a setting's and no setting's; None: nothing.

    What is like none may be another program's, which can have variables of this prefix, too.
    """
    names = set(known)
    found = []
    for variable, value in sorted(os.environ.items()):
        name = variable.upper().removeprefix(_PREFIX).lower()
        if not value or not variable.upper().startswith(_PREFIX) or name in names or name.startswith("test_"):
            continue
        if meant := get_close_matches(name, names, n=2, cutoff=_MUCH_ALIKE):
            found.append(f"{variable} (did you mean {' or '.join(_PREFIX + each.upper() for each in meant)}?)")
    return f"warning: in the environment, but no setting, and without effect: {', '.join(found)}" if found else None


def _key(line: str) -> str:
    """The first name of a line of TOML: `prices` of `[prices."a-model"]` as of `prices.a-model.batch = 1`."""
    return line.partition("=")[0].strip().lstrip("[").partition(".")[0].strip(" \t]\"'")
