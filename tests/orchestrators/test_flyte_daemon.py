"""Our connectors in Flyte's own services, over gRPC: a wait that a webhook ends, and that is made twice for nothing."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest
from process_checks import eventually
from promises import CORPUS_FLAGS, check_promises, write_corpus
from schedulers import SCRIPTS, batches_of_provider, daemon, needs_orchestrators, python_of
from webhooks import SECRET, webhook
from workshop import Workshop

from ingest.emulator import Fault, running

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [*needs_orchestrators, pytest.mark.daemon]
_LISTENING = "SELECT FROM pg_stat_activity WHERE strpos(query, 'LISTEN ingest_batches') > 0 AND pid <> pg_backend_pid()"


@pytest.mark.parametrize("flyte", ["flyte", "flytekit"])
def test_a_connector_of_flyte_waits_for_batches_until_a_webhook_tells_of_one(
    flyte: str, database_url: str, tmp_path: Path
) -> None:
    script, log = SCRIPTS / f"{flyte}_connector.py", tmp_path / "log"
    with webhook(database_url, tmp_path) as url, running(tmp_path / "emulator", webhook=(url, SECRET)) as emulator:
        workshop = Workshop(database_url, emulator, tmp_path / "files", tmp_path / "data")
        write_corpus(workshop)
        emulator.set_faults(Fault("stuck_in_progress"))
        with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
            told = json.dumps(asdict(pipeline.advance([str(workshop.folder)])))
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "DATABASE_URL": database_url,
            "OPENAI_API_KEY": emulator.api_key,
            "OPENAI_BASE_URL": emulator.base_url,
        }
        settings = json.dumps({"corpus": "corpus", "poll_seconds": 3600, "data_dir": str(tmp_path / "data")})
        with daemon([python_of(flyte), script, "serve"], environment, log):
            eventually(lambda: any(line.isdecimal() for line in log.read_text().splitlines()))
            (port,) = filter(str.isdecimal, log.read_text().splitlines())
            bare = {name: environment[name] for name in ("PATH", "HOME")}  # as Flyte's own: it has no key
            command = [str(python_of(flyte)), str(script), "ask", port, told, settings]
            with subprocess.Popen(command, env=bare, stdout=subprocess.PIPE, text=True) as asking:
                eventually(lambda: workshop.query(_LISTENING) != [])
                emulator.set_faults()  # the provider would be asked again in an hour
                phase, handed_on = asking.communicate(timeout=120)[0].splitlines()

        assert (phase, handed_on) == ("SUCCEEDED", told)
        assert len(batches_of_provider(workshop)) == 3
        assert emulator.api_key not in log.read_text()
        with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
            pipeline.embed()
        check_promises(workshop)
