"""Wings: each of the names that others may use is there, and is the room's own; its room is imported for it."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

from ingest.rooms import imported

PACKAGE = Path(__file__).parents[2] / "ingest"
WINGS = sorted(
    ".".join(file.parent.relative_to(PACKAGE.parent).parts)
    for file in PACKAGE.rglob("__init__.py")
    if "on_demand(__name__)" in file.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("wing", WINGS)
def test_a_wing_has_what_it_names(wing: str) -> None:
    names = import_module(wing).__all__

    found = {name: getattr(import_module(wing), name) for name in names}

    assert len(found) == len(names)
    assert imported(wing).keys() <= set(names)
    # Its import would put the room in the place of what it holds.
    assert imported(wing).keys() & {room.name for room in iter_modules(import_module(wing).__path__)} == set()


def test_wings_are_found() -> None:
    assert {"ingest", "ingest.runs", "ingest.corpus", "ingest.batches"} <= set(WINGS)


def test_a_name_brings_its_room_and_no_other() -> None:
    program = (
        "import sys; from ingest.telemetry import Logged; "
        "print(*(name for name in sys.modules if name.startswith('ingest.telemetry.')))"
    )

    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert shown.stdout.split() == ["ingest.telemetry.progress"]


def test_what_a_wing_does_not_name_is_not_there() -> None:
    with pytest.raises(AttributeError, match=r"module 'ingest\.corpus' has no attribute 'nothing'"):
        import_module("ingest.corpus").nothing  # noqa: B018
