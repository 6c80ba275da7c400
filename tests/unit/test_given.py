from __future__ import annotations

from ingest.integrations.given import read_settings


def test_what_no_connection_tells_is_as_the_settings_say() -> None:
    address = "https://api.example.com/v1"
    unknown = {"database_url": None, "api_key": None, "base_url": None}

    assert read_settings({"base_url": address}, unknown).base_url == address
    assert (
        read_settings({"base_url": address}, unknown | {"base_url": "https://other/v1"}).base_url == "https://other/v1"
    )
