"""For the tests of programs that search a corpus: a throwaway PostgreSQL, and corpora in it with real vectors.

In a conftest.py: `pytest_plugins = ["ingest.pytest_plugin"]`. It is no entry point: where it is not named, it is not
loaded. Needs `pip install 'pgvector-ingest[local]'`; no Docker, no key, no network. The settings are those that a test
gives: neither the project's `ingest.toml` nor the environment has a say.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from uuid import uuid4

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

    from ingest.settings import Settings


class IndexCorpus(Protocol):
    """What the fixture `index_corpus` gives."""

    def __call__(self, *paths: str | Path, **settings: object) -> str:
        """Index files, folders and globs in a database of their own; its URL. `settings`: as in `ingest.toml`."""


@pytest.fixture(scope="session")
def throwaway_postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server with pgvector, which is gone with the session."""
    from ingest.database.embedded import embedded_server

    # Not below pytest's own folder, which is closed to the user that the server of root runs as.
    with tempfile.TemporaryDirectory(prefix="ingest-pytest-") as folder:
        Path(folder).chmod(0o711)
        with embedded_server(Path(folder), durable=False) as url:
            yield url


@pytest.fixture(scope="session")
def index_corpus(throwaway_postgres: str, tmp_path_factory: pytest.TempPathFactory) -> IndexCorpus:
    """Index files on this machine: call it with paths. They come to stand in the schema `corpus`."""
    import psycopg
    from psycopg import conninfo, sql

    from ingest.pipeline import Pipeline

    data_dir = tmp_path_factory.mktemp("ingest")

    def index(*paths: str | Path, **settings: object) -> str:
        name = f"ingest_{uuid4().hex[:12]}"
        with psycopg.connect(throwaway_postgres, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        url = conninfo.make_conninfo(throwaway_postgres, dbname=name)
        given = {"provider": "local", "corpus": "corpus"} | settings | {"database_url": url, "data_dir": data_dir}
        with Pipeline(_alone(given)) as pipeline:
            report = pipeline.run([str(path) for path in paths])
        if report.failures:
            raise AssertionError(f"not all was embedded: {report.failures}")
        return url

    return index


def _alone(given: dict[str, Any]) -> Settings:
    """Settings of what is given and of nothing around us."""
    from ingest.settings import Settings

    class GivenSettings(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],  # noqa: ARG003
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
            dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return (init_settings,)

    return GivenSettings(**given)
