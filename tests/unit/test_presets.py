from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ingest.errors import UsageError
from ingest.provider import Account
from ingest.provider.openai import OpenAIProvider
from ingest.provider.presets import PRESETS
from ingest.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("https://me.openai.azure.com", "https://me.openai.azure.com/openai/v1"),
        ("https://me.openai.azure.com/", "https://me.openai.azure.com/openai/v1"),
        ("https://me.openai.azure.com/openai/v1/", "https://me.openai.azure.com/openai/v1/"),
        (None, None),
    ],
)
def test_an_azure_resource_is_enough_of_an_address(given: str | None, address: str | None) -> None:
    assert PRESETS["azure"].address(given) == address


def test_a_provider_is_given_its_own_key_and_nobody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "of OpenAI")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://of-openai")
    monkeypatch.setenv("DEEPINFRA_API_KEY", "of DeepInfra")

    theirs, nobodys = load_settings({"provider": "deepinfra"}), load_settings({"provider": "orq"})

    assert theirs.api_key is not None
    assert theirs.api_key.get_secret_value() == "of DeepInfra"
    assert (theirs.base_url, nobodys.api_key, nobodys.base_url) == (None, None, None)


def test_our_own_variables_are_stronger_than_the_providers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INGEST_PROVIDER", "orq")
    monkeypatch.setenv("ORQ_BASE_URL", "http://theirs")
    monkeypatch.setenv("INGEST_BASE_URL", "http://ours")

    assert load_settings({}).base_url == "http://ours"


def test_what_a_provider_is_not_known_to_take_is_not_asked_for_unless_it_is_said(tmp_path: Path) -> None:
    file = tmp_path / "ingest.toml"
    file.write_text('provider = "alibaba"\n')

    assert load_settings({}, file).encoding_format == "float"
    assert load_settings({"encoding_format": "base64"}, file).encoding_format == "base64"
    assert load_settings({"provider": "azure"}, file).encoding_format == "base64"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTP_PROXY", "::::"),
        ("HTTPS_PROXY", "socks9://me:hush-hush@proxy"),
        ("HTTPS_PROXY", "http://me:hush-hush@proxy:port"),
        ("ALL_PROXY", "http://me:hush-hush@[::1"),
        ("ALL_PROXY", "\udcff"),
        ("SSL_CERT_FILE", "/nonexistent"),
    ],
)
def test_proxies_and_certificates_that_cannot_be_are_told(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(UsageError, match=r"HTTPS_PROXY, ALL_PROXY\) and certificates \(SSL_CERT_FILE\)") as caught:
        OpenAIProvider(Account("openai", "http://provider.example/v1", "sk-nobody"))

    assert "hush" not in str(caught.value)
