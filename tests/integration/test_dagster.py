"""Our asset and sensor in Dagster itself, in an environment of its own."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import psycopg
from promises import CORPUS_FLAGS, check_promises, write_corpus
from schedulers import EXAMPLES, SCRIPTS, needs_orchestrators, program

from ingest.emulator import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from workshop import Workshop

SLOW = Fault("unknown_status", seconds=10.0)  # no batch has ended in the round that sends it
pytestmark = needs_orchestrators


def played(workshop: Workshop, home: Path, **given: object) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """What the rounds and looks of Dagster told, and the metadata of the asset."""
    settings = CORPUS_FLAGS | {"poll_seconds": 1, "data_dir": str(home / "data")}
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "DAGSTER_HOME": str(home),
        "DATABASE_URL": workshop.database_url,
        "OPENAI_API_KEY": workshop.emulator.api_key,
        "OPENAI_BASE_URL": workshop.emulator.base_url,
        "GIVEN": json.dumps({"settings": settings} | given),
    }
    ended = program("dagster", SCRIPTS / "dagster_rounds.py", environment=environment)
    assert ended.returncode == 0, ended.stderr
    assert workshop.emulator.api_key not in ended.stdout + ended.stderr
    outcome = json.loads(ended.stdout.splitlines()[-1])
    return outcome["told"], outcome["metadata"]


def test_a_round_of_dagster_ends_while_batches_are_in_flight_and_its_sensor_begins_the_next(
    workshop: Workshop, tmp_path: Path
) -> None:
    write_corpus(workshop)
    workshop.write("broken.pdf", "%PDF-1.7 and nothing else")
    workshop.emulator.set_faults(SLOW)

    report = tmp_path / "report.html"
    told, metadata = played(workshop, tmp_path, source=str(workshop.folder), report=str(report))

    assert told[0] == {"success": True, "materialised": False, "checks": [False]}
    assert any("in flight" in each.get("skipped", "") for each in told)
    assert told[-1] == {"success": True, "materialised": True, "checks": [False]}  # the PDF is remembered
    assert (metadata["embedded"], metadata["texts"], metadata["report"]) == (11, 11, report.as_uri())
    assert "<html" in report.read_text(encoding="utf-8")
    check_promises(workshop)


def test_rows_that_were_edited_meanwhile_are_read_again_before_the_asset_is_materialised(
    workshop: Workshop, tmp_path: Path
) -> None:
    with psycopg.connect(workshop.database_url) as connection:
        connection.execute(
            "CREATE TABLE public.articles (id int PRIMARY KEY, body text);"
            "INSERT INTO public.articles SELECT n, 'Article number ' || n FROM generate_series(1, 3) n"
        )
    workshop.emulator.set_faults(SLOW)
    source = {"name": "public.articles", "text": "body", "into": "embedding"}
    edit = "UPDATE public.articles SET body = 'Another' WHERE id = 1"

    told, _ = played(workshop, tmp_path, source=source, edit=edit)

    assert told[-1] == {"success": True, "materialised": True, "checks": [True]}
    assert workshop.query("SELECT count(embedding) FROM public.articles") == [(3,)]


def test_the_sensor_begins_no_round_that_would_be_refused_again(workshop: Workshop, tmp_path: Path) -> None:
    write_corpus(workshop)

    told, _ = played(workshop, tmp_path, source=str(workshop.folder), max_dollars=1e-9, after=True)

    assert told[0] == {"success": False, "materialised": False, "checks": []}
    assert "over max_dollars" in (told[1]["skipped"] or "")


def test_a_round_that_was_cut_short_when_all_was_loaded_is_followed_by_another(
    workshop: Workshop, tmp_path: Path
) -> None:
    write_corpus(workshop, 3)
    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        pipeline.run([str(workshop.folder)])
    fails = str(tmp_path / ("x" * 300))  # after all was done, and by no error of ours: as a process that is killed

    told, _ = played(workshop, tmp_path, source=str(workshop.folder), report=fails, after=True)

    assert told == [{"success": False, "materialised": False, "checks": []}, {"skipped": None}]


def test_the_example_is_loaded_by_a_code_server(tmp_path: Path) -> None:
    example = EXAMPLES / "dagster" / "definitions.py"
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}

    ended = program("dagster", "-m", "dagster", "definitions", "validate", "-f", example, environment=environment)
    assert ended.returncode == 0, ended.stdout + ended.stderr
