"""The story, told in each of the worlds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hostile import worlds
from hostile.story import tell

if TYPE_CHECKING:
    from pathlib import Path

    from hostile.servers import Server

    from ingest.emulator import RunningEmulator

WORLDS = (
    "plain",
    "a_document_edited_after_the_way_back",
    "pgvector_in_another_schema",
    "shadows_on_the_path",
    "repeatable_read",
    "serializable",
    "read_only",
    "forms_of_values",
    "replica_role",
    "no_row_security",
    "publication_of_all_tables",
    "partitioned_table",
    "triggers_of_every_kind",
    "row_security_on_the_users_table",
    "row_security_on_our_own_tables",
    "a_role_with_the_documented_rights",
    "a_role_of_little_patience",
    "a_pooler_of_sessions",
)


@pytest.mark.parametrize("world", WORLDS)
def test_the_story_goes_well(world: str, server: Server, emulator: RunningEmulator, tmp_path: Path) -> None:
    with getattr(worlds, world)(server) as given:
        tell(given, emulator, tmp_path)
