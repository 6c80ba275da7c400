"""Our operators in Airflow itself, in an environment of its own."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from airflow_homes import given, of_airflow
from promises import CORPUS_FLAGS, check_promises, write_corpus
from schedulers import EXAMPLES, SCRIPTS, needs_orchestrators, program

from ingest.emulator import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from workshop import Workshop

SLOW = Fault("unknown_status", seconds=10.0)  # no batch has ended in the round that sends it
pytestmark = needs_orchestrators


@pytest.fixture(scope="module")
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of Airflow's, as it is at first, and a folder of DAGs."""
    home = tmp_path_factory.mktemp("airflow")
    (home / "dags").mkdir()
    shutil.copy(SCRIPTS / "airflow_tasks.py", home / "dags")
    made = program("airflow", "-m", "airflow", "db", "migrate", environment=of_airflow(home))
    assert made.returncode == 0, made.stderr
    return home


def played(home: Path, workshop: Workshop, **more: object) -> tuple[dict[str, Any], str]:
    """How the DAG of our operators ended, and its log. Secrets are in connections, and nowhere else."""
    ended = program("airflow", home / "dags" / "airflow_tasks.py", environment=given(home, workshop, **more))
    assert workshop.emulator.api_key not in ended.stdout + ended.stderr
    assert ended.returncode == 0, ended.stdout + ended.stderr
    outcome: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return outcome, ended.stdout + ended.stderr


def test_a_task_of_airflow_is_deferred_while_its_batches_are_in_flight(
    airflow_home: Path, workshop: Workshop, tmp_path: Path
) -> None:
    write_corpus(workshop)
    workshop.emulator.set_faults(SLOW)

    outcome, log = played(airflow_home, workshop, report=str(tmp_path / "report.html"))

    assert (outcome["state"], outcome["tasks"]) == ("success", {"ingest": "success", "filled": "success"})
    assert (outcome["round"]["embedded"], outcome["round"]["run"]["texts"]) == (11, 11)
    assert "new_state=deferred" in log or "DEFERRED" in log
    assert "batches that have ended: [" in log
    assert "HTTP Request" not in log
    assert "<html" in (tmp_path / "report.html").read_text(encoding="utf-8")
    check_promises(workshop)


def test_what_a_retry_cannot_help_fails_a_task_of_airflow_at_once(airflow_home: Path, workshop: Workshop) -> None:
    write_corpus(workshop)

    outcome, log = played(airflow_home, workshop, max_dollars=1e-9)

    assert outcome["tasks"] == {"ingest": "failed", "filled": "upstream_failed"}
    assert "over max_dollars" in log
    assert workshop.emulator.ledger()["requests"] == 0


def test_a_secret_among_the_settings_which_airflow_shows_is_refused(airflow_home: Path) -> None:
    script = (
        "from ingest.integrations.airflow import IngestOperator\n"
        "IngestOperator(task_id='ingest', settings={'database_url': 'postgresql://me:secret@db/corpora'})\n"
    )
    ended = program("airflow", "-c", script, environment=of_airflow(airflow_home))

    assert "database_url would be shown" in ended.stderr


@pytest.mark.parametrize("example", sorted((EXAMPLES / "airflow").iterdir()), ids=lambda path: path.stem)
def test_the_examples_are_dags(airflow_home: Path, example: Path) -> None:
    assert program("airflow", example, environment=of_airflow(airflow_home)).returncode == 0


def test_each_of_several_corpora_is_a_task_of_its_own(airflow_home: Path, workshop: Workshop) -> None:
    for name in ("handbook", "minutes", "protocols"):
        workshop.write(f"{name}/a.md", f"What stands in {name}.")
    secrets = {"DATABASE_URL": workshop.database_url, "OPENAI_API_KEY": workshop.emulator.api_key}
    environment = of_airflow(airflow_home) | secrets | {"OPENAI_BASE_URL": workshop.emulator.base_url}
    example = (EXAMPLES / "airflow" / "corpora.py").read_text().replace("/srv", str(workshop.folder))
    own = airflow_home / "dags" / "corpora.py"
    own.write_text(
        f"{example}\nif __name__ == '__main__':\n"
        "    ended = dag.test()\n"
        "    print(sorted(f'{each.rendered_map_index} {each.state}' for each in ended.get_task_instances()))\n"
    )

    ended = program("airflow", own, environment=environment | {"INGEST_POLL_SECONDS": "1"})

    assert ended.stdout.splitlines()[-1] == "['handbook success', 'minutes success']", ended.stdout + ended.stderr
    assert workshop.query("SELECT count(embedding) FROM handbook.chunks") == [(1,)]
    assert workshop.query("SELECT count(embedding) FROM minutes.chunks") == [(2,)]


def test_airflow_knows_us_as_a_provider(airflow_home: Path) -> None:
    asked = program(
        "airflow",
        "-c",
        "from airflow.providers_manager import ProvidersManager as P; print(P().providers['pgvector-ingest'].version);"
        "print(P().extra_links_class_names)",
        environment=of_airflow(airflow_home),
    )

    assert "ingest.integrations.airflow.ReportLink" in asked.stdout, asked.stderr


def in_flight(workshop: Workshop) -> list[str]:
    """The batches of a round, none of which ends."""
    write_corpus(workshop, 3)
    workshop.emulator.set_faults(Fault("stuck_in_progress"))
    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        return pipeline.advance([str(workshop.folder)]).batch_ids


def test_a_task_of_airflow_that_is_killed_while_it_is_deferred_cancels_its_batches_where_wanted(
    airflow_home: Path, workshop: Workshop
) -> None:
    batch_ids = in_flight(workshop)
    script = (
        "import asyncio, json, os\n"
        "from ingest.integrations.airflow import BatchesTrigger\n"
        "asyncio.run(BatchesTrigger(**json.loads(os.environ['GIVEN'])).on_kill())\n"
    )

    def kill(*, cancels: bool) -> list[tuple[Any, ...]]:
        settings = CORPUS_FLAGS | {"base_url": workshop.emulator.base_url, "data_dir": str(workshop.data_dir)}
        kept = {"batch_ids": batch_ids, "settings": settings, "look_again_s": 1, "cancel_on_kill": cancels}
        secrets = {"DATABASE_URL": workshop.database_url, "OPENAI_API_KEY": workshop.emulator.api_key}
        environment = of_airflow(airflow_home) | secrets | {"GIVEN": json.dumps(kept)}
        ended = program("airflow", "-c", script, environment=environment)
        assert ended.returncode == 0, ended.stderr
        return workshop.query("SELECT count(*) FROM batches WHERE cancel_asked_at IS NOT NULL")

    assert (kill(cancels=False), kill(cancels=True)) == ([(0,)], [(1,)])


def test_a_task_of_airflow_goes_on_when_texts_are_due_though_no_batch_has_ended(
    airflow_home: Path, workshop: Workshop
) -> None:
    batch_ids = in_flight(workshop)
    script = (
        "import asyncio, json, os\n"
        "from ingest.integrations.airflow import BatchesTrigger\n"
        "async def first():\n"
        "    async for event in BatchesTrigger(**json.loads(os.environ['GIVEN'])).run():\n"
        "        return event.payload\n"
        "print(json.dumps(asyncio.run(first())))\n"
    )
    settings = {"base_url": workshop.emulator.base_url, "poll_seconds": 1, "data_dir": str(workshop.data_dir)}
    kept = {"batch_ids": batch_ids, "settings": settings, "look_again_s": 2}
    secrets = {"DATABASE_URL": workshop.database_url, "OPENAI_API_KEY": workshop.emulator.api_key}

    ended = program(
        "airflow", "-c", script, environment=of_airflow(airflow_home) | secrets | {"GIVEN": json.dumps(kept)}
    )

    assert json.loads(ended.stdout.splitlines()[-1]) == {"ended": []}, ended.stderr


def test_an_address_without_its_scheme_is_refused_and_not_replaced_by_another(airflow_home: Path) -> None:
    script = (
        "from airflow.sdk import Connection\n"
        "from ingest.integrations.airflow import _secrets\n"
        "_secrets(None, Connection(conn_id='mine', conn_type='http', host='api.example.com', password='k'))\n"
    )
    ended = program("airflow", "-c", script, environment=of_airflow(airflow_home))

    assert "the host of the connection mine is api.example.com" in ended.stderr
