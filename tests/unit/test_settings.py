from __future__ import annotations

import copy
import json
import pickle
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from ingest.errors import UsageError
from ingest.settings import Settings, load_settings
from ingest.settings_file import mistyped_variables

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

    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == "postgresql://ours"
    assert settings.api_key is not None
    assert settings.api_key.get_secret_value() == "well-known"


SECRETS = {
    "OPENAI_API_KEY": "sk-very-secret",
    "DATABASE_URL": "postgresql://me:very-secret@localhost/docs",
    "OPENAI_WEBHOOK_SECRET": "whsec_very-secret",
    "INGEST_NOTIFY": "slack://very-secret",
}


def test_settings_travel_as_plain_json_and_take_the_secrets_of_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-here-1234567890")
    sent = Settings(
        corpus="docs", dimensions=256, max_dollars=5, database_url="postgresql://u:hidden@here/db"
    ).portable()

    assert json.loads(json.dumps(sent)) == sent
    assert "hidden" not in json.dumps(sent)
    assert "sk-of-here" not in json.dumps(sent)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-there-1234567890")
    monkeypatch.setenv("DATABASE_URL", "postgresql://u@there/db")
    there = Settings(**sent)
    assert (there.corpus, there.dimensions, there.max_dollars) == ("docs", 256, 5)
    assert there.api_key is not None
    assert there.database_url is not None
    assert there.api_key.get_secret_value() == "sk-of-there-1234567890"
    assert there.database_url.get_secret_value() == "postgresql://u@there/db"


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("postgresql+psycopg://u:p%40@h:5432/db", "postgresql://u:p%40@h:5432/db"),
        ("postgres+asyncpg://u@h/db", "postgresql://u@h/db"),
        ("postgres://u@h/db?__extra__=%7B%22a%22%3A+1%7D", "postgres://u@h/db"),
        ("postgres://u@h/db?__extra__=%7B%7D&sslmode=require", "postgres://u@h/db?sslmode=require"),
        ("postgresql://u@h/db?sslmode=require&__extra__=%7B%7D", "postgresql://u@h/db?sslmode=require"),
        ("postgresql://u@h/db?options=-c%20a%3D__extra__", "postgresql://u@h/db?options=-c%20a%3D__extra__"),
        ("host=h dbname=db", "host=h dbname=db"),
    ],
)
def test_a_database_is_named_in_the_forms_of_airflow_and_sqlalchemy_too(given: str, read: str) -> None:
    settings = Settings(database_url=given)

    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == read


@pytest.mark.parametrize("variable", SECRETS)
def test_secrets_are_not_shown_or_pickled(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, SECRETS[variable])

    settings = Settings()
    shown = repr(settings) + str(settings) + settings.model_dump_json() + str(settings.model_dump())

    assert "very-secret" not in shown
    with pytest.raises(TypeError, match="with secrets are not pickled"):
        pickle.dumps(settings)
    assert b"very-secret" not in pickle.dumps(settings.without_secrets())
    assert copy.deepcopy(settings) == settings


def test_an_error_does_not_quote_what_was_given() -> None:
    with pytest.raises(ValidationError) as raised:
        Settings(api_key=["very-secret"], database_url=1)

    assert "very-secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("api_key", "**********"),
        ("webhook_secret", "**********"),
        ("database_url", "**********"),
        ("database_url", "postgresql://me:**********@localhost/docs"),
        ("notify", ["slack://tok", "**********"]),
    ],
)
def test_a_secret_as_it_is_shown_is_refused(name: str, value: object) -> None:
    with pytest.raises(UsageError, match="it is a secret as it is shown, with stars"):
        load_settings({name: value})


@pytest.mark.parametrize(
    "address",
    [
        "https://me:hush@example.com/v1",
        "https://hush@example.com",
        "me:hush@example.com",
        "https://a.b/v1?key=hush",
        "//x:hush@y",
    ],
)
def test_an_address_with_credentials_is_refused_and_not_shown(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", address)

    with pytest.raises(UsageError, match="it is shown and stored") as raised:
        load_settings({})

    assert "hush" not in str(raised.value)
    assert load_settings({"base_url": "https://gateway.example/v1/@cf/x"}).base_url


def test_an_empty_variable_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "OPENAI_API_KEY", "OPENAI_BASE_URL", "INGEST_MODEL"):
        monkeypatch.setenv(name, "")

    settings = load_settings({})

    assert (settings.database_url, settings.api_key, settings.base_url, settings.model) == (None, None, None, None)


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("chunk_tokens = 16", "ingest.toml, line 1: the setting chunk_tokens is wrong"),
        (
            "# 1\n\nchunk_token = 512",
            "ingest.toml, line 3: there is no setting chunk_token: did you mean chunk_tokens?",
        ),
        ("nothing_like_it = 1", "ingest.toml, line 1: there is no setting nothing_like_it."),
        ('[prices."hashh"]\nbatch = 1', "ingest.toml, line 1: the setting prices is wrong: there is no model 'hashh'"),
        ("max_batch_requests = 60000", "max_batch_requests is wrong"),
        ("chunk_tokens = ", "cannot be read"),
    ],
)
def test_a_wrong_file_is_one_clear_error(tmp_path: Path, toml: str, words: str) -> None:
    file = tmp_path / "ingest.toml"
    file.write_text(toml)

    with pytest.raises(UsageError, match=words):
        load_settings({}, file)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("data_dir", "~nobody-of-that-name/x", "home directory"),
        ("data_dir", "x" * 5000, "File name too long"),
        ("data_dir", "hush\0", "no text"),
        ("deployment", "hush\udcff", "no text"),
        ("api_key", "hush\udcff", "no text"),
        ("database_url", "postgresql://me:hush\udcff@localhost", "no text"),
        ("base_url", "http://[::1", "Invalid IPv6 URL"),
        ("base_url", "http://localhost:99999/v1", "Port out of range"),
        ("base_url", "localhost/v1", "begins with http"),
        ("base_url", "http:///v1", "begins with http"),
        ("base_url", "http://a b/", "holds no blanks"),
        ("base_url", "http://a..b/", "label empty"),
        ("api_key", "sk-hush\r\nX-Evil: hush", "what no header may"),
        ("api_key", "sk-hüsh-hush", "what no header may"),
        ("poll_seconds", "inf", "less than or equal"),
        ("list_lag_seconds", "1e308", "less than or equal"),
        ("max_document_bytes", "9" * 30, "less than or equal"),
    ],
)
def test_a_value_that_nothing_could_work_with_is_refused_and_not_shown(name: str, value: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as raised:
        load_settings({name: value})

    assert "hush" not in str(raised.value)


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("INGEST_MODLE", "INGEST_MODE or INGEST_MODEL"),
        ("ingest_corpu", "INGEST_CORPUS"),
        ("INGEST_CHUNK_TOKEN", "INGEST_CHUNK_TOKENS"),
        ("INGEST_DATABASE", "INGEST_DATABASE_URL"),
        ("INGEST_POLL_SECOND", "INGEST_POLL_SECONDS"),
    ],
)
def test_a_mistyped_variable_is_named_with_the_one_that_was_meant(
    monkeypatch: pytest.MonkeyPatch, variable: str, meant: str
) -> None:
    monkeypatch.setenv(variable, "hush")

    said = mistyped_variables(Settings.model_fields)

    assert said == (
        f"warning: in the environment, but no setting, and without effect: {variable} (did you mean {meant}?)"
    )


def test_variables_of_ours_and_of_other_programs_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = {f"INGEST_{name.upper()}" for name in Settings.model_fields}
    ours |= {"INGEST_FAILPOINT", "INGEST_EMULATOR_KEY", "INGEST_IMAGE", "INGEST_TEST_DATABASE_URL"}
    # What Kubernetes sets where there are services of such names, and what an application may have.
    others = {"INGEST_SERVICE_HOST", "INGEST_PORT", "INGEST_WEBHOOK_PORT_8080_TCP", "INGEST_QUEUE", "INGEST_BUCKET_URL"}
    for variable in ours | others | {"INGESTION_MODLE", "MODLE"}:
        monkeypatch.setenv(variable, "x")
    monkeypatch.setenv("INGEST_MODLE", "")

    assert mistyped_variables(Settings.model_fields) is None


def test_a_key_from_a_file_may_end_with_its_newline() -> None:
    key = load_settings({"api_key": " sk-abc\n"}).api_key

    assert key
    assert key.get_secret_value() == "sk-abc"


@pytest.mark.parametrize(("prices", "words"), [("{", "prices"), ("[" * 100_000, "nested too deep")])
def test_a_variable_that_cannot_be_read_is_one_clear_error(
    monkeypatch: pytest.MonkeyPatch, prices: str, words: str
) -> None:
    monkeypatch.setenv("INGEST_PRICES", prices)

    with pytest.raises(UsageError, match=words):
        load_settings({})
