"""The rooms of a wing, each imported when a name of it is first asked for: a command is to import what it needs.

A wing has its imports where people and programs that check them look, and on demand at run time:

if TYPE_CHECKING:
    from ingest.wing.room import noun, verb
else:
    __getattr__ = on_demand(__name__)
"""

from __future__ import annotations

import ast
import sys
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def on_demand(wing: str) -> Callable[[str], object]:
    """The `__getattr__` of a wing, by the imports that stand in its file below `if TYPE_CHECKING`."""

    def __getattr__(name: str) -> object:  # noqa: N807 - what it is
        room = imported(wing).get(name)
        if room is None:
            raise AttributeError(f"module {wing!r} has no attribute {name!r}")
        found: object = getattr(import_module(room), name)
        setattr(sys.modules[wing], name, found)  # and is not asked for again
        return found

    return __getattr__


@cache
def imported(wing: str) -> dict[str, str]:
    """The names that a wing takes from its rooms, and of which; a tenth of a millisecond for ten of them."""
    source = Path(sys.modules[wing].__file__ or "").read_text(encoding="utf-8")
    checked = (node for node in ast.parse(source).body if isinstance(node, ast.If))
    return {
        alias.name: node.module
        for condition in checked
        for node in condition.body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
