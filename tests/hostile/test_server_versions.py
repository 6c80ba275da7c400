"""The story on servers of other versions, as far as packages have them: INGEST_TEST_SERVERS names a folder of those."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hostile import servers, worlds
from hostile.story import tell

from ingest.errors import UsageError

if TYPE_CHECKING:
    from ingest.emulator import RunningEmulator

OLDEST = (0, 7)


def installed() -> list[Path]:
    """The folders of their programs."""
    folder = os.environ.get("INGEST_TEST_SERVERS")
    return sorted(program.parent for program in Path(folder).glob("**/bin/postgres")) if folder else []


def pgvector_of(binaries: Path) -> tuple[int, ...]:
    """Its version; () where it has none."""
    for control in binaries.parent.glob("share/**/extension/vector.control"):
        found = re.search(r"default_version = '([\d.]+)'", control.read_text())
        assert found
        return tuple(map(int, found[1].split(".")))
    return ()


@pytest.mark.parametrize("binaries", installed() or [None], ids=str)
def test_the_story_goes_well_on_other_servers_or_they_are_refused(
    binaries: Path | None, emulator: RunningEmulator, tmp_path: Path
) -> None:
    if binaries is None:
        pytest.skip("INGEST_TEST_SERVERS names no folder of other servers")
    pgvector = pgvector_of(binaries)

    with servers.server(binaries=binaries) as server:
        if pgvector >= OLDEST:
            with worlds.plain(server) as world:
                tell(world, emulator, tmp_path)
        else:
            extension = "CREATE EXTENSION vector" if pgvector else "SELECT 1"
            refusal = "0.7 or newer is needed" if pgvector else "has no pgvector"
            with worlds.database(server, extension=extension) as world, pytest.raises(UsageError, match=refusal):
                tell(world, emulator, tmp_path)
