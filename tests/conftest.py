"""Fixtures: a throwaway PostgreSQL, a database a test, the emulator, corpora of small files."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import hypothesis
import psycopg
import pytest
from hostile.shadows import statements
from promises import check_corpora
from psycopg import conninfo, sql
from workshop import Outcome, Workshop

from ingest.emulator import RunningEmulator, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


# No deadline: a slow machine is no failure, and timings are not what tests are for.
hypothesis.settings.register_profile("ingest", deadline=None, max_examples=40)
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=2_000)
hypothesis.settings.load_profile("ingest")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--docker", action="store_true", help="a PostgreSQL container by Testcontainers, not the embedded one"
    )
    parser.addoption(
        "--hostile-path", action="store_true", help="databases whose search path begins with another tenant's traps"
    )
    parser.addoption("--write-golden", action="store_true", help="write tests/golden anew: look at the difference")
    parser.addoption("--all-pairs", action="store_true", help="every pair of the provider's faults: hours, not minutes")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "broken_books(reason): the test leaves a corpus that is not whole, on purpose")
    config.addinivalue_line("markers", "own_path(reason): words of the test's own run on the database's path")
    config.addinivalue_line("markers", "made_up_vectors(reason): the vectors are not those that the emulator makes")


def pytest_collection_finish() -> None:
    """What was collected stays: no collection of garbage need look at thousands of tests again."""
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def _no_settings_from_outside() -> None:
    """The machine's own keys and databases are no part of a test."""
    for name in list(os.environ):
        if (name.startswith(("INGEST_", "OPENAI_")) and name != "INGEST_TEST_DATABASE_URL") or name in (
            "DATABASE_URL",
            "DATABASE_URL_DIRECT",
        ):
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
        with tempfile.TemporaryDirectory(prefix="ingest-tests-", dir=_quick_folder()) as folder:
            Path(folder).chmod(0o711)
            with embedded_server(Path(folder), durable=False) as url:
                yield url


def _quick_folder() -> str | None:
    """Memory, where it has room for the databases of the tests: of the 300 files of each, a disk knows the names."""
    memory = "/dev/shm"
    is_there = os.path.ismount(memory) and os.access(memory, os.W_OK)
    return memory if is_there and shutil.disk_usage(memory).free > 4 * 2**30 else None


@contextmanager
def _container() -> Iterator[str]:
    import docker
    from docker.errors import DockerException

    try:
        docker.from_env().ping()
    except DockerException as error:
        pytest.skip(f"no Docker engine answers: {error}")
    from testcontainers.community.postgres import PostgresContainer

    container = PostgresContainer("pgvector/pgvector:pg18", driver=None)
    with container.with_command("postgres -c fsync=off -c full_page_writes=off"):
        yield container.get_connection_url()


@pytest.fixture(scope="session")
def hostile_path(request: pytest.FixtureRequest) -> Iterator[bool]:
    """Whether the search path of databases is hostile: to the program, not to what tests ask for themselves."""
    is_hostile = bool(request.config.getoption("--hostile-path"))
    with pytest.MonkeyPatch.context() as patched:
        if is_hostile:
            connect = psycopg.connect

            def connect_safely(url: str, options: str = "", **kinds: Any) -> psycopg.Connection[tuple[Any, ...]]:
                return connect(url, options=f"-c search_path=public {options}", **kinds)

            patched.setattr(psycopg, "connect", connect_safely)
        yield is_hostile


@pytest.fixture(scope="session")
def template_url(server_url: str, hostile_path: bool) -> Iterator[str]:
    """A database with pgvector, to clone from."""
    name = f"ingest_template_{uuid4().hex[:8]}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    url = conninfo.make_conninfo(server_url, dbname=name)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION vector")
    if hostile_path:
        with psycopg.connect(url, autocommit=True, options="-c search_path=pg_catalog") as connection:
            connection.execute(statements("traps", "public").encode())
    yield url
    _drop(server_url, name)


@pytest.fixture(scope="session")
def cloned(server_url: str, template_url: str) -> sql.Composable:
    """How a database is cloned: by files where a checkpoint costs nothing, else as the server likes it."""
    template = conninfo.conninfo_to_dict(template_url)["dbname"]
    with psycopg.connect(server_url) as connection:
        is_durable = connection.execute("SHOW fsync").fetchone() != ("off",)
    return sql.SQL("TEMPLATE {} {}").format(
        sql.Identifier(str(template)), sql.SQL("" if is_durable else "STRATEGY FILE_COPY")
    )


@pytest.fixture
def database_url(
    request: pytest.FixtureRequest, server_url: str, cloned: sql.Composable, hostile_path: bool
) -> Iterator[str]:
    """A database of the test's own. In the end its corpora are whole, unless a test says why not: `broken_books`."""
    name = f"ingest_test_{uuid4().hex[:8]}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} {}").format(sql.Identifier(name), cloned))
        if hostile_path and request.node.get_closest_marker("own_path") is None:
            connection.execute(
                sql.SQL("ALTER DATABASE {} SET search_path TO traps, pg_catalog, public").format(sql.Identifier(name))
            )
    url = conninfo.make_conninfo(server_url, dbname=name)
    yield url
    try:
        if hostile_path:
            with psycopg.connect(url) as connection:
                caught = connection.execute("SELECT DISTINCT what FROM traps.caught").fetchall()
                assert (caught, connection.execute("SELECT is_called FROM traps.calls").fetchone()) == ([], (False,))
        if request.node.get_closest_marker("broken_books") is None:
            check_corpora(url, made_up_vectors=request.node.get_closest_marker("made_up_vectors") is not None)
    finally:
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
def ingest(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Outcome]:
    """The program as a user runs it: a process of its own, but with the imports done; `python -m ingest` does them."""
    import preloaded  # two seconds, which only those who start processes need

    printed = tmp_path_factory.mktemp("printed")
    numbers = count()

    def run(*arguments: object, environment: Mapping[str, str] = {}, timeout_s: float = 120) -> Outcome:
        number = next(numbers)
        out, err = (printed / f"{name}-{number}.txt" for name in ("out", "err"))
        known = {**os.environ, "INGEST_DATA_DIR": str(tmp_path / "data"), "COLUMNS": "200", **environment}
        process = preloaded.start_command([*map(str, arguments)], known, tmp_path, out, err)
        try:
            process.join(timeout_s)
            assert process.exitcode is not None, "it never ended"
        finally:
            process.kill()
        return Outcome(process.exitcode, out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8"))

    return run
