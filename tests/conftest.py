"""Fixtures: a throwaway PostgreSQL, a database a test, the emulator, corpora of small files."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import hypothesis
import psycopg
import pytest
from psycopg import conninfo, sql
from workshop import Outcome, Workshop

from ingest.emulator import RunningEmulator, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


# No deadline: a slow machine is no failure, and timings are not what tests are for.
hypothesis.settings.register_profile("ingest", deadline=None)
hypothesis.settings.load_profile("ingest")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--docker", action="store_true", help="a PostgreSQL container by Testcontainers, not the embedded one"
    )
    parser.addoption("--all-pairs", action="store_true", help="every pair of the provider's faults: hours, not minutes")


@pytest.fixture(autouse=True, scope="session")
def _no_settings_from_outside() -> None:
    """The machine's own keys and databases are no part of a test."""
    for name in list(os.environ):
        if (name.startswith(("INGEST_", "OPENAI_")) and name != "INGEST_TEST_DATABASE_URL") or name == "DATABASE_URL":
            del os.environ[name]


@pytest.fixture(scope="session")
def server_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A PostgreSQL server: the one that is named, else a container, else the embedded one."""
    if url := os.environ.get("INGEST_TEST_DATABASE_URL"):
        yield url
    elif request.config.getoption("--docker"):
        with _container() as url:
            yield url
    else:
        from ingest.database.embedded import embedded_server

        # Not below pytest's own folder, which is closed to the user that the server of root runs as.
        with tempfile.TemporaryDirectory(prefix="ingest-tests-") as folder:
            Path(folder).chmod(0o711)
            with embedded_server(Path(folder), durable=False) as url:
                yield url


@contextmanager
def _container() -> Iterator[str]:
    import docker
    from docker.errors import DockerException

    try:
        docker.from_env().ping()
    except DockerException as error:
        pytest.skip(f"no Docker engine answers: {error}")
    from testcontainers.community.postgres import PostgresContainer

    with PostgresContainer("pgvector/pgvector:pg18", driver=None) as container:
        yield container.get_connection_url()


@pytest.fixture(scope="session")
def template_url(server_url: str) -> Iterator[str]:
    """A database with pgvector, to clone from."""
    name = f"ingest_template_{uuid4().hex[:8]}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    url = conninfo.make_conninfo(server_url, dbname=name)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION vector")
    yield url
    _drop(server_url, name)


@pytest.fixture
def database_url(server_url: str, template_url: str) -> Iterator[str]:
    """A database of the test's own."""
    name = f"ingest_test_{uuid4().hex[:8]}"
    template = conninfo.conninfo_to_dict(template_url)["dbname"]
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(str(template)))
        )
    yield conninfo.make_conninfo(server_url, dbname=name)
    _drop(server_url, name)


def _drop(server_url: str, name: str) -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[RunningEmulator]:
    """A provider of the test's own."""
    with running(tmp_path / "emulator") as emulator:
        yield emulator


@pytest.fixture
def workshop(database_url: str, emulator: RunningEmulator, tmp_path: Path) -> Workshop:
    """A database, a provider and an empty folder of files."""
    folder = tmp_path / "files"
    folder.mkdir()
    return Workshop(database_url, emulator, folder, tmp_path / "data")


@pytest.fixture
def environment(workshop: Workshop) -> dict[str, str]:
    """Two variables, as the README says, and the test's own provider."""
    return {
        "DATABASE_URL": workshop.database_url,
        "OPENAI_API_KEY": workshop.emulator.api_key,
        "OPENAI_BASE_URL": workshop.emulator.base_url,
        "INGEST_POLL_SECONDS": "0.2",
    }


@pytest.fixture
def ingest(tmp_path: Path) -> Callable[..., Outcome]:
    """The program as a user runs it: a process of its own."""

    def run(*arguments: object, environment: Mapping[str, str] = {}, timeout_s: float = 120) -> Outcome:
        with ExitStack() as stack:
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "ingest", *map(str, arguments)],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                    encoding="utf-8",
                    cwd=tmp_path,
                    env={**os.environ, "INGEST_DATA_DIR": str(tmp_path / "data"), "COLUMNS": "200", **environment},
                )
            )
            stack.callback(process.kill)
            out, err = process.communicate(timeout=timeout_s)
        return Outcome(process.returncode, out, err)

    return run
