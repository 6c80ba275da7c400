from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ingest.errors import UsageError
from ingest.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path


def test_flags_are_stronger_than_the_environment_and_that_than_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "ingest.toml"
    file.write_text('corpus = "from_file"\nmodel = "from_file"\ndimensions = 3\nbase_url = "http://from-file"\n')
    monkeypatch.setenv("INGEST_MODEL", "from_environment")
    monkeypatch.setenv("INGEST_CORPUS", "from_environment")

    settings = load_settings({"corpus": "from_flag", "overlap": None}, file)

    assert (settings.corpus, settings.model, settings.dimensions) == ("from_flag", "from_environment", 3)
    assert (settings.overlap, settings.base_url) == (None, "http://from-file")


def test_the_well_known_names_are_read_and_ours_are_stronger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://well-known")
    monkeypatch.setenv("OPENAI_API_KEY", "well-known")
    monkeypatch.setenv("INGEST_DATABASE_URL", "postgresql://ours")

    settings = load_settings({})

    assert settings.database_url == "postgresql://ours"
    assert settings.api_key is not None
    assert settings.api_key.get_secret_value() == "well-known"


def test_the_key_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")

    settings = load_settings({})

    assert "very-secret" not in repr(settings) + str(settings) + settings.model_dump_json()


def test_an_empty_variable_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "OPENAI_API_KEY", "OPENAI_BASE_URL", "INGEST_MODEL"):
        monkeypatch.setenv(name, "")

    settings = load_settings({})

    assert (settings.database_url, settings.api_key, settings.base_url, settings.model) == (None, None, None, None)


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("chunk_tokens = 16", "chunk_tokens is wrong"),
        ("chunk_token = 512", "chunk_token is wrong"),
        ("max_batch_requests = 60000", "max_batch_requests is wrong"),
        ("chunk_tokens = ", "cannot be read"),
    ],
)
def test_a_wrong_file_is_one_clear_error(tmp_path: Path, toml: str, words: str) -> None:
    file = tmp_path / "ingest.toml"
    file.write_text(toml)

    with pytest.raises(UsageError, match=words):
        load_settings({}, file)
