"""What a cluster is given of a dynamic workflow of flytekit; what both Flytes do alike is in test_flyte.py."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from flyte_homes import of_flyte
from promises import write_corpus
from schedulers import SCRIPTS, batches_of_provider, needs_orchestrators, program

from ingest.emulator import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from workshop import Workshop

pytestmark = needs_orchestrators


def test_a_round_of_flytekit_that_is_not_done_ends_and_leaves_a_wait_and_the_next_round_to_the_cluster(
    workshop: Workshop, tmp_path: Path
) -> None:
    write_corpus(workshop)
    workshop.emulator.set_faults(Fault("stuck_in_progress"))

    ended = program("flytekit", SCRIPTS / "flytekit_rounds.py", "nodes", environment=of_flyte(tmp_path, workshop))

    assert ended.returncode == 0, ended.stderr
    wait, next_round = json.loads(ended.stdout.splitlines()[-1])
    assert (wait, next_round.split(".")[-1]) == ("ingest_batches", "nightly")
    assert batches_of_provider(workshop) == ["in_progress"] * 3
