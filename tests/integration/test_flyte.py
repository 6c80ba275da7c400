"""Our tasks and connectors in Flyte 2 and in flytekit themselves, each in an environment of its own."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest
from flyte_homes import of_flyte
from promises import check_promises, write_corpus
from schedulers import (
    EXAMPLES,
    SCRIPTS,
    batches_of_provider,
    comes_to,
    daemon,
    needs_orchestrators,
    program,
    python_of,
)

from ingest.emulator import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from workshop import Workshop

STUCK = Fault("stuck_in_progress")
pytestmark = [*needs_orchestrators, pytest.mark.parametrize("flyte", ["flyte", "flytekit"])]


def test_a_run_of_flyte_goes_on_where_a_killed_one_was_as_soon_as_the_connector_tells_that_a_batch_has_ended(
    flyte: str, workshop: Workshop, tmp_path: Path
) -> None:
    write_corpus(workshop)
    workshop.emulator.set_faults(STUCK)
    script = SCRIPTS / f"{flyte}_rounds.py"
    log = tmp_path / "log"

    killed = program(flyte, script, environment=of_flyte(tmp_path, workshop) | {"INGEST_FAILPOINT": "after-create"})
    one = batches_of_provider(workshop)
    with daemon([python_of(flyte), script], of_flyte(tmp_path, workshop), log) as playing:
        comes_to(["in_progress"] * 3, lambda: batches_of_provider(workshop), log)
        workshop.emulator.set_faults()
        assert playing.wait(timeout=120) == 0, log.read_text()

    assert (killed.returncode, len(one)) == (-signal.SIGKILL, 1)
    told = json.loads(log.read_text().strip().splitlines()[-1])
    assert (told["documents"], told["texts"], told["billed_tokens"]) == (11, 11, 132)
    assert workshop.emulator.api_key not in killed.stdout + killed.stderr + log.read_text()
    check_promises(workshop)
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert workshop.emulator.api_key.encode() not in kept


@pytest.mark.parametrize(
    ("arguments", "words"),
    [({"max_dollars": 1e-9}, "over max_dollars"), ({"settings": {"api_key": "hush"}}, "api_key would be shown")],
)
def test_what_a_retry_cannot_help_fails_a_run_of_flyte_at_once(
    flyte: str, arguments: dict[str, Any], words: str, workshop: Workshop, tmp_path: Path
) -> None:
    write_corpus(workshop)
    script = SCRIPTS / f"{flyte}_rounds.py"

    refused = program(flyte, script, environment=of_flyte(tmp_path, workshop, **arguments))

    log = refused.stdout + refused.stderr
    assert refused.returncode == 1
    assert words in log
    assert "retrying" not in log
    assert "FlyteRecoverable" not in log
    assert workshop.emulator.ledger()["requests"] == 0


def test_what_a_retry_may_help_is_tried_again_by_flyte(flyte: str, workshop: Workshop, tmp_path: Path) -> None:
    write_corpus(workshop)
    script = SCRIPTS / f"{flyte}_rounds.py"
    nowhere = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nowhere"}

    failed = program(flyte, script, environment=of_flyte(tmp_path, workshop) | nowhere)

    told = {"flyte": "failed on attempt 3/4; retrying", "flytekit": "FlyteRecoverableException"}
    assert failed.returncode == 1
    assert told[flyte] in failed.stdout + failed.stderr  # flytekit itself tries again on a cluster alone


def test_the_example_is_a_task(flyte: str, tmp_path: Path) -> None:
    bare = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    script = "import runpy, sys; print(runpy.run_path(sys.argv[1])['handbook'].name)"

    imported = program(flyte, "-c", script, EXAMPLES / flyte / "nightly.py", environment=bare)

    assert imported.stdout.strip().endswith("handbook"), imported.stderr
