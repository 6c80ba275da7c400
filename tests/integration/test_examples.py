"""The examples, run or read as their users would."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
import typer
import yaml
from typer.core import TyperGroup

from ingest.cli import app
from ingest.provider.presets import PRESETS
from ingest.settings import Settings

if TYPE_CHECKING:
    from workshop import Workshop

EXAMPLES = Path(__file__).parents[2] / "examples"
NIGHTLY, ROUNDS = EXAMPLES / "nightly", EXAMPLES / "rounds"
KNOWN_VARIABLES = (
    {f"INGEST_{name.upper()}" for name in Settings.model_fields}
    | {"DATABASE_URL"}
    | {variable for preset in PRESETS.values() for variable in (preset.key_variable, preset.url_variable)}
)


def run(*command: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )


def parse(arguments: list[str]) -> dict[str, Any]:
    """What the program makes of a command line, without doing it."""
    program = typer.main.get_command(app)
    assert isinstance(program, TyperGroup)
    name, *rest = arguments
    return program.commands[name].make_context(name, rest).params


def cronjob() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((NIGHTLY / "cronjob.yaml").read_text())
    return loaded


def container() -> dict[str, Any]:
    (only,) = cronjob()["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    found: dict[str, Any] = only
    return found


def unit_command() -> list[str]:
    (line,) = re.findall(r"^ExecStart=(.*)$", (NIGHTLY / "ingest-nightly.service").read_text(), re.MULTILINE)
    return shlex.split(line)


def test_an_application_answers_questions(workshop: Workshop, environment: dict[str, str]) -> None:
    workshop.write("a.txt", "Cats sleep most of the day.")
    with workshop.pipeline() as pipeline:
        pipeline.run([str(workshop.folder)])
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        command = [sys.executable, "-m", "uvicorn", "app:app", "--fd", str(listening.fileno())]
        served = subprocess.Popen(
            command,
            cwd=EXAMPLES / "fastapi",
            env={**os.environ, **environment},
            pass_fds=[listening.fileno()],
            stderr=subprocess.DEVNULL,
        )
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/search"
        try:
            with urlopen(f"{address}?question=What+do+cats+do", timeout=100) as answer:
                passages = json.load(answer)
            with pytest.raises(HTTPError, match="422"):
                urlopen(f"{address}?question=+", timeout=100)
        finally:
            served.terminate()
            status = served.wait(60)

    assert [passage["content"] for passage in passages] == ["Cats sleep most of the day."]
    assert status in (0, -signal.SIGTERM)


def test_a_folder_is_indexed_once_from_python(workshop: Workshop, tmp_path: Path) -> None:
    command = (sys.executable, EXAMPLES / "index_once.py", workshop.folder)
    environment = {
        "DATABASE_URL": workshop.database_url,
        "OPENAI_API_KEY": workshop.emulator.api_key,
        "OPENAI_BASE_URL": workshop.emulator.base_url,
        "INGEST_POLL_SECONDS": "0.2",
        "INGEST_DATA_DIR": str(tmp_path / "data"),
    }
    workshop.write("a.md", "# Cats\n\nCats sleep most of the day.")

    refused = run(*command, "--max-cost", "0", cwd=tmp_path, **environment)
    done = run(*command, "--question", "# Cats\n\nCats sleep most of the day.", cwd=tmp_path, **environment)

    assert refused.returncode == 4
    assert refused.stderr.startswith("error: ")
    assert done.returncode == 0, done.stderr
    assert "1 of 1 passages of 1 documents are searchable" in done.stdout
    assert "/a.md" in done.stdout


def test_a_users_own_tests_have_a_corpus_to_search(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES / "pytest", tmp_path / "theirs")

    tests = run(sys.executable, "-m", "pytest", "-q", cwd=tmp_path / "theirs", INGEST_DATA_DIR=str(tmp_path / "data"))

    assert tests.returncode == 0, tests.stdout
    assert "3 passed" in tests.stdout


def test_their_corpus_is_of_the_tests_own_settings_whatever_the_project_has(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# Leave\n\nThirty days.\n")
    (tmp_path / "ingest.toml").write_text('corpus = "theirs"\nchunk_tokens = 16\nno_such_setting = 1\n')
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["ingest.pytest_plugin"]\n')
    (tmp_path / "test_it.py").write_text(
        "import psycopg\n"
        "def test_it(index_corpus):\n"
        "    with psycopg.connect(index_corpus('a.md', dimensions=64, model='hash')) as connection:\n"
        "        row = connection.execute('SELECT vector_dims(embedding) FROM corpus.chunks').fetchone()\n"
        "    assert row == (64,)\n"
    )
    theirs = {"INGEST_DIMENSIONS": "7", "INGEST_PROVIDER": "openai", "INGEST_BASE_URL": "http://127.0.0.1:1/v1"}

    tests = run(sys.executable, "-m", "pytest", "-q", cwd=tmp_path, **theirs, DATABASE_URL="postgresql://nowhere/db")

    assert tests.returncode == 0, tests.stdout
    assert "1 passed" in tests.stdout


@pytest.mark.parametrize("arguments", [container()["args"], unit_command()[1:]], ids=["cronjob", "systemd"])
def test_a_nightly_command_is_one_that_the_program_knows(arguments: list[str]) -> None:
    given = parse(arguments)

    assert arguments[0] == "run"
    assert (given["corpus"], given["yes"], given["max_cost"]) == ("docs", True, 5.0)
    with pytest.raises(Exception, match="No such option"):
        parse([*arguments, "--max-costs", "5"])


def test_a_job_of_rounds_takes_the_exit_status_of_one_that_is_not_the_last_for_no_failure() -> None:
    job = yaml.safe_load((ROUNDS / "job.yaml").read_text())["spec"]
    (pod,) = job["template"]["spec"]["containers"]
    (cron_pod,) = yaml.safe_load((ROUNDS / "cronjob.yaml").read_text())["spec"]["jobTemplate"]["spec"]["template"][
        "spec"
    ]["containers"]

    given = parse(pod["args"])

    assert (pod["args"][0], given["corpus"], given["yes"], given["max_cost"]) == ("advance", "docs", True, 5.0)
    rules = {rule["action"]: rule["onExitCodes"]["values"] for rule in job["podFailurePolicy"]["rules"]}
    assert rules == {"Ignore": [5], "FailJob": [1, 2, 4]}
    assert {**pod, "args": None} == {name: value for name, value in cron_pod.items() if name != "command"} | {
        "args": None
    }


@pytest.mark.parametrize("name", ["cronjob.yaml", "ingest-rounds.service", "github-actions.yml"])
def test_a_round_of_the_examples_is_one_that_the_program_knows(name: str) -> None:
    text = (ROUNDS / name).read_text()
    (line,) = re.findall(r"\bingest (advance [^'|\n]*)", text)
    given = parse(shlex.split(line))

    assert (given["corpus"], given["yes"], given["max_cost"]) == ("docs", True, 5.0)
    assert re.search(r"\|\| \[ \$\? = 5 \]|^SuccessExitStatus=5$", text, re.MULTILINE)
    if not name.endswith(".service"):
        assert yaml.safe_load(text)


def test_the_variables_of_the_nightly_runs_are_settings() -> None:
    unit = (NIGHTLY / "ingest-nightly.service").read_text()

    variables = {entry["name"] for entry in container()["env"]} | set(re.findall(r"[A-Z_]{6,}(?==)", unit))

    assert {"DATABASE_URL", "OPENAI_API_KEY", "INGEST_DATA_DIR"} <= variables
    assert variables - KNOWN_VARIABLES == set()


def test_the_cronjob_never_runs_twice_at_once_and_holds_no_secret() -> None:
    job = cronjob()
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]

    assert (job["apiVersion"], job["kind"], job["spec"]["concurrencyPolicy"]) == ("batch/v1", "CronJob", "Forbid")
    assert [entry["name"] for entry in container()["env"] if "value" in entry] == ["INGEST_DATA_DIR"]
    assert {mount["name"] for mount in container()["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    user = re.search(r"--uid (\d+)", (EXAMPLES.parent / "Dockerfile").read_text())
    assert user is not None
    assert pod["securityContext"]["runAsUser"] == int(user[1])


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    program = unit_command()[0]
    units = [*NIGHTLY.glob("ingest-*"), *ROUNDS.glob("ingest-*")]
    for path in units:
        # Where the program is on this machine.
        (tmp_path / path.name).write_text(path.read_text().replace(program, sys.executable))

    verified = run("systemd-analyze", "verify", *sorted(tmp_path / path.name for path in units), cwd=tmp_path)

    assert len(units) == 4
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")
